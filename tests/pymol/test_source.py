"""What is read of a selection: the atoms that it means in the state that is read, told apart as in the library."""

import numpy as np
import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.structure.files import read_structure
from edmnoise.structure.structure import describe
from edmnoise_pymol import edm_damage, edm_levels, edm_noise
from edmnoise_pymol.scene.source import read_source, with_bonds


@pytest.fixture
def moved(cmd):
    """1TII with a second state of which every atom is elsewhere."""
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "m")
    cmd.create("m", "m", 1, 2)
    draw = np.random.default_rng(0)
    cmd.alter_state(2, "m", "x, y, z = x + draw(), y + draw(), z + draw()", space={"draw": lambda: draw.normal(0, 30)})
    return "m"


def places(cmd, selection, state):
    found = []
    cmd.iterate_state(state, selection, "found.append((x, y, z))", space={"found": found})
    return np.array(found)


@pytest.mark.parametrize("state", [1, 2])
def test_places_are_judged_in_the_state_that_is_read(cmd, moved, state):
    dry, centre = (places(cmd, f"m and not solvent{more}", state) for more in ("", " and chain D and resi 50"))
    near = (np.linalg.norm(dry[:, None] - centre[None], axis=-1).min(axis=1) <= 8).sum()
    assert read_source(cmd, "m within 8 of (chain D and resi 50)", state).structure.n_atoms == near
    right = (dry[:, 0] > 30).sum()
    assert read_source(cmd, "x > 30", state).structure.n_atoms == right
    cmd.set("state", state)
    assert read_source(cmd, "m and x > 30").structure.n_atoms == right
    made = edm_noise("m within 8 of (chain D and resi 50)", z=0, frames=1, state=state)
    assert made.structure.n_atoms == near


def test_a_place_that_is_empty_in_the_state_is_refused(cmd, moved):
    far = float(places(cmd, "m", 1)[:, 0].max())
    assert places(cmd, "m", 2)[:, 0].max() > far
    assert read_source(cmd, f"m and x > {far}", 2).structure.n_atoms > 0
    with pytest.raises(EdmNoiseError, match="has no atoms with coordinates in state 1 of m"):
        read_source(cmd, f"m and x > {far}", 1)


def test_a_place_may_touch_other_objects_in_other_states(cmd, moved):
    far = float(places(cmd, "m", 1)[:, 0].max())
    cmd.pseudoatom("p", pos=[far + 9, 0, 0])
    assert read_source(cmd, f"x > {far}", 1).object == "p"


def test_reading_leaves_the_users_selections(cmd, moved, snapshot):
    cmd.select("mine", "chain A")
    before = snapshot(), cmd.get_names("selections", enabled_only=1)
    with_bonds(cmd, read_source(cmd, "m within 8 of (chain D and resi 50)", 1))
    with pytest.raises(EdmNoiseError, match="state 7"):
        read_source(cmd, "m", 7)
    assert (snapshot(), cmd.get_names("selections", enabled_only=1)) == before


def hybrid(number):
    """A residue number in four columns."""
    digits, rest = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", number - 10_000 + 10 * 36**3
    return f"{number:4d}" if number < 10_000 else "".join(digits[rest // 36**k % 36] for k in (3, 2, 1, 0))


def alanine(number, name="ALA"):
    return "".join(
        f"ATOM      1  {atom:<3} {name} A{number}    {1.4 * k:8.3f}   0.000   0.000  1.00  0.00           {atom[0]}\n"
        for k, atom in enumerate(("N", "CA", "C", "O"))
    )


def test_residues_past_9999_are_told_apart(cmd, tmp_path):
    names = ["ALA", "GLY", "ALA", "ALA", "ALA", "GLY", "SER", "SER", "ALA"]
    path = tmp_path / "large.pdb"
    path.write_text("".join(alanine(hybrid(9_997 + k), name) for k, name in enumerate(names)) + "END\n")
    cmd.load(path, "large")
    numbers = []
    cmd.iterate("large and name CA", "numbers.append(resi)", space={"numbers": numbers})
    assert numbers.count("0") == 6  # PyMOL reads A000 as 0
    here, there = read_source(cmd, "large").structure, read_structure(path)
    assert describe(here.hierarchy) == describe(there.hierarchy) == "1 chain, 9 residues, 36 atoms"


def test_models_that_nothing_ends_are_copies_to_pymol(cmd, tmp_path):
    path = tmp_path / "open.pdb"
    model = alanine("   1") + alanine("   2", "GLY")
    path.write_text(f"MODEL        1\n{model}MODEL        2\n{model}END\n")
    cmd.load(path, "open")
    assert cmd.count_states("open") == 1
    assert describe(read_source(cmd, "open").structure.hierarchy) == "2 chains, 4 residues, 16 atoms"
    assert describe(read_structure(path, model=2).hierarchy) == "1 chain, 2 residues, 8 atoms"


def test_coordinates_that_are_no_numbers_are_refused_alike(cmd, tmp_path):
    path = tmp_path / "nan.pdb"
    path.write_text(alanine("   1").replace("   1.400", "     nan") + "END\n")
    cmd.load(path, "nan")
    with pytest.raises(EdmNoiseError, match="NaN"):
        read_source(cmd, "nan")
    with pytest.raises(EdmNoiseError, match="nan"):
        read_structure(path)


def test_elements_that_pymol_has_guessed(cmd, tmp_path):
    """A file without elements, names of four letters: PyMOL takes the first two for a symbol."""
    names = ["CME1", "OE1A", "C2", "NA1B"]
    lines = [
        f"HETATM    1 {name if len(name) == 4 else f' {name:<3}'} LIG A   1    {1.45 * k:8.3f}   0.000   0.000\n"
        for k, name in enumerate(names)
    ]
    path = tmp_path / "bare.pdb"
    path.write_text("".join(lines) + "END\n")
    cmd.load(path, "bare")
    said = []
    cmd.iterate("bare", "said.append(elem)", space={"said": said})
    assert sorted(said) == ["C", "Cm", "Na", "Oe"]
    source = read_source(cmd, "bare")
    assert source.structure.atoms.element.tolist() == [name[0] for name in source.structure.atoms.name]
    assert sorted(read_structure(path).atoms.element) == ["C", "C", "N", "O"]


def test_ligands_by_atom(cmd):
    cmd.load("$PYMOL_DATA/tut/1hpv.pdb", "1hpv")
    whole, fine = (read_source(cmd, "1hpv", ligands=ligands).structure for ligands in ("residue", "atom"))
    ligand = whole.atoms.residue_name == "478"
    assert fine.hierarchy.counts[1] == whole.hierarchy.counts[1] - 1 + ligand.sum()
    np.testing.assert_array_equal(fine.residue_of_atoms, whole.residue_of_atoms)


def test_damage_of_copies_in_each_other_counts_their_clashes(cmd, tmp_path):
    """PyMOL goes by distance and joins the copies; so did a count of clashes that took its bonds."""
    text = "".join(alanine(f"{k:4d}").replace("   0.000   0.000", f"{3.8 * k:8.3f}   0.000") for k in range(1, 5))
    for name, shift in (("apart", 40.0), ("inside", 1.2)):
        copy = text.replace(" A ", " B ").replace("   0.000  1.00", f"{shift:8.3f}  1.00")
        (tmp_path / f"{name}.pdb").write_text(text + copy + "END\n")
        cmd.load(tmp_path / f"{name}.pdb", name)
    apart, inside = (with_bonds(cmd, read_source(cmd, name)) for name in ("apart", "inside"))
    from edmnoise.frames.damage import CLASHES, Native, measure_damage

    natives = [Native.of(structure) for structure in (apart, inside)]
    assert len(natives[0].bonds.pairs) == len(natives[1].bonds.pairs)
    counts = [measure_damage(native, [native.structure.coordinates[None]]).mean(CLASHES) for native in natives]
    assert counts[1] >= counts[0] + 1000
    assert len(cmd.get_bonds("inside")) > len(natives[1].bonds.pairs)
    assert edm_damage("inside", z=-3, draws=2).table


@pytest.mark.parametrize("ligands", ["residue", "atom"])
def test_levels_of_an_object_are_those_that_its_noise_was_made_with(cmd, typed, ligands):
    """With a group for each atom of the inhibitor, its 33 atoms move by themselves with the weights of residues."""
    cmd.load("$PYMOL_DATA/tut/1hpv.pdb", "1hpv")
    made = edm_noise("1hpv", z=0, weights="0 1 0", frames=3, name="noised", ligands=ligands)
    rows = made.structure.atoms.residue_name == "478"
    groups = len(set(made.structure.hierarchy.ancestors(0, 1)[rows].tolist()))
    assert groups == (rows.sum() if ligands == "atom" else 1)
    cmd.set_name("noised", "renamed")
    assert edm_levels("renamed")["measured"] == pytest.approx(made.table["measured"], rel=1e-5)
    assert len(edm_levels("renamed", by="residue")) == made.structure.hierarchy.counts[1]
    assert "residues" in typed(f"edm_table 1hpv, z=0, weights=flat, ligands={ligands}")


def test_unknown_groups_of_ligands(cmd, refusal):
    cmd.load("$PYMOL_DATA/tut/1hpv.pdb", "1hpv")
    assert "ligands is 'token': give one of residue, atom" in refusal("edm_noise 1hpv, ligands=token")
