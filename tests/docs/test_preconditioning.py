"""The page on preconditioning: its data are whole, and what it says of them is computed from them and holds."""

import csv
import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from benchmarks.preconditioning import COLUMNS, EXACT, JUDGED, NOISES, RULES, RUN, SEEDS, STEERINGS
from benchmarks.small import WEIGHTS, small_system
from benchmarks.training import LEVELS, SAMPLES
from edmnoise.learning.train import DEFAULT_STEPS, Trainer, Training
from edmnoise.structure.hierarchy import PARTS

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "preconditioning.rst").read_text(encoding="utf-8")
with (DOCS / "data" / "preconditioning.csv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))
TRAINED = [row for row in ROWS if row["rule"] != EXACT]


def column(name, noise, rule):
    """Values of a column, a row each."""
    return np.array([float(row[name]) for row in ROWS if (row["noise"], row["rule"]) == (noise, rule)])


def band(part, low, high, noise, rule):
    """Error of a part over the least one, mean of the levels from low to high, a run each."""
    return np.mean([column(f"{part} {sigma:g}", noise, rule) for sigma in LEVELS if low <= sigma <= high], axis=0)


def test_each_noise_and_rule_has_a_run_of_each_seed_at_the_full_budget():
    wanted = {(noise, rule, str(seed), str(DEFAULT_STEPS)) for seed, noise, rule in product(SEEDS, NOISES, RULES)}
    found = [tuple(row[name] for name in RUN) for row in TRAINED]
    assert sorted(found) == sorted(wanted)
    assert [row["noise"] for row in ROWS if row["rule"] == EXACT] == list(NOISES)


def test_a_run_has_a_number_in_each_column():
    assert tuple(ROWS[0]) == COLUMNS
    for row in TRAINED:
        errors = np.array([float(row[f"{part} {sigma:g}"]) for part, sigma in product(PARTS, LEVELS)])
        judged = {name: float(row[name]) for name in (f"{what} {s}" for s, what in product(STEERINGS, JUDGED))}
        assert (errors >= 1).all()  # nothing errs less than the exact denoiser
        assert np.isfinite([*errors, *judged.values()]).all()
        assert all(0 <= value <= 1 for name, value in judged.items() if not name.startswith("rmsd"))


def test_a_number_in_a_sentence_is_a_mean_over_seeds_of_the_file(site):
    page = site.build(
        "Page\n====\n\n.. filled::\n\n   RMSD {rmsd 1 1: flat, global} Å, error {chain 1-4: rebalanced, finite}\n"
        "   of {seeds} seeds, {steps} steps, {rmsd 1 1 - rmsd 0 0: flat, global}\n"
    )
    rmsd, error = column("rmsd 1 1", "flat", "global"), band("chain", 1, 4, "rebalanced", "finite")
    apart = rmsd - column("rmsd 0 0", "flat", "global")
    said = [f"{found.mean():.3f} ± {found.std(ddof=1):.3f}" for found in (rmsd, error)]
    wanted = f"RMSD {said[0]} Å, error {said[1]}\nof {len(SEEDS)} seeds, {DEFAULT_STEPS:,} steps, "
    assert wanted + f"{apart.mean():+.3f} ± {apart.std(ddof=1):.3f}".replace("-", "−") in page


@pytest.mark.parametrize("place", ["{rmsd 0 0: flat, increment}", "{speed: flat, global}"])
def test_a_number_that_the_file_has_not_stops_the_build(site, place):
    message = site.build(f"Page\n====\n\n.. filled::\n\n   {place}\n")
    assert site.stopped
    assert "preconditioning.csv does not say it" in message


@pytest.mark.parametrize("noise", NOISES)
def test_what_the_page_says_holds_for_each_seed(noise):
    assert (band("atom in residue", 8, 32, noise, "finite") < band("atom in residue", 8, 32, noise, "global")).all()
    for low, high in ((0.1, 0.5), (1, 4)):
        least = band("residue in chain", low, high, noise, "global")
        assert (band("residue in chain", low, high, noise, "finite") > least).all()
    for rule, steering in product(RULES, STEERINGS):
        assert (column(f"mirror {steering}", noise, rule) == 0).all()
        binomial = (WEIGHTS[0] * WEIGHTS[1] / SAMPLES) ** 0.5
        assert (abs(column(f"state1 {steering}", noise, rule) - WEIGHTS[0]) < 3 * binomial).all()
        assert (column(f"rmsd {steering}", noise, rule) > column("rmsd 0 0", noise, EXACT)).all()


def test_samples_gain_a_little_under_flat_noise_only():
    gains = {noise: column("rmsd 0 0", noise, "global") - column("rmsd 0 0", noise, "finite") for noise in NOISES}
    assert (gains["flat"] > 0).all()
    assert abs(gains["rebalanced"].mean()) < gains["rebalanced"].std(ddof=1)
    for noise, gain in gains.items():
        missing = np.mean([column("rmsd 0 0", noise, rule) for rule in RULES]) - column("rmsd 0 0", noise, EXACT)[0]
        assert abs(gain.mean()) < missing


@pytest.mark.parametrize(("noise", "rule"), list(product(NOISES, RULES)))
def test_steering_does_next_to_nothing(noise, rule):
    assert abs(np.mean(column("rmsd 1 1", noise, rule) - column("rmsd 0 0", noise, rule))) < 0.02


def test_under_flat_noise_chains_gain_and_atoms_lose_a_little():
    assert (band("chain", 1, 4, "flat", "finite") < band("chain", 1, 4, "flat", "global")).all()
    assert (
        band("atom in residue", 0.1, 0.5, "flat", "finite") > band("atom in residue", 0.1, 0.5, "flat", "global")
    ).all()


def test_the_network_is_as_large_as_the_page_says():
    weights = Trainer(small_system(), Training()).model.parameters()
    assert f"{sum(weight.numel() for weight in weights) / 1000:.0f} thousand" in PAGE


def test_no_measured_number_is_typed():
    assert re.findall(r"\d\.\d+", re.sub(r"\{[^{}]*\}", "", PAGE)) == []
