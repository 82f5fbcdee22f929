"""Tables hold what displacement and statistics give, nothing else, and come back from CSV and JSON as they were."""

import csv
import json
import math

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.frames.displacement import ALIGNMENTS, Measure, measure_displacement, measures
from edmnoise.noise.process import AppliedNoise
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.noise.theory.statistics import NoiseStatistics
from edmnoise.noise.theory.superposed import superposed_displacement
from edmnoise.noise.weights import PRESETS, Weights
from edmnoise.settings import results
from edmnoise.structure.atoms import Atoms
from edmnoise.structure.structure import Structure, describe
from edmnoise.study.levels import level_table, z_table

ATOM, RESIDUE, CHAIN = (Measure(level, False) for level in range(3))
ATOM_IN_RESIDUE, RESIDUE_IN_CHAIN = Measure(0, True), Measure(1, True)
SIGMA, FRAMES = 4.8, 6
AF3 = sigma_distribution("alphafold3")
BY = tuple(results.BY.words)
APPLIED = AppliedNoise(SIGMA, Weights.named("rebalanced"))


@pytest.fixture(scope="module")
def complex_(toxin):
    """Two chains of 1TII that are not alike (A and C), and a residue that is a chain by itself."""
    chosen = np.isin(toxin.atoms.chain, ["A", "C"])
    alone = np.flatnonzero(toxin.atoms.chain == "D")[:7]
    keep = np.concatenate([np.flatnonzero(chosen), alone[toxin.atoms.number[alone] == toxin.atoms.number[alone[0]]]])
    return Structure.from_atoms(toxin.coordinates[keep], toxin.atoms.take(keep))


def noised(structure, align="none", weights=APPLIED.noise.weights, frames=FRAMES, sigma=SIGMA):
    """Frames of known noise, measured."""
    process = MultiscaleNoise(structure.hierarchy, weights)
    mean = torch.tensor(structure.coordinates)
    return measure_displacement(structure, process.blocks(sigma, frames, 3, mean), align)


def expectation(structure, measure, align, weights=APPLIED.noise.weights, over_atoms=False):
    """The closed form that belongs beside a measure."""
    top = measure.relative_to
    if align == "superpose":
        return superposed_displacement(
            structure.hierarchy, weights, structure.coordinates, measure.level, top, over_atoms
        )
    statistics = NoiseStatistics(structure.hierarchy, weights)
    if align == "center" and top is None:
        top = statistics.whole
    return statistics.displacement(measure.level, top, over_atoms)


def same(column, expected, rel=1e-12):
    """Two columns of numbers, NaN where NaN."""
    np.testing.assert_allclose(np.array(column, dtype=float), np.array(expected, dtype=float), rtol=rel, atol=1e-12)
    return True


# The level table


@pytest.mark.parametrize("align", ALIGNMENTS)
def test_the_summary_is_measured_beside_expected(complex_, align):
    moved = noised(complex_, align)
    table = level_table(complex_, moved, APPLIED)
    shown = measures(complex_.hierarchy)
    forms = [expectation(complex_, m, align) for m in shown]
    assert table["displacement"] == ["chain", "residue", "atom", "residue in chain", "atom in residue"]
    assert same(table["measured"], [moved.rms(m) for m in shown])
    assert same(table["expected"], [form.rms(SIGMA) for form in forms])
    assert same(table["measured / sigma"], [moved.rms(m) / SIGMA for m in shown])
    if align == "superpose":
        assert np.isnan(table["spread"]).all()
    else:
        assert same(table["spread"], [form.rms_sd(FRAMES, SIGMA) for form in forms])
        errors = (np.array(table["measured"]) - table["expected"]) / table["spread"]
        assert abs(errors).max() < 3
    nested = [CHAIN, RESIDUE_IN_CHAIN, ATOM_IN_RESIDUE]
    shares = {m: moved.part(m) ** 2 / moved.part(ATOM) ** 2 for m in nested}
    assert same(table["share"], [shares.get(m, math.nan) for m in shown])
    parts = {m: expectation(complex_, m, align, over_atoms=True).mean for m in nested}
    assert same(table["share expected"], [parts.get(m, math.nan) / sum(parts.values()) for m in shown], rel=1e-6)
    assert np.nansum(table["share"]) == pytest.approx(1, rel=1e-5)
    assert f"residue/atom {moved.ratio:.3f}" in table.notes[0]


def test_the_summary_says_what_the_ratio_should_be(complex_):
    table = level_table(complex_, noised(complex_), APPLIED)
    mean, sd = NoiseStatistics(complex_.hierarchy, APPLIED.noise.weights).ratio_scatter(FRAMES)
    assert table.notes[0].endswith(f", expected {mean:.3f} +- {sd:.3f}")


def test_the_facts_are_in_title_and_meta(complex_):
    table = level_table(complex_, noised(complex_, "center"), APPLIED)
    what = describe(complex_.hierarchy)
    assert table.title == f"6 frames at sigma 4.8 A, weights rebalanced, centred: {what}"
    assert table.meta == {
        "structure": what,
        "frames": 6,
        "align": "center",
        "sigma": SIGMA,
        "process": "multiscale",
        "weights": [1 / 9, 4 / 9, 4 / 9],
    }
    one = noised(complex_, frames=1)
    assert level_table(complex_, one).title == f"1 frame: {what}"
    still = measure_displacement(complex_, [complex_.coordinates[None]])
    assert "nan" not in str(level_table(complex_, still))


@pytest.mark.parametrize("align", ALIGNMENTS)
def test_residues_one_by_one(complex_, align):
    moved = noised(complex_, align)
    table = level_table(complex_, moved, APPLIED, "residue")
    hierarchy = complex_.hierarchy
    residue = hierarchy.ancestors(0, 1)
    assert len(table) == hierarchy.counts[1]
    for k, row in enumerate(table.rows()):
        atoms = np.flatnonzero(residue == k)
        assert row["atoms"] == len(atoms)
        names = {(complex_.atoms.chain[a], complex_.atoms.residue_name[a], complex_.atoms.number[a]) for a in atoms}
        assert names == {(row["chain"], row["residue"], row["number"])}
        inside = math.sqrt(moved.by_group[ATOM_IN_RESIDUE][atoms].mean())
        assert row["atoms in residue"] == pytest.approx(inside, rel=1e-12)
    assert same(table["absolute"], np.sqrt(moved.by_group[RESIDUE]))
    assert same(table["in chain"], np.sqrt(moved.by_group[RESIDUE_IN_CHAIN]))
    assert same(table["largest in chain"], np.sqrt(moved.largest[RESIDUE_IN_CHAIN]))
    assert same(table["absolute expected"], SIGMA * np.sqrt(expectation(complex_, RESIDUE, align).each))
    inside = SIGMA * np.sqrt(expectation(complex_, RESIDUE_IN_CHAIN, align).each)
    assert same(table["in chain expected"], inside)
    assert same(table["measured / expected"][:-1], np.array(table["in chain"])[:-1] / inside[:-1])


@pytest.mark.parametrize("align", ALIGNMENTS)
def test_atoms_one_by_one(complex_, align):
    moved = noised(complex_, align)
    table = level_table(complex_, moved, APPLIED, "atom")
    atoms = complex_.atoms
    for heading, column in zip(
        ("chain", "residue", "number", "atom"),
        (atoms.chain, atoms.residue_name, atoms.number, atoms.name),
        strict=True,
    ):
        assert table[heading] == column.tolist()
    assert same(table["absolute"], np.sqrt(moved.by_group[ATOM]))
    assert same(table["in residue"], np.sqrt(moved.by_group[ATOM_IN_RESIDUE]))
    assert same(table["largest"], np.sqrt(moved.largest[ATOM]))
    assert same(table["absolute expected"], SIGMA * np.sqrt(expectation(complex_, ATOM, align).each))
    inside = np.broadcast_to(expectation(complex_, ATOM_IN_RESIDUE, align).each, len(table))
    assert same(table["in residue expected"], SIGMA * np.sqrt(inside))


@pytest.mark.parametrize("weights", [*PRESETS.values(), (1, 0, 0)])
@pytest.mark.parametrize("align", ALIGNMENTS)
def test_a_residue_that_is_a_chain_has_no_measured_over_expected(complex_, weights, align):
    """It cannot move within it: 0 is expected, and rounding must not be divided by rounding."""
    weights = Weights.of(*weights)
    table = level_table(complex_, noised(complex_, align, weights), AppliedNoise(SIGMA, weights), "residue")
    assert table["in chain"][-1] == table["in chain expected"][-1] == 0
    excess = np.array(table["measured / expected"])
    assert math.isnan(excess[-1])
    if weights.chain < 1:
        assert (abs(excess[:-1] - 1) < 1).all()
    elif align != "superpose":
        assert np.isnan(excess).all()


@pytest.mark.parametrize("by", BY)
def test_frames_of_unknown_origin_have_no_expectations(complex_, by):
    moved = noised(complex_)
    table, known = level_table(complex_, moved, by=by), level_table(complex_, moved, APPLIED, by)
    unknown = [c.name for c in table.columns if "expected" in c.name or c.name in ("spread", "measured / sigma")]
    assert unknown or by == "state"
    for column in table.columns:
        if column.name in unknown:
            assert np.isnan(column.values).all()
        else:
            assert column.values == pytest.approx(known[column.name], nan_ok=True)
    assert "expected" not in " ".join(table.notes)


def test_rotations_that_are_not_unique_are_told_of():
    """Five atoms on a line, in two residues."""
    text = ["X"] * 5
    atoms = Atoms.make(["N", "CA", "C", "N", "CA"], text, text, [1, 1, 1, 2, 2], text, text, [False] * 5)
    line = Structure.from_atoms(np.arange(5)[:, None] * [[1.5, 0, 0]], atoms)
    moved = measure_displacement(line, [line.coordinates[None] + 2], "superpose")
    assert level_table(line, moved, APPLIED).notes[-1] == "The best rotation of 1 frame is not unique."
    assert np.isnan(level_table(line, moved, APPLIED)["expected"]).all()


@pytest.mark.parametrize("by", ["", "chain", None])
def test_an_unknown_kind_of_list_is_refused(complex_, by):
    with pytest.raises(EdmNoiseError, match=r"by is .*: give one of summary, residue, atom, state"):
        level_table(complex_, noised(complex_, frames=1), by=by)


# The table over noise levels


WEIGHTS = [Weights.named(name) for name in ("flat", "current", "rebalanced")]
Z = [-3.0, 0.0, 1.0]


@pytest.mark.parametrize("fresh", [True, False])
def test_rows_over_noise_levels_are_measured_beside_expected(fragment, fresh):
    draws, seed = 3, 5
    table = z_table(fragment, WEIGHTS, Z, AF3, draws, seed, fresh)
    assert len(table) == len(WEIGHTS) * len(Z)
    rows = iter(table.rows())
    mean = torch.tensor(fragment.coordinates)
    for i, weights in enumerate(WEIGHTS):
        process = MultiscaleNoise(fragment.hierarchy, weights)
        statistics = NoiseStatistics(fragment.hierarchy, weights)
        for j, z in enumerate(Z):
            row, sigma = next(rows), AF3.sigma(z)
            first = draws * (len(Z) * i + j) if fresh else 0
            drawn = process.frames(sigma, range(first, first + draws), seed, mean)
            moved = measure_displacement(fragment, [drawn])
            assert (row["noise"], row["z"], row["sigma"]) == (weights.label, z, sigma)
            expected = {
                "atom": moved.rms(ATOM),
                "residue": moved.rms(RESIDUE),
                "residue expected": statistics.displacement(1).rms(sigma),
                "residue / atom": moved.ratio,
                "ratio expected": statistics.ratio_scatter(draws)[0],
                "ratio spread": statistics.ratio_scatter(draws)[1],
                "residue in chain": moved.rms(RESIDUE_IN_CHAIN),
                "in chain expected": statistics.displacement(1, 2).rms(sigma),
                "atom in residue": moved.rms(ATOM_IN_RESIDUE),
                "in residue expected": statistics.displacement(0, 1).rms(sigma),
            }
            for name, value in expected.items():
                assert row[name] == pytest.approx(value, rel=1e-6, abs=1e-9)
    assert table.meta == {"draws": 3, "seed": 5, "fresh": fresh, "distribution": "alphafold3"}


def ratios(table, count):
    """(weights, z)"""
    return np.reshape(table["residue / atom"], (-1, count))


def test_ratios_that_share_their_draws_are_constant_over_z(fragment):
    """The published "constant ratios": one draw's accident, seven times."""
    z = np.linspace(-2, 3, 7).tolist()
    reused = ratios(z_table(fragment, WEIGHTS, z, AF3, fresh=False), 7)
    assert np.ptp(reused, axis=1).max() < 1e-4  # what float32 coordinates of 50 A leave at 0.24 A


def test_ratios_of_fresh_draws_scatter_as_expected(fragment):
    z = [0.0] * 60
    table = z_table(fragment, WEIGHTS, z, AF3, fresh=True)
    found, spread = ratios(table, 60), np.reshape(table["ratio spread"], (-1, 60))[:, 0]
    assert (abs(found.std(axis=1) / spread - 1) < 4 / math.sqrt(2 * 60)).all()
    expected = np.reshape(table["ratio expected"], (-1, 60))[:, 0]
    assert (abs(found.mean(axis=1) - expected) < 4 * spread / math.sqrt(60)).all()
    assert len(np.unique(found)) == found.size


def test_a_rows_numbers_depend_on_the_seed_alone(fragment):
    one, again, other = (z_table(fragment, WEIGHTS[:1], [0.0], AF3, seed=seed) for seed in (1, 1, 2))
    assert one.rows() == again.rows()
    assert one["atom"] != other["atom"]


@pytest.mark.parametrize("draws", [0, -1])
def test_no_draws_are_refused(fragment, draws):
    with pytest.raises(EdmNoiseError, match=f"draws is {draws}: give a whole number from 1"):
        z_table(fragment, WEIGHTS, Z, AF3, draws=draws)


@pytest.mark.parametrize(("weights", "z"), [([], Z), (WEIGHTS, [])])
def test_no_rows_are_refused(fragment, weights, z):
    with pytest.raises(EdmNoiseError, match="no weights or no z given: give at least one of each"):
        z_table(fragment, weights, z, AF3)


def test_a_score_out_of_range_is_refused(fragment):
    with pytest.raises(EdmNoiseError, match="z is 13"):
        z_table(fragment, WEIGHTS, [0.0, 13.0], AF3)


# Files


def tables(structure):
    moved = noised(structure)
    zero = measure_displacement(structure, [structure.coordinates[None]])
    chain_only = Weights.of(1, 0, 0)
    yield from (level_table(structure, moved, APPLIED, by) for by in BY)
    yield from (level_table(structure, moved, None, by) for by in BY)
    yield from (level_table(structure, zero, APPLIED, by) for by in BY)
    yield from (
        level_table(structure, noised(structure, "none", chain_only), AppliedNoise(1, chain_only), by) for by in BY
    )
    yield z_table(structure, WEIGHTS, Z, AF3)


def no_constants(name):
    raise AssertionError(f"{name} is not JSON")


def test_json_comes_back_as_it_was(complex_, tmp_path):
    for number, table in enumerate(tables(complex_)):
        path = tmp_path / f"{number}.json"
        table.save(path)
        back = json.loads(path.read_text(), parse_constant=no_constants)
        assert back["title"] == table.title
        assert back["meta"] == table.meta
        assert back["notes"] == list(table.notes)
        assert [(c["name"], c["unit"]) for c in back["columns"]] == [(c.name, c.unit) for c in table.columns]
        for mine, theirs in zip(table.rows(), back["rows"], strict=True):
            assert {k: None if v != v else v for k, v in mine.items()} == theirs


def test_csv_comes_back_as_it_was(complex_, tmp_path):
    for number, table in enumerate(tables(complex_)):
        path = tmp_path / f"{number}.csv"
        table.save(path)
        with open(path, newline="") as handle:
            heading, *lines = csv.reader(handle)
        assert heading == [f"{c.name} ({c.unit})" if c.unit else c.name for c in table.columns]
        for row, line in zip(table.rows(), lines, strict=True):
            for mine, theirs in zip(row.values(), line, strict=True):
                if isinstance(mine, str):
                    assert theirs == mine
                else:
                    assert float(theirs or "nan") == pytest.approx(mine, rel=0, abs=0, nan_ok=True)


def test_a_file_of_another_kind_is_refused(complex_, tmp_path):
    with pytest.raises(EdmNoiseError, match=r"a table cannot be written as .*levels\.txt.*: end the name in"):
        level_table(complex_, noised(complex_, frames=1)).save(tmp_path / "levels.txt")


def test_noise_of_bare_weights_is_refused():
    with pytest.raises(EdmNoiseError, match=r"^weights are \(1, 4, 4\): give edmnoise Weights, e\.g\. Weights\.of\("):
        AppliedNoise(1.0, (1, 4, 4))
