"""What the plots show is what the tables say and numpy measures; its closed forms are those of pencil and paper."""

import math

import numpy as np
import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.structure.hierarchy import as_read
from edmnoise_pymol import edm_levels, edm_noise, edm_sample
from edmnoise_pymol.job import run_inline
from edmnoise_pymol.jobs.plots import levels as of_levels
from edmnoise_pymol.jobs.plots import measured as of_object
from edmnoise_pymol.jobs.plots.freeze_out import freeze_out
from edmnoise_pymol.scene.selected import Selected

FRAMES, SIGMA, WEIGHTS = 12, 3.0, (8.2, 1.6, 1.3)


@pytest.fixture
def frames(cmd):
    """Two chains of 1TII with noise."""
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    return edm_noise(
        "1tii and chain A+C", sigma=SIGMA, weights=list(WEIGHTS), frames=FRAMES, name="frames", seed=4
    ).name


@pytest.fixture
def measured(cmd):
    return lambda name: run_inline(of_object.measured(cmd, name))


@pytest.fixture
def expected(cmd):
    """Slopes of the closed form by label."""

    def compute(selection, weights, kept=None):
        levels, structure = run_inline(of_levels.expected(cmd, Selected(selection), weights, "multiscale", kept))
        return {line.label: line.slope for line in levels.lines}, structure

    return compute


def test_points_and_lines_are_those_of_the_level_table(frames, measured):
    levels, table = measured(frames).levels, edm_levels(frames)
    (point,) = levels.points
    assert (point.object, point.sigma, point.frames) == (frames, SIGMA, FRAMES)
    for number, line in enumerate(levels.lines):
        row = table["displacement"].index(line.label)
        assert point.measured[number] == pytest.approx(table["measured"][row], rel=1e-12)
        assert point.spread[number] == pytest.approx(table["spread"][row], rel=1e-12)
        assert line.slope * SIGMA == pytest.approx(table["expected"][row], rel=1e-12)
    assert [line.label for line in levels.lines] == ["chain", "residue in chain", "atom in residue"]


def test_the_sequence_is_what_numpy_measures(frames, measured, atoms, frames_of):
    shown = measured(frames)
    states = frames_of(frames, 1).astype(np.float64)
    moved = states[1:] - states[0]
    keys = np.array(atoms(f"%{frames}", "segi + '/' + chain + '/' + resi"))
    chains = np.array(atoms(f"%{frames}", "chain"))
    for residue, value in zip(shown.residues, shown.mean, strict=True):
        mine = keys == f"{residue.segment}/{residue.chain}/{residue.number}"
        inside = moved[:, mine].mean(axis=1) - moved[:, chains == residue.chain].mean(axis=1)
        assert value == pytest.approx(math.sqrt((inside**2).mean()), rel=1e-5)
    table = edm_levels(frames, by="residue")
    rows = {(c, n): e for c, n, e in zip(table["chain"], table["number"], table["in chain expected"], strict=True)}
    assert shown.expected == pytest.approx([rows[r.chain, r.number] for r in shown.residues])


def test_frames_read_a_few_at_a_time_are_measured_alike(frames, measured, monkeypatch):
    whole = measured(frames)
    monkeypatch.setattr(of_object, "_BLOCK_ATOMS", 5_000)
    parts = measured(frames)
    assert parts.mean == pytest.approx(whole.mean, rel=1e-6)
    assert parts.levels.points[0].measured == pytest.approx(whole.levels.points[0].measured, rel=1e-6)


def test_flat_noise_by_pencil_and_paper(cmd, fragment, expected):
    """Centres of n atoms scatter with 1/n; within a parent of N that is 1/n - 1/N."""
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    slopes, structure = expected("1tii and chain A and resi 4-35", "flat")
    sizes = fragment.hierarchy.sizes(1)
    atoms = sizes.sum()
    assert slopes["chain"] == pytest.approx(atoms**-0.5)
    assert slopes["residue in chain"] == pytest.approx(math.sqrt(np.mean(1 / sizes - 1 / atoms)))
    assert slopes["atom in residue"] == pytest.approx(math.sqrt(1 - len(sizes) / atoms))
    assert expected("all", "flat", structure)[0] == slopes  # a structure that is given again is not read again
    assert expected("all", "1 0 0", structure)[0] == {"chain": 1, "residue in chain": 0, "atom in residue": 0}


def test_the_frame_that_is_shown(cmd, frames, measured, frames_of):
    shown = measured(frames)
    cmd.frame(1)
    assert run_inline(of_object.this_frame(cmd, shown)) == (1, ())
    each = []
    for state in range(2, FRAMES + 2):
        cmd.frame(state)
        number, values = run_inline(of_object.this_frame(cmd, shown))
        assert number == state
        each.append(values)
    assert np.sqrt(np.mean(np.square(each), axis=0)) == pytest.approx(shown.mean, rel=1e-5)
    cmd.set("all_states", 1)
    assert run_inline(of_object.this_frame(cmd, shown)) == (0, ())


def test_residues_and_their_atoms_in_pymol(cmd, frames, measured):
    shown = measured(frames)
    cmd.select("sele", "1tii and chain C and resi 200+210 and name CA")
    picked = of_object.picked(cmd, shown)
    assert [(r.chain, r.number) for r in (shown.residues[k] for k in picked)] == [("C", "200"), ("C", "210")]
    for k in picked:
        cmd.select_list("again", frames, shown.atoms(k), mode="index")
        assert cmd.index("again") == cmd.index(f"{frames} and chain C and resi {shown.residues[k].number}")
    cmd.delete("sele")
    assert of_object.picked(cmd, shown) == []


def test_chains_lie_beside_each_other_in_order(cmd, measured, toxin):
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    shown = measured(edm_noise("1tii", frames=1).name)
    assert "".join(chain.letter for chain in shown.chains) == "ACDEFGH"
    assert len(shown.residues) == len(set(shown.place)) == toxin.hierarchy.counts[1]
    assert list(shown.place) == sorted(shown.place)
    for before, after in zip(shown.chains[:-1], shown.chains[1:], strict=True):
        assert after.first - before.last > 5
    for residue, place in zip(shown.residues, shown.place, strict=True):
        assert next(c.letter for c in shown.chains if c.first <= place <= c.last) == residue.chain


def test_other_noise_of_the_same_structure_and_weights(frames, measured):
    chosen = "1tii and chain A+C"
    weights = list(WEIGHTS)
    results = {
        result.name: result
        for result in (
            edm_noise(chosen, sigma=1, weights=weights, frames=2, name="other"),
            edm_noise(chosen, sigma=1, weights="flat", frames=2, name="other_weights"),
            edm_noise("1tii and chain A", sigma=1, weights=weights, frames=2, name="other_atoms"),
        )
    }
    levels = of_object.with_others(measured(frames), results)
    assert [point.object for point in levels.points] == [frames, "other"]
    assert (levels.points[1].sigma, levels.points[1].frames) == (1, 2)
    assert levels.points[1].measured == pytest.approx(measured("other").levels.points[0].measured, rel=1e-5)


def test_states_of_unknown_origin_have_no_closed_form(cmd, mda, measured):
    cmd.load(mda("nmr_neopetrosiamide.pdb"), "nmr")
    shown = measured("nmr")
    assert (shown.frames, shown.levels, shown.expected) == (23, None, ())
    assert of_object.with_others(shown, {}) is None
    table = edm_levels("nmr", by="residue")
    assert sorted(shown.mean) == pytest.approx(sorted(table["in chain"]), rel=1e-5)


def test_what_cannot_be_measured(cmd, frames, measured):
    with pytest.raises(EdmNoiseError, match="1 state"):
        measured("1tii")
    with pytest.raises(EdmNoiseError, match="no molecular object 'nothing'"):
        measured("nothing")
    cmd.create("ragged", "frames and chain A", 1, 1)
    cmd.create("ragged", "frames and chain A and resi 1-20", 2, 2)
    with pytest.raises(EdmNoiseError, match="of ragged state 1 are not in ragged state 2"):
        measured("ragged")


def test_tables(cmd, frames, measured, tmp_path):
    shown = measured(frames)
    distribution = sigma_distribution("alphafold3")
    shown.levels.table(distribution, (-1, 0)).save(tmp_path / "levels.csv")
    head, *rows = (tmp_path / "levels.csv").read_text().splitlines()
    assert head.startswith("object,z,sigma (A),chain expected (A),chain measured (A),chain spread (A),")
    assert [row.split(",")[0] for row in rows] == ["", "", frames]
    assert float(rows[1].split(",")[2]) == pytest.approx(distribution.sigma(0))
    table = shown.table(3, shown.mean)
    assert table["in chain, state 3"] == list(shown.mean) == table["in chain, RMS over frames"]
    assert len(table) == len(shown.residues)


def test_freeze_out_is_that_of_the_run(cmd):
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    made = edm_sample("1tii and chain D+E", steps=8, sigma_max=200, sigma_min=0.01, samples=2)
    found, table = run_inline(freeze_out(made.run)), made.table
    assert (found.steps, found.samples, found.partial) == (tuple(range(1, 9)), 2, False)
    assert list(found.sigmas) == table["sigma"]
    for way, (part, frozen) in zip(found.ways, as_read(made.run.freeze_out().items()), strict=True):
        assert list(way.denoised) == table[f"denoised {part.label(made.run.structure.hierarchy)}"]
        assert list(way.noisy) == table[f"noisy {way.label}"]
        assert way.frozen == frozen
        assert way.threshold == pytest.approx(way.denoised[0] / 10)
    assert found.table()["denoised chain to go"] == list(found.ways[0].denoised)
