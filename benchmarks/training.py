"""A step of training beside a plain one of the same network; then one full run on "small" and what it comes to.

``python -m benchmarks training``. The run is printed: excess error over the optimum by level and part, and 64 samples
beside those of the exact denoiser. Set EDMNOISE_STEPS to train for fewer steps.
"""

from __future__ import annotations

import copy
import os
import resource
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from edmnoise.diffusion.denoisers.denoiser import Denoiser
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.diffusion.samplers.sampler import sample
from edmnoise.frames.lddt import LocalPairs, lddt_scores
from edmnoise.learning.ensemble import Ensemble
from edmnoise.learning.loss import losses
from edmnoise.learning.train import DEFAULT_STEPS, Trainer, Training
from edmnoise.noise.theory.scales import split
from edmnoise.noise.weights import Weights
from edmnoise.structure.hierarchy import PARTS
from edmnoise.structure.structure import Structure
from edmnoise.structure.superpose import superpose

from .harness import Result, compare, show
from .plain_network import PlainTrainer, doubled
from .small import WEIGHTS, small_system, toxin

SIZES = ((250, 1.5), (740, 1.6), (3_341, 2.0))
"""Atoms, and how many times faster than the plain step ours is to be."""

LEVELS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
MOST_EXCESS, MOST_RMSD, LEAST_LDDT, SAMPLES = 2.6, 1.1, 0.86, 64
"""What is to be reached on "small": error over the optimum, angstrom, and 64 samples without a mirror image."""

FLAT = Weights.named("flat")


def first_atoms(count: int) -> Ensemble:
    """Two states of the first atoms of 1TII."""
    whole = toxin()
    structure = Structure.from_atoms(whole.coordinates[:count], whole.atoms.take(np.arange(count)))
    moved = structure.coordinates + np.random.default_rng(0).normal(size=structure.coordinates.shape)
    return Ensemble(structure, np.stack([structure.coordinates, moved]))


def steps() -> list[Result]:
    """Ours beside the plain step; and all of ours beside its forward and backward pass."""
    results = []
    for atoms, target in SIZES:
        ensemble, training = first_atoms(atoms), Training(FLAT, steps=10_000)
        trainer, plain = Trainer(ensemble, training), PlainTrainer(ensemble, training)
        _print_deviation(trainer, plain)
        running = trainer.run()

        def ours() -> object:
            return next(running)  # noqa: B023 - used before the next round

        repeats = 7 if atoms < 1_000 else 3
        results.append(compare(f"training step, {atoms:,} atoms", ours, plain.advance, target, repeats=repeats))
        results.append(
            compare(
                f"training step beside its network alone, {atoms:,} atoms",
                ours,
                _network_alone(trainer),
                1.1,
                "at_most",
                repeats,
            )
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"training: {SIZES[-1][0]:,} atoms, batch 16, ours and the plain one: {peak:.2f} GiB of memory at most")
    return results


def _network_alone(trainer: Trainer) -> Callable[[], object]:
    y, x, sigma = trainer.drawn(0)

    def passes() -> object:
        return losses(trainer.model, x, y, sigma)[0].backward()

    return passes


@torch.no_grad()
def _print_deviation(trainer: Trainer, plain: PlainTrainer) -> None:
    """Beside both in float64, where they are one network: what is between them in float32 is rounding."""
    _, x, sigma = trainer.drawn(0)
    x = x.mT
    mine, theirs = trainer.model(x, sigma)["atoms"], plain.plain(x, sigma)["atoms"]
    exact = copy.deepcopy(plain.plain).double()(x.double(), sigma.double())["atoms"]
    ours = doubled(trainer.model)(x.double(), sigma.double())["atoms"]

    def off(one: Tensor, other: Tensor) -> str:
        return f"{float((one - other).square().mean().sqrt() / exact.square().mean().sqrt()):.1e}"

    print(
        f"training: {x.shape[1]:,} atoms, RMS over RMS: ours and the plain network differ by {off(mine, theirs)}; from "
        f"float64 ours by {off(mine, exact)}, the plain one by {off(theirs, exact)}; in float64 by {off(ours, exact)}"
    )


def excess(trainer: Trainer, denoiser: Denoiser, count: int = 256) -> list[tuple[float, ...]]:
    """Level, and by part 1 + E|D - D*|^2 / E|D* - y|^2: the error over the least one, without the noise of both."""
    ensemble, rows = trainer.ensemble, []
    best = ensemble.exact(trainer.covariance)
    for sigma in LEVELS:
        generator = torch.Generator().manual_seed(7)
        y = ensemble.draw(count, generator)
        x = y + sigma * trainer.covariance.draw(torch.empty_like(y), generator)
        x -= x.mean(dim=2, keepdim=True)
        found, least = denoiser.denoise(x, sigma).atoms, best.denoise(x, sigma).atoms
        squares = [
            [float(part.square().mean()) for part in split(values, ensemble.structure.hierarchy)]
            for values in (found - least, least - y)
        ]
        rows.append((sigma, *(1 + more / error for more, error in zip(*squares, strict=True))))
    return rows


def judged(trainer: Trainer, denoiser: Denoiser, level_weights: tuple[float, float] = (0.0, 0.0)) -> tuple[float, ...]:
    """Mean RMSD to the nearest state, share of mirror images, lDDT, share of the first state, of 64 samples."""
    ensemble = trainer.ensemble
    hierarchy = ensemble.structure.hierarchy
    schedule, sampler = SamplerChoice("heun", 40, sigma_max=160.0, level_weights=level_weights).build()
    for step in sample(denoiser, trainer.covariance, schedule, sampler, SAMPLES, hierarchy=hierarchy):
        x = step.x
    rmsd, mirrored = (_to_states(ensemble, given) for given in (x, -x))
    nearest, state = rmsd.min(dim=1)
    lddt = np.stack([_lddt(ensemble, x, number) for number in range(len(ensemble.states))])
    share = float((state == 0).double().mean())
    mirror = float((mirrored.min(dim=1).values < nearest).double().mean())
    return float(nearest.mean()), mirror, float(lddt[state.numpy(), np.arange(SAMPLES)].mean()), share


def _to_states(ensemble: Ensemble, x: Tensor) -> Tensor:
    return torch.stack([superpose(x, state.float().contiguous()).rmsd for state in ensemble.states], dim=1)


def _lddt(ensemble: Ensemble, x: Tensor, number: int) -> np.ndarray:
    places = ensemble.states[number].mT.float().contiguous().numpy()
    state = Structure(places, ensemble.structure.atoms, ensemble.structure.hierarchy)
    points = np.ascontiguousarray(x.permute(2, 1, 0).numpy())
    return lddt_scores(LocalPairs.of(state), points, np.zeros(x.shape[0], dtype=np.int64))[0]


def full_run(weights: Weights = FLAT, rule: str = "finite", seed: int = 0) -> None:
    """Train on "small", print what came out beside what is to be reached."""
    budget = int(os.environ.get("EDMNOISE_STEPS", DEFAULT_STEPS))
    trainer = Trainer(small_system(), Training(weights, rule, steps=budget, seed=seed))
    start, cpu = time.perf_counter(), time.process_time()
    for _ in trainer.run():
        pass
    took = f"{time.perf_counter() - start:.0f} s, {time.process_time() - cpu:.0f} s of CPU"
    print(f"training: small, {weights.label}, {rule}, seed {seed}: {budget:,} steps in {took}")
    denoiser = trainer.denoiser()
    rows = excess(trainer, denoiser)
    print(f"training: error over the least one at sigma: {', '.join(PARTS)} (at most {MOST_EXCESS:g})")
    for sigma, *parts in rows:
        print(f"training: {sigma:7.2f} A  " + "  ".join(f"{part:5.2f}" for part in parts))
    binomial = (WEIGHTS[0] * WEIGHTS[1] / SAMPLES) ** 0.5
    for name, model, steering in (
        ("network", denoiser, (0.0, 0.0)),
        ("network, level_weights 1 1", denoiser, (1.0, 1.0)),
        ("exact", trainer.ensemble.exact(trainer.covariance), (0.0, 0.0)),
    ):
        rmsd, mirror, lddt, share = judged(trainer, model, steering)
        print(
            f"training: {SAMPLES} samples, {name}: RMSD {rmsd:.3f} A (at most {MOST_RMSD:g}), "
            f"mirror images {mirror:.3f}, lDDT {lddt:.3f} (at least {LEAST_LDDT:g}), "
            f"state 1 {share:.3f} ({(share - WEIGHTS[0]) / binomial:+.1f} binomial errors)"
        )


def run() -> list[Result]:
    """Steps on one thread, so that both sides of a ratio meet the same machine; the run with torch's own."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    results = steps()
    torch.set_num_threads(threads)
    full_run()
    return results


if __name__ == "__main__":
    print(show(run()))
