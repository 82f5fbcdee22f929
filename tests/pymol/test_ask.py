"""Questions to PyMOL give what its own counting gives, of an object that is there, and nothing of one that is gone."""

import pytest

from edmnoise_pymol.scene import ask
from edmnoise_pymol.scene.source import read_source


@pytest.fixture
def scene(cmd):
    """A molecule of two states, one whose name begins with its, one without atoms, a hidden one, and no molecules."""
    cmd.fragment("trp", "made")
    cmd.create("made", "made", 1, 2)
    cmd.create("made_2", "made and name CA+CB", 1, 1)
    cmd.create("empty", "made", 1, 1)
    cmd.remove("%empty")
    cmd.create("_hidden", "made", 1, 1)
    cmd.ramp_new("ramp", "none", [0, 1], ["white", "red"])
    cmd.group("family", "made made_2")
    cmd.select("sele", "made and elem N")
    return cmd


def test_what_pymol_counts_is_what_is_answered(scene):
    assert ask.molecules(scene) == scene.get_object_list("(all)")
    for name in ask.molecules(scene):
        assert ask.atoms(scene, name) == scene.count_atoms(f"%{name}")
        assert ask.states(scene, name) == scene.count_states(f"%{name}")
    assert sorted(ask.picked(scene)) == sorted(scene.index("?sele"))
    assert ask.count_picked(scene) == scene.count_atoms("?sele") > 0
    assert ask.picked(scene, "model, name") == [("made", "N"), ("made", "NE1")]
    assert set(ask.names(scene)) == set(ask.objects(scene)) | {"sele"}


def test_of_what_is_gone_nothing_is_known_even_where_another_name_begins_like_it(scene):
    scene.delete("made")
    scene.delete("sele")
    assert scene.count_states("%made") == 1  # PyMOL takes made_2 for it
    assert (ask.atoms(scene, "made"), ask.states(scene, "made"), ask.state(scene, "made")) == (0, 0, 0)
    assert ask.title(scene, "made", 1) == ""
    assert (ask.picked(scene), ask.count_picked(scene)) == ([], 0)
    assert (ask.atoms(scene, "empty"), ask.states(scene, "empty")) == (0, 1)


class Hasty:
    """PyMOL while another thread of it deletes an object just before it is asked about."""

    def __init__(self, cmd, name):
        self._cmd, self._name = cmd, name

    def __getattr__(self, what):
        if what in ("count_states", "iterate", "get_title"):
            self._cmd.delete(self._name)
        return getattr(self._cmd, what)


@pytest.mark.parametrize("name", ["made", "made_2"])
@pytest.mark.parametrize("question", [ask.states, ask.atoms, ask.state])
def test_an_object_that_goes_while_it_is_asked_about_is_gone(scene, name, question):
    assert question(Hasty(scene, name), name) == 0


def test_the_shown_state_is_the_objects_own(scene):
    assert ask.state(scene, "made") == 1
    scene.frame(2)
    assert (ask.state(scene, "made"), ask.frame(scene)) == (2, (2, 2))
    assert ask.state(scene, "made_2") == 1  # it has no other
    scene.set("state", 1, "made")
    assert ask.state(scene, "made") == 1
    scene.set("all_states", 1)
    assert ask.state(scene, "made") == 0


def test_a_movie_is_one_that_was_defined(scene):
    assert (ask.movie(scene), ask.playing(scene)) == (0, False)
    scene.mset("1 x7")
    assert ask.movie(scene) == 7


@pytest.mark.parametrize("hydrogens", [True, False])
@pytest.mark.parametrize("solvent", [True, False])
def test_an_object_by_its_name_is_read_as_by_a_selection_of_it(cmd, hydrogens, solvent):
    """What hydrogens and solvent are is told without PyMOL's words for them, and as by these words."""
    cmd.load("$PYMOL_DATA/tut/1hpv.pdb", "hpv")
    cmd.h_add("hpv and (solvent or chain A and resi 1-20)")
    words = "hpv" + ("" if hydrogens else " and not hydrogens") + ("" if solvent else " and not solvent")
    wanted = []
    cmd.iterate(words, "wanted.append(index)", space={"wanted": wanted})
    for selection in ("hpv", "%hpv", "(hpv)"):
        source = read_source(cmd, selection, 1, hydrogens, solvent)
        assert source.index == wanted
        assert source.notes == ()
