"""Networks trained with each rule of preconditioning: errors by part and level, samples with and without steering.

``python -m benchmarks.preconditioning --out docs/data/preconditioning.csv`` trains on "small" with two weights of
noise, two rules and three seeds, and adds a row to the file after each run. Runs that the file has already are left
out, so that it can be interrupted. A run takes about two minutes of one core.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

import torch

from edmnoise.diffusion.denoisers.denoiser import Denoiser
from edmnoise.learning.train import DEFAULT_STEPS, Trainer, Training
from edmnoise.noise.weights import Weights
from edmnoise.structure.hierarchy import PARTS

from .small import small_system
from .training import LEVELS, excess, judged

SEEDS, NOISES, RULES = (0, 1, 2), ("flat", "rebalanced"), ("global", "finite")

EXACT = "exact"
"""Stands where a rule does in the row of the exact denoiser."""

STEERINGS = ("0 0", "1 1")
"""Weights of the network's residue and chain outputs in a step of the sampler."""

JUDGED = ("rmsd", "mirror", "lddt", "state1")
"""Of 64 samples: mean RMSD to the nearest state, angstrom; shares of mirror images and of state 1; mean lDDT."""

RUN = ("noise", "rule", "seed", "steps")

COLUMNS = (
    *RUN,
    *(f"{part} {sigma:g}" for part, sigma in product(PARTS, LEVELS)),
    *(f"{what} {steering}" for steering, what in product(STEERINGS, JUDGED)),
)
"""A row: the run, mean square error over the least one by part and level (angstrom), what samples are like."""


def runs(steps: int) -> Iterator[dict[str, str]]:
    """All that is to be run, whole seeds after each other."""
    for noise in NOISES:
        yield dict(zip(RUN, (noise, EXACT, "", ""), strict=True))
    for seed, noise, rule in product(SEEDS, NOISES, RULES):
        yield dict(zip(RUN, (noise, rule, str(seed), str(steps)), strict=True))


def measured(run: Mapping[str, str]) -> dict[str, str]:
    """The row of a run."""
    exact = run["rule"] == EXACT
    known = {} if exact else {"rule": run["rule"], "steps": int(run["steps"]), "seed": int(run["seed"])}
    trainer = Trainer(small_system(), Training(Weights.named(run["noise"]), **known))
    if exact:
        return {**run, **_samples(trainer, trainer.ensemble.exact(trainer.covariance), STEERINGS[:1])}
    for _ in trainer.run():
        pass
    denoiser = trainer.denoiser()
    errors = {
        f"{part} {sigma:g}": f"{value:.5g}"
        for sigma, *values in excess(trainer, denoiser)
        for part, value in zip(PARTS, values, strict=True)
    }
    return {**run, **errors, **_samples(trainer, denoiser, STEERINGS)}


def _samples(trainer: Trainer, denoiser: Denoiser, steerings: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for steering in steerings:
        residue, chain = map(float, steering.split())
        values = judged(trainer, denoiser, (residue, chain))
        found |= {f"{what} {steering}": f"{value:.5g}" for what, value in zip(JUDGED, values, strict=True)}
    return found


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a file; none where there is no file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def main() -> None:
    """Run what the file has not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.preconditioning", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="CSV file that rows are added to")
    parser.add_argument("--steps", type=int, default=DEFAULT_STEPS, help="of a training")
    given = parser.parse_args()
    torch.set_num_threads(1)
    done = [[row[name] for name in RUN] for row in rows_of(given.out)]
    for run in runs(given.steps):
        if list(run.values()) in done:
            continue
        row = measured(run)
        new = not given.out.exists()
        with given.out.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)
        print(", ".join(f"{name} {value}" for name, value in row.items() if value), flush=True)


if __name__ == "__main__":
    main()
