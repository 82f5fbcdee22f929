"""What samples are worth, as a user asks for it: loaded ones, and those of denoisers; nothing in PyMOL changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible
from edmnoise.base.table import Table
from edmnoise.diffusion.denoisers.choice import DenoiserChoice
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.study.samples import SamplesStudy, final_samples, judge_samples

from ..job import Job, Watch
from ..scene import ask, titles
from ..scene.ask import Cmd
from ..scene.selected import Selected
from ..scene.source import Source, objects_of, with_bonds
from ..scene.states import in_common, read_states
from .drawn import Batch
from .sampling import answered

Frames = NDArray[np.float32]


@dataclass(frozen=True, eq=False, repr=False)
class JudgeResult(Legible):
    """What was judged, the whole table, with standard errors, the one to print, and what is to say."""

    study: SamplesStudy
    table: Table
    printed: Table
    notes: tuple[str, ...]


def judge(
    cmd: Cmd,
    which: Selected,
    batch: Batch,
    sampled: Sequence[str],
    denoisers: Mapping[str, DenoiserChoice],
    choice: SamplerChoice,
    state_weights: Sequence[float] | None,
    by: str,
) -> Job[JudgeResult]:
    """RMSD, shares, mirror images and chemistry of samples, against the states that they should be.

    Parameters
    ----------
    which, batch, choice
        As in `edmnoise_pymol.jobs.sampling.sample`.
    sampled
        Selections whose states are samples; of what `edm_sample` made not its reference and its steps.
    denoisers
        To sample with, by their names in tables.
    state_weights
        Probability of each state, up to a factor; equal where not given.
    by
        "summary" for a row for each set of samples, "state" for one for each of its states.

    Raises
    ------
    EdmNoiseError
        For input that cannot be used.
    """
    if not sampled and not denoisers:
        raise EdmNoiseError("nothing to judge: give sampled, objects whose states are samples, or denoiser")
    twice = next((name for name in sampled if sampled.count(name) > 1), None)
    if twice is not None:
        raise EdmNoiseError(f"sampled holds {twice!r} twice: give it once")
    schedule, sampler = choice.build()
    source, states = yield from read_states(cmd, which)
    DenoiserChoice("states", state_weights).check(len(states), source.object)
    members, sets = [source], [np.stack(states)]
    of_name: dict[str, list[int]] = {}
    for name in sampled:
        for part in objects_of(cmd, name):
            wanted = Selected(f"({name}) and %{part}", 0, which.hydrogens, which.solvent, common=which.common)
            member, found = yield from _read_samples(cmd, wanted, part)
            of_name.setdefault(name, []).append(len(members))
            members.append(member)
            sets.append(found)
    rows, notes = in_common(members, which.common, renamed=True)
    sets = [frames[:, row] for frames, row in zip(sets, rows, strict=True)]
    structure = with_bonds(cmd, source.take(rows[0]))
    loaded = {name: np.concatenate([sets[place] for place in places]) for name, places in of_name.items()}

    def work(watch: Watch) -> tuple[SamplesStudy, tuple[str, ...]]:
        covariance, answers, made = batch.noise.on(structure).covariance, list[str](), dict(loaded)
        for number, (name, each) in enumerate(denoisers.items()):
            if name in made:
                raise EdmNoiseError(f"two sets of samples are called {name!r}: give each once")
            watch.check(number / len(denoisers), f"building {name}")
            model = each.build(structure, sets[0], covariance, batch.device, watch.ask)
            answers += answered(name, model)

            def progress(share: float, number: int = number, name: str = name) -> None:
                watch.check((number + share) / len(denoisers), f"sampling with {name}")

            made[name] = final_samples(
                model, covariance, schedule, sampler, batch.count, batch.seed, batch.device, progress
            )
        return judge_samples(structure, sets[0], made, state_weights), tuple(answers)

    study, answers = yield work
    whole, printed = (study.by_state,) * 2 if by == "state" else (study.table, study.summary)
    return (yield lambda _: JudgeResult(study, whole(), printed(), (*answers, *source.notes, *notes)))


def _read_samples(cmd: Cmd, which: Selected, name: str) -> Job[tuple[Source, Frames]]:
    """The samples that an object holds, (S, N, 3)."""
    source, states = yield from read_states(cmd, which)
    wanted = titles.final_samples([ask.title(cmd, name, number) for number in range(1, len(states) + 1)])
    return source, np.stack([states[number - 1] for number in wanted])
