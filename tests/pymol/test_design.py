"""The commands of design print what the library says of the selected atoms, and make nothing."""

import json
import math

import pytest

from edmnoise.noise.design.scramble import reference_lengths, scramble_table
from edmnoise.noise.design.signal import signal_table, step_table
from edmnoise.noise.design.solve import design
from edmnoise.noise.design.triangle import WeightMeasure
from edmnoise.noise.design.weight_map import weight_map
from edmnoise.noise.sigma import parse_distribution, sigma_distribution
from edmnoise.noise.theory.forms import LevelForms
from edmnoise.noise.theory.scales import measured_scales
from edmnoise.noise.weights import Weights
from edmnoise_pymol import edm_design, edm_noise, edm_scramble, edm_signal, edm_triangle

FRAGMENT = "1tii and chain A and resi 4-35"
OWN = parse_distribution("-1 1.8 16")


@pytest.fixture
def structure(cmd, structure_of):
    """The fragment's Structure, made without the plugin, and PyMOL left as it was."""
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    cmd.create("copy", FRAGMENT)
    made = structure_of("copy")
    cmd.delete("copy")
    return made


def test_design_is_the_librarys_and_makes_nothing(structure, snapshot):
    before = snapshot()
    result = edm_design(FRAGMENT, residue=3, atom="1.4", sigma=5, fixed="", compare="flat | 1 4 4")
    assert snapshot() == before
    expected = design(structure.hierarchy, residue=3, atom=1.4, sigma=5)
    assert result.design == expected
    assert (result.weights, result.sigma) == (expected.weights, expected.sigma)
    assert result.table["weights"] == ["wanted", "designed", "flat", "rebalanced"]


def test_the_result_goes_into_edm_noise(structure):
    result = edm_design(FRAGMENT, residue=3.8, atom=1.4)
    made = edm_noise(FRAGMENT, weights=result.weights, sigma=result.sigma, frames=200)
    moved = dict(zip(made.table["displacement"], made.table["measured"], strict=True))
    assert math.sqrt(3) * moved["atom in residue"] == pytest.approx(1.4, rel=0.02)


@pytest.mark.parametrize(
    "fixed", ["chain 0.1 | residue/atom 4", "chain=0.1|residue/atom=4", {"chain": 0.1, "residue/atom": 4}]
)
def test_constraints_as_they_may_be_given(structure, fixed):
    weights = edm_design(FRAGMENT, atom=1.4, fixed=fixed).weights
    assert weights.by_name == pytest.approx({"chain": 0.1, "residue": 0.72, "atom": 0.18})


def test_typed_as_in_the_issue(structure, typed, tmp_path):
    said = typed(f"edm_design 1tii, chain=10, residue=3.8, atom=1.4, z=0, file={tmp_path}/design.csv")
    assert "edm_design: weights=0.8578 0.1229 0.01936, sigma=6.229" in said
    assert "P_mean -0.943 puts it at z = 0" in said
    assert said.endswith("design.csv written: 5 rows\n")
    one = typed(f"edm_design {FRAGMENT}, chain=10, residue=3.8, atom=1.4")
    assert "One chain: after centring its part is worth nothing" in one


def test_scramble_points_are_the_librarys_and_nothing_is_made(structure, snapshot, tmp_path):
    before = snapshot()
    table = edm_scramble(FRAGMENT, "flat | 1 4 4", "wide | -1 1.8 16", residue=5, file=f"{tmp_path}/points.json")
    assert snapshot() == before
    weights = [Weights.named("flat"), Weights.named("rebalanced")]
    lengths = reference_lengths(structure, residue=5)
    expected = scramble_table(structure, weights, [sigma_distribution("wide"), OWN], lengths)
    assert str(table) == str(expected)
    assert len(json.loads((tmp_path / "points.json").read_text())["rows"]) == 12


@pytest.mark.parametrize("by", ["level", "z"])
def test_the_signal_is_the_librarys_and_nothing_is_made(structure, snapshot, tmp_path, by):
    before = snapshot()
    table = edm_signal(FRAGMENT, "flat | 1 4 4", "wide | -1 1.8 16", by=by, z="-1 0.5", file=f"{tmp_path}/signal.csv")
    assert snapshot() == before
    given = LevelForms.of(structure.hierarchy), measured_scales(structure), [Weights.named("flat"), Weights.of(1, 4, 4)]
    distributions = [sigma_distribution("wide"), OWN]
    expected = signal_table(*given, distributions) if by == "level" else step_table(*given, distributions, [-1, 0.5])
    assert str(table) == str(expected)
    assert len((tmp_path / "signal.csv").read_text().splitlines()) == len(expected) + 1


def test_the_triangle_is_the_librarys_and_nothing_is_made(structure, snapshot, tmp_path):
    before = snapshot()
    result = edm_triangle(FRAGMENT, "scramble", "atom", "wide", 1.5, file=f"{tmp_path}/map.csv")
    assert snapshot() == before
    expected = weight_map(structure, WeightMeasure("scramble", "atom", sigma_distribution("wide"), 1.5))
    assert (result.values == expected.values).all()
    assert str(result.table) == str(expected.table)
    assert len((tmp_path / "map.csv").read_text().splitlines()) == 5051


def test_the_triangles_reference_length_is_that_of_scramble_points(structure):
    z = edm_triangle("1tii", "scramble", "chain").table["value"][1]
    row = next(r for r in edm_scramble("1tii").rows() if r["level"].startswith("chain") and r["weights"] == "current")
    assert z == pytest.approx(row["z"])


@pytest.mark.parametrize("line", ["edm_triangle 1tii, file=", "edm_signal 1tii, file="])
def test_figures_typed(structure, typed, tmp_path, line):
    said = typed(f"{line}{tmp_path}/figure.png")
    assert said.endswith("figure.png written\n")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("edm_design ala", ["nothing to design for", "chain, residue, atom"]),
        ("edm_design nosuch, atom=1", ["'nosuch'"]),
        ("edm_design ala, atom=far", ["atom is 'far'", "number"]),
        ("edm_design ala, atom=-1", ["atom is -1 A", "above 0"]),
        ("edm_design ala, residue=1", ["no weights give residue in chain 1 A", "every chain is one residue"]),
        ("edm_design ala, atom=1, z=99", ["z is 99", "-12 to 12"]),
        ("edm_design ala, atom=1, sigma=0", ["sigma is 0", "above 0"]),
        ("edm_design ala, atom=1, fixed=atom", ["constraint 'atom'", "residue/atom 4"]),
        ("edm_design ala, atom=1, fixed=atom 0.7 | chain 0.7", ["atom 0.7, chain 0.7 contradict each other"]),
        ("edm_design ala, atom=1, compare=heavy", ["'heavy'", "three numbers"]),
        ("edm_design ala, atom=1, distribution=nosuch", ["'nosuch'", "alphafold3"]),
        ("edm_design ala, atom=1, file=design.png", ["'design.png'", ".csv or .json"]),
        ("edm_design ala, atm=1", ["'atm'", "the arguments are selection, chain, residue"]),
        ("edm_scramble nosuch", ["'nosuch'"]),
        ("edm_scramble ala, weights=1 2", ["'1 2'", "three numbers"]),
        ("edm_scramble ala, distribution=1 2 3 4", ["'1 2 3 4'", "P_mean P_std sigma_data"]),
        ("edm_scramble ala, distribution=1 -2", ["p_std is -2", "above 0"]),
        ("edm_scramble ala, residue=0", ["reference length of the residue is 0 A", "above 0"]),
        ("edm_scramble ala, weights=|", ["no weights", "at least one"]),
        ("edm_signal nosuch", ["'nosuch'"]),
        ("edm_signal ala, by=atom", ["by is 'atom'", "level, z"]),
        ("edm_signal ala, by=z, z=50", ["z is 50", "-12 to 12"]),
        ("edm_signal ala, file=signal.txt", ["'signal.txt'", ".csv or .json"]),
        ("edm_signal ala, weights=|", ["no weights", "at least one"]),
        ("edm_triangle nosuch", ["'nosuch'"]),
        ("edm_triangle ala, measure=speed", ["measure is 'speed'", "displacement, ratio, scramble, share"]),
        ("edm_triangle ala, level=domain", ["level is 'domain'", "atom, residue, chain"]),
        ("edm_triangle ala, level=chain", ["no noise moves the chain"]),
        ("edm_triangle ala, measure=share, level=chain", ["chain has no reference length"]),
        ("edm_triangle ala, measure=share, level=atom, reference=-1", ["reference length of the atom is -1 A"]),
        ("edm_triangle ala, file=map.xyz", ["'map.xyz'", ".csv or .json"]),
        ("edm_triangle ala, level=atom, file=nosuch/map.png", ["nosuch/map.png"]),
    ],
)
def test_wrong_input_is_one_line_and_changes_nothing(cmd, refusal, line, said):
    cmd.fragment("ala")
    refused = refusal(line)
    for words in said:
        assert words in refused
