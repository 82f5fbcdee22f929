"""What samples are worth, as a user asks for it: loaded ones, and those of denoisers; nothing in PyMOL changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible
from edmnoise.base.seeds import check_seed
from edmnoise.base.table import Table
from edmnoise.diffusion.denoisers.choice import DenoiserChoice
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.noise.process import NoiseChoice, check_linear
from edmnoise.study.samples import SamplesStudy, final_samples, judge_samples

from ..job import Job, Watch
from ..scene import ask, titles
from ..scene.ask import Cmd
from ..scene.source import Source, objects_of, with_bonds
from ..scene.states import in_common, read_states
from .sampling import answered, torch_device

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
    selection: str,
    sampled: Sequence[str],
    denoisers: Mapping[str, DenoiserChoice],
    choice: SamplerChoice,
    noise: NoiseChoice,
    samples: int,
    seed: int,
    state_weights: Sequence[float] | None,
    by: str,
    device: str,
    state: int,
    hydrogens: bool,
    solvent: bool,
    common: bool,
    ligands: str,
) -> Job[JudgeResult]:
    """RMSD, shares, mirror images and chemistry of samples, against the states that they should be.

    Parameters
    ----------
    cmd
        PyMOL.
    selection
        Atoms of one object (its states are the data) or of several (the shown state of each).
    sampled
        Selections whose states are samples; of what `edm_sample` made not its reference and its steps.
    denoisers
        To sample with, each ``samples`` times, by their names in tables.
    choice, noise, seed, device, state, hydrogens, solvent, common, ligands
        As in `edmnoise_pymol.jobs.sampling.sample`.
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
    check_seed(seed)
    check_linear(noise)
    chosen = torch_device(device)
    source, states = yield from read_states(cmd, selection, state, hydrogens, solvent, common, ligands)
    DenoiserChoice("states", state_weights).check(len(states), source.object)
    members, sets = [source], [np.stack(states)]
    of_name: dict[str, list[int]] = {}
    for name in sampled:
        for part in objects_of(cmd, name):
            member, found = yield from _read_samples(cmd, f"({name}) and %{part}", part, hydrogens, solvent, common)
            of_name.setdefault(name, []).append(len(members))
            members.append(member)
            sets.append(found)
    rows, notes = in_common(members, common, renamed=True)
    sets = [frames[:, row] for frames, row in zip(sets, rows, strict=True)]
    structure = with_bonds(cmd, source.take(rows[0]))
    loaded = {name: np.concatenate([sets[place] for place in places]) for name, places in of_name.items()}

    def work(watch: Watch) -> tuple[SamplesStudy, tuple[str, ...]]:
        covariance, answers, made = noise.on(structure).covariance, list[str](), dict(loaded)
        for number, (name, each) in enumerate(denoisers.items()):
            if name in made:
                raise EdmNoiseError(f"two sets of samples are called {name!r}: give each once")
            watch.check(number / len(denoisers), f"building {name}")
            model = each.build(structure, sets[0], covariance, chosen, watch.ask)
            answers += answered(name, model)

            def progress(share: float, number: int = number, name: str = name) -> None:
                watch.check((number + share) / len(denoisers), f"sampling with {name}")

            made[name] = final_samples(model, covariance, schedule, sampler, samples, seed, chosen, progress)
        return judge_samples(structure, sets[0], made, state_weights), tuple(answers)

    study, answers = yield work
    whole, printed = (study.by_state,) * 2 if by == "state" else (study.table, study.summary)
    return (yield lambda _: JudgeResult(study, whole(), printed(), (*answers, *source.notes, *notes)))


def _read_samples(
    cmd: Cmd, selection: str, name: str, hydrogens: bool, solvent: bool, common: bool
) -> Job[tuple[Source, Frames]]:
    """The samples that an object holds, (S, N, 3)."""
    source, states = yield from read_states(cmd, selection, 0, hydrogens, solvent, common)
    wanted = titles.final_samples([ask.title(cmd, name, number) for number in range(1, len(states) + 1)])
    return source, np.stack([states[number - 1] for number in wanted])
