"""theta <- theta - Adam'(sum over parts |D(y + n; sigma) - y|^2 / c_out^2): training as a generator of steps.

Step k's random numbers depend on the seed and k alone, so that a training that is taken up again from a checkpoint goes
on to the bit as it would have (on the same machine, with as many threads). The learning rate rises over the first steps
and falls as a cosine to the last; what is kept in the end is the exponential moving average of the weights.
"""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..base.seeds import check_seed, reseed
from ..diffusion.names import LOSSES
from ..diffusion.precondition import Preconditioner
from ..noise.process import FLAT, NoiseChoice, check_linear
from ..noise.sigma import DISTRIBUTIONS, SigmaDistribution, parse_distribution
from ..noise.theory.scales import Scales
from ..noise.weights import Weights
from ..structure.structure import Structure
from .adam import Adam, Flat
from .checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from .ensemble import Ensemble
from .loss import losses
from .model import Model, NetworkDenoiser

RATE, WARM_UP, AVERAGE, CLIP = 3e-3, 100, 0.998, 1.0
"""Adam's learning rate; steps over which it rises; decay of the moving average; largest norm of a gradient."""

DEFAULT_STEPS = 3_500
"""Where no budget is given: 79 to 91 s of one core for 195 atoms (benchmarks/training.py), enough to sample with."""

TRAINING = 4
"""Stream of the random numbers of training steps."""


@dataclass(frozen=True, repr=False)
class Training(Legible):
    """How to train.

    Parameters
    ----------
    noise
        The process and its weights, or the weights of multiscale noise.
    rule
        A name from `edmnoise.diffusion.names.RULES`.
    distribution
        Of noise levels over steps.
    batch
        Structures in a step, each at a level of its own.
    steps, minutes
        Budget: one of the two. Minutes become steps once the first steps have been timed.
    seed
        Of the weights that the network begins with, and of all that is drawn.
    loss
        A name from `edmnoise.diffusion.names.LOSSES`.

    Raises
    ------
    EdmNoiseError
        For a loss that is not known, numbers that are no numbers of steps, minutes or structures, and for two budgets.
    """

    noise: NoiseChoice | Weights = FLAT
    rule: str = "finite"
    distribution: SigmaDistribution = DISTRIBUTIONS["alphafold3"]
    batch: int = 16
    steps: int | None = None
    minutes: float | None = None
    seed: int = 0
    loss: str = "parts"

    def __post_init__(self) -> None:
        noise = check_linear(NoiseChoice.of(self.noise))
        object.__setattr__(self, "noise", noise)
        if noise.weights.domain:
            raise EdmNoiseError(f"{noise.said} give domains a share, of which no network learns: give three weights")
        if self.loss not in LOSSES:
            raise EdmNoiseError(f"loss is {self.loss!r}: give {' or '.join(LOSSES)}")
        check_seed(self.seed)
        if self.steps is not None and self.minutes is not None:
            raise EdmNoiseError(f"steps is {self.steps} and minutes is {self.minutes:g}: give one budget")
        if self.steps is None and self.minutes is None:
            object.__setattr__(self, "steps", DEFAULT_STEPS)
        for name, value in (("batch", self.batch), ("steps", self.steps)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise EdmNoiseError(f"{name} is {value!r}: give a whole number from 1")
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise EdmNoiseError(f"minutes is {self.minutes:g}: give a number above 0")

    def facts(self) -> dict[str, object]:
        """What JSON can hold, for `of`."""
        noise, distribution = NoiseChoice.of(self.noise), self.distribution
        return {
            "process": noise.text(),
            "weights": noise.weights.by_name,
            "rule": self.rule,
            "distribution": [distribution.p_mean, distribution.p_std, distribution.sigma_data],
            "batch": self.batch,
            "steps": self.steps,
            "minutes": self.minutes,
            "seed": self.seed,
            "loss": self.loss,
        }

    @classmethod
    def of(cls, facts: dict[str, object]) -> Training:
        """What `facts` wrote."""
        given: dict[str, object] = dict(facts)
        noise = NoiseChoice.parse(str(given.pop("process")), Weights(**given.pop("weights")))  # type: ignore[arg-type]
        distribution = parse_distribution(given.pop("distribution"))  # type: ignore[arg-type]
        return cls(noise, distribution=distribution, **given)  # type: ignore[arg-type]


@dataclass(frozen=True, repr=False)
class Progress(Legible):
    """One step of training.

    Attributes
    ----------
    step, steps
        How many are done, of how many; None while minutes are not yet steps.
    loss
        What the gradient is of: atoms, residue and chain centres together.
    parts
        The atoms' own, finest part first: mean |D - y|^2 per coordinate over what the loss divides it by.
    seconds_left
        At the pace of the steps so far.
    note
        What went wrong without an end to the training.
    """

    step: int
    steps: int | None
    loss: float
    parts: tuple[float, float, float]
    seconds_left: float | None
    note: str = ""


class Trainer:
    """A training: `run` makes its steps, `denoiser` gives what has been learned so far.

    Parameters
    ----------
    ensemble
        The data.
    training
        How.
    device
        Where, a name of torch's.

    Raises
    ------
    EdmNoiseError
        For a rule that gives a part c_out = 0, other levels than atoms in residues in chains, and a device that is not
        there.
    """

    def __init__(self, ensemble: Ensemble, training: Training, device: str = "cpu") -> None:
        self.ensemble, self.training, self.device = ensemble, training, _device(device)
        noise = NoiseChoice.of(training.noise)
        self.covariance = noise.on(ensemble.structure).covariance
        self.model = _model(ensemble.structure, training, ensemble.scales).to(self.device)
        self._average = copy.deepcopy(self.model)
        self._weights, self._averaged = Flat(self.model), Flat(self._average)
        self._adam = Adam(self._weights.all, self._weights.gradient)
        self._generator = torch.Generator()
        self._steps = training.steps
        self._seconds = 0.0
        self.step = 0
        """Steps done."""

    def __repr__(self) -> str:
        return f"Trainer({self.ensemble}, step {self.step:,}, {self.device})"

    @property
    def steps(self) -> int | None:
        """Of how many; None while minutes are not yet steps."""
        return self._steps

    @classmethod
    def resumed(cls, path: str | os.PathLike[str], ensemble: Ensemble, device: str = "cpu") -> Trainer:
        """A training as a checkpoint has it; EdmNoiseError where the data are not those that it was made with."""
        found = read_checkpoint(path, ensemble.structure)
        made = cls(ensemble, Training.of(found.facts["training"]), device)
        if found.facts["data"] != ensemble.digest:
            raise EdmNoiseError(f"{os.fspath(path)} was trained on other data: give the same states and fluctuations")
        made._take(found)
        return made

    def run(
        self, checkpoint: str | os.PathLike[str] | None = None, every: float = 30.0
    ) -> Generator[Progress, None, None]:
        """Train to the end of the budget; stop asking to stop, and a checkpoint of the last step is written.

        Parameters
        ----------
        checkpoint
            File that is written every so many seconds and at the end; a full disk ends no training.
        every
            Seconds between two.

        Yields
        ------
        Progress
            One a step.

        Raises
        ------
        EdmNoiseError
            Before the first step where there cannot be a checkpoint, and when the loss is no longer finite; the last
            checkpoint is kept then.
        """
        saved, kept = time.monotonic(), None
        if checkpoint is not None:
            self.save(checkpoint)
            kept = self.step
        while not self._ended():
            start = time.monotonic()
            try:
                loss, parts = self._advance()
            except _NotFinite as error:
                where = (
                    "" if kept is None else f"; the checkpoint of step {kept} is kept at {os.fspath(checkpoint or '')}"
                )
                raise EdmNoiseError(f"{error}: the training has ended{where}") from None
            self._seconds += time.monotonic() - start
            note = ""
            if checkpoint is not None and (time.monotonic() - saved >= every or self._ended()):
                note = self._try_to_save(checkpoint)
                saved, kept = time.monotonic(), kept if note else self.step
            try:
                yield Progress(self.step, self._steps, loss, parts, self._seconds_left(), note)
            except GeneratorExit:
                if checkpoint is not None and kept != self.step:
                    self.save(checkpoint)
                raise

    def denoiser(self) -> NetworkDenoiser:
        """What has been learned so far, on its own: training goes on without it."""
        return NetworkDenoiser(copy.deepcopy(self._average).requires_grad_(False))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint; EdmNoiseError where that is not possible."""
        tensors: dict[str, Tensor] = {f"weights/{name}": value for name, value in self.model.named_parameters()}
        tensors |= {f"average/{name}": value for name, value in self._average.named_parameters()}
        tensors |= {"adam/mean": self._adam.mean, "adam/square": self._adam.square}
        # The generator begins anew in each step, from the seed and the step: these two are its state.
        facts = {
            "training": self.training.facts(),
            "scales": list(self.ensemble.scales.by_level),
            "data": self.ensemble.digest,
            "step": self.step,
            "steps": self._steps,
            "seconds": self._seconds,
        }
        write_checkpoint(path, self.ensemble.structure, tensors, facts)

    def _advance(self) -> tuple[float, tuple[float, float, float]]:
        """One step: its loss, and the atoms' own by part."""
        y, x, sigma = self.drawn(self.step)
        total, parts = losses(self.model, x, y, sigma, self.training.loss)
        self._weights.gradient.zero_()
        total.backward()
        loss, norm = float(total.detach()), float(self._weights.gradient.norm())
        if not math.isfinite(loss + norm):
            what = "loss" if not math.isfinite(loss) else "gradient"
            raise _NotFinite(f"the {what} is no longer finite in step {self.step + 1}")
        self._weights.gradient.mul_(min(1.0, CLIP / (norm + 1e-6)))
        self._adam.advance(self.step + 1, self._rate())
        self.step += 1
        # At first the average is of what there is: the weights that it began with are worth nothing.
        decay = min(AVERAGE, self.step / (self.step + 9))
        self._averaged.all.lerp_(self._weights.all, 1 - decay)
        atom, residue, chain = parts.tolist()
        return loss, (atom, residue, chain)

    def drawn(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Data y and noisy data x (B, 3, N), both centred, and their levels (B,): those of a step from 0."""
        generator = reseed(self._generator, self.training.seed, step, TRAINING)
        y = self.ensemble.draw(self.training.batch, generator)
        distribution = self.training.distribution
        z = torch.randn(len(y), generator=generator).clamp(-6, 6)
        sigma = distribution.sigma_data * (distribution.p_mean + distribution.p_std * z).exp()
        noise = self.covariance.draw(torch.empty_like(y), generator)
        x = torch.addcmul(y, noise, sigma[:, None, None])
        x -= x.mean(dim=2, keepdim=True)
        return y.to(self.device), x.to(self.device), sigma.to(self.device)

    def _rate(self) -> float:
        warm = WARM_UP if self._steps is None else min(WARM_UP, self._steps // 10)
        if self.step < warm or self._steps is None:
            return RATE * (self.step + 1) / warm
        return RATE * 0.5 * (1 + math.cos(math.pi * (self.step - warm) / (self._steps - warm)))

    def _ended(self) -> bool:
        """Whether the budget is spent; minutes become steps here."""
        if self._steps is None:
            seconds = 60 * (self.training.minutes or 0.0)
            if self._seconds >= seconds:
                self._steps = self.step
            elif self.step == WARM_UP:
                self._steps = max(self.step + 1, round(seconds * self.step / self._seconds))
        return self._steps is not None and self.step >= self._steps

    def _seconds_left(self) -> float | None:
        if self._steps is None:
            return max(60 * (self.training.minutes or 0.0) - self._seconds, 0.0)
        return (self._steps - self.step) * self._seconds / self.step

    def _try_to_save(self, path: str | os.PathLike[str]) -> str:
        """Nothing, or why there is no checkpoint of this step."""
        try:
            self.save(path)
        except EdmNoiseError as error:
            return f"no checkpoint of step {self.step}, the training goes on: {error}"
        return ""

    def _take(self, found: Checkpoint) -> None:
        """The state of a checkpoint."""
        with torch.no_grad():
            for kind, model in (("weights", self.model), ("average", self._average)):
                for name, value in model.named_parameters():
                    value.copy_(found.tensors[f"{kind}/{name}"])
        self.step, self._steps, self._seconds = (found.facts[key] for key in ("step", "steps", "seconds"))
        self._adam.mean.copy_(found.tensors["adam/mean"])
        self._adam.square.copy_(found.tensors["adam/square"])


class _NotFinite(ArithmeticError):
    """A loss or a gradient is NaN or infinite."""


def load_denoiser(path: str | os.PathLike[str], structure: Structure, device: str = "cpu") -> NetworkDenoiser:
    """The network of a checkpoint, as it would be had the training ended there.

    Raises
    ------
    EdmNoiseError
        For a file that is no checkpoint, one for other atoms, and a device that is not there.
    """
    structure = structure.without_domains()  # which no network has learned of
    found = read_checkpoint(path, structure)
    atom, residue, chain = found.facts["scales"]
    training = Training.of(found.facts["training"])
    model = _model(structure, training, Scales(atom=atom, residue=residue, chain=chain))
    model.load_state_dict(
        {name.removeprefix("average/"): value for name, value in found.tensors.items() if name.startswith("average/")}
    )
    steps, noise = found.facts["step"], NoiseChoice.of(training.noise).label
    about = f"trained for {steps:,} step{'' if steps == 1 else 's'} with the noise {noise} and the rule {training.rule}"
    return NetworkDenoiser(model.requires_grad_(False).to(_device(device)), about)


def _model(structure: Structure, training: Training, scales: Scales) -> Model:
    return Model(structure, Preconditioner.of(training.noise, structure, scales), training.rule, training.seed)


def _device(name: str) -> torch.device:
    try:
        found = torch.device(name)
        torch.empty(1, device=found)
    except (RuntimeError, AssertionError):
        raise EdmNoiseError(f"device is {name!r}: it is not there; cpu always is") from None
    return found
