"""One origin, alignment and set of atoms for tables and colours: biotite says the same."""

import math

import biotite.structure as struc
import numpy as np
import pytest
from biotite.structure.io.pdb import PDBFile

from edmnoise_pymol import (
    edm_color,
    edm_compare,
    edm_damage,
    edm_design,
    edm_levels,
    edm_noise,
    edm_sample,
    edm_triangle,
)

ORIGINS = [("first", 0), ("last", 4), (3, 2)]


@pytest.fixture
def steps(cmd, coords):
    """Five states of a peptide: noise that is less and less, each state shifted and turned as a whole."""
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept", quiet=1)
    rng = np.random.default_rng(5)
    home = coords("pept", 1)
    cmd.create("steps", "pept", 1, 1)
    for state, sigma in enumerate((8, 3, 1, 0.3, 0), 1):
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        turn *= np.sign(np.linalg.det(turn))
        cmd.create("steps", "pept", 1, state)
        places = (home + sigma * rng.normal(size=home.shape)) @ turn.T + rng.normal(size=3) * 20
        cmd.load_coordset(places.astype(np.float32), "steps", state)
    return "steps"


def fitted(states, reference):
    """Displacements (S, N, 3) after biotite's superposition, in float64."""
    fit, _ = struc.superimpose(reference, states)
    return np.asarray(fit, dtype=np.float64) - reference


def residues_in_chain(cmd, name, moved):
    """(S, R, 3) displacements of residue centres from the chain's."""
    keys = []
    cmd.iterate(name, "keys.append(resi)", space={"keys": keys})
    number = np.unique(keys, return_inverse=True)[1]
    order = list(dict.fromkeys(number.tolist()))
    centres = np.stack([moved[:, number == k].mean(axis=1) for k in order], axis=1)
    return centres - moved.mean(axis=1, keepdims=True)


def rms(moved):
    return math.sqrt((moved**2).mean())


def measured(table, level):
    return table["measured"][table["displacement"].index(level)]


@pytest.mark.parametrize(("origin", "at"), ORIGINS)
def test_superposed_on_any_state(cmd, steps, frames_of, origin, at):
    states = frames_of(steps, 1)
    moved = fitted(np.delete(states, at, axis=0), states[at])
    table = edm_levels(steps, align="superpose", origin=origin)
    assert measured(table, "atom") == pytest.approx(rms(moved), rel=1e-4)
    assert measured(table, "residue in chain") == pytest.approx(rms(residues_in_chain(cmd, steps, moved)), rel=1e-4)
    assert f"Measured from state {at + 1} of steps; lengths are RMS per coordinate." in table.notes


@pytest.mark.parametrize("align", ["none", "center", "superpose"])
@pytest.mark.parametrize(("origin", "at"), ORIGINS)
def test_colours_are_of_the_same_displacements_as_tables(cmd, steps, align, origin, at):
    by_residue = np.array(edm_levels(steps, align, "residue", origin=origin)["in chain"])
    result = edm_color(steps, origin=origin, align=align)
    assert (result.low, result.high) == pytest.approx((by_residue.min(), by_residue.max()), rel=1e-6)
    largest = edm_levels(steps, align, "residue", origin=origin)["largest in chain"]
    assert edm_color(steps, over="max", origin=origin, align=align).high == pytest.approx(max(largest), rel=1e-6)


@pytest.mark.parametrize("align", ["none", "superpose"])
@pytest.mark.parametrize(("origin", "at"), ORIGINS)
def test_colour_of_the_shown_state_and_baked_states(cmd, steps, frames_of, shades, align, origin, at):
    """Each state against the origin, alone: what a two-state object of the two is coloured by."""
    edm_color(steps, bake=1, origin=origin, align=align, minimum=0, maximum=5)
    for state in range(1, 6):
        cmd.set("state", state, steps)
        edm_color(steps, over="state", origin=origin, align=align, minimum=0, maximum=5)
        shown = shades(steps)
        cmd.create("two", steps, at + 1, 1)
        cmd.create("two", steps, state, 2)
        edm_color("two", align=align, minimum=0, maximum=5)
        assert (shown == shades("two")).all()
        baked = []
        cmd.iterate(f"steps_baked and state {state}", "baked.append(color)", space={"baked": baked})
        single = []
        cmd.iterate(steps, "single.append(color)", space={"single": single})
        assert baked == single
        cmd.delete("two")


def test_a_row_a_state(cmd, steps, frames_of):
    states = frames_of(steps, 1)
    table = edm_levels(steps, "superpose", "state", origin=4)
    assert table["state"] == [1, 2, 3, 5]
    moved = fitted(states[[0, 1, 2, 4]], states[3])
    assert table["atom"] == pytest.approx([rms(one) for one in moved], rel=1e-4)
    within = residues_in_chain(cmd, steps, moved)
    assert table["residue in chain"] == pytest.approx([rms(one) for one in within], rel=1e-4)
    whole = edm_levels(steps, "superpose", origin=4)
    assert measured(whole, "atom") == pytest.approx(math.sqrt(np.mean(np.square(table["atom"]))))


def test_rows_of_noise_have_its_expectation_below(cmd, steps):
    edm_noise("pept", z=-1, frames=4, name="made")
    expected = edm_levels("made")["expected"]
    (said,) = (note for note in edm_levels("made", by="state").notes if note.startswith("expected of every state"))
    assert all(f"{value:.3f}" in said for value in expected)


# Another object


def test_from_another_object_that_holds_more(cmd, steps, frames_of, coords):
    """A model's samples against the structure."""
    cmd.create("part", f"{steps} and resi 2-6")
    cmd.alter("part", "chain = 'Z'")
    table = edm_levels("part", "superpose", "state", origin="pept")
    assert table["state"] == [1, 2, 3, 4, 5]
    moved = fitted(frames_of("part", 1), coords("pept and resi 2-6", 1))
    assert table["atom"] == pytest.approx([rms(one) for one in moved], rel=1e-4, abs=1e-5)
    assert "Measured from pept, state 1;" in " ".join(table.notes)
    assert edm_levels("pept", origin=steps)["measured"]  # one state is enough then


def test_from_an_object_that_holds_less(cmd, steps):
    cmd.create("part", "pept and not (resi 3 and name CB)")
    with pytest.raises(cmd._pymol.CmdException, match=r"`3/CB of steps state 1 is not in part state 1: .*common=1"):
        edm_levels(steps, origin="part")
    table = edm_levels(steps, origin="part", common=1)
    assert "1 atom left out that not all have" in table.notes
    cmd.create("smaller", "steps and not (resi 3 and name CB)")
    assert table["measured"] == pytest.approx(edm_levels("smaller", origin="part")["measured"], rel=1e-6)


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        ("0", "origin is 0 and steps has the states 1 to 5"),
        (6, "origin is 6 and steps has the states 1 to 5"),
        ("steps", "origin is steps itself"),
        ("nosuch", "origin is 'nosuch': give first, last, a state's number or an object"),
    ],
)
@pytest.mark.parametrize("command", [edm_levels, edm_color])
def test_origins_that_are_none(cmd, steps, snapshot, command, origin, said):
    before = snapshot()
    with pytest.raises(cmd._pymol.CmdException, match=said):
        command(steps, origin=origin)
    assert snapshot() == before


# States of other atoms


def line(serial, name, residue, number, place, chain="A", record="ATOM", element="C"):
    x, y, z = place
    return (
        f"{record:<6}{serial:5d}  {name:<3} {residue:>3} {chain}{number:4d}    {x:8.3f}{y:8.3f}{z:8.3f}"
        f"  1.00  0.00          {element:>2}\n"
    )


@pytest.fixture
def waters(tmp_path):
    """A file of three models of a chain of 12 residues, each with other waters and hydrogens."""

    def write(hydrogens=(1, 1, 1), missing=None):
        rng = np.random.default_rng(2)
        home = np.cumsum(rng.normal(size=(24, 3)) * 2, axis=0)
        text = ""
        for model, (count, water) in enumerate(zip(hydrogens, (2, 0, 4), strict=True), 1):
            places = home + 0.3 * rng.normal(size=home.shape)
            text += f"MODEL     {model:4d}\n"
            for k, place in enumerate(places):
                if (model, k) != missing:
                    text += line(k + 1, ("CA", "CB")[k % 2], "ALA", k // 2 + 1, place)
            text += "".join(line(30 + k, f"H{k}", "ALA", 12, places[-1] + 1, element="H") for k in range(count))
            text += "".join(
                line(50 + k, "O", "HOH", 101 + k, 30 + rng.normal(size=3), record="HETATM", element="O")
                for k in range(water)
            )
            text += "ENDMDL\n"
        path = tmp_path / "ensemble.pdb"
        path.write_text(text + "END\n")
        return path

    return write


def models(path, kept):
    """(S, N, 3) coordinates of the file's kept atoms by biotite, a model at a time."""
    file = PDBFile.read(path)
    found = []
    for model in range(1, file.get_model_count() + 1):
        array = file.get_structure(model=model)
        found.append(array.coord[kept(array)].astype(np.float64))
    return np.stack(found)


@pytest.mark.parametrize("discrete", [0, 1])
def test_models_that_differ_in_their_waters(cmd, waters, discrete):
    path = waters()
    cmd.load(str(path), "ens", discrete=discrete)
    states = models(path, lambda array: array.res_name == "ALA")
    table = edm_levels("ens")
    assert measured(table, "atom") == pytest.approx(rms(states[1:] - states[0]), rel=1e-4)
    assert "solvent left out, in which the states differ" in table.notes
    moved = fitted(states[:2], states[2])
    assert measured(edm_levels("ens", "superpose", origin="last"), "atom") == pytest.approx(rms(moved), rel=1e-4)
    result = edm_color("ens", level="atom", relative=0)
    each = np.sqrt(((states[1:] - states[0]) ** 2).mean(axis=(0, 2)))
    assert (result.low, result.high) == pytest.approx((each.min(), each.max()), rel=1e-4)
    with pytest.raises(cmd._pymol.CmdException, match=r"HOH`103/O and .*are not in ens state 1: .*common=1|HOH`101/O"):
        edm_levels("ens", solvent=1)
    assert edm_sample("ens", steps=3, samples=1).run.states.shape[1] == 3


@pytest.mark.parametrize("discrete", [0, 1])
def test_waters_keep_their_colours_and_the_rest_has_those_of_its_groups(cmd, waters, discrete):
    cmd.load(str(waters()), "ens", discrete=discrete)
    cmd.color("red", "ens and solvent")
    before = cmd.get_color_index("red")
    edm_color("ens", level="atom", relative=0)
    found = {"water": [], "rest": []}
    cmd.iterate("ens and solvent", "water.append(color)", space=found)
    cmd.iterate("ens and not solvent", "rest.append((resi, name, color))", space=found)
    assert set(found["water"]) == {before}
    assert len(set(found["rest"])) == 25  # one colour an atom, whatever state's it is
    edm_color("ens", reset=1)
    assert cmd.count_atoms("ens and color red") == len(found["water"])


@pytest.mark.parametrize("discrete", [0, 1])
def test_models_that_differ_in_others_are_measured_on_those_in_common(cmd, waters, discrete):
    path = waters(hydrogens=(1, 2, 0), missing=(2, 5))
    cmd.load(str(path), "ens", discrete=discrete)
    with pytest.raises(
        cmd._pymol.CmdException, match=r"ALA`3/CB of ens state 1 is not in ens state 2, and .*ALA`12/H1"
    ):
        edm_levels("ens", hydrogens=1)
    for command in (edm_color, edm_sample):
        with pytest.raises(cmd._pymol.CmdException, match="give common=1"):
            command("ens")
    heavy = models(
        path,
        lambda array: (array.element == "C") & ~((array.res_id == 3) & (array.atom_name == "CB")),
    )
    table = edm_levels("ens", common=1)
    assert measured(table, "atom") == pytest.approx(rms(heavy[1:] - heavy[0]), rel=1e-4)
    assert any("left out that not all have" in note for note in table.notes)
    assert edm_color("ens", common=1).notes
    assert edm_sample("ens", steps=3, common=1).run.structure.n_atoms == 23


def test_noise_objects_are_measured_as_they_were_made(cmd):
    cmd.load("$PYMOL_DATA/tut/1hpv.pdb", "hpv")
    made = edm_noise("hpv", z=-1, frames=3, solvent=1)
    assert edm_levels(made.name)["measured"] == pytest.approx(made.table["measured"], rel=1e-5)
    dry = edm_levels(made.name, solvent=0)
    assert "1,551 atoms" in dry.title
    for value, wanted, spread in zip(dry["measured"], dry["expected"], dry["spread"], strict=True):
        assert abs(value - wanted) < 5 * spread + 1e-9


# A reference that is none


def test_a_reference_that_load_traj_has_overwritten_is_told(cmd, tmp_path, coords):
    """As the page on trajectories says: state=0 keeps the reference, the default writes over it."""
    from edmnoise.structure.files.dcd import DcdWriter

    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "native")
    cmd.create("top", "native and chain A and resi 4-35")
    home = coords("top", 1)
    frames = (home + np.random.default_rng(0).normal(size=(20, *home.shape))).astype(np.float32)
    with open(tmp_path / "own.dcd", "wb") as handle:
        writer = DcdWriter(handle, 20, len(home))
        writer.write(frames)
        writer.check_complete()
    cmd.create("kept", "top")
    cmd.load_traj(f"{tmp_path}/own.dcd", "top")
    cmd.load_traj(f"{tmp_path}/own.dcd", "kept", state=0)
    wrong, right = edm_levels("top"), edm_levels("kept")
    assert measured(wrong, "atom") == pytest.approx(math.sqrt(2), rel=0.02)
    assert measured(right, "atom") == pytest.approx(1, rel=0.02)
    assert "load_traj without state=0" in wrong.notes[-1]
    assert "state 1 of top is as far from the others" in wrong.notes[-1].lower()
    assert not any("load_traj" in note for note in right.notes)
    assert measured(edm_levels("top", origin="native"), "atom") == pytest.approx(1, rel=0.02)


# Values that are none


def test_a_range_of_rounding_errors_is_one_colour_and_a_sentence(cmd, shades, typed, coords):
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
    places = coords("pept", 1)
    for state in (1, 2, 3):
        cmd.create("rigid", "pept", 1, state)
        turn = np.linalg.qr(np.random.default_rng(state).normal(size=(3, 3)))[0]
        cmd.load_coordset((places @ (turn * np.linalg.det(turn)).T + 40 * state).astype(np.float32), "rigid", state)
    said = typed("edm_color rigid, align=superpose, legend=1")
    assert "residue in chain, 0.000 A, no range: one colour (dusk)" in said
    assert len(np.unique(shades("rigid"), axis=0)) == 1
    assert edm_color("rigid").high > 1


def test_what_cannot_move_is_grey_and_out_of_the_range(cmd, shades):
    cmd.load("$PYMOL_DATA/tut/1hpv.pdb", "hpv")
    cmd.alter("hpv and hetatm and not solvent", "chain = 'L'")
    cmd.sort("hpv")
    made = edm_noise("hpv", z=-1, frames=4, weights="1 4 4")
    assert made.colouring.low > 0.1
    assert "1 residue alone in its chain: grey" in str(made.colouring)
    kinds = []
    cmd.iterate(made.name, "kinds.append(chain == 'L')", space={"kinds": kinds})
    dyed = shades(made.name)
    assert (dyed[np.array(kinds)] == 128).all()
    assert not (dyed[~np.array(kinds)] == 128).all(axis=1).any()
    inside = edm_levels(made.name, by="residue")
    moves = [value for value, chain in zip(inside["in chain"], inside["chain"], strict=True) if chain != "L"]
    assert made.colouring.low == pytest.approx(min(moves), rel=1e-5)
    result = edm_color(made.name, level="chain")
    assert result.left_out == ""


def test_a_legend_has_a_title_with_its_unit_that_goes_with_it(cmd, steps):
    edm_color(steps, legend=1, origin="last", align="superpose")
    said = []
    cmd.iterate("steps_legend_title", "said.append(label)", space={"said": said})
    assert said == ["RMS displacement from state 5 after superposition, residue in chain\nangstrom, RMS per coordinate"]
    assert cmd.get_extent(steps) == cmd.get_extent(f"{steps} or steps_legend_title")
    edm_color(steps, level="atom", legend=1)
    cmd.iterate("steps_legend_title", "said.append(label)", space={"said": said})
    assert said[-1] == "RMS displacement, atom in residue\nangstrom, RMS per coordinate"
    edm_color(steps)
    assert not {"steps_legend", "steps_legend_title"} & set(cmd.get_names("all"))


# At a prompt and in a notebook


def test_what_commands_return_is_one_line_and_a_table(cmd):
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    cmd.create("d", "1tii and chain D and resi 1-20")
    cmd.create("e", "1tii and chain E and resi 1-20")
    made = edm_noise("d", frames=3)
    results = [
        made,
        edm_levels(made.name, by="residue"),
        edm_sample("d or e", steps=4),
        edm_compare("d or e", "flat", steps=4),
    ]
    results += [edm_design("d", residue=3.8), edm_damage("d", z="0", draws=1, weights="flat"), edm_triangle("d")]
    for result in results:
        assert len(repr(result).splitlines()) == 1
        assert len(repr(result)) < 500
        assert result._repr_html_().startswith("<table>")
    for other in (results[2].run, results[3].comparison, edm_color(made.name)):
        assert len(repr(other).splitlines()) == 1
        assert len(repr(other)) < 500
