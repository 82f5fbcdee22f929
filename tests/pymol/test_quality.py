"""edm_quality and edm_color by lDDT: loaded states, wherever from, against biotite, mdtraj and counting."""

import warnings

import biotite.structure as struc
import numpy as np
import pytest

from edmnoise.frames.damage import Native, measure_damage
from edmnoise.frames.damage_measures import CLASHES, CONTACTS, GYRATION, LDDT, MEASURES, RMSD
from edmnoise_pymol import edm_color, edm_levels, edm_noise, edm_quality, edm_sample
from edmnoise_pymol.job import Cancelled, Watch, run_inline

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # mdtraj's own, about pyparsing
    import mdtraj

SUBUNITS = "DEFGH"


@pytest.fixture
def subunits(cmd):
    """Five crystallographic copies of one chain as states of one object, which lie where they lie."""
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    for state, chain in enumerate(SUBUNITS, 1):
        cmd.create("one", f"1tii and chain {chain} and polymer and resi 1-40", 1, 1)
        cmd.alter("one", "chain = 'D'")
        cmd.create("copies", "one", 1, state)
        cmd.delete("one")
    return "copies"


@pytest.fixture
def in_biotite(cmd):
    """An object's atoms, with the coordinates of a state."""

    def array(name, places):
        rows = []
        cmd.iterate(name, "rows.append((chain, resv, resn, name))", space={"rows": rows})
        atoms = struc.AtomArray(len(rows))
        atoms.chain_id, atoms.res_id, atoms.res_name, atoms.atom_name = map(np.array, zip(*rows, strict=True))
        atoms.coord = places
        return atoms

    return array


def pairs_within(places, radius):
    return np.triu(np.linalg.norm(places[:, None].astype(float) - places[None], axis=-1) <= radius, 1)


@pytest.mark.parametrize(("origin", "at"), [("first", 0), ("last", 4), (3, 2)])
def test_each_state_is_worth_what_biotite_says(cmd, subunits, frames_of, in_biotite, origin, at):
    states = frames_of(subunits, 1)
    reference, others = in_biotite(subunits, states[at]), np.delete(states, at, axis=0)
    study = edm_quality(subunits, origin=origin)
    assert study.states == tuple(state for state in range(1, 6) if state != at + 1)
    np.testing.assert_allclose(study.by_state[LDDT], struc.lddt(reference, others), atol=1e-5)
    np.testing.assert_allclose(study.lddt, struc.lddt(reference, others, aggregation="residue"), atol=1e-5)
    fitted, _ = struc.superimpose(states[at], others)
    np.testing.assert_allclose(study.by_state[RMSD], struc.rmsd(states[at], fitted), rtol=1e-4)
    size = [np.sqrt(((x - x.mean(axis=0)) ** 2).sum(axis=1).mean()) for x in others.astype(float)]
    np.testing.assert_allclose(study.by_state[GYRATION], size, rtol=1e-5)


def test_contacts_by_every_pair(subunits, frames_of, in_biotite):
    first, *others = frames_of(subunits, 1)
    residue = in_biotite(subunits, first).res_id
    apart = np.abs(residue[:, None] - residue) > 1  # neighbours are bonded, and no other residues of these 40
    contacts = apart & pairs_within(first, 4.5)
    kept = [(contacts & pairs_within(other, 4.5)).sum() / contacts.sum() for other in others]
    np.testing.assert_allclose(edm_quality(subunits).by_state[CONTACTS], kept, atol=2 / contacts.sum())


def test_rows_of_states_have_the_rmsd_and_size_of_mdtraj(subunits, frames_of):
    states = frames_of(subunits, 1) / 10  # nanometres
    top = mdtraj.Topology()
    chain = top.add_chain()
    for k in range(states.shape[1]):
        top.add_atom(str(k), mdtraj.element.carbon, top.add_residue("UNK", chain))
    there = mdtraj.Trajectory(states, top)
    for align in ("none", "center", "superpose"):
        table = edm_levels(subunits, align, "state", origin=4)
        np.testing.assert_allclose(table["RMSD"], 10 * np.delete(mdtraj.rmsd(there, there, 3), 3), rtol=1e-3)
        np.testing.assert_allclose(
            table["radius of gyration"],
            10 * np.delete(mdtraj.compute_rg(there, np.ones(len(top._atoms))), 3),
            rtol=1e-4,
        )
    np.testing.assert_allclose(table["RMSD"], np.sqrt(3) * np.array(table["atom"]), rtol=1e-4)  # of the superposed


def test_tables_and_files_are_of_the_same_numbers(subunits, typed, tmp_path, snapshot):
    before = snapshot()
    study = edm_quality(subunits, origin="1tii")
    assert snapshot() == before
    by_state = study.table("state")
    assert by_state["state"] == [1, 2, 3, 4, 5]
    assert by_state["lDDT"][0] == 1
    summary = study.table()
    assert summary["mean"][summary["measure"].index("lDDT")] == pytest.approx(np.mean(by_state["lDDT"]))
    assert summary["reference"][summary["measure"].index("clashes")] == by_state["clashes"][0]
    residues = study.table("residue")
    assert len(residues) == 40
    worst = np.argmin(residues["lowest"])
    assert study.lddt[residues["in state"][worst] - 1, worst] == min(residues["lowest"]) == study.lddt.min()
    for by in ("summary", "state", "residue"):
        path = tmp_path / f"{by}.csv"
        said = typed(f"edm_quality {subunits}, {by}, origin=1tii, file={path}")
        assert said == f"{study.table(by)}\n edm_quality: {path} written\n"
        assert path.read_text() == study.table(by).to_csv()
    assert any("of 5,684 of 1tii" in note for note in summary.notes)


# Whatever the states were loaded from


def test_chains_may_have_other_names_in_other_states(cmd, subunits):
    """As split_chains and join_states leave them: each state holds atoms of its own."""
    for state, chain in enumerate(SUBUNITS, 1):
        cmd.create("named", f"1tii and chain {chain} and polymer and resi 1-40", 1, state)
    for origin in ("first", "last", "1tii"):
        expected = edm_quality(subunits, origin=origin)
        found = edm_quality("named", origin=origin)
        for measure in MEASURES:
            np.testing.assert_allclose(found.by_state[measure], expected.by_state[measure], rtol=1e-6)
        levels = edm_levels(subunits, "superpose", "state", origin=origin)
        assert edm_levels("named", "superpose", "state", origin=origin)["atom"] == pytest.approx(levels["atom"])
    result = edm_color("named", measure="lddt")
    assert (result.low, result.high) == (
        edm_color(subunits, measure="lddt").low,
        edm_color(subunits, measure="lddt").high,
    )


@pytest.mark.parametrize("discrete", [0, 1])
def test_models_that_differ_are_measured_on_what_they_share(cmd, subunits, tmp_path, discrete):
    path = tmp_path / "models.pdb"
    text = ""
    for state in range(1, 6):
        gone = {2: " and not (resi 7 and name CB)", 4: " and not resi 12"}.get(state, "")
        text += f"MODEL     {state:4d}\n"
        body = cmd.get_pdbstr(f"copies{gone}", state)
        text += "".join(row + "\n" for row in body.splitlines() if row.startswith("ATOM")) + "ENDMDL\n"
    path.write_text(text + "END\n")
    cmd.load(str(path), "models", discrete=discrete)
    with pytest.raises(cmd._pymol.CmdException, match="give common=1"):
        edm_quality("models")
    study = edm_quality("models", common=1)
    shared = "copies and not resi 12 and not (resi 7 and name CB)"
    cmd.create("shared", shared)
    expected = edm_quality("shared")
    np.testing.assert_allclose(study.by_state[LDDT], expected.by_state[LDDT], atol=1e-5)
    np.testing.assert_allclose(study.by_state[RMSD], expected.by_state[RMSD], atol=1e-3)
    assert "left out that not all have" in " ".join(study.notes)


def test_a_dcd_trajectory_against_its_crystal(cmd, tmp_path, subunits, frames_of):
    from edmnoise.structure.files.dcd import DcdWriter

    cmd.create("crystal", "copies", 1, 1)
    frames = frames_of("copies", 1)
    with open(tmp_path / "own.dcd", "wb") as handle:
        writer = DcdWriter(handle, len(frames), frames.shape[1])
        writer.write(frames)
        writer.check_complete()
    cmd.create("run", "copies", 1, 1)
    cmd.load_traj(f"{tmp_path}/own.dcd", "run")
    found = edm_quality("run", origin="crystal")
    assert len(found.states) == 5
    expected = edm_quality("copies", origin="crystal")
    for measure in MEASURES:
        np.testing.assert_allclose(found.by_state[measure], expected.by_state[measure], atol=1e-4)


def test_samples_against_the_states_that_they_are_of(cmd, subunits):
    """Exact samples of known states are these states: lDDT 1 to the nearest."""
    edm_sample(subunits, steps=30, samples=1, name="sampled")
    each = [edm_quality("sampled", origin=subunits).by_state[LDDT][-1]]
    for state in range(2, 6):
        cmd.set("state", state, subunits)
        each.append(edm_quality("sampled", origin=subunits).by_state[LDDT][-1])
    assert max(each) > 0.999
    assert min(each) < 0.98


def test_held_atoms_count_as_in_edm_damage(cmd, subunits, structure_of, frames_of):
    cmd.create("one", subunits, 1, 1)
    edm_noise("one", z=-1, frames=3, move="resi 10-15", name="held")
    frames = frames_of("held", 1)
    expected = measure_damage(Native.of(structure_of("held")), [frames[1:]])
    found = edm_quality("held")
    for measure in (LDDT, RMSD, CLASHES):
        np.testing.assert_allclose(found.by_state[measure], expected.by_frame[measure], rtol=1e-6)
    np.testing.assert_allclose(found.lddt.mean(axis=0), expected.lddt_by_residue, rtol=1e-6)


def test_one_residue_has_no_lddt(cmd, subunits, tmp_path):
    cmd.create("single", f"{subunits} and resi 5")
    study = edm_quality("single", file=str(tmp_path / "single.png"))
    assert np.isnan(study.by_state[LDDT]).all()
    assert np.isfinite(study.by_state[RMSD]).all()
    assert np.isnan(study.table("residue")["lDDT"]).all()
    assert (tmp_path / "single.png").exists()
    result = edm_color("single", measure="lddt")
    assert result.left_out == "1 residue without neighbours: grey"


def test_it_tells_how_far_it_is_and_can_be_cancelled(cmd, subunits, snapshot):
    told = []
    watch = Watch(lambda share, words: told.append((share, words)))
    run_inline(edm_quality.job(subunits), watch)
    assert told[0] == (0, "finding bonds and neighbours")
    assert told[-1] == (1, "state 4 of 4")
    watch.cancel()
    before = snapshot()
    with pytest.raises(Cancelled):
        run_inline(edm_quality.job(subunits), watch)
    assert snapshot() == before


# Colours


@pytest.mark.parametrize("origin", ["first", 4, "1tii"])
def test_colours_are_of_the_same_numbers(cmd, subunits, shades, origin):
    residues = edm_quality(subunits, origin=origin).table("residue")
    result = edm_color(subunits, measure="lddt", origin=origin)
    assert (result.low, result.high) == pytest.approx((min(residues["lDDT"]), max(residues["lDDT"])), abs=1e-6)
    lowest = edm_color(subunits, measure="lddt", origin=origin, over="max")
    assert lowest.low == pytest.approx(min(residues["lowest"]), abs=1e-6)
    order = np.argsort(residues["lDDT"])
    edm_color(subunits, measure="lddt", origin=origin, palette="black white")
    numbers = []
    cmd.iterate(subunits, "numbers.append(resi)", space={"numbers": numbers})
    dyed = shades(subunits)[:, 0][[numbers.index(n) for n in residues["number"]]]
    assert (np.diff(dyed[order].astype(int)) >= 0).all()


@pytest.mark.parametrize("shared", [0, 1])
def test_baked_states_and_the_one_that_is_shown(cmd, subunits, shared):
    baked = edm_color(subunits, measure="lddt", bake=1, shared=shared, palette="black white")
    study = edm_quality(subunits)
    if shared:
        assert (baked.low, baked.high) == pytest.approx((study.lddt.min(), 1), abs=1e-6)
    for state in (1, 3):
        cmd.set("state", state, subunits)
        ends = {} if not shared else {"minimum": baked.low, "maximum": baked.high}
        single = edm_color(subunits, measure="lddt", over="state", palette="black white", **ends)
        assert "present lDDT of residues" in single.label
        found = []
        for where in (f"{baked.object} and state {state}", subunits):
            colours = []
            cmd.iterate(where, "colours.append(color)", space={"colours": colours})
            found.append(colours)
        assert found[0] == found[1]


def test_the_legend_says_what_is_shown(cmd, subunits, typed):
    said = typed(f"edm_color {subunits}, measure=lddt, origin=last, legend=1")
    assert "coloured by mean lDDT of residues from state 5, from 0." in said
    assert " A " not in said
    (title,) = (edm_color(subunits, measure="lddt", origin="last").title,)
    assert title == "Mean lDDT of residues from state 5\nshare of distances within 15 A that are kept"


# What is refused


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("edm_quality copies, atom", "by is 'atom': give one of summary, state, residue"),
        ("edm_quality copies, origin=6", "origin is 6 and copies has the states 1 to 5: give one of them"),
        ("edm_quality copies, origin=copies", "origin is copies itself"),
        ("edm_quality copies, origin=nosuch", "give first, last, a state's number or an object"),
        ("edm_quality 1tii", "1tii has 1 state"),
        ("edm_quality nosuch", "nosuch"),
        ("edm_quality 1tii, origin=copies", "give common=1 for those that all have"),
        ("edm_quality copies, file=a.txt", "'a.txt': end the name in .csv or .json for the table"),
        (
            "edm_levels copies, file=a.png",
            "a.png would be a figure, which has the states along its axis",
        ),
        ("edm_color copies, measure=gdt", "measure is 'gdt': give one of displacement, lddt"),
        ("edm_color copies, level=atom, measure=lddt", "level is 'atom' with measure=lddt"),
        ("edm_color copies, align=center, measure=lddt", "align is 'center' with measure=lddt"),
        ("edm_color copies, measure=lddt, minimum=1, maximum=0", "minimum"),
    ],
)
def test_wrong_input_is_one_line(subunits, refusal, line, said):
    assert said in refusal(line)
