"""A user's own network as a denoiser: any Python callable, a function that builds one, or a `.pt2` of torch.export.

It is called with the inputs that it names (`edmnoise.diffusion.denoisers.inputs.INPUTS`), coordinates as (B, N, 3), and
gives the denoised structure or the residual F, of which D = c_skip x + c_out F(c_in x) is made part by part. Nothing is
asked of where the whole lies: x is centred, the overall mean is taken off what comes back, and the estimate is put
about the mean of x. Before it is used it is asked a few questions on noised coordinates of the structure (`Report`).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from types import ModuleType
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ...base.coordinates import CoordinatesLike, coordinates
from ...base.errors import EdmNoiseError
from ...base.legible import Legible
from ...base.rotations import haar_rotations
from ...base.table import Column, Table
from ...noise.theory.scales import split
from ...structure.hierarchy import Hierarchy, check_levels
from ...structure.levels import atom_means, group_sum, sizes, spread
from ...structure.structure import Structure
from ..names import GIVES, called
from ..precondition import Coefficients, Preconditioner
from .denoiser import Denoised
from .inputs import INPUTS, OUTPUTS, Inputs, check_atoms, check_names
from .programs import Program, first_line

_LOW = 0.05
"""Level at which a network should give back nearly what it is given, angstrom."""

_HIGH = 10.0
"""Level, in multiples of the size of the structure, at which it should not."""

_SAME, _ALONE, _NEAR = 1e-5, 1e-3, 0.5
"""By how much of the structure's size (RMS per coordinate) two answers to one question may differ; those in and out of
a batch; and what is given back at the low level from what was given. The last tells another unit (nanometres: .9) and
a residual that is taken for coordinates (1), not a good network from a bad one."""


class Conditioning(Protocol):
    """EDM's coefficients of each part, finest first, at a noise level."""

    def coefficients(self, sigma: float) -> Coefficients:
        """c_skip, c_out, c_in of each part, and c_noise."""


@dataclass(frozen=True, repr=False)
class GlobalConditioning(Legible):
    """EDM's own coefficients (Karras et al. 2022, table 1), the same for all parts, of one scale of the data.

    Parameters
    ----------
    sigma_data
        Of the training, angstrom.
    parts
        How many there are: one a level.
    """

    sigma_data: float
    parts: int = 3

    def __post_init__(self) -> None:
        if not 0 < self.sigma_data < math.inf:
            raise EdmNoiseError(f"sigma_data is {self.sigma_data}: give a number above 0, in angstrom")

    def coefficients(self, sigma: float) -> Coefficients:
        """As `Conditioning`; c_noise is ln(sigma / sigma_data) / 4, as in AlphaFold 3."""
        total = sigma**2 + self.sigma_data**2
        skip, out, scale = self.sigma_data**2 / total, sigma * self.sigma_data / math.sqrt(total), 1 / math.sqrt(total)
        skips, outs, scales = ((value,) * self.parts for value in (skip, out, scale))
        return Coefficients(skips, outs, scales, math.log(sigma / self.sigma_data) / 4)


@dataclass(frozen=True, repr=False)
class LevelConditioning(Legible):
    """Coefficients of each part by a rule of `edmnoise.diffusion.precondition`."""

    preconditioner: Preconditioner
    rule: str = "finite"

    def coefficients(self, sigma: float) -> Coefficients:
        """As `Conditioning`."""
        return self.preconditioner.coefficients(sigma, self.rule)


@dataclass(frozen=True, repr=False)
class Report(Legible):
    """What a network answered before it was used; what would make it useless has been refused.

    Attributes
    ----------
    low, high
        Noise levels of the questions, angstrom.
    moved
        RMS per coordinate by which it changes structures with the low noise, angstrom.
    by_sigma
        The same between its answers to one x at both levels.
    turning
        The same between the answer to a turned structure and the turned answer: 0 for an equivariant network.
    mirror
        The same for the mirror image: a network with 0 cannot tell molecules from their mirror images.
    """

    low: float
    high: float
    moved: float
    by_sigma: float
    turning: float
    mirror: float

    @property
    def sentence(self) -> str:
        """The two that say what the network is like."""
        return (
            f"turning error {self.turning:.2g} A (0 where it turns with its input), mirror error {self.mirror:.2g} A "
            "(0 where it cannot tell mirror images apart)"
        )

    @property
    def table(self) -> Table:
        """One row for each question."""
        rows = [
            ("changes at low noise", self.moved, f"at {self.low:g} A"),
            ("changes with sigma", self.by_sigma, f"one x at {self.low:g} and {self.high:.3g} A"),
            ("turning error", self.turning, "0 where it turns with its input"),
            ("mirror error", self.mirror, "0 where it cannot tell mirror images apart"),
        ]
        what, values, means = zip(*rows, strict=True)
        columns = (Column("question", list(what)), Column("RMS", list(values), "A", 5), Column("meaning", list(means)))
        return Table("answers of the network", columns)


class LearnedDenoiser:
    """A network as a `Denoiser`.

    Parameters
    ----------
    network
        Called with its inputs by name; gives a tensor of atoms (B, N, 3), or a dictionary as in
        `edmnoise.diffusion.denoisers.inputs.OUTPUTS`. It may have an attribute ``atoms``: the names of its atoms as
        `Structure.label` writes them, which are compared with those of the structure.
    structure
        Atoms in residues in chains, and coordinates to ask the first questions with.
    name
        What it is called where something is wrong with it.
    gives
        "denoised", or "residual": F, and then ``x`` is c_in x.
    conditioning
        Coefficients that a residual needs: a `GlobalConditioning` or a `LevelConditioning`. Residue and chain centres
        of a residual are residuals too, part by part.
    device
        Where it runs.

    Raises
    ------
    EdmNoiseError
        For an input that is not known, other atoms, a network that fails, gives another shape or what is not finite,
        says two things at once, or another thing in a batch, does not know its noise level, or does not give back
        what has next to no noise.
    """

    def __init__(
        self,
        network: Callable[..., Any],
        structure: Structure,
        *,
        name: str = "",
        gives: str = "denoised",
        conditioning: Conditioning | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        check_levels(structure.hierarchy)
        if gives not in GIVES:
            raise EdmNoiseError(f"gives is {gives!r}: give {' or '.join(GIVES)}")
        if (conditioning is not None) != (gives == "residual"):
            raise EdmNoiseError("a residual needs conditioning, and a denoised structure has none")
        self.name = name or _name_of(network)
        self.hierarchy: Hierarchy = structure.hierarchy
        self.gives, self.conditioning, self.device = gives, conditioning, torch.device(device)
        self._network, self._inputs = network, Inputs(structure)
        self._names = list(network.inputs) if isinstance(network, Program) else _asked_for(self.name, network, gives)
        check_names(self.name, self._names, gives)
        check_atoms(self.name, getattr(network, "atoms", None), structure)
        self._known = self._inputs.of_structure(self._names, self.device)
        self._dtype = _precision(network)
        with torch.no_grad():
            self.report = _questioned(self, structure)

    def __repr__(self) -> str:
        return f"LearnedDenoiser({self.name}: {', '.join(self._names)} -> {self.gives})"

    def denoise(self, x: CoordinatesLike, sigma: float) -> Denoised:
        """As `edmnoise.diffusion.denoisers.denoiser.Denoiser`; gradients pass where x asks for them."""
        found = coordinates("x", x, ("samples", 3, self.hierarchy.counts[0]), finite=False)
        with torch.set_grad_enabled(found.requires_grad and torch.is_grad_enabled()):
            mean = found.mean(dim=2, keepdim=True)
            made = self._estimate(found - mean, sigma)
            atoms = made["atoms"]
            moved = {"atoms": mean - atoms.mean(dim=2, keepdim=True).to(found.dtype)}
            # Heads may lie elsewhere than the atoms do: each is put about the mean by its own.
            for key, level in self._heads.items():
                if key in made:
                    moved[key] = mean - _weighted_mean(made[key], self.hierarchy, level).to(found.dtype)
        given = {key: made[key].to(found.dtype) + moved[key] for key in made}
        return Denoised(given["atoms"], given.get("residues"), given.get("chains"))

    def _estimate(self, x: Tensor, sigma: float) -> dict[str, Tensor]:
        """Denoised centres of each level, (B, 3, n), of centred x."""
        if self.conditioning is None:
            return self._said(x, sigma, None)
        c = self.conditioning.coefficients(sigma)
        parts = split(x, self.hierarchy)
        scaled = _tensor(sum(scale * part for scale, part in zip(c.c_in, parts, strict=True)))
        said = self._said(scaled, sigma, c.c_noise)
        residual = split(said["atoms"].to(x.dtype), self.hierarchy)
        made = {
            "atoms": sum(skip * a + out * b for skip, out, a, b in zip(c.c_skip, c.c_out, parts, residual, strict=True))
        }
        for key, level in self._heads.items():
            if key in said:
                made[key] = self._head(said[key].to(x.dtype), parts, c, level)
        return {key: _tensor(value) for key, value in made.items()}

    @property
    def _heads(self) -> dict[str, int]:
        """The levels whose centres a network may give, beside the atoms."""
        return {"residues": 1, "chains": self.hierarchy.depth - 1}

    def _head(self, said: Tensor, parts: Sequence[Tensor], c: Coefficients, level: int) -> Tensor:
        """Centres (B, 3, n) of a level from their residual, which has a part of this level and of each above it."""
        top = self.hierarchy.depth - 1
        centres, weight = [said], sizes(self.hierarchy, level, said.device).to(said.dtype)
        for above in range(level + 1, top + 1):
            total = group_sum(said * weight, self.hierarchy, level, above)
            mean = total / sizes(self.hierarchy, above, said.device).to(said.dtype)
            centres.append(spread(mean, self.hierarchy, above, level))
        residual = [*(fine - coarse for fine, coarse in pairwise(centres)), centres[-1]]
        means = (atom_means(part, self.hierarchy, [level])[level].to(said.dtype) for part in parts[level:])
        own = zip(c.c_skip[level:], c.c_out[level:], means, residual, strict=True)
        return _tensor(sum(skip * a + out * b for skip, out, a, b in own))

    def _said(self, x: Tensor, sigma: float, c_noise: float | None) -> dict[str, Tensor]:
        """What the network gives, (B, 3, n) in its own precision, of what it asks for."""
        given: dict[str, Tensor] = {"x": x.mT.to(self.device, self._dtype).contiguous()}
        for name, value in (("sigma", sigma), ("c_noise", c_noise)):
            if name in self._names and value is not None:
                given[name] = torch.full((len(x),), value, dtype=self._dtype, device=self.device)
        try:
            made = self._network(**given, **self._known)
        except EdmNoiseError:
            raise
        except Exception as error:  # the user's own code may raise anything
            asked = f"x {tuple(given['x'].shape)} {str(self._dtype).removeprefix('torch.')}"
            raise EdmNoiseError(f"{self.name} fails on {asked} at sigma {sigma:g} A: {first_line(error)}") from error
        return {key: value.mT.to(x.device) for key, value in self._checked(made, len(x)).items()}

    def _checked(self, made: Any, count: int) -> dict[str, Tensor]:
        """(B, n, 3) by name; EdmNoiseError for what is none."""
        found = made if isinstance(made, Mapping) else {"atoms": made}
        for key, value in found.items():
            if key not in OUTPUTS:
                raise EdmNoiseError(f"{self.name} gives {key!r}: the known outputs are {', '.join(OUTPUTS)}")
            if not isinstance(value, Tensor) or not value.is_floating_point():
                what = f"a tensor of {value.dtype}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
                raise EdmNoiseError(f"{self.name} gives {key} as {what}: give a tensor of floats {OUTPUTS[key]}")
            wanted = (count, self._inputs.sizes[key], 3)
            if tuple(value.shape) != wanted:
                raise EdmNoiseError(f"{self.name} gives {key} of the shape {tuple(value.shape)}: give {wanted}")
        if "atoms" not in found:
            raise EdmNoiseError(f"{self.name} gives {', '.join(found) or 'nothing'} without atoms: give them too")
        return dict(found)


def built_network(name: str, structure: Structure, device: torch.device | str = "cpu") -> Callable[..., Any]:
    """The network that ``package.module:function`` makes of a structure; a torch module is set to evaluation.

    EdmNoiseError where there is no such module or function, where either fails, and for what cannot be called.
    """
    _, make = found_function(name)
    try:
        network = make(structure)
    except EdmNoiseError:
        raise
    except Exception as error:
        raise EdmNoiseError(f"no network {name}: it fails on the structure, {first_line(error)}") from error
    if not callable(network):
        raise EdmNoiseError(f"{name} gives a {type(network).__name__}: give a torch module or a callable")
    return network.to(device).eval() if isinstance(network, nn.Module) else network


def found_function(name: str) -> tuple[ModuleType, Callable[[Structure], Any]]:
    """The module and the function of ``package.module:function``; EdmNoiseError where either is not there or fails."""
    module, _, function = name.partition(":")
    try:
        home = import_module(module)
    except Exception as error:  # the user's own code may raise anything
        missing = isinstance(error, ModuleNotFoundError) and module.startswith(error.name or "-")
        what = "there is no such module on Python's path" if missing else f"importing it fails, {first_line(error)}"
        raise EdmNoiseError(f"no network {name}: {what}") from error
    make: Any = home
    for part in function.split("."):
        make = getattr(make, part, None)
    if not callable(make):
        raise EdmNoiseError(f"no network {name}: {module} has no function {function}")
    return home, make


def _asked_for(who: str, network: Callable[..., Any], gives: str) -> list[str]:
    """Names of what a callable asks for: its arguments, those with a default only where they are known."""
    try:
        signature = inspect.signature(network.forward if isinstance(network, nn.Module) else network)
    except (TypeError, ValueError) as error:
        raise EdmNoiseError(f"{who} does not say what it asks for: wrap it in a function of x and sigma") from error
    names = []
    for parameter in signature.parameters.values():
        if parameter.kind == parameter.POSITIONAL_ONLY:
            raise EdmNoiseError(
                f"{who} takes {parameter.name} by its place alone: wrap it in a function of x and sigma"
            )
        required = parameter.default is parameter.empty
        named = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        known = parameter.name in INPUTS and (parameter.name != "c_noise" or gives == "residual")
        if named and (required or known):
            names.append(parameter.name)
    if any(p.kind == p.VAR_KEYWORD for p in signature.parameters.values()):
        names += [name for name in ("x", "sigma") if name not in names]
    return names


def _name_of(network: Callable[..., Any]) -> str:
    if isinstance(network, Program):
        return network.path
    return f"the network {called(network)}"


def _precision(network: Callable[..., Any]) -> torch.dtype:
    """That of a module's weights where they are float64, else float32: others cast by themselves, or ask for this."""
    if isinstance(network, nn.Module) and any(p.dtype == torch.float64 for p in network.parameters()):
        return torch.float64
    return torch.float32


def _weighted_mean(centres: Tensor, hierarchy: Hierarchy, level: int) -> Tensor:
    """(B, 3, 1): the mean over atoms of centres (B, 3, n) of a level."""
    weight = sizes(hierarchy, level, centres.device).to(centres.dtype)
    return (centres * weight).sum(dim=2, keepdim=True) / weight.sum()


def _tensor(value: Any) -> Tensor:
    assert isinstance(value, Tensor)
    return value


def _questioned(model: LearnedDenoiser, structure: Structure) -> Report:
    """Ask eight times, for two samples."""
    y = torch.tensor(structure.coordinates.T)
    y = y - y.mean(dim=1, keepdim=True)
    size = max(float(y.square().mean().sqrt()), 1.0)
    high = _HIGH * size
    random = torch.Generator().manual_seed(0)
    noise = torch.randn(2, *y.shape, generator=random)
    near, middle, far = (y + level * noise for level in (_LOW, 0.5 * size, high))

    def ask(x: Tensor, sigma: float) -> Tensor:
        atoms = model.denoise(x, sigma).atoms
        if not bool(atoms.isfinite().all()):
            raise EdmNoiseError(f"{model.name} gives NaN or infinite coordinates at sigma {sigma:g} A")
        return atoms

    moved = _rms(ask(near, _LOW) - near)
    ask(far, high)
    answer = ask(middle, 0.5 * size)
    if _rms(ask(middle, 0.5 * size) - answer) > _SAME * size:
        raise EdmNoiseError(
            f"{model.name} gives two answers to one question: switch dropout and other chance off, as eval() does"
        )
    if _rms(ask(middle[:1], 0.5 * size) - answer[:1]) > _ALONE * size:
        raise EdmNoiseError(f"{model.name} gives another answer alone than in a batch: samples must not see each other")
    if moved > _NEAR * size:
        raise EdmNoiseError(
            f"{model.name} moves structures with next to no noise by {moved:.3g} A of their {size:.3g} A: it should "
            "give clean coordinates in angstrom, or else its residual (gives=residual)"
        )
    by_sigma = _rms(ask(middle, _LOW) - ask(middle, high))
    if by_sigma <= _SAME * size:
        raise EdmNoiseError(f"{model.name} gives the same at {_LOW:g} and {high:.3g} A: it must know its noise level")
    turn = haar_rotations(1, random).float()
    turning = _rms(ask(turn @ middle, 0.5 * size) - turn @ answer)
    return Report(_LOW, high, moved, by_sigma, turning, _rms(ask(-middle, 0.5 * size) + answer))


def _rms(apart: Tensor) -> float:
    return float(apart.square().mean().sqrt())
