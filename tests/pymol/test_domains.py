"""Domains of an object in a real PyMOL: set, printed, kept by copies, frames and sessions, measured, refused."""

import csv
import math
import re
from pathlib import Path

import numpy as np
import pymol
import pytest
import torch
from safetensors.torch import load_file

from edmnoise.structure.domains import domain_table, with_domains
from edmnoise.structure.files import read_structure
from edmnoise_pymol import (
    edm_color,
    edm_damage,
    edm_design,
    edm_domains,
    edm_levels,
    edm_noise,
    edm_precondition,
    edm_sample,
    edm_save,
    edm_scramble,
    edm_signal,
    edm_table,
    edm_train,
    edm_triangle,
)
from edmnoise_pymol.scene.titles import Provenance

DOMAINS = ("chain A and resi 1-40", "chain A and resi 41-80", "chain C")
LEVELS = ["chain", "domain", "residue", "atom", "domain in chain", "residue in domain", "atom in residue"]


@pytest.fixture
def loaded(cmd):
    """Residues 1 to 80 of chain A of 1TII, and its chain C, without water."""
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "m")
    cmd.remove("not (chain A and resi 1-80 or chain C) or solvent")
    return "m"


@pytest.fixture
def domained(loaded):
    edm_domains(loaded, "chain A and resi 1-40 | rest")
    return loaded


@pytest.mark.parametrize(
    "text",
    ["chain A and resi 1-40 | rest", "A:1-40 | rest", "A:1-40 | resi 41-80 and chain A | chain C", "head | rest"],
)
def test_selections_and_ranges_say_the_same(cmd, loaded, text):
    cmd.select("head", "chain A and resi 1-40")
    table = edm_domains(loaded, text)
    assert table["chain"] == ["A", "A", "C"]
    assert table["residues"] == ["1-40", "41-80", "195-230"]
    assert table["atoms"] == [cmd.count_atoms(atoms) for atoms in DOMAINS]
    assert edm_domains(loaded).rows() == table.rows()


def test_secondary_structure_is_its_runs(cmd, loaded):
    cmd.alter("all", "ss='L'")
    cmd.alter("chain A and resi 10-20", "ss='H'")
    cmd.alter("chain C and resi 200-210", "ss='S'")
    assert edm_domains(loaded, "ss")["residues"] == ["1-9", "10-20", "21-80", "195-199", "200-210", "211-230"]


@pytest.mark.parametrize("file", ["1tii.pdb", "5PTI.cif.gz"])
def test_a_files_own_secondary_structure_makes_the_same_domains_without_pymol(cmd, pymol_data, file):
    import MDAnalysisTests

    path = pymol_data / "demo" / file
    if not path.exists():
        path = Path(MDAnalysisTests.__file__).parent / "data" / "mmcif" / file
    cmd.load(str(path), "m")
    tables = edm_domains("m", "ss"), domain_table(with_domains(read_structure(path), "ss"))
    theirs, ours = ([tuple(row.values())[1:] for row in table.rows()] for table in tables)
    assert sorted(theirs) == sorted(ours)  # PyMOL has the chains in another order
    assert len(ours) > 5


@pytest.mark.parametrize("name", ["segi", "custom"])
def test_a_property_names_domains(cmd, loaded, name):
    cmd.alter(DOMAINS[0], f"{name}='lid'")
    cmd.alter(f"not ({DOMAINS[0]})", f"{name}='core'")
    cmd.sort()
    assert sorted(edm_domains(loaded, name)["atoms"]) == sorted(cmd.count_atoms(atoms) for atoms in DOMAINS)


def test_domains_go(domained):
    assert len(edm_domains(domained, "none")) == 0
    assert "domain" not in edm_levels(edm_noise(domained, frames=2).name)["displacement"]


def test_a_network_learns_nothing_of_domains(cmd, domained, typed, refusal, tmp_path, monkeypatch):
    """It is trained as without them, and weights for them are refused."""
    monkeypatch.chdir(tmp_path)
    assert "x.safetensors" in typed("edm_train m and resi 36-45, 2, fluctuations=1 1 1, file=x.safetensors")
    said = refusal("edm_train m and resi 36-45, 2, weights=1 4 2 1, fluctuations=1 1 1, file=y.safetensors")
    assert "give domains a share, of which no network learns: give three weights" in said
    assert "there are no domains" in refusal("edm_train m, 2, fluctuations=1 1 1 1, file=y.safetensors")


def test_a_property_that_holds_something_else_is_no_domain(cmd, atoms, loaded):
    cmd.alter("all", "custom='mine'")
    assert len(edm_domains(loaded)) == 0
    edm_domains(loaded, "none")
    assert set(atoms(loaded, "custom")) == {"mine"}


def test_measured_is_expected_at_four_levels(domained):
    result = edm_noise(domained, sigma=3.0, weights="4 3 2 1", frames=200, seed=5)
    assert result.table["displacement"] == LEVELS
    for row in result.table.rows():
        assert row["measured"] == pytest.approx(row["expected"], abs=3 * row["spread"]), row
    shares = [value for value in result.table["share expected"] if not math.isnan(value)]
    assert math.fsum(shares) == pytest.approx(1)


def test_a_domain_moves_as_one(domained, coords):
    made = edm_noise(domained, sigma=2.0, weights="0 1 0 0", frames=1)
    for atoms in DOMAINS:
        moved = coords(f"{made.name} and {atoms}", 2) - coords(f"{made.name} and {atoms}", 1)
        assert np.abs(moved - moved[0]).max() < 1e-4
        assert np.abs(moved[0]).max() > 0.1


def test_frames_keep_their_domains_and_weights(cmd, domained, tmp_path):
    edm_noise(domained, weights="4 3 2 1", frames=3, name="frames")
    before = edm_levels("frames")
    assert Provenance.parse(cmd.get_title("frames", 1)).noise.weights.domain == pytest.approx(0.3)
    cmd.set_name("frames", "renamed")
    cmd.copy("copied", "renamed")
    cmd.save(str(tmp_path / "all.pse"))
    cmd.reinitialize()
    cmd.load(str(tmp_path / "all.pse"))
    for name in ("renamed", "copied"):
        again = edm_levels(name)
        assert again["displacement"] == LEVELS
        assert again["expected"] == pytest.approx(before["expected"])
        assert again["measured"] == pytest.approx(before["measured"])


def test_a_file_says_what_the_domains_were(domained, tmp_path):
    edm_noise(domained, weights="4 3 2 1", frames=2, name="frames")
    for level in ("atom", "residue"):
        file = tmp_path / f"{level}.pdb"
        edm_save(str(file), "frames", level)
        said = " ".join(line[11:].strip() for line in file.read_text().splitlines() if line.startswith("REMARK"))
        assert "edm_domains object, A:1-40 | A:41-80 | C:195-230" in said


def test_colours_are_those_of_domains(domained, shades):
    edm_noise(domained, weights="1 4 1 1", frames=3, name="frames")
    colouring = edm_color("frames", level="domain", palette="white_red")
    assert "domain in chain" in str(colouring)
    assert colouring.left_out == "1 domain alone in its chain: grey"
    for atoms in DOMAINS:
        assert len(np.unique(shades(f"frames and {atoms}"), axis=0)) == 1


def test_tables_take_four_weights(domained, tmp_path):
    table = edm_table(domained, z=[0], weights="4 3 2 1 | flat", draws=3, file=str(tmp_path / "t.csv"))
    assert {"domain in chain", "residue in domain", "in domain expected"} <= {column.name for column in table.columns}
    with open(tmp_path / "t.csv", encoding="utf-8") as handle:
        assert next(csv.DictReader(handle))["noise"] == "0.4/0.3/0.2/0.1"
    assert "domain in chain" in edm_scramble(domained, weights="4 3 2 1")["level"]
    assert "domain in chain" in edm_signal(domained, weights="4 3 2 1")["level"]
    assert "c_skip domain" in [column.name for column in edm_precondition(domained, weights="4 3 2 1").columns]
    assert edm_damage(domained, z=[0], weights="4 3 2 1", draws=2).table["noise"] == ["0.4/0.3/0.2/0.1"]
    designed = edm_design(domained, domain=5, residue=3, atom=1)
    assert designed.weights.domain > 0
    by_residue = edm_levels(edm_noise(domained, frames=2).name, by="residue")
    assert sorted(set(by_residue["domain"])) == [1, 2, 3]
    assert by_residue["in domain expected"][0] > 0


def test_the_triangle_is_of_three_weights(cmd, domained):
    with_them = edm_triangle(domained)
    edm_domains(domained, "none")
    assert np.array_equal(with_them.values, edm_triangle(domained).values)


def test_a_run_has_domains_to_go(cmd, domained):
    cmd.create(domained, domained, 1, 2)
    cmd.translate([4, 0, 0], f"{domained} and resi 1-40", state=2, camera=0)
    made = edm_sample(domained, weights="1 1 1 1", samples=2, steps=10, fluctuations="1 0.5 0.3 0.2")
    assert "denoised domain in chain" in [column.name for column in made.table.columns]


WRONG = [
    ("A:1-40 | A:30-80 | rest", "`30/N is in 'A:1-40' and in 'A:30-80'"),
    ("A:1-40", "domains leave out"),
    ("chain Z | rest", "selection 'chain Z' holds no atoms"),
    ("within( | rest", "selection 'within(' cannot be read"),
    ("name CA | rest", "domains part a residue, at"),
    ("rest | chain A", "put | between them, and rest last or nowhere"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_what_are_no_domains_is_refused_and_changes_nothing(domained, text, said):
    before = edm_domains(domained).rows()
    with pytest.raises(pymol.CmdException, match=re.escape(said)):
        edm_domains(domained, text)
    assert edm_domains(domained).rows() == before


def test_four_weights_need_domains(loaded):
    with pytest.raises(pymol.CmdException, match="give domains a share, and there are no domains: set them"):
        edm_noise(loaded, weights="4 3 2 1")


def test_the_domains_of_frames_made_by_them_stay(cmd, domained):
    edm_noise(domained, weights="4 3 2 1", frames=2, name="frames")
    for text in ("none", "ss"):
        with pytest.raises(pymol.CmdException, match="the noise of frames was made by its domains"):
            edm_domains("frames", text)
    edm_noise(domained, weights="1 4 4", frames=2, name="others")  # whose noise does not know them
    assert len(edm_domains("others", "none")) == 0


def test_atoms_that_came_later_have_no_domain(cmd, domained):
    cmd.alter(f"{domained} and resi 80", "custom=''")
    with pytest.raises(pymol.CmdException, match=r"domains of m leave out .* first //A/.*`80/N: set them anew"):
        edm_noise(domained)
    assert len(edm_domains(domained, "A:1-40 | rest")) == 3


def test_a_training_is_of_three_levels(domained, tmp_path):
    """The network that is learned is that of the object without domains, to the bit; a share for them is refused."""
    files = [tmp_path / f"{name}.safetensors" for name in "ab"]
    edm_train(domained, 5, fluctuations="1 1 1", batch=2, file=str(files[0]))
    with pytest.raises(
        pymol.CmdException, match="give domains a share, of which no network learns: give three weights"
    ):
        edm_train(domained, 5, weights="1 1 1 1", fluctuations="1 1 1", file=str(tmp_path / "c.safetensors"))
    edm_domains(domained, "none")
    edm_train(domained, 5, fluctuations="1 1 1", batch=2, file=str(files[1]))
    with_domains, without = (load_file(file) for file in files)
    assert with_domains.keys() == without.keys()
    assert all(torch.equal(with_domains[name], without[name]) for name in without)
    assert not (tmp_path / "c.safetensors").exists()


def test_colours_by_domain_need_domains(loaded):
    edm_noise(loaded, frames=2, name="frames")
    with pytest.raises(pymol.CmdException, match="no level 'domain': the levels are atom, residue, chain"):
        edm_color("frames", level="domain")
