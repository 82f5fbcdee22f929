"""edm_train: a small network that learns to denoise what is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edmnoise.settings import atoms, learning, sampling
from edmnoise.settings.knob import Knob, typed

from ..job import Job
from ..scene.selected import Selected
from .speech import command, say, show

if TYPE_CHECKING:
    from edmnoise.noise.sigma import SigmaDistribution
    from edmnoise.noise.weights import Weights

    from ..jobs.training import TrainResult

_ATOMS: tuple[Knob, ...] = (atoms.STATES, atoms.HYDROGENS, atoms.SOLVENT, atoms.COMMON, atoms.LIGANDS)
"""What decides which atoms a network is of."""


@command
def edm_train(
    selection: str = learning.DATA,
    steps: int | None = learning.STEPS,
    minutes: float | None = learning.MINUTES,
    weights: Weights | None = learning.TRAINED_WEIGHTS,
    rule: str | None = learning.TRAINED_RULE,
    batch: int | None = learning.BATCH,
    seed: int | None = learning.TRAINED_SEED,
    file: str | None = learning.CHECKPOINT,
    resume: str | None = learning.RESUME,
    fluctuations: Sequence[float] | str | None = learning.TRAINED_FLUCTUATIONS,
    state_weights: Sequence[float] | None = sampling.STATE_WEIGHTS,
    held_out: Sequence[int] | None = learning.HELD_OUT,
    distribution: SigmaDistribution | None = learning.TRAINED_DISTRIBUTION,
    device: str = learning.TRAINING_DEVICE,
    state: int = atoms.STATES,
    hydrogens: bool = atoms.HYDROGENS,
    solvent: bool = atoms.SOLVENT,
    common: bool = atoms.COMMON,
    ligands: str = atoms.LIGANDS,
    process: str | None = learning.TRAINED_PROCESS,
    loss: str | None = learning.LOSS,
    *,
    quiet: int = 1,
    _self: Any = None,
) -> Job[TrainResult]:
    """
    DESCRIPTION

        "edm_train" trains a small network to denoise the states of the loaded
        object, or of several objects of the same atoms, as EDM does: noise of
        a random level on a random state in each step. Fluctuations, where
        given, are drawn afresh for each. At the end it prints the loss and
        the error by part, beside those of the exact denoiser of the same
        states, which no network gets below, and the line to sample with it.
        It makes no object.

    EXAMPLES

        edm_train resi 66-70, 40, fluctuations=1 0.3 0.2, file=d.safetensors
        edm_train resi 9, 9, weights=1 4 4, fluctuations=3 1 1, file=e.safetensors

    NOTES

        The default of 3,500 steps takes some 90 seconds on one core for
        195 atoms, and is enough there to sample with. The learning rate falls
        to 0 over the budget, so that more steps are another training.

        Ctrl-C, Esc or Cancel ends a training and keeps a checkpoint of the
        last step, from which resume goes on to the same network, bit by bit
        (on the same machine with as many threads). A full disk ends no
        training: it is said, and the next checkpoint is tried 30 s later.

        The network turns with its input, tells mirror images apart, and knows
        the atoms by element, name and residue; it is of these atoms alone.

    SEE ALSO

        edm_error, edm_judge, edm_sample, edm_precondition, edm_noise
    """
    from edmnoise.diffusion.denoisers.choice import DenoiserChoice
    from edmnoise.learning.checkpoint import check_checkpoint, check_installed
    from edmnoise.noise.process import FLAT, MULTISCALE, NoiseChoice

    from ..jobs import training as jobs

    check_installed()
    given = weights is not None or process is not None
    asked = {
        "noise": NoiseChoice.parse(process or MULTISCALE, weights or FLAT) if given else None,
        "rule": rule,
        "distribution": distribution,
        "batch": batch,
        "steps": steps,
        "minutes": minutes,
        "seed": seed,
        "loss": loss,
    }
    which = Selected(selection, state, hydrogens, solvent, ligands, common)
    result = yield from jobs.train(
        _self,
        which,
        {name: value for name, value in asked.items() if value is not None},
        DenoiserChoice("states", state_weights, fluctuations),
        held_out or (),
        None if file is None else check_checkpoint(file),
        resume,
        device,
    )
    say(quiet, "edm_train", "\n    ".join(result.notes))
    for table in result.tables():
        show(quiet, table)
    taken = ((knob, getattr(which, knob.name)) for knob in _ATOMS)
    others = "".join(f", {knob.name}={typed(value)}" for knob, value in taken if value != knob.default)
    where = "the network lies in" if result.kept else "an earlier step lies in"
    say(quiet, "edm_train", f"{where} {result.path}; to sample with it:")
    say(quiet, "edm_train", result.sampled_by(selection, others))
    return result
