"""edm_table prints z_table of the selection and makes nothing."""

import json

import pytest

from edmnoise.noise.sigma import sigma_distribution
from edmnoise.noise.weights import Weights
from edmnoise.study.levels import z_table
from edmnoise_pymol import edm_table

FRAGMENT = "1tii and chain A and resi 4-35"


@pytest.fixture
def structure(cmd, structure_of):
    """The fragment's Structure, made without the plugin, and PyMOL left as it was."""
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    cmd.create("copy", FRAGMENT)
    made = structure_of("copy")
    cmd.delete("copy")
    assert made.hierarchy.counts == (253, 32, 1)
    return made


def values(table):
    return {column.name: list(column.values) for column in table.columns}


def test_same_numbers_as_the_library_and_nothing_made(structure, snapshot):
    before = snapshot()
    table = edm_table(FRAGMENT, z="-1 0 2.5", weights="8.2 1.6 1.3 | flat", draws=3, seed=7, distribution="wide")
    assert snapshot() == before
    weights = [Weights.of(8.2, 1.6, 1.3), Weights.named("flat")]
    expected = z_table(structure, weights, [-1, 0, 2.5], sigma_distribution("wide"), 3, 7)
    assert values(table) == values(expected)
    assert table.title == expected.title


def test_defaults_are_those_of_the_help_page(structure):
    weights = [Weights.named("flat"), Weights.of(8.2, 1.6, 1.3), Weights.of(1, 4, 4)]
    expected = z_table(structure, weights, range(-3, 4), sigma_distribution("alphafold3"), draws=5)
    assert str(edm_table(FRAGMENT)) == str(expected)


def test_one_draw_for_all_rows_when_not_fresh(structure):
    table = edm_table(FRAGMENT, z=[-1, 0, 1], weights="current", fresh=0)
    assert table["residue / atom"] == pytest.approx([table["residue / atom"][0]] * 3, rel=1e-5)
    fresh = edm_table(FRAGMENT, z=[-1, 0, 1], weights="current")
    assert len(set(fresh["residue / atom"])) == 3


@pytest.mark.parametrize(
    "weights",
    [
        "flat | 1 4 4",
        "flat|1 4 4",
        "'flat | 1 4 4'",
        '"flat | 1/4/4"',
        '"flat; 1 4 4"',
        "'flat; 1 4 4'",
    ],
)
def test_weights_as_they_may_be_typed(structure, typed, weights):
    said = typed(f"edm_table {FRAGMENT}, z='-1 0', weights={weights}, draws=2")
    assert said == f"{edm_table(FRAGMENT, z=[-1, 0], weights=['flat', (1, 4, 4)], draws=2)}\n"


@pytest.mark.parametrize("weights", ["flat; 1 4 4", ["flat", "1 4 4"], [Weights.named("flat"), [1.0, 4.0, 4.0]]])
def test_weights_from_python(structure, weights):
    assert edm_table(FRAGMENT, z=0, weights=weights)["noise"] == ["flat", "rebalanced"]


def test_an_unquoted_semicolon_ends_the_command_as_everywhere_in_pymol(structure, typed):
    said = typed(f"edm_table {FRAGMENT}, z=0, weights=flat; print('next')")
    assert said == f"{edm_table(FRAGMENT, z=0, weights='flat')}\nnext\n"


def test_choice_of_atoms_and_state(cmd, structure_of):
    cmd.load("$PYMOL_DATA/demo/il2.pdb", "il2")
    heavy = edm_table("il2", z=0, weights="flat", hydrogens=0)
    cmd.remove("hydro")
    assert str(heavy) == str(edm_table("il2", z=0, weights="flat"))
    cmd.fragment("ala")
    cmd.create("two", "ala", 1, 1)
    cmd.create("two", "ala and not hydro", 1, 2)
    assert "5 atoms" in edm_table("two", z=0, weights="flat", state=2).title
    assert "10 atoms" in edm_table("two", z=0, weights="flat", state=1).title


def test_file(structure, typed, tmp_path):
    said = typed(f"edm_table {FRAGMENT}, z=0 1, weights=flat, file={tmp_path}/table.json")
    assert said.endswith("table.json written: 2 rows\n")
    rows = json.loads((tmp_path / "table.json").read_text())["rows"]
    assert [row["z"] for row in rows] == [0, 1]
    assert rows == edm_table(FRAGMENT, z=[0, 1], weights="flat").rows()
