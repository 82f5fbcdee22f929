"""x <- sigma_0 L eps; for each level: centre, rotate, churn, denoise, align, step: sampling as a generator of steps.

The order is that of AlphaFold 3's Algorithm 18 and of Karras et al.'s Algorithm 2, which it contains. All noise, at
the start and in between, is drawn from the process's covariance K.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from ...base.coordinates import CoordinatesLike, coordinates
from ...base.errors import EdmNoiseError
from ...base.legible import Legible
from ...base.rotations import quaternion_to_matrix
from ...base.seeds import check_seed, reseed
from ...base.threads import alone, as_given, shared
from ...noise.covariance import Covariance
from ...structure.best_motion import best_motion
from ...structure.hierarchy import Hierarchy, check_levels
from ...structure.superpose import move, superpose
from ..denoisers.denoiser import Denoiser, with_level_means
from .schedule import Schedule
from .solvers import MULTISTEP, SCALED, Stage, solver

SAMPLING, AUGMENTATION = 1, 2
"""Streams of random numbers: the sampler's noise, and its rotations and translations. Apart, so that a switch of one
leaves the other's numbers as they are."""

_DRAWN = 1 << 14
"""Numbers that are worth the while of another thread: drawing them takes 60 us."""

ALIGNMENTS = ("none", "denoised", "noisy")
"""What is superposed before a step: nothing, the denoised structure on the noisy one, the noisy one on the denoised
(Boltz). The last two differ by the motion of the whole sample alone."""


@dataclass(frozen=True, repr=False)
class Churn(Legible):
    """gamma: before a step from sigma to sigma' noise is added up to (1 + gamma) sigma.

    Parameters
    ----------
    gamma
        gamma_0 of AlphaFold 3; in Karras et al. min(S_churn / steps, sqrt 2 - 1).
    above, below
        Levels in angstrom between which noise is added: strictly above ``above``, and up to ``below``.
    at
        Which level is compared with them: "target" (sigma', AlphaFold 3) or "start" (sigma, Karras et al.).
    """

    gamma: float = 0.0
    above: float = 0.0
    below: float = math.inf
    at: str = "target"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.gamma) and self.gamma >= 0):
            raise EdmNoiseError(f"churn is {self.gamma}: give a number from 0")
        if self.at not in ("target", "start"):
            raise EdmNoiseError(f"churn is taken at {self.at!r}: give target or start")

    def of(self, sigma: float, target: float) -> float:
        """gamma of one step."""
        level = target if self.at == "target" else sigma
        return self.gamma if self.above < level <= self.below else 0.0


@dataclass(frozen=True, repr=False)
class Sampler(Legible):
    """How to sample: a solver and its switches.

    Parameters
    ----------
    solver
        A name from `edmnoise.diffusion.samplers.solvers.SOLVERS`.
    churn
        Noise added before each step.
    noise_scale
        Factor of the churn noise (S_noise of Karras et al.); 1 is exact.
    step_scale
        Factor of the step; 1 is exact, above 1 acts like a low temperature.
    center, rotate
        Move the centroid to the origin, and turn by a uniformly random rotation, before each step.
    translate
        Standard deviation in angstrom of a random translation before each step.
    align
        A name from ALIGNMENTS.
    residue_weight, chain_weight
        How far residue and chain estimates of the denoiser replace the means of its atoms: 0 not, 1 wholly.
    """

    solver: str = "heun"
    churn: Churn = Churn()
    noise_scale: float = 1.0
    step_scale: float = 1.0
    center: bool = False
    rotate: bool = False
    translate: float = 0.0
    align: str = "none"
    residue_weight: float = 0.0
    chain_weight: float = 0.0

    def __post_init__(self) -> None:
        solver(self.solver)
        if self.align not in ALIGNMENTS:
            raise EdmNoiseError(f"align is {self.align!r}: give one of {', '.join(ALIGNMENTS)}")
        for name in ("noise_scale", "step_scale", "translate"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise EdmNoiseError(f"{name} is {value}: give a number from 0")
        if self.step_scale != 1 and self.solver not in SCALED:
            raise EdmNoiseError(
                f"step_scale is {self.step_scale} with {self.solver}: it needs one of {', '.join(SCALED)}"
            )
        for name in ("residue_weight", "chain_weight"):
            if not 0 <= getattr(self, name) <= 1:
                raise EdmNoiseError(f"{name} is {getattr(self, name)}: give a number from 0 to 1")

    @property
    def motions(self) -> tuple[str, ...]:
        """What it does with samples as a whole: the names of its switches that are on."""
        on = {"center": self.center, "augment": self.rotate or self.translate > 0, "align": self.align != "none"}
        return tuple(name for name, switched in on.items() if switched)

    def in_place(self) -> Sampler:
        """The same without them, for samples that lie in a given frame."""
        return replace(self, center=False, rotate=False, translate=0.0, align="none")


class Frame:
    """x -> A x + b: the rigid motion of each sample that the sampler has made up to now, float64."""

    def __init__(self, samples: int, device: torch.device | str) -> None:
        self._rotation = torch.eye(3, dtype=torch.float64, device=device).repeat(samples, 1, 1)
        self._shift = torch.zeros(samples, 3, 1, dtype=torch.float64, device=device)
        self._waiting: list[tuple[Tensor | None, Tensor]] = []

    def __repr__(self) -> str:
        return f"Frame({len(self._rotation)} samples)"

    def then(self, rotation: Tensor | None, shift: Tensor) -> None:
        """Follow by x -> R x + t, which are kept and not copied; no R leaves directions alone."""
        # Put together when asked for: five small operations are a tenth of a step of 1,000 atoms.
        self._waiting.append((rotation, shift))

    @property
    def rotation(self) -> Tensor:
        """A (B, 3, 3)."""
        return self._joined()[0]

    @property
    def shift(self) -> Tensor:
        """b (B, 3, 1)."""
        return self._joined()[1]

    @alone()
    def undone(self, coordinates: Tensor) -> Tensor:
        """A^-1 (x - b), (B, 3, N)."""
        # Not A^T: it is not quite that of rotations in float32, which makes 0.01 A thousands of angstrom away.
        back = torch.linalg.inv(self.rotation).to(coordinates.dtype)
        return torch.bmm(back, coordinates - self.shift.to(coordinates.dtype))

    def _joined(self) -> tuple[Tensor, Tensor]:
        for rotation, shift in self._waiting:
            if rotation is not None:
                turn = rotation.double()
                self._rotation, self._shift = turn @ self._rotation, turn @ self._shift
            self._shift = self._shift + shift.double()
        self._waiting.clear()
        return self._rotation, self._shift


@dataclass(frozen=True, eq=False, repr=False)
class Step(Legible):
    """One step as it was made. The tensors are the sampler's own and change with the next step: copy what is kept.

    Attributes
    ----------
    number, steps
        Which step, from 1, of how many.
    sigma, sigma_hat, target
        Level at the start, after churn (where the denoiser was asked), and after the step, angstrom.
    noisy, denoised
        (B, 3, N) at sigma_hat: what the denoiser got and what it gave.
    x
        (B, 3, N) after the step.
    frame
        The motion that centring, rotations, translations and alignment have made of the samples since the start.
    """

    number: int
    steps: int
    sigma: float
    sigma_hat: float
    target: float
    noisy: Tensor
    denoised: Tensor
    x: Tensor
    frame: Frame

    def at_rest(self, coordinates: Tensor) -> Tensor:
        """Coordinates of this step (B, 3, N) where they would lie had the samples never been moved as a whole."""
        return self.frame.undone(coordinates)


def sample(
    denoiser: Denoiser,
    covariance: Covariance,
    schedule: Schedule,
    sampler: Sampler,
    samples: int | range = 1,
    seed: int = 0,
    hierarchy: Hierarchy | None = None,
    start: CoordinatesLike | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Iterator[Step]:
    """Sample a batch, step by step.

    Parameters
    ----------
    denoiser, covariance
        The model and the covariance K of its noise.
    schedule, sampler
        Levels, and how to go from one to the next.
    samples
        Number of samples or their numbers: sample k depends on the seed and k only, so a large number can be made a
        few at a time.
    hierarchy
        Atoms in residues (in domains) in chains, needed where residue_weight or chain_weight is above 0.
    start
        (B, 3, N) coordinates, an array or a tensor, that noise of the first level is added to; the origin when not
        given.

    Yields
    ------
    Step
        One a step. Stop asking to cancel.

    Raises
    ------
    EdmNoiseError
        No samples, a bad seed, a hierarchy of other levels, a start that does not fit; when the denoiser
        gives another shape, or something that is not finite (naming step and level).
    """
    numbers = range(samples) if isinstance(samples, int) else samples
    if len(numbers) < 1:
        raise EdmNoiseError(f"samples is {len(numbers)}: give a whole number from 1")
    if hierarchy is None and (sampler.residue_weight or sampler.chain_weight):
        raise EdmNoiseError("residue_weight and chain_weight need the groups: give hierarchy")
    if hierarchy is not None:
        check_levels(hierarchy)
    with alone():
        random = _Random(covariance, numbers, check_seed(seed), schedule.steps, sampler.translate, device, dtype)
        x = random.noise(None).mul_(schedule.sigmas[0])
        if start is not None:
            x += coordinates("start", start, tuple(x.shape)).to(x)
        centre = x.mean(dim=2, keepdim=True)
    advance = solver(sampler.solver)
    previous: tuple[float, Tensor] | None = None
    frame = Frame(len(numbers), device)
    for number, (sigma, target) in enumerate(zip(schedule.sigmas, schedule.sigmas[1:], strict=False), 1):
        with alone():
            gamma = sampler.churn.of(sigma, target)
            sigma_hat = (1 + gamma) * sigma if gamma else sigma
            added = sampler.noise_scale * math.sqrt(sigma_hat**2 - sigma**2)
            x = _noised(x, centre, previous, number, added, sampler, random, frame)

            asked: list[tuple[float, Tensor]] = []

            def denoise(point: Tensor, level: float, number: int = number, asked: _Asked = asked) -> Tensor:
                with as_given():
                    estimate = denoiser.denoise(point, level)
                _check_shape(estimate.atoms, point, number, level)
                asked.append((level, estimate.atoms))
                if hierarchy is None:
                    return estimate.atoms
                return with_level_means(estimate, hierarchy, sampler.residue_weight, sampler.chain_weight)

            noisy, denoised = _aligned(x, denoise(x, sigma_hat), sampler.align, frame, random)
            stage = Stage(
                sigma=sigma_hat,
                target=target,
                denoised=denoised,
                denoise=denoise,
                noise=partial(random.noise, noisy),
                step_scale=sampler.step_scale,
                previous=previous,
                out=random.room(noisy),
            )
            x = advance(noisy, stage)
            # What is not finite in an estimate is not in x; and the mean is the next step's, and x at hand.
            centre = x.mean(dim=2, keepdim=True)
            if not math.isfinite(float(centre.sum())):
                raise EdmNoiseError(_not_finite(asked, number, sigma_hat))
            previous = (sigma_hat, denoised.clone()) if sampler.solver in MULTISTEP else None
        yield Step(
            number=number,
            steps=schedule.steps,
            sigma=sigma,
            sigma_hat=sigma_hat,
            target=target,
            noisy=noisy,
            denoised=denoised,
            x=x,
            frame=frame,
        )


_Asked = list[tuple[float, Tensor]]
"""Level and (B, 3, N) estimate of each call of the denoiser in a step."""


class _Random:
    """Random numbers of a batch: each sample has generators of its own. And the memory that a step goes through."""

    def __init__(
        self,
        covariance: Covariance,
        numbers: range,
        seed: int,
        steps: int,
        translate: float,
        device: torch.device | str,
        dtype: torch.dtype,
    ) -> None:
        self._covariance = covariance
        self._noise = [reseed(torch.Generator(device), seed, number, SAMPLING) for number in numbers]
        shape = (2, len(numbers), 3, covariance.atoms)
        self._rooms = torch.empty(shape, device=device, dtype=dtype).unbind()
        self._rows = [list(zip(room.unbind(), self._noise, strict=True)) for room in self._rooms]
        # Quaternions and shifts of all steps at once: step by step their small operations took .15 ms, half of a step
        # of 1,000 atoms.
        motion = torch.empty(len(numbers), steps, 7, dtype=torch.float64, device="cpu")
        for row, number in zip(motion, numbers, strict=True):
            row.normal_(generator=reseed(torch.Generator(), seed, number, AUGMENTATION))
        motion = motion.transpose(0, 1)
        self._turns = quaternion_to_matrix(motion[..., :4]).to(device, dtype).unbind()
        self._shifts = (translate * motion[..., 4:, None]).to(device, dtype).unbind()

    def room(self, x: Tensor) -> Tensor:
        """(B, 3, N) memory that x is not in; the other one of two where x is in one."""
        return self._rooms[x is self._rooms[0]]

    def noise(self, x: Tensor | None) -> Tensor:
        """(B, 3, N) from N(0, K), in the room of x."""
        place = x is self._rooms[0]
        rows = self._rows[place]
        some = max(1, _DRAWN // rows[0][0].numel())

        def work(starts: Iterator[int]) -> None:
            for start in starts:
                for row, generator in rows[start : start + some]:
                    self._covariance.draw(row, generator)

        shared(work, range(0, len(rows), some))
        return self._rooms[place]

    def rotation(self, number: int) -> Tensor:
        """R (B, 3, 3) of rows x R, uniform over the rotations: that of a step from 1. A recorder can hear it."""
        return self._turns[number - 1].mT

    def translation(self, number: int) -> Tensor:
        """(B, 3, 1) angstrom: that of a step from 1."""
        return self._shifts[number - 1]


def _noised(
    x: Tensor,
    centre: Tensor,
    previous: tuple[float, Tensor] | None,
    number: int,
    added: float,
    sampler: Sampler,
    random: _Random,
    frame: Frame,
) -> Tensor:
    """R (x - centre) + t + added L eps, in x or its room; what a multistep solver remembers is moved along."""
    if not (sampler.center or sampler.rotate or sampler.translate):
        return x.add_(random.noise(x), alpha=added) if added else x
    shift = random.translation(number)
    turn = random.rotation(number).mT if sampler.rotate else None  # of columns
    if sampler.center:
        shift = shift - centre if turn is None else torch.baddbmm(shift, turn, centre, alpha=-1)
    frame.then(turn, shift)
    if previous is not None:
        previous[1].copy_(previous[1] + shift if turn is None else torch.baddbmm(shift, turn, previous[1]))
    if turn is None:
        x += shift
        return x.add_(random.noise(x), alpha=added) if added else x
    if not added:
        return torch.baddbmm(shift, turn, x, out=random.room(x))
    # Onto the noise, where it lies: the shift as a third operand would be written out for every atom first.
    return random.noise(x).baddbmm_(turn, x, beta=added).add_(shift)


def _aligned(x: Tensor, denoised: Tensor, align: str, frame: Frame, random: _Random) -> tuple[Tensor, Tensor]:
    """x and the denoised, one of the two superposed on the other; x in its room then."""
    if align == "noisy":
        turn, shift = best_motion(x, denoised)
        frame.then(turn, shift)
        # One product: `move` takes another pass, against rounding that is no larger than what x has already.
        return torch.baddbmm(shift, turn, x, out=random.room(x)), denoised
    if align == "denoised":
        return x, move(superpose(denoised, x), denoised)
    return x, denoised


def _check_shape(estimate: Tensor, x: Tensor, number: int, sigma: float) -> None:
    if estimate.shape != x.shape:
        raise EdmNoiseError(
            f"the denoiser gave the shape {tuple(estimate.shape)} for {tuple(x.shape)} {_where(number, sigma)}"
        )


def _not_finite(asked: _Asked, number: int, sigma: float) -> str:
    """Whose fault it is that a step ends in coordinates that are not finite, by the estimates that it was made of."""
    for level, estimate in asked:
        if not math.isfinite(float(estimate.sum())):
            return f"the denoiser gave NaN or infinite coordinates {_where(number, level)}"
    return f"the coordinates became NaN or infinite {_where(number, sigma)}"


def _where(number: int, sigma: float) -> str:
    return f"in step {number}, at sigma {sigma:.4g} A"
