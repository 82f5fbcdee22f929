"""D = E[x_moved | noisy x_moved, x_held]: exact denoisers, and networks, where some atoms are held clean in place.

Known states are laid on the held atoms (`laid_states`), which define the frame, and the moved parts are the states of
the sub-problem, with their probabilities as given. States that fluctuate with covariance C are conditioned on the held
atoms: with M = C + sigma^2 (K_mm (+) 0) over all atoms, whose held ones have no noise, the posterior is that of
`edmnoise.diffusion.denoisers.states`, in which the held atoms change the mean, the covariance and, by their density
under C, the probabilities of the states. A network is given the whole molecule.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...base.coordinates import CoordinatesLike, coordinates
from ...base.errors import EdmNoiseError
from ...noise.covariance import Covariance
from ...noise.processes.nested import NestedCovariance
from ...structure.levels import as_array, atom_means
from ...structure.part import Part
from ...structure.superpose import move, superpose
from .denoiser import Denoised, Denoiser
from .elastic_network import ElasticNetwork
from .held_motion import HeldMotion, beside_nothing
from .states import StatesDenoiser

GAUGES = ("rotation", "translation", "fixed")
"""How states may lie where some atoms are held."""


class HeldDenoiser:
    """A denoiser of the whole molecule, asked with the held atoms in place; what it says of the moved ones is taken.

    Parameters
    ----------
    whole
        Of all atoms.
    part
        Which atoms move.
    free
        Whether the denoiser says nothing of where the whole lies: its held atoms are put about the place of ours then.
    """

    def __init__(self, whole: Denoiser, part: Part, free: bool = False) -> None:
        self.whole, self.part, self.free = whole, part, free
        self._moved, self._held = torch.from_numpy(part.moved), torch.from_numpy(part.held)
        self._places = torch.tensor(part.whole.coordinates.T[:, part.held])

    def __repr__(self) -> str:
        return f"HeldDenoiser({self.whole}, {self.part})"

    def denoise(self, x: CoordinatesLike, sigma: float) -> Denoised:
        """As `Denoiser`, of x (B, 3, m) of the moved atoms."""
        found = self.filled(x)
        atoms = self.whole.denoise(found, sigma).atoms
        moved = atoms[..., self._moved.to(atoms.device)]
        if self.free:
            apart = self._places.to(atoms) - atoms[..., self._held.to(atoms.device)]
            moved = moved + apart.mean(dim=-1, keepdim=True)
        hierarchy = self.part.structure.hierarchy
        means = atom_means(moved, hierarchy, [1, hierarchy.depth - 1])
        return Denoised(moved, means[1].to(moved.dtype), means[hierarchy.depth - 1].to(moved.dtype))

    def filled(self, x: CoordinatesLike) -> Tensor:
        """(B, 3, N) the moved atoms of x (B, 3, m) among the held ones."""
        found = coordinates("x", x, ("samples", 3, len(self.part.moved)), finite=False)
        whole = found.new_empty(len(found), 3, self.part.whole.n_atoms)
        whole[..., self._held.to(found.device)] = self._places.to(found)
        whole[..., self._moved.to(found.device)] = found
        return whole


class ConditionedStates(HeldDenoiser):
    """Exact posterior mean over states that fluctuate, given the held atoms: see this module.

    Parameters
    ----------
    part
        Which atoms move; the held ones lie where the structure has them.
    states
        (M, 3, N) the means of the states, angstrom.
    covariance
        K_mm of the noise of the moved atoms.
    motion
        C of all atoms, angstrom^2, with variance at every atom.
    weights, gauge
        As in `StatesDenoiser`; a name from GAUGES.
    """

    whole: StatesDenoiser

    def __init__(
        self,
        part: Part,
        states: CoordinatesLike,
        covariance: NestedCovariance,
        motion: NestedCovariance,
        weights: Sequence[float] | None = None,
        gauge: str = "rotation",
    ) -> None:
        _check_gauge(gauge)
        noise = beside_nothing(covariance, part)
        super().__init__(StatesDenoiser(states, noise, weights, gauge, HeldMotion.of_groups(motion)), part)

    @property
    def states(self) -> Tensor:
        """(M, 3, N) of all atoms, angstrom."""
        return self.whole.states

    def state_probabilities(self, x: CoordinatesLike, sigma: float) -> Tensor:
        """(B, M) float64: posterior probability of each state given x (B, 3, m) and the held atoms."""
        return self.whole.state_probabilities(self.filled(x), sigma)

    def log_density(self, x: CoordinatesLike, sigma: float) -> Tensor:
        """(B,) float64: log of the density of x (B, 3, m) and the held atoms together, as `StatesDenoiser` has it."""
        return self.whole.log_density(self.filled(x), sigma)


class LaidStates(StatesDenoiser):
    """Exact posterior mean of the moved parts of states that lie on the held atoms; keeps how well these fit.

    Parameters
    ----------
    part, states, weights, gauge
        As in `ConditionedStates`.
    covariance
        K_mm of the noise of the moved atoms.
    network
        An elastic network of the whole molecule, about which the states fluctuate; its nodes that hold held atoms stay.

    Attributes
    ----------
    fit
        (M,) RMS distance in space of each state's held atoms from their places, angstrom.
    """

    def __init__(
        self,
        part: Part,
        states: CoordinatesLike,
        covariance: Covariance,
        weights: Sequence[float] | None = None,
        gauge: str = "rotation",
        network: ElasticNetwork | None = None,
    ) -> None:
        laid, self.fit = laid_states(part, states, gauge)
        motion = HeldMotion.of_network(network, part) if network else None
        moved = laid[:, :, torch.from_numpy(part.moved).to(laid.device)]
        super().__init__(moved, covariance, weights, "fixed", motion, part.structure.hierarchy)


def laid_states(part: Part, states: CoordinatesLike, gauge: str = "rotation") -> tuple[Tensor, NDArray[np.float64]]:
    """States (M, 3, N) moved as lays their held atoms on those of the structure, and (M,) RMSD of these, angstrom.

    Parameters
    ----------
    gauge
        "rotation" lays them by least squares, "translation" by their centroid, "fixed" leaves them where they are.

    Raises
    ------
    EdmNoiseError
        Another gauge; a rotation that the held atoms do not define, for they lie on a line or are fewer than three.
    """
    _check_gauge(gauge)
    found = coordinates("states", states, ("states", 3, part.whole.n_atoms))
    held = torch.from_numpy(part.held)
    places = torch.tensor(part.whole.coordinates.T[:, part.held]).to(found)
    own = found[:, :, held.to(found.device)]
    if gauge == "rotation":
        fit = superpose(own, places)
        if bool(fit.ambiguous.any()):
            raise EdmNoiseError(
                f"{len(part.held):,} held atoms do not define a rotation: hold three or more that are not on a line, "
                "or sample with denoiser=translation"
            )
        return move(fit, found), as_array(fit.rmsd)
    if gauge == "translation":
        shift = (places - own).mean(dim=2, keepdim=True)
        found, own = found + shift, own + shift
    return found, as_array((own - places).double().square().sum(dim=1).mean(dim=1).sqrt())


def _check_gauge(gauge: str) -> None:
    if gauge not in GAUGES:
        raise EdmNoiseError(
            f"gauge is {gauge!r}, an approximation of an average over rotations, which held atoms take the place of: "
            f"give one of {', '.join(GAUGES)}"
        )


def held_states(
    part: Part,
    states: CoordinatesLike,
    covariance: Covariance,
    motion: NestedCovariance | ElasticNetwork | None,
    weights: Sequence[float] | None = None,
    gauge: str = "rotation",
) -> ConditionedStates | LaidStates:
    """The denoiser of states given held atoms, by what the states do about themselves.

    Parameters
    ----------
    motion
        Covariance of the states' own motion, of all atoms: nested groups are conditioned on the held atoms, a network
        is held by its nodes, and states without motion are laid on the held atoms.
    """
    if not isinstance(motion, NestedCovariance):
        return LaidStates(part, states, covariance, weights, gauge, motion)
    if not isinstance(covariance, NestedCovariance):
        raise EdmNoiseError("fluctuations need noise on nested groups: give a NestedCovariance")
    return ConditionedStates(part, states, covariance, motion, weights, gauge)
