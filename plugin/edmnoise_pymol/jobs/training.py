"""A network that learns the loaded states, as a user asks for it; nothing in PyMOL is changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible
from edmnoise.base.table import Column, Table
from edmnoise.diffusion.denoisers.choice import DenoiserChoice
from edmnoise.learning.checkpoint import check_checkpoint, read_facts
from edmnoise.learning.ensemble import Ensemble
from edmnoise.learning.floor import Beside, loss_and_floor
from edmnoise.learning.model import NetworkDenoiser
from edmnoise.learning.train import Trainer, Training
from edmnoise.noise.process import NoiseChoice
from edmnoise.noise.sigma import SigmaDistribution
from edmnoise.noise.weights import PRESETS, Weights
from edmnoise.settings.knob import typed
from edmnoise.structure.hierarchy import PARTS
from edmnoise.study.candidates import EXACT, NOTHING, Candidate, DoingNothing
from edmnoise.study.error import denoising_error
from edmnoise.study.error_study import ErrorStudy
from edmnoise.study.targets import Targets

from ..job import Cancelled, Job, Watch
from ..scene.ask import Cmd
from ..scene.selected import Selected
from ..scene.states import read_states
from .drawn import torch_device
from .training_run import run, said

NETWORK = "network"
"""Its name in tables."""

_LEVELS, _DRAWS = (-2.0, -1.0, 0.0, 1.0, 2.0), 32
"""Normal scores at which the error is measured in the end, and draws at each: seconds."""


@dataclass(frozen=True, eq=False, repr=False)
class TrainResult(Legible):
    """What came of a training.

    Attributes
    ----------
    denoiser
        The network.
    training
        How it was trained.
    object, path
        What it has learned, and where its checkpoint lies.
    kept
        Whether that is of the last step: not where the disk was full in the end.
    step, steps
        Done, and of how many; None where it was cancelled before minutes were steps.
    losses
        Loss by part, beside the least one; none where the training was cancelled, and so the next two.
    error
        Errors at some levels, beside the exact denoiser and doing nothing.
    held_out
        The same at the states that were held out, where there are any.
    notes
        What is to be said.
    """

    denoiser: NetworkDenoiser
    training: Training
    object: str
    path: str
    kept: bool
    step: int
    steps: int | None
    losses: Table | None
    error: ErrorStudy | None
    held_out: ErrorStudy | None
    notes: tuple[str, ...]

    def tables(self) -> list[Table]:
        """What is printed: none where the training was cancelled."""
        studies = [study.summary() for study in (self.error, self.held_out) if study is not None]
        return studies if self.losses is None else [self.losses, *studies]

    def sampled_by(self, selection: str, others: str = "") -> str:
        """The line to sample with it."""
        noise = "weights" if NoiseChoice.of(self.training.noise).weighted else "process"
        return f"edm_sample {selection}, denoiser={self.path}, {noise}={_shown(self.training.noise)}{others}"


class _Measured(NamedTuple):
    losses: Beside
    error: ErrorStudy
    held_out: ErrorStudy | None


def train(
    cmd: Cmd,
    which: Selected,
    asked: Mapping[str, Any],
    data: DenoiserChoice,
    held_out: Sequence[int],
    path: str | None,
    resume: str | None,
    device: str,
) -> Job[TrainResult]:
    """Train a network on the states of a loaded object, or of several objects of the same atoms.

    A training that is cancelled keeps a checkpoint of its last step.

    Parameters
    ----------
    which
        As in `edmnoise_pymol.jobs.sampling.sample`.
    asked
        What of `Training` was given, by name.
    data
        Probabilities of the states, and their fluctuations.
    held_out
        Numbers of states, from 1.
    path
        Of the checkpoint; when not given, that which is resumed, or one of the object's name.
    resume
        Checkpoint to go on from.
    device
        As in `edmnoise_pymol.jobs.drawn.Batch`.

    Raises
    ------
    EdmNoiseError
        For input that cannot be used, before the first step; for a loss that is no longer finite, the last checkpoint
        being kept.
    """
    training, chosen = Training(**asked), torch_device(device)
    path, resume = (None if name is None else os.path.expanduser(name) for name in (path, resume))
    source, states = yield from read_states(cmd, which)
    structure, name = source.structure.without_domains(), source.object  # of which no network learns
    data.check(len(states), source.called())
    for number in held_out:
        if number > len(states):
            raise EdmNoiseError(
                f"state {number} of {source.called()} cannot be held out: its states are 1 to {len(states)}"
            )
    target = path or resume or f"{name}.safetensors"

    def prepare(watch: Watch) -> Trainer:
        """Seconds for an elastic network."""
        watch.check(0.0, "preparing the data")
        if target != resume:
            _check_place(check_checkpoint(target))
        ensemble = Ensemble(
            structure,
            np.stack(states),
            data.state_weights,
            data.motion(structure),
            [number - 1 for number in held_out],
        )
        if resume is None:
            made = Trainer(ensemble, training, chosen)
            ensemble.exact(made.covariance)  # what it is compared with in the end, refused before it begins
            return made
        return _resumed(resume, ensemble, chosen, asked)

    trainer = yield prepare
    first = trainer.step
    course = yield partial(run, trainer, target)
    measured = None
    if course.ended:
        moving = "" if trainer.ensemble.fluctuations is None else ", fluctuating"
        measured = yield partial(_measure, trainer, f"{source.states(len(trainer.ensemble.states), held_out)}{moving}")
    notes = (source.states(len(states)), *source.notes)
    return TrainResult(
        _on_cpu(trainer.denoiser()),
        trainer.training,
        name,
        target,
        course.kept,
        trainer.step,
        trainer.steps,
        None if measured is None else _losses(measured),
        None if measured is None else measured.error,
        None if measured is None else measured.held_out,
        (*notes, *said(trainer, first, course, target)),
    )


def trained_with(path: str) -> Job[dict[str, str]]:
    """Process and weights of the noise that a checkpoint was trained with, as they are typed."""

    def work(_: Watch) -> dict[str, str]:
        noise = NoiseChoice.of(Training.of(read_facts(path)["training"]).noise)
        return {"process": noise.text("g"), "weights": _shown(noise.weights)}

    return (yield work)


def _check_place(path: str) -> None:
    """Nothing is written over: what a network has learned took minutes or days."""
    if os.path.exists(path):
        raise EdmNoiseError(f"{path} is there: give resume={path} to go on from it, or another file")


def _resumed(path: str, ensemble: Ensemble, device: str, asked: Mapping[str, Any]) -> Trainer:
    """A training as it was, where nothing else is asked for."""
    made = Trainer.resumed(path, ensemble, device)
    for name, value in asked.items():
        was, wanted = getattr(made.training, name), _shown(value)
        if was is None or _shown(was) != wanted:
            if name == "noise":
                name = "weights" if NoiseChoice.of(was).weighted and NoiseChoice.of(value).weighted else "process"
            how = f"without {name}" if was is None else f"with {name} {_shown(was)}, not {wanted}"
            raise EdmNoiseError(f"{path} was trained {how}: leave {name} out, or train anew")
    if made.steps is not None and made.step >= made.steps:
        raise EdmNoiseError(f"{path} has gone all its {made.steps:,} steps: there is nothing to resume")
    return made


def _shown(value: Any) -> str:
    """A setting as it is typed; equal ones are typed alike."""
    if isinstance(value, SigmaDistribution):
        return f"{value.p_mean:g} {value.p_std:g} {value.sigma_data:g}"
    if isinstance(value, NoiseChoice | Weights):
        noise = NoiseChoice.of(value)
        if not noise.weighted:
            return noise.label
        weights = noise.weights
        return weights.label if weights.label in PRESETS else weights.text(".9g")
    return typed(value)


def _measure(trainer: Trainer, known: str, watch: Watch) -> _Measured | None:
    """Loss and errors in the end; None where nobody waits for them."""
    ensemble, training = trainer.ensemble, trainer.training
    candidates = [
        Candidate(NETWORK, _on_cpu(trainer.denoiser()), known),
        Candidate(EXACT, ensemble.exact(trainer.covariance), known),
        Candidate(NOTHING, DoingNothing(), "nothing"),
    ]

    def told(what: str) -> Callable[[int, int], None]:
        return lambda done, total: watch.check(1.0, f"measuring the {what}, draw {done:,} of {total:,}")

    def of(states: torch.Tensor, name: str, weights: Sequence[float] | None = None) -> ErrorStudy:
        targets = Targets(states, name, weights, ensemble.fluctuations)
        return denoising_error(
            candidates,
            targets,
            trainer.covariance,
            ensemble.structure.hierarchy,
            [training.distribution.sigma(z) for z in _LEVELS],
            _DRAWS,
            training.seed,
            EXACT,
            told("error"),
        )

    try:
        losses = loss_and_floor(trainer, progress=told("loss"))
        error = of(ensemble.states, known, ensemble.weights.tolist())
        others = len(ensemble.held_out)
        held_out = of(ensemble.held_out, f"{others} held out") if others else None
    except Cancelled:  # what has been trained is kept
        return None
    return _Measured(losses, error, held_out)


def _on_cpu(network: NetworkDenoiser) -> NetworkDenoiser:
    """The same one, wherever it was trained: exact denoisers lie there, and samples of it begin there."""
    network.model.cpu()
    return network


def _losses(measured: _Measured) -> Table:
    """A row for each part that there is."""
    parts = measured.error.parts
    network, exact = (values[parts].tolist() for values in measured.losses)
    return Table(
        "loss on fresh draws of the training distribution",
        (
            Column("part", [PARTS[part] for part in parts]),
            Column(NETWORK, network, "", 3, "mean square error per coordinate over c_out^2"),
            Column(EXACT, exact, "", 3, "the same of the exact denoiser: no network gets below"),
        ),
    )
