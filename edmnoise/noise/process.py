"""A noise process by name -> what draws it, expects of it and has its covariance: the one place that knows them all.

To add one, write a class like `NoiseProcess` in a module of ``edmnoise/noise/processes/`` and give it a line in
`PROCESSES`. It is named and not imported, so that who reads a name, a title or a study does not wait for torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..base.numbers import number
from .weights import Weights, check_weights

if TYPE_CHECKING:
    from torch import Tensor

    from ..base.coordinates import CoordinatesLike
    from ..structure.part import Part
    from ..structure.structure import Structure
    from .covariance import Covariance
    from .theory.statistics import Expected


@dataclass(frozen=True, repr=False)
class NamedProcess(Legible):
    """A process that can be chosen.

    Attributes
    ----------
    home
        "module:class" of a `NoiseProcess` with a class method that makes it: ``on(structure, **knobs)``, or
        ``on(structure, weights, **knobs)`` where it has weights.
    help
        What it is, in a few words.
    knobs
        Its own numbers by name, beside the weights, and what they are where left out.
    weighted
        Whether it has weights, shares of the levels. Others take flat ones alone, and do not use them.
    forward_only
        Whether it is not linear Gaussian: it draws, and has no covariance.
    holds
        Whether some atoms can be held where they are while the others get their noise.
    """

    home: str
    help: str
    knobs: Mapping[str, float] = field(default_factory=dict)
    weighted: bool = False
    forward_only: bool = False
    holds: bool = True


MULTISCALE = "multiscale"
"""The process that is meant where none is named."""

PROCESSES = {
    MULTISCALE: NamedProcess(
        "edmnoise.noise.processes.multiscale:MultiscaleNoise", "chain + residue + atom", weighted=True
    ),
    "chroma_gas": NamedProcess(
        "edmnoise.noise.processes.chroma:ResidueGas", "Chroma's residue gas", {"residue": 10.0, "spread": 1.0}
    ),
    "chroma_globular": NamedProcess(
        "edmnoise.noise.processes.chroma:Globular", "Chroma's globular chains", {"complex": 0.0, "spread": 1.0}
    ),
    "harmonic": NamedProcess(
        "edmnoise.noise.processes.harmonic:HarmonicNoise",
        "chains as random walks (AlphaFlow)",
        {"step": 3.8, "com": 3.8, "spread": 1.0},
    ),
    "frames": NamedProcess(
        "edmnoise.noise.processes.frames:RigidFrames", "residues as rigid bodies", {"turn": 0.1}, forward_only=True
    ),
    "framediff": NamedProcess(
        "edmnoise.noise.processes.frames:FrameDiff", "frames with FrameDiff's rotations", forward_only=True
    ),
    "rfdiffusion": NamedProcess(
        "edmnoise.noise.processes.frames:RFdiffusion", "frames with RFdiffusion's rotations", forward_only=True
    ),
    "torsions": NamedProcess(
        "edmnoise.noise.processes.torsions:TorsionNoise",
        "bonds turn; lengths and angles stay",
        {"turn": 0.02, "omega": 1.0},
        forward_only=True,
        holds=False,
    ),
}
"""Noise processes by name."""


FLAT = Weights.named("flat")
"""The weights that are meant where none are given."""


class NoClosedForm(EdmNoiseError):
    """What a process raises of which nothing is known but its draws."""


class ForwardOnly(EdmNoiseError):
    """What a process raises that draws noise and is not linear Gaussian, where its covariance is asked for."""


def forward_only(name: str) -> ForwardOnly:
    """The refusal of a process that has no covariance."""
    linear = ", ".join(other for other, known in PROCESSES.items() if not known.forward_only)
    return ForwardOnly(
        f"{name} noise is forward only (not linear Gaussian): no covariance, so no exact denoiser and no sampling; "
        f"choose one of {linear}"
    )


def check_linear(noise: NoiseChoice) -> NoiseChoice:
    """Return what has a covariance; `ForwardOnly` for what has none, before anything is read or made."""
    if noise.forward_only:
        raise forward_only(noise.process)
    return noise


class Statistics(Protocol):
    """What a process expects of its draws, as `edmnoise.noise.theory.statistics.NoiseStatistics` does."""

    whole: int

    def displacement(self, level: int, relative_to: int | None = None, over_atoms: bool = False) -> Expected:
        """Mean square displacement of the groups of a level."""

    def ratio_scatter(self, draws: int = 1) -> tuple[float, float]:
        """Mean and standard deviation of the ratio residue/atom measured over some frames."""


@runtime_checkable
class OfLevel(Protocol):
    """A process whose closed forms, in units of sigma^2, depend on sigma."""

    def statistics_at(self, sigma: float) -> Statistics:
        """Closed forms at a noise level, angstrom; `NoClosedForm` where there are none."""


class NoiseProcess(Protocol):
    """Noise on the atoms of one structure: sigma x with E[x x^T] = K (x) I_3.

    The trace of K is the number of atoms: whatever the process, sigma is the RMS per coordinate over all atoms. What is
    forward only is none of this: its class says what sigma is.
    """

    @property
    def covariance(self) -> Covariance:
        """K, what samplers and denoisers ask of this noise; it draws the same law, from other random numbers.

        `ForwardOnly` where there is none: see `forward_only`.
        """

    @property
    def statistics(self) -> Statistics:
        """Closed forms of the displacement that hold at any sigma; `NoClosedForm` where there are none."""

    def superposed(
        self, coordinates: CoordinatesLike, level: int, relative_to: int | None = None, over_atoms: bool = False
    ) -> Expected:
        """Mean square displacement after superposition on (N, 3) coordinates; only asked where there are statistics."""

    def blocks(
        self,
        sigma: float | Sequence[float],
        frames: int | Sequence[int],
        seed: int = 0,
        mean: CoordinatesLike | None = None,
    ) -> Iterator[Tensor]:
        """Draw (s, N, 3) float32 frames a few at a time; a draw depends on the seed and the frame's number alone."""

    def frames(
        self,
        sigma: float | Sequence[float],
        frames: int | Sequence[int],
        seed: int = 0,
        mean: CoordinatesLike | None = None,
    ) -> Tensor:
        """All frames at once, (S, N, 3) float32, angstrom."""


@dataclass(frozen=True, repr=False)
class NoiseChoice(Legible):
    """A noise process and what of it is chosen.

    Parameters
    ----------
    process
        A name from `PROCESSES`.
    weights
        Shares of the chain, the residue and the atom; flat for a process that has none.
    knobs
        The process's own numbers by name; those that are not given are what they are where left out.

    Raises
    ------
    EdmNoiseError
        For a process or a knob that is not known, a knob that is no finite number, weights that are no `Weights`, and
        other than flat ones for a process without weights.

    Examples
    --------
    >>> NoiseChoice(weights=Weights.named("rebalanced")).label
    'rebalanced'
    >>> NoiseChoice.parse("multiscale stiffness=2")
    Traceback (most recent call last):
    edmnoise.base.errors.EdmNoiseError: noise process multiscale has no 'stiffness': it has no knobs
    """

    process: str = MULTISCALE
    weights: Weights = FLAT
    knobs: Mapping[str, float] | tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        check_weights(self.weights)
        if self.process not in PROCESSES:
            raise EdmNoiseError(f"no noise process {self.process!r}: the known ones are {', '.join(PROCESSES)}")
        if not (self.weighted or self.weights.close_to(FLAT)):
            raise EdmNoiseError(
                f"noise process {self.process} has no weights: leave weights away, or choose "
                f"{', '.join(name for name, known in PROCESSES.items() if known.weighted)}"
            )
        usual, given = PROCESSES[self.process].knobs, dict(self.knobs)
        for name, value in given.items():
            if name not in usual:
                known = f"the known ones are {', '.join(usual)}" if usual else "it has no knobs"
                raise EdmNoiseError(f"noise process {self.process} has no {name!r}: {known}")
            if not math.isfinite(value):
                raise EdmNoiseError(f"{name} is {value}: give a finite number")
        # All of them, so that what is written down keeps its meaning; in one order, so that equal ones are equal.
        object.__setattr__(self, "knobs", tuple((name, float({**usual, **given}[name])) for name in usual))

    @classmethod
    def of(cls, noise: Weights | NoiseChoice) -> NoiseChoice:
        """What was chosen; weights alone are those of multiscale noise."""
        return noise if isinstance(noise, NoiseChoice) else cls(weights=noise)

    @classmethod
    def parse(cls, process: str, weights: Weights = FLAT) -> NoiseChoice:
        """Read what `text` writes, "multiscale" or "name knob=value ..." (in titles "name/knob=value/..."); weights are
        flat where none are given."""
        name, *words = process.replace("/", " ").split() or [""]
        knobs: dict[str, float] = {}
        for word in words:
            knob, sign, value = word.partition("=")
            if not sign:
                raise EdmNoiseError(f"process is {process!r}: give a name, and its knobs as {name} knob=value")
            if knob in knobs:
                raise EdmNoiseError(f"process is {process!r}: give {knob} once")
            knobs[knob] = number(knob, value)
        return cls(name, weights, knobs)

    def text(self, form: str = "", between: str = " ") -> str:
        """The process and its knobs as `parse` reads them; all digits without a format."""
        values = (f"{name}={format(value, form) if form else repr(value)}" for name, value in dict(self.knobs).items())
        return between.join([self.process, *values])

    @property
    def weighted(self) -> bool:
        """Whether the process has weights."""
        return PROCESSES[self.process].weighted

    @property
    def forward_only(self) -> bool:
        """Whether the process is not linear Gaussian: at another sigma it is another draw, not the same one scaled."""
        return PROCESSES[self.process].forward_only

    @property
    def label(self) -> str:
        """In a table: the weights of a process that has them, any other process by its name and the knobs that are
        not as usual."""
        if self.weighted:
            return self.weights.label
        usual, own = PROCESSES[self.process].knobs, dict(self.knobs)
        return " ".join([self.process, *(f"{name}={own[name]:g}" for name in own if own[name] != usual[name])])

    @property
    def said(self) -> str:
        """In a sentence: "weights rebalanced", "ramp steepness=2 noise"."""
        return f"weights {self.label}" if self.weighted else f"{self.label} noise"

    def close_to(self, other: NoiseChoice) -> bool:
        """Whether both are the same process with the same knobs and, to nine digits, the same weights."""
        return (self.process, self.knobs) == (other.process, other.knobs) and self.weights.close_to(other.weights)

    def on(self, structure: Structure | Part) -> NoiseProcess:
        """The process on the atoms of a structure, or on those that move of a part; EdmNoiseError where it refuses
        them, its weights or its knobs."""
        from ..structure.part import Part

        if isinstance(structure, Part):
            if not PROCESSES[self.process].holds:
                raise EdmNoiseError(
                    f"{self.process} noise moves all that follows, and no atoms can be held: leave move= away"
                )
            from .held import HeldNoise  # brings torch

            return HeldNoise(self.on(structure.whole), structure)
        module, name = PROCESSES[self.process].home.split(":")
        weights = (self.weights,) if self.weighted else ()
        made: NoiseProcess = getattr(import_module(module), name).on(structure, *weights, **dict(self.knobs))
        return made


def named_process(text: str) -> NamedProcess | None:
    """What a text that `NoiseChoice.parse` reads names; None for what is no process, or none yet."""
    return PROCESSES.get((text.replace("/", " ").split() or [""])[0])


def choices(process: str, weights: Sequence[Weights], usual: Sequence[Weights] = ()) -> list[NoiseChoice]:
    """A choice for each of some weights; one alone where a process has none and these are what is usual."""
    plain = NoiseChoice.parse(process)
    if not plain.weighted and list(weights) == list(usual):
        return [plain]
    return [NoiseChoice.parse(process, each) for each in weights]


@dataclass(frozen=True)
class AppliedNoise:
    """The noise that frames were made with: what the closed forms need to be set beside a measurement.

    Parameters
    ----------
    sigma
        Noise level, angstrom.
    given
        A `NoiseChoice`, or the `Weights` of multiscale noise. Kept as ``noise``, a `NoiseChoice`.
    """

    sigma: float
    given: InitVar[Weights | NoiseChoice]
    noise: NoiseChoice = field(init=False)

    def __post_init__(self, given: Weights | NoiseChoice) -> None:
        object.__setattr__(self, "noise", NoiseChoice.of(given))


def statistics_at(process: NoiseProcess, sigma: float) -> Statistics:
    """The closed forms of a process at a noise level; `NoClosedForm` where it has none."""
    return process.statistics_at(sigma) if isinstance(process, OfLevel) else process.statistics


def statistics_of(process: NoiseProcess, sigma: float) -> Statistics | None:
    """The closed forms of a process at a noise level, None where it has none."""
    try:
        return statistics_at(process, sigma)
    except NoClosedForm:
        return None
