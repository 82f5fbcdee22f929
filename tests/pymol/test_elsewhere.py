"""edm_save for other viewers: they show every atom where PyMOL has it, in the colour that it has in PyMOL."""

import json
import os
import re
import warnings
import zipfile

import gemmi
import numpy as np
import pytest

from edmnoise.settings.results import SAVED_FILES
from edmnoise.structure.files import read_structure
from edmnoise.structure.files.dcd import mapped_frames
from edmnoise.structure.files.views import VIEWS
from edmnoise.structure.files.writing import LAYOUTS, TRAJECTORIES
from edmnoise_pymol import edm_color, edm_levels, edm_noise, edm_sample, edm_save

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # its own, about pyparsing
    import mdtraj  # noqa: F401

FRAMES = 3
GREY = [128, 128, 128]


@pytest.fixture
def frames(cmd):
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    edm_noise("1tii and (chain C or chain A and resi 4-35)", weights="current", frames=FRAMES, name="frames")
    return "frames"


def in_molstar(path):
    """{(chain, number, name): place} and colours of each model, of an archive for Mol*."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    structure = gemmi.make_structure_from_block(gemmi.cif.read_string(files["models.cif"].decode())[0])
    tree = json.loads(files["index.mvsj"])
    shown = []
    for model, snapshot in zip(structure, tree["snapshots"], strict=True):
        (uri,) = set(re.findall(r'"uri": "([^"]+)"', json.dumps(snapshot)))
        rows = json.loads(files[uri])
        atoms = sorted(model.all(), key=lambda cra: cra.atom.serial)
        if "atom_index" in rows[0]:
            coloured = {row["atom_index"]: row["color"] for row in rows}
            colours = [coloured[at] for at in range(len(atoms))]
        else:
            coloured = {(row["auth_asym_id"], row["auth_seq_id"]): row["color"] for row in rows}
            colours = [coloured[cra.chain.name, cra.residue.seqid.num] for cra in atoms]
        keys = [(cra.chain.name, str(cra.residue.seqid), cra.atom.name) for cra in atoms]
        rgb = [[int(code[at : at + 2], 16) for at in (1, 3, 5)] for code in colours]
        places = [cra.atom.pos.tolist() for cra in atoms]
        shown.append({key: (place, colour) for key, place, colour in zip(keys, places, rgb, strict=True)})
    return shown, tree


def in_pymol(atoms, shades, frames_of, name):
    """The same of an object in PyMOL."""
    keys, colours = atoms(f"%{name}", "(chain, resi, name)"), shades(name).tolist()
    return [dict(zip(keys, zip(state.tolist(), colours, strict=True), strict=True)) for state in frames_of(name, 1)]


def agree(found, wanted):
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert set(one) == set(other)
        for key, (place, colour) in one.items():
            assert np.abs(np.subtract(place, other[key][0])).max() < 5.1e-4
            assert colour == other[key][1], key


COLOURED = {
    "as edm_noise left it": None,
    "by atoms": {"level": "atom"},
    "by chains, after superposition": {"level": "chain", "align": "superpose", "palette": "ocean"},
    "by PyMOL's colours, on a range": {"palette": "white_red", "minimum": 1, "maximum": 3, "over": "max"},
    "from the last state": {"origin": "last", "relative": 0},
    "by one state": {"over": "state"},
}


@pytest.mark.parametrize("how", COLOURED)
def test_molstar_shows_what_pymol_shows(cmd, frames, atoms, shades, frames_of, tmp_path, how):
    if COLOURED[how] is not None:
        cmd.frame(3)
        edm_color(frames, **COLOURED[how])
    path = str(tmp_path / "seen.mvsx")
    assert edm_save(path, frames) == FRAMES + 1
    found, tree = in_molstar(path)
    agree(found, in_pymol(atoms, shades, frames_of, frames))
    assert {snapshot["root"]["children"][0]["kind"] for snapshot in tree["snapshots"]} == {"download"}


def test_baked_frames_have_colours_of_their_own(cmd, frames, atoms, shades, tmp_path):
    edm_color(frames, bake=1, level="atom")
    path = str(tmp_path / "seen.mvsx")
    edm_save(path, "frames_baked")
    found, _ = in_molstar(path)
    assert len(found) == FRAMES + 1
    for state, shown in enumerate(found, 1):
        members, colours = atoms("%frames_baked", "(state, chain, resi, name)"), shades("frames_baked").tolist()
        wanted = {key[1:]: colour for key, colour in zip(members, colours, strict=True) if key[0] == state}
        assert {key: colour for key, (_, colour) in shown.items()} == wanted
    assert len({tuple(shown["A", "10", "CA"][1]) for shown in found}) > 1


@pytest.mark.parametrize("name", ["frames", "frames_baked"])
def test_helices_and_strands_are_pymols(cmd, frames, atoms, tmp_path, name):
    edm_color(frames, bake=1)
    cmd.alter("frames and chain A and resi 20-24", "ss = 'S'")
    edm_save(str(tmp_path / "seen.cxc"), name)
    cmd.load(tmp_path / "seen_models.cif", "back")
    wanted = dict(atoms(f"%{name} and state 1", "((chain, resi), ss if ss in 'HS' else '')"))
    found = dict(atoms("back", "((chain, resi), ss if ss in 'HS' else '')"))
    assert found == wanted
    assert set(wanted.values()) == {"H", "S", ""}


def attributes(path):
    found, name = {}, None
    for line in path.read_text().splitlines():
        if line.startswith("attribute: "):
            name = line.removeprefix("attribute: ")
        elif line.startswith("\t"):
            _, which, value = line.split("\t")
            found.setdefault(name, {})[which] = float(value)
    return found


def test_chimerax_is_told_the_values_of_the_table(frames, tmp_path):
    edm_save(str(tmp_path / "seen.cxc"), frames)
    ((name, values),) = attributes(tmp_path / "seen_values.defattr").items()
    assert name == "edm_displacement"
    table = edm_levels(frames, by="residue")
    assert sorted(values.values()) == pytest.approx(sorted(table["in chain"]), abs=1e-4)
    script = (tmp_path / "seen.cxc").read_text()
    assert "color byattribute r:edm_displacement #1 palette #4052b5:" in script
    assert f"range {min(table['in chain']):.6f},{max(table['in chain']):.6f} " in script
    assert "# model 1 is the reference, the others are noised: sigma=4.81911 A" in script
    assert 'text "RMS displacement, residue in chain, angstrom"' in script


def test_chimerax_is_told_the_values_of_each_baked_frame(frames, tmp_path):
    edm_color(frames, bake=1)
    edm_save(str(tmp_path / "seen.cxc"), "frames_baked")
    found = attributes(tmp_path / "seen_values.defattr")
    assert list(found) == [f"edm_displacement_{state}" for state in range(1, FRAMES + 2)]
    assert set(found["edm_displacement_1"].values()) == {0.0}  # the reference itself
    mean = np.sqrt(np.mean([np.square([*found[f"edm_displacement_{k}"].values()]) for k in (2, 3, 4)], axis=0))
    assert sorted(mean) == pytest.approx(sorted(edm_levels(frames, by="residue")["in chain"]), abs=1e-3)


def test_what_is_not_measured_is_grey(cmd, atoms, tmp_path):
    cmd.load("$PYMOL_DATA/tut/1hpv.pdb", "1hpv")
    for state in (2, 3):
        cmd.create("1hpv", "1hpv", 1, state)
        cmd.alter_state(state, "1hpv", "x = x + 1 if resv % 2 else x")
    edm_color("1hpv", solvent=0)
    path = str(tmp_path / "seen.mvsx")
    edm_save(path, "1hpv")
    found, _ = in_molstar(path)
    shown = {key[1:]: colour for key, (_, colour) in found[0].items()}  # chains without a name have one there
    for selection, grey in (("1hpv and solvent", True), ("1hpv and polymer and chain A", False)):
        colours = [shown[key] for key in atoms(selection, "(resi, name)")]
        assert all((colour == GREY) == grey for colour in colours)


def test_an_ensemble_that_nothing_has_coloured(cmd, frames, atoms, shades, frames_of, tmp_path, typed):
    """It gets what edm_color would give it, and is not touched."""
    cmd.create("plain", frames)
    before = shades("plain").tolist()
    said = typed(f"edm_save {tmp_path}/seen.mvsx, plain")
    assert shades("plain").tolist() == before
    edm_color("plain")
    found, _ = in_molstar(f"{tmp_path}/seen.mvsx")
    agree(found, in_pymol(atoms, shades, frames_of, "plain"))
    low, high = (float(x) for x in re.search(r"in chain from (\S+) to (\S+) A", said).groups())
    values = edm_levels("plain", by="residue")["in chain"]
    assert (low, high) == pytest.approx((min(values), max(values)), abs=1e-3)


def test_an_object_that_lost_atoms_since(cmd, frames, tmp_path):
    cmd.remove("frames and resi 10")
    path = str(tmp_path / "seen.mvsx")
    edm_save(path, frames)
    found, _ = in_molstar(path)
    assert len(found[0]) == cmd.count_atoms(frames)


def test_samples(cmd, atoms, shades, frames_of, tmp_path):
    cmd.fab("ACDEF", "pept", chain="A")
    made = edm_sample("pept", samples=3, steps=4, name="made")
    path = str(tmp_path / "seen.mvsx")
    edm_save(path, made.names[0])
    agree(in_molstar(path)[0], in_pymol(atoms, shades, frames_of, made.names[0]))


@pytest.mark.parametrize("ending", ["dcd", "xtc"])
def test_trajectories(frames, atoms, frames_of, tmp_path, typed, ending):
    said = typed(f"edm_save {tmp_path}/seen.{ending}, {frames}")
    assert f"seen.{ending} written: {FRAMES + 1} models, atom level" in said
    first = read_structure(tmp_path / "seen_first.pdb")
    named = zip(first.atoms.chain.tolist(), first.atoms.number.tolist(), first.atoms.name.tolist(), strict=True)
    order = {key: at for at, key in enumerate(atoms(frames, "(chain, resi, name)"))}
    states = frames_of(frames, 1)[:, [order[key] for key in named]]
    if ending == "dcd":
        np.testing.assert_array_equal(mapped_frames(tmp_path / "seen.dcd"), states)
    assert np.abs(first.coordinates - states[0]).max() < 5.1e-4


@pytest.mark.parametrize("ending", ["pdb", "cif"])
def test_b_factors_that_colour_as_edm_noise_does(frames, tmp_path, ending):
    path = tmp_path / f"moved.{ending}"
    edm_save(str(path), frames, b="residue")
    values = edm_levels(frames, by="residue")["in chain"]
    residues = [residue for chain in gemmi.read_structure(str(path))[0] for residue in chain]
    assert all(len({atom.b_iso for atom in residue}) == 1 for residue in residues)
    assert sorted(residue[0].b_iso for residue in residues) == pytest.approx(sorted(values), abs=0.006)


def test_nothing_changes_in_pymol(frames, snapshot, tmp_path):
    before = snapshot()
    for ending in SAVED_FILES:
        edm_save(str(tmp_path / f"saved.{ending}"), frames)
    assert snapshot() == before


def test_the_endings_that_are_told_are_those_that_are_written():
    assert {f".{ending}" for ending in SAVED_FILES} | {".ent", ".mmcif"} == {*LAYOUTS, *VIEWS, *TRAJECTORIES}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("edm_save x.mvsx, frames, residue", "level is residue and x.mvsx shows atoms with their colours: leave level"),
        ("edm_save x.dcd, frames, b=residue", "b is residue and x.dcd holds no B factors: give a name that ends in"),
        ("edm_save x.cxc, frames, b=displacement", "b is displacement and x.cxc holds no B factors"),
        ("edm_save x.pdb, frames, residue, b=residue", "b and level are both residue: give b=displacement"),
        (
            "edm_save x.cxc, one",
            "one has one state and no colours by displacement, which x.cxc is to show: make frames",
        ),
        (
            "edm_save x.mvsx, frames_baked",
            "frames of frames_baked have a colour range each, x.mvsx holds one for all: edm_color with",
        ),
        ("edm_save nowhere/x.cxc, frames", "there is no folder nowhere"),
        ("edm_save nowhere/x.dcd, frames", "there is no folder nowhere"),
        ("edm_save x.trr, frames", ".pdb, .ent, .cif, .mmcif, .cxc, .mvsx, .dcd, .xtc"),
        ("edm_save x*.cxc, frames", "ChimeraX takes '*' in a file's name for a pattern"),
    ],
)
def test_refused_in_one_line(cmd, frames, tmp_path, monkeypatch, refusal, line, words):
    monkeypatch.chdir(tmp_path)
    cmd.create("one", frames, 1, 1)
    if "baked" in line:
        edm_color(frames, bake=1, shared=0)
    assert words in refusal(line)
    assert os.listdir(tmp_path) == []
