"""A denoiser by name, as people write it -> the model: the one place that knows which there are and what each needs.

A name is read in this order:

states, translation, fixed, kabsch
    One of `edmnoise.diffusion.names.DENOISERS`, an exact denoiser of known states.
package.module:function
    A function on Python's path, called with the structure, that returns a network.
the name of a file
    That has an ending, or folders in it: a program of torch.export, or a checkpoint of edmnoise. What is in the file
    decides, and not its ending.

In Python a network itself may stand in the place of a name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ...base.legible import Legible
from ...base.trust import Ask
from ...noise.covariance import Covariance
from ...noise.processes.nested import NestedCovariance
from ...noise.theory.scales import Scales
from ...noise.weights import Weights
from ...structure.hierarchy import DOMAIN, read_names
from ...structure.part import Part
from ...structure.structure import Structure
from ..names import DENOISERS, GIVES, NETWORK, RULES, is_file, is_function
from ..precondition import Preconditioner
from .denoiser import Denoiser
from .elastic_network import ElasticNetwork, NotJoined
from .held import HeldDenoiser, held_states
from .learned import Conditioning, GlobalConditioning, LearnedDenoiser, LevelConditioning, built_network
from .programs import is_checkpoint, load_program
from .states import StatesDenoiser

_GAUGES = {"states": "rotation"}
"""How the states of a denoiser may lie in space, where that is not its name."""


@dataclass(frozen=True, repr=False)
class DenoiserChoice(Legible):
    """A denoiser and what of it is chosen.

    Parameters
    ----------
    name
        A name from `edmnoise.diffusion.names.DENOISERS`, a function or a file as this module says, or a network.
    state_weights
        Probability of each state, up to a factor; equal where not given.
    fluctuations
        Standard deviations (chain, residue, atom; with domains chain, domain, residue, atom) per coordinate of each
        state's own motion, angstrom; or "network"
        for the elastic network of the first state's residue contacts; none where not given.
    gives
        What a network says, from `edmnoise.diffusion.names.GIVES`.
    rule
        By which rule of `edmnoise.diffusion.names.RULES` a residual was trained.
    data_scales
        Data scales of its training, angstrom: sigma_data, or three numbers (chain, residue, atom; four with domains).
    trust
        Whether a program is trusted without being asked about.

    Raises
    ------
    EdmNoiseError
        For a name that is not known, numbers that are no probabilities or no lengths, and what is asked of a network
        that only states have, or the other way round.
    """

    name: str | Callable[..., Any] = "states"
    state_weights: Sequence[float] | None = None
    fluctuations: Sequence[float] | str | None = None
    gives: str = "denoised"
    rule: str = "global"
    data_scales: Sequence[float] | None = None
    trust: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.name, str) and not (self.name in DENOISERS or is_function(self.name) or is_file(self.name)):
            raise EdmNoiseError(
                f"no denoiser {self.name!r}: the known ones are {', '.join(DENOISERS)}; or give {NETWORK}"
            )
        self._check_network() if self.is_network else self._check_states()
        if self.rule != "global" and self.gives != "residual":
            raise EdmNoiseError(
                f"rule is {self.rule!r}, by which a network's residual was trained: give gives=residual too, or no rule"
            )

    @property
    def is_network(self) -> bool:
        """Whether it is a user's own network, and none of the exact denoisers."""
        return not isinstance(self.name, str) or self.name not in DENOISERS

    def _check_states(self) -> None:
        if (self.gives, self.data_scales) != ("denoised", None):
            raise EdmNoiseError(f"gives and data_scales are of networks, and {self.name} is exact: leave them out")
        weights, own = self.state_weights, self.fluctuations
        if weights is not None and not (all(0 <= weight < math.inf for weight in weights) and sum(weights) > 0):
            raise EdmNoiseError(f"state_weights are {list(weights)}: give numbers, none negative, not all zero")
        if isinstance(own, str):
            if own != "network":
                raise EdmNoiseError(f"fluctuations are {own!r}: give network, or three numbers in angstrom")
        elif own is not None and not (len(own) in (3, 4) and min(own) >= 0 and 0 < own[-1] < math.inf):
            raise EdmNoiseError(
                f"fluctuations are {list(own)}: give three numbers in angstrom (chain residue atom), or four with "
                "domains (chain domain residue atom), none negative, the last above 0"
            )

    def _check_network(self) -> None:
        if self.state_weights is not None or self.fluctuations is not None:
            raise EdmNoiseError("state_weights and fluctuations are of exact denoisers: a network has learned its own")
        if self.gives not in GIVES:
            raise EdmNoiseError(f"gives is {self.gives!r}: give {' or '.join(GIVES)}")
        if self.rule not in RULES:
            raise EdmNoiseError(f"no rule {self.rule!r}: the known ones are {', '.join(RULES)}")
        scales = self.data_scales
        if (scales is not None) != (self.gives == "residual"):
            raise EdmNoiseError("a residual needs the data_scales of its training, and a denoised structure has none")
        if scales is not None and not (
            len(scales) in ((1, 3, 4) if self.rule == "global" else (3, 4))
            and all(0 <= scale < math.inf for scale in scales)
            and sum(scales) > 0
        ):
            wanted = "sigma_data, or three" if self.rule == "global" else f"the rule {self.rule} needs three"
            raise EdmNoiseError(
                f"data_scales are {list(scales)}: {wanted} numbers in angstrom (chain residue atom), none negative"
            )

    def check(self, states: int, of: str = "") -> None:
        """Raise EdmNoiseError where there are not as many probabilities as states (of an object that is named)."""
        given = self.state_weights
        if given is not None and len(given) != states:
            raise EdmNoiseError(
                f"state_weights are {len(given)} numbers for {states} state{'' if states == 1 else 's'}"
                f"{' of ' if of else ''}{of}: "
                + (f"give {states} numbers" if states > 1 else "choosing needs several states, or several objects")
            )

    def build(
        self,
        structure: Structure,
        states: NDArray[np.float32],
        covariance: Covariance,
        device: str = "cpu",
        ask: Ask | None = None,
        part: Part | None = None,
    ) -> Denoiser:
        """The model: seconds for an elastic network, and for a program.

        Parameters
        ----------
        structure
            Groups, and the first state.
        states
            (M, N, 3) what the data are, angstrom.
        covariance
            K of the noise, of the moved atoms where some are held.
        ask
            Who says whether a program is to be trusted that has not been, by its path and SHA-256.
        part
            Which atoms of the structure move, where some are held: the model is of these, given the held ones in place.
        """
        if part is not None:
            return self.given([part], structure, states, covariance, device, ask)[0]
        if self.is_network:
            return self._learned(structure, covariance, device, ask)
        self.check(len(states))
        y = torch.from_numpy(np.ascontiguousarray(states)).mT.to(device)
        return StatesDenoiser(
            y, covariance, self.state_weights, self.gauge, self.motion(structure), structure.hierarchy
        )

    def given(
        self,
        parts: Sequence[Part],
        structure: Structure,
        states: NDArray[np.float32],
        covariance: Covariance,
        device: str = "cpu",
        ask: Ask | None = None,
    ) -> list[Denoiser]:
        """The model of the moved atoms given the held ones, for each of the places that ``parts`` have these in.

        Parameters
        ----------
        parts
            The same atoms move in all.
        covariance
            K of the noise of the moved atoms.
        structure, states, device, ask
            As in `build`.
        """
        if self.is_network:
            model = self._learned(structure, covariance, device, ask)
            return [HeldDenoiser(model, part, free=True) for part in parts]
        self.check(len(states))
        if self.name == "kabsch":
            raise EdmNoiseError(
                "kabsch takes the best rotation for an average over all, and held atoms leave no such choice: "
                "give states, translation or fixed"
            )
        y, motion = torch.from_numpy(np.ascontiguousarray(states)).mT.to(device), self.motion(structure)
        return [held_states(part, y, covariance, motion, self.state_weights, self.gauge) for part in parts]

    @property
    def gauge(self) -> str:
        """How states may lie in space, as the denoiser or, for a network, what it is measured by has it."""
        return "rotation" if self.is_network else _GAUGES.get(str(self.name), str(self.name))

    def _learned(self, structure: Structure, covariance: Covariance, device: str, ask: Ask | None) -> Denoiser:
        conditioning = self._conditioning(structure, covariance)  # before a function of the user's takes its time
        network: Any = self.name
        if isinstance(self.name, str) and is_function(self.name):
            network = built_network(self.name, structure, device)
        elif isinstance(self.name, str) and is_checkpoint(self.name):
            return self._own(structure, device)
        elif isinstance(self.name, str):
            network = load_program(self.name, structure, self.gives, self.trust, ask, device)
        name = self.name if isinstance(self.name, str) else ""
        return LearnedDenoiser(
            network, structure, name=name, gives=self.gives, conditioning=conditioning, device=device
        )

    def _own(self, structure: Structure, device: str) -> Denoiser:
        """The network of a checkpoint, which says itself what it gives."""
        if self.gives != "denoised":
            raise EdmNoiseError(f"gives is {self.gives} and {self.name} is a checkpoint, which knows: leave it out")
        learning = import_module("edmnoise.learning.train")  # of a floor above, which only who has a checkpoint needs
        denoiser: Denoiser = learning.load_denoiser(self.name, structure, device)
        return denoiser

    def _conditioning(self, structure: Structure, covariance: Covariance) -> Conditioning | None:
        """Coefficients of the training of a residual: those of this noise, whose network it is taken for."""
        if self.data_scales is None:
            return None
        if len(self.data_scales) == 1 or self.rule == "global":
            sigma_data = math.sqrt(sum(scale**2 for scale in self.data_scales))
            return GlobalConditioning(sigma_data, structure.hierarchy.depth)
        if not isinstance(covariance, NestedCovariance) or any(v.numel() > 1 for v in covariance.variances):
            raise EdmNoiseError(f"the rule {self.rule} needs noise of one weight a level: give the rule global")
        names = structure.hierarchy.names
        weights = Weights.of(**dict(zip(names, map(float, covariance.variances), strict=True)))
        own = dict(zip(read_names(len(self.data_scales)), self.data_scales, strict=True))
        return LevelConditioning(Preconditioner(structure.hierarchy, weights, Scales(**own)), self.rule)

    def motion(self, structure: Structure) -> NestedCovariance | ElasticNetwork | None:
        """Covariance of each state's own motion, angstrom^2; None where states keep still."""
        if self.fluctuations is None:
            return None
        if isinstance(self.fluctuations, str):
            try:
                return ElasticNetwork.from_structure(structure)
            except NotJoined as error:  # a name has no cutoff that could be given
                raise NotJoined(f"fluctuations=network: {error.found}", "give fluctuations as numbers") from None
        if len(self.fluctuations) == 4 and DOMAIN not in structure.hierarchy.names:
            raise EdmNoiseError("fluctuations are four numbers, and there are no domains: give chain, residue and atom")
        own = zip(read_names(len(self.fluctuations)), self.fluctuations, strict=True)
        return NestedCovariance(structure.hierarchy, {level: deviation**2 for level, deviation in own})
