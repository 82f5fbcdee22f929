"""Every wrong input is refused in one line that says what was given and what is allowed, and changes nothing."""

import os

import numpy as np
import pytest

from edmnoise.base.colours import PALETTES
from edmnoise.frames.displacement import ALIGNMENTS
from edmnoise.noise.process import PROCESSES
from edmnoise.noise.sigma import DISTRIBUTIONS
from edmnoise.noise.weights import PRESETS
from edmnoise.settings import colours, results
from edmnoise.structure.hierarchy import LEVELS
from edmnoise_pymol import edm_color, edm_levels, edm_noise, edm_save, edm_table

NAMES = ["ala", "pair", "made", "bare", "bad", "point"]


@pytest.fixture
def table(cmd, tmp_path, monkeypatch, coordset):
    """A PyMOL with something of everything; the working folder is empty but for a folder and a file nobody may write.

    ala: a residue; pair: two states without titles; made: an object of edm_noise; bare: its first state is empty;
    bad: a coordinate is NaN; point: one atom.
    """
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "folder.pdb").mkdir()
    cmd.fragment("ala")
    cmd.create("pair", "ala", 1, 1)
    cmd.create("pair", "ala", 1, 2)
    edm_noise("ala", frames=2, name="made")
    cmd.create("bare", "ala", 1, 2)
    cmd.create("bad", "ala")
    broken = coordset("bad")
    broken[2, 1] = np.nan
    cmd.load_coordset(broken, "bad", 1)
    cmd.pseudoatom("point")
    cmd.select("picked", "ala and name CA")
    cmd.map_new("cube", "gaussian", 2, "ala")
    cmd.group("both", "ala pair")
    assert cmd.get_object_list() == NAMES
    return tmp_path


def listed(words):
    return ", ".join(words)


REFUSED = {
    # what cannot be noised
    "edm_noise nosuch": ["'nosuch'", "loaded are ala, pair"],
    "edm_noise chain Z": ["'chain Z'", "no atoms"],
    "edm_noise name CA": ["'name CA'", "5 objects", "ala, pair, made, bare, bad", "one object"],
    "edm_noise both": ["'both'", "2 objects (ala, pair)"],
    "edm_noise all": ["6 objects"],
    "edm_noise ala and and": ["'ala and and'", "cannot be read"],
    "edm_noise ala and hydro, hydrogens=0": ["nothing but hydrogens", "hydrogens=1"],
    "edm_noise bare, state=1": ["no atoms with coordinates in state 1 of bare"],
    "edm_noise bad": ["1 of 10 atoms", "NaN", "ALA`2/C"],
    # states
    "edm_noise ala, state=0": ["no state 0", "1 to 1", "-1"],
    "edm_noise ala, state=99": ["no state 99", "1 to 1"],
    "edm_noise pair, state=3": ["no state 3", "1 to 2"],
    "edm_noise pair, state=-2": ["no state -2", "1 to 2"],
    "edm_noise ala, state=first": ["state is 'first'", "whole number"],
    # weights
    "edm_noise ala, weights=-1 2 3": ["-1 2 3", "none negative"],
    "edm_noise ala, weights=0 0 0": ["0 0 0", "not all zero"],
    "edm_noise ala, weights=nan 1 1": ["'nan 1 1'", "three numbers"],
    "edm_noise ala, weights=inf 1 1": ["'inf 1 1'", "three numbers"],
    "edm_noise ala, weights=1 2": ["'1 2'", "three numbers", *PRESETS],
    "edm_noise ala, weights=1 2 3 4 5": ["'1 2 3 4 5'", "three numbers"],
    "edm_noise ala, weights=1 2 3 4": ["give domains a share", "no domains"],
    "edm_noise ala, weights=a b c": ["'a b c'", "three numbers"],
    "edm_noise ala, weights=heavy": ["'heavy'", "three numbers", *PRESETS],
    # noise level
    "edm_noise ala, sigma=0": ["sigma is 0", "above 0", "angstrom"],
    "edm_noise ala, sigma=-1": ["sigma is -1", "above 0"],
    "edm_noise ala, sigma=nan": ["sigma is 'nan'", "number"],
    "edm_noise ala, sigma=1e10": ["sigma is 10000000000.0", "up to 1e9"],
    "edm_noise ala, sigma=large": ["sigma is 'large'", "number"],
    "edm_noise ala, z=99": ["z is 99", "-12 to 12"],
    "edm_noise ala, z=nan": ["z is 'nan'", "number"],
    "edm_noise ala, z=high": ["z is 'high'", "number"],
    "edm_noise ala, z=1, sigma=2": ["z is 1 and sigma is 2", "one of them"],
    "edm_noise ala, distribution=normal": ["'normal'", listed(DISTRIBUTIONS)],
    "edm_noise ala, process=brownian": ["'brownian'", listed(PROCESSES)],
    # frames, seed, switches
    "edm_noise ala, frames=0": ["frames is 0", "from 1"],
    "edm_noise ala, frames=-1": ["frames is -1", "from 1"],
    "edm_noise ala, frames=1.5": ["frames is '1.5'", "whole number"],
    "edm_noise ala, frames=many": ["frames is 'many'", "whole number"],
    "edm_noise ala, frames=1000000000": ["1,000,000,000 frames", "GiB are free: at most", "frames fit"],
    "edm_noise ala, seed=-1": ["seed is -1", "from 0 to 2**63 - 1"],
    "edm_noise ala, seed=9223372036854775808": ["seed is 9223372036854775808", "from 0 to 2**63 - 1"],
    "edm_noise ala, seed=1.5": ["seed is '1.5'", "whole number"],
    "edm_noise ala, seed=lucky": ["seed is 'lucky'", "whole number"],
    "edm_noise ala, hydrogens=maybe": ["hydrogens is 'maybe'", "1 or 0"],
    "edm_noise ala, solvent=2": ["solvent is '2'", "1 or 0"],
    # names
    "edm_noise ala, name=pair": ["'pair' is taken", "delete pair"],
    "edm_noise ala, name=PAIR": ["'PAIR' is taken", "delete pair"],
    "edm_noise ala, name=picked": ["'picked' is taken"],
    "edm_noise ala, name=cube": ["'cube' is taken"],
    "edm_noise ala, name=both": ["'both' is taken"],
    "edm_noise ala, name=two words": ["'two words' cannot be", "'two_words' could"],
    "edm_noise ala, name=a/b": ["'a/b' cannot be", "'a_b' could"],
    # arguments
    "edm_noise ala, sigmas=1": ["'sigmas'", "the arguments are selection, z, weights", "distribution"],
    "edm_levels made, rotation=1": ["'rotation'", "the arguments are name, align, by, file"],
    "edm_noise , z=1": ["'selection'", "the arguments are selection"],
    # levels
    "edm_levels nosuch": ["'nosuch'", listed(NAMES)],
    "edm_levels made or pair": ["'made or pair'", listed(NAMES)],
    "edm_levels picked": ["'picked'", listed(NAMES)],
    "edm_levels cube": ["'cube'", listed(NAMES)],
    "edm_levels both": ["'both'", listed(NAMES)],
    "edm_levels ala": ["ala has 1 state", "edm_noise"],
    "edm_levels bare": ["state 1 of bare holds 0 of its 10 atoms"],
    "edm_levels made, align=rotate": ["align is 'rotate'", listed(ALIGNMENTS)],
    "edm_levels made, by=chain": ["by is 'chain'", listed(results.BY.words)],
    "edm_levels made, file=levels.txt": ["'levels.txt'", ".csv or .json"],
    # table
    "edm_table nosuch": ["'nosuch'", "loaded are"],
    "edm_table ala, z=0 99": ["z is 99", "-12 to 12"],
    "edm_table ala, z=low high": ["z is 'low'", "number"],
    "edm_table ala, weights=flat | heavy": ["'heavy'", *PRESETS],
    "edm_table ala, weights=flat | 1 2": ["'1 2'", "three numbers"],
    "edm_table ala, draws=0": ["draws is 0", "from 1"],
    "edm_table ala, draws=few": ["draws is 'few'", "whole number"],
    "edm_table ala, seed=-3": ["seed is -3", "from 0"],
    "edm_table ala, fresh=often": ["fresh is 'often'", "1 or 0"],
    "edm_table ala, file=table": ["'table'", ".csv or .json"],
    "edm_table ala, state=7": ["no state 7", "1 to 1"],
    "edm_table ala, distribution=normal": ["'normal'", listed(DISTRIBUTIONS)],
    # colours
    "edm_color nosuch": ["'nosuch'", listed(NAMES)],
    "edm_color ala": ["ala has 1 state"],
    "edm_color made, origin=middle": ["'middle'", "first, last"],
    "edm_color made, level=domain": ["'domain'", listed(LEVELS)],
    "edm_color made, over=median": ["over is 'median'", listed(colours.OVER.words)],
    "edm_color made, palette=sunset": ["'sunset'", listed(PALETTES), "white_red"],
    "edm_color made, palette=white_nosuch": ["'nosuch'"],
    "edm_color made, palette=white__red": ["no colour ''"],
    "edm_color made, palette=0xzz red": ["'0xzz'"],
    "edm_color made, minimum=3, maximum=2": ["3 to 2", "minimum below the maximum"],
    "edm_color made, minimum=1000": ["1000 to", "minimum below the maximum"],
    "edm_color made, minimum=nan": ["minimum is 'nan'", "number"],
    "edm_color made, maximum=inf": ["maximum is 'inf'", "number"],
    "edm_color made, minimum=low": ["minimum is 'low'", "number"],
    "edm_color made, relative=half": ["relative is 'half'", "1 or 0"],
    "edm_color made, follow=1": ["follow=1", "window", "over=state"],
    "edm_color made, follow=soon": ["follow is 'soon'", "1 or 0"],
    # files
    "edm_save frames.pdb, nosuch": ["'nosuch'", listed(NAMES)],
    "edm_save frames.xyz, made": ["frames.xyz", ".pdb", ".cif"],
    "edm_save frames, made": ["cannot write frames", ".pdb", ".cif"],
    "edm_save frames.pdb, made, chain": ["'chain'", "one of atom, residue"],
    "edm_save folder.pdb, made": ["folder.pdb", "folder", "file name"],
    "edm_save nowhere/frames.pdb, made": ["nowhere/frames.pdb", "there is no folder nowhere"],
    "edm_save frames.pdb, bare": ["no atoms with coordinates in state 1 of bare"],
    "edm_save frames.pdb, bad": ["NaN"],
}


@pytest.mark.parametrize("line", REFUSED)
def test_refused_in_one_line(table, refusal, line):
    said = refusal(line)
    for words in REFUSED[line]:
        assert words in said
    assert sorted(os.listdir(table)) == ["folder.csv", "folder.pdb"]


@pytest.mark.parametrize("line", ["edm_levels made", "edm_table ala"])
@pytest.mark.parametrize(
    ("file", "words"),
    [("folder.csv", "it is a folder"), ("nowhere/table.csv", "there is no folder nowhere")],
)
def test_table_that_cannot_be_written(cmd, table, snapshot, line, file, words):
    """Said before the work is done."""
    command, name = line.split()
    before = snapshot()
    with pytest.raises(cmd._pymol.CmdException) as refused:
        {"edm_levels": edm_levels, "edm_table": edm_table}[command](name, file=file)
    assert words in refused.value.message
    assert file in refused.value.message
    assert "\n" not in refused.value.message
    assert snapshot() == before
    assert sorted(os.listdir(table)) == ["folder.csv", "folder.pdb"]


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ("ala and (name CA", "cannot be read"),
        ("", "cannot be read"),
        ("ala )", "cannot be read"),
        ("nosuch\nand more", "cannot be read"),
    ],
)
def test_selections_that_cannot_be_typed_are_refused_in_one_line_too(cmd, table, snapshot, selection, words):
    before = snapshot()
    with pytest.raises(cmd._pymol.CmdException) as refused:
        edm_noise(selection)
    assert words in refused.value.message
    assert "\n" not in refused.value.message
    assert snapshot() == before


@pytest.mark.parametrize("name", ["line\nbreak", "é", "x" * 300])
def test_names_that_pymol_would_change(cmd, table, snapshot, name):
    before = snapshot()
    with pytest.raises(cmd._pymol.CmdException, match="cannot be an object's name") as refused:
        edm_noise("ala", name=name)
    assert "\n" not in refused.value.message
    assert snapshot() == before


@pytest.mark.parametrize("call", [edm_levels, edm_color, lambda name: edm_save("frames.pdb", name)])
def test_states_that_hold_other_atoms_or_none_are_named(cmd, table, call):
    cmd.create("made", "pair and name CA", 1, 5)
    with pytest.raises(cmd._pymol.CmdException, match=r"state 4 of made holds 0 of its 10 atoms"):
        call("made")


@pytest.mark.parametrize("call", [edm_levels, edm_color, lambda name: edm_save("frames.pdb", name)])
def test_states_that_hold_nan_are_named(cmd, table, snapshot, call, coordset):
    broken = coordset("made", 3)
    broken[0] = np.nan
    cmd.load_coordset(broken, "made", 3)
    before = snapshot()
    with pytest.raises(cmd._pymol.CmdException, match=r"state 3 of made holds NaN"):
        call("made")
    assert snapshot() == before
    assert sorted(os.listdir(table)) == ["folder.csv", "folder.pdb"]


@pytest.mark.parametrize("call", [edm_levels, edm_color, lambda name: edm_save("frames.pdb", name)])
def test_result_object_that_was_deleted(cmd, table, call):
    cmd.delete("made")
    with pytest.raises(cmd._pymol.CmdException, match="no molecular object 'made': loaded are ala, pair"):
        call("made")


def test_no_object_at_all(cmd, refusal):
    assert "no atoms" in refusal("edm_noise all")
    assert "loaded are no objects" in refusal("edm_noise nosuch")
    assert "loaded are none" in refusal("edm_levels nosuch")


def test_all_states_shown_at_once(cmd, table, refusal):
    """Which one is meant by the state that is shown?"""
    cmd.set("all_states", 1)
    assert "all states of pair, 1 to 2: choose one" in refusal("edm_noise pair")
    assert "all states of made, 1 to 3: choose one" in refusal("edm_color made, over=state")
    assert edm_noise("pair", state=2, frames=1).name == "pair_noise"


def test_state_shown_that_the_object_does_not_have(cmd, table, refusal):
    cmd.set("state", 7, "pair")
    assert "PyMOL shows state 7 and pair has 1 to 2" in refusal("edm_noise pair")


def test_alternate_locations_are_left_out_of_what_is_measured_and_not_of_files(cmd, table, refusal):
    for alt in "AB":
        cmd.create(f"alt_{alt}", "ala")
        cmd.alter(f"alt_{alt}", f"alt = '{alt}'")
    for state in (1, 2):
        cmd.create("mixed", "alt_A or alt_B", 1, state)
    assert cmd.count_atoms("mixed") == 20
    assert "10 atoms of alternate locations left out" in refusal("edm_save mixed.pdb, mixed")
    assert edm_levels("mixed").notes[-1].startswith("10 atoms of alternate locations left out")
    assert edm_color("mixed").notes[-1].startswith("10 atoms of alternate locations left out")


def test_unwritable_file(cmd, table, refusal):
    """Even to the superuser, who may write anywhere else."""
    assert "cannot write /proc/frames.pdb" in refusal("edm_save /proc/frames.pdb, made")
