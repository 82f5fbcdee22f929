"""edm_levels is the displacement of states from state 1: numpy and PyMOL's own fit say the same."""

import csv
import json
import math

import numpy as np
import pytest

from edmnoise_pymol import edm_levels, edm_noise
from edmnoise_pymol.scene.titles import Provenance

FRAMES, SIGMA, WEIGHTS = 20, 3.0, (8.2, 1.6, 1.3)


@pytest.fixture
def frames(cmd):
    """Two chains of 1TII with noise, moved about since: what is measured is what PyMOL shows."""
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    edm_noise("1tii and chain A+C", sigma=SIGMA, weights=list(WEIGHTS), frames=FRAMES, name="frames", seed=4)
    return "frames"


@pytest.fixture
def grouped(atoms, frames_of):
    """Displacements (S, groups, 3) of an object's atoms, residues and chains, with the group of each finer one."""

    def compute(name, shift=lambda states: states):
        states = shift(frames_of(name, 1).astype(np.float64))
        moved = states[1:] - states[0]
        found = {"atom": moved}
        labels = {}
        for level, facts in (("residue", "(segi, chain, resi, resn)"), ("chain", "(segi, chain)")):
            keys = atoms(f"%{name}", facts)
            numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
            labels[level] = np.array([numbers[key] for key in keys])
            means = [moved[:, labels[level] == g].mean(axis=1) for g in range(len(numbers))]
            found[level] = np.stack(means, axis=1)
        chain_of_residue = labels["chain"][np.unique(labels["residue"], return_index=True)[1]]
        found["residue in chain"] = found["residue"] - found["chain"][:, chain_of_residue]
        found["atom in residue"] = found["atom"] - found["residue"][:, labels["residue"]]
        return found

    return compute


def rms(displacement):
    """Per coordinate, over groups and frames."""
    return math.sqrt((displacement**2).mean())


def centred(states):
    return states - states.mean(axis=1, keepdims=True) + states[0].mean(axis=0)


@pytest.mark.parametrize(("align", "shift"), [("none", lambda states: states), ("center", centred)])
def test_measured_is_the_displacement_of_the_coordinates(frames, grouped, align, shift):
    table = edm_levels(frames, align)
    expected = grouped(frames, shift)
    assert len(table) == 5
    for level, measured in zip(table["displacement"], table["measured"], strict=True):
        assert measured == pytest.approx(rms(expected[level]), rel=1e-4)


def test_superposition_is_pymols_own(cmd, frames, grouped):
    """After intra_fit the coordinates themselves are superposed: then nothing is left to align."""
    table = edm_levels(frames, "superpose")
    distances = cmd.intra_rms(frames, 1)[1:]  # all atoms, in space
    atom = table["displacement"].index("atom")
    assert table["measured"][atom] == pytest.approx(math.sqrt(np.mean(np.square(distances)) / 3), rel=1e-5)
    cmd.intra_fit(frames, 1)
    expected = grouped(frames)
    for level, measured in zip(table["displacement"], table["measured"], strict=True):
        assert measured == pytest.approx(rms(expected[level]), rel=2e-3)


def test_by_residue_and_by_atom(cmd, atoms, frames, grouped):
    expected = grouped(frames)
    each = {level: np.sqrt((moved**2).mean(axis=(0, 2))) for level, moved in expected.items()}
    residues = edm_levels(frames, by="residue")
    assert residues["absolute"] == pytest.approx(each["residue"].tolist(), rel=1e-3)
    assert residues["in chain"] == pytest.approx(each["residue in chain"].tolist(), rel=1e-3)
    named = [*dict.fromkeys(atoms(frames, "(chain, resn, resi)"))]
    assert list(zip(residues["chain"], residues["residue"], residues["number"], strict=True)) == named
    by_atom = edm_levels(frames, by="atom")
    assert by_atom["absolute"] == pytest.approx(each["atom"].tolist(), rel=1e-3)
    assert by_atom["in residue"] == pytest.approx(each["atom in residue"].tolist(), rel=1e-3)
    largest = np.sqrt((expected["atom"] ** 2).mean(axis=2).max(axis=0))
    assert by_atom["largest"] == pytest.approx(largest.tolist(), rel=1e-3)
    assert by_atom["atom"] == atoms(frames, "name")


def test_expectation_is_the_closed_form_and_the_frames_agree_with_it(cmd, frames):
    table = edm_levels(frames)
    wc, _, wa = np.array(WEIGHTS) / sum(WEIGHTS)
    sizes = {}
    cmd.iterate(frames, "n[chain, resi] = n.get((chain, resi), 0) + 1", space={"n": sizes})
    wr = WEIGHTS[1] / sum(WEIGHTS)
    inverse = np.mean([1 / size for size in sizes.values()])
    expected = dict(zip(table["displacement"], table["expected"], strict=True))
    assert expected["atom"] == pytest.approx(SIGMA)
    assert expected["residue"] == pytest.approx(SIGMA * math.sqrt(wc + wr + wa * inverse))
    atoms_and_residues = cmd.count_atoms(frames), len(sizes)
    inside = SIGMA * math.sqrt(wa * (1 - atoms_and_residues[1] / atoms_and_residues[0]))
    assert expected["atom in residue"] == pytest.approx(inside)
    for measured, form, spread in zip(table["measured"], table["expected"], table["spread"], strict=True):
        assert abs(measured - form) < 5 * spread


def test_an_ensemble_that_edmnoise_did_not_make_has_no_expectation(cmd, mda, grouped):
    cmd.load(mda("nmr_neopetrosiamide.pdb"), "nmr")
    for align, by in (("none", "summary"), ("superpose", "summary"), ("none", "residue"), ("center", "atom")):
        table = edm_levels("nmr", align, by)
        missing = [column.name for column in table.columns if "expected" in column.name or column.name == "spread"]
        assert missing
        assert all(math.isnan(value) for name in missing for value in table[name])
    table = edm_levels("nmr")
    for level, measured in zip(table["displacement"], table["measured"], strict=True):
        assert measured == pytest.approx(rms(grouped("nmr")[level]), rel=1e-4)


def renamed(cmd, frames, folder):
    cmd.set_name(frames, "other")
    return "other"


def copied(cmd, frames, folder):
    cmd.copy("other", frames)
    return "other"


def created(cmd, frames, folder):
    cmd.create("other", frames)
    return "other"


def saved_and_loaded(cmd, frames, folder):
    cmd.save(folder / "session.pse")
    cmd.reinitialize()
    cmd.load(folder / "session.pse")
    return frames


def sorted_again(cmd, frames, folder):
    cmd.sort(frames)
    return frames


@pytest.mark.parametrize("change", [renamed, copied, created, saved_and_loaded, sorted_again])
def test_how_it_was_made_is_not_forgotten(cmd, tmp_path, frames, change):
    before = edm_levels(frames)
    after = edm_levels(change(cmd, frames, tmp_path))
    assert after.columns == before.columns
    assert after.title == before.title


def test_part_of_the_frames_keeps_its_expectation(cmd, frames):
    cmd.create("part", f"{frames} and chain A")
    table = edm_levels("part")
    for measured, form, spread in zip(table["measured"], table["expected"], table["spread"], strict=True):
        assert abs(measured - form) < 5 * spread


def without_its_reference(cmd, frames):
    if not hasattr(cmd, "delete_states"):
        pytest.skip("PyMOL 2.5 keeps all states")
    cmd.delete_states(frames, "1")


def with_frames_of_other_noise(cmd, frames):
    edm_noise("1tii and chain A+C", sigma=2 * SIGMA, frames=2, name="others")
    cmd.create(frames, "others", 2, -1)


def with_a_second_reference(cmd, frames):
    cmd.create(frames, frames, 1, -1)


def with_states_from_elsewhere(cmd, frames):
    cmd.create(frames, "1tii and chain A+C and not solvent", 1, -1)


@pytest.mark.parametrize(
    "change",
    [without_its_reference, with_frames_of_other_noise, with_a_second_reference, with_states_from_elsewhere],
)
def test_nothing_is_expected_of_states_that_are_no_longer_one_reference_and_its_frames(cmd, frames, change):
    change(cmd, frames)
    assert all(math.isnan(value) for value in edm_levels(frames)["expected"])


@pytest.mark.parametrize("by", ["summary", "residue", "atom"])
def test_files_hold_the_table(frames, tmp_path, typed, by):
    table = edm_levels(frames, by=by)
    for ending in ("csv", "json"):
        said = typed(f"edm_levels {frames}, by={by}, file={tmp_path / 'levels'}.{ending}")
        assert f"levels.{ending} written: {len(table)} rows" in said
    with open(tmp_path / "levels.csv", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == [column.heading for column in table.columns]
    content = json.loads((tmp_path / "levels.json").read_text())
    assert len(rows) == len(content["rows"]) == len(table)
    for name, texts in zip([column.name for column in table.columns], zip(*rows, strict=True), strict=True):
        for value, text, item in zip(table[name], texts, content["rows"], strict=True):
            if isinstance(value, float) and math.isnan(value):
                assert (text, item[name]) == ("", None)
            else:
                assert type(value)(text) == value == item[name]


def test_printed_is_the_table_cut_where_it_is_long(frames, typed):
    assert typed(f"edm_levels {frames}") == f"{edm_levels(frames)}\n"
    long = edm_levels(frames, by="atom")
    said = typed(f"edm_levels {frames}, by=atom").splitlines()
    assert len(said) < 80
    assert f"... {len(long) - 60:,} more rows: write them to a file" in said


def test_measuring_changes_nothing(frames, snapshot):
    before = snapshot()
    for align in ("none", "center", "superpose"):
        edm_levels(frames, align)
    assert snapshot() == before


def test_titles_are_read_as_they_were_written(cmd, frames):
    titles = [cmd.get_title(frames, state) for state in range(1, FRAMES + 2)]
    made = Provenance.of(titles)
    assert made.titles(FRAMES) == titles
    assert (made.sigma, made.seed, made.hydrogens, made.solvent) == (SIGMA, 4, True, False)
    assert made.noise.process == "multiscale"
    assert made.noise.weights.chain / made.noise.weights.atom == pytest.approx(WEIGHTS[0] / WEIGHTS[2])


@pytest.mark.parametrize(
    "titles",
    [
        [],
        [""],
        ["edmnoise"],
        ["ref edmnoise"],
        ["a title of somebody else's"],
        ["ref z=0 sigma=large weights=1/1/1 seed=0 process=multiscale hydrogens=1 solvent=0 edmnoise"],
        ["ref z=0 sigma=1 weights=1/1 seed=0 process=multiscale hydrogens=1 solvent=0 edmnoise"],
        ["ref z=0 sigma=1 weights=0/0/0 seed=0 process=multiscale hydrogens=1 solvent=0 edmnoise"],
        ["ref z=0 sigma=1 weights=1/1/1 process=multiscale hydrogens=1 solvent=0 edmnoise"],
    ],
)
def test_titles_of_others_tell_nothing(titles):
    assert Provenance.of(titles) is None
