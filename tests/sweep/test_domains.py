"""Domains of files in a study: their rows are those of the tables, and studies without any stay as they were."""

import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.noise.weights import parse_weights
from edmnoise.structure.domains import domain_labels
from edmnoise.structure.files import read_structure
from edmnoise.study.levels import z_table
from edmnoise.sweep.settings import read_settings

STUDY = """
structures = "*.pdb"
measures = ["levels", "freeze_out"]
weights = [[4, 3, 2, 1], "flat"]
z = 0
draws = 3
samplers = [{ name = "heun", steps = 4 }]
"""
ONE = '[domains]\n"s1.pdb" = "A:1-3 | rest"\n'


@pytest.fixture
def study_with(study_of, tmp_path):
    """A study with a key more."""
    return lambda more: study_of(tmp_path / "in", text=f"{STUDY}{more}")


@pytest.mark.parametrize("domains", ["A:1-3 | rest", "ss"])
def test_rows_are_those_of_the_z_table(study_with, swept, tmp_path, domains):
    """By ranges, or by what the files name a helix."""
    study = study_with(f'domains = "{domains}"')
    for file in study.parent.glob("*.pdb"):
        file.write_text(f"HELIX    1   1 GLY A    1  GLY A    3  1\n{file.read_text()}")
    done = swept(study, tmp_path / "out", report=True)
    structure = read_structure(study.parent / "s1.pdb")
    structure = structure.with_domains(domain_labels(structure, "A:1-3 | rest"))
    weights = [parse_weights("4 3 2 1"), parse_weights("flat")]
    table = z_table(structure, weights, [0], sigma_distribution("alphafold3"), draws=3)
    rows = [row for row in done.tables["levels"].rows() if row["structure"] == "s1.pdb"]
    for row, expected in zip(rows, table.rows(), strict=True):
        assert row["weights"] == expected.pop("noise")
        assert {name: row[name] for name in expected} == expected
        assert row["residue in chain"] is None
    frozen = next(row for row in done.tables["freeze_out"].rows() if row["structure"] == "s1.pdb")
    assert frozen["residue in domain"] > 0


def test_a_file_without_domains_has_no_share_of_them(study_with, swept, tmp_path):
    done = swept(study_with(ONE), tmp_path / "out")
    rows = {(row["structure"], row["weights"]): row for row in done.tables["levels"].rows()}
    assert rows["s1.pdb", "0.4/0.3/0.2/0.1"]["domain in chain"] > 0
    assert rows["s0.pdb", "flat"]["domain in chain"] is None
    assert rows["s0.pdb", "flat"]["residue in chain"] > 0
    assert ("s0.pdb", "0.4/0.3/0.2/0.1") not in rows
    wrong = {row["structure"]: row["why"] for row in done.tables["failures"].rows()}
    assert set(wrong) == {"s0.pdb", "s2.pdb"}
    assert "give domains a share, and there are no domains" in wrong["s0.pdb"]


def test_domains_that_do_not_fit_are_the_failure_of_their_file(study_with, swept, tmp_path):
    done = swept(study_with('[domains]\n"s1.pdb" = "A:1-3"\n"s0.pdb" = "ss"\n'), tmp_path / "out")
    wrong = {row["structure"]: row["why"] for row in done.tables["failures"].rows()}
    assert wrong["s1.pdb"].startswith("domains leave out 12 of 24 atoms, first //A/GLY`4/N")
    assert wrong["s0.pdb"].startswith("domains are 'ss', and the file names no helices and no strands: give residue")


def test_a_study_without_domains_has_no_column_of_them(study_of, swept, tmp_path):
    done = swept(study_of(tmp_path / "in"), tmp_path / "out")
    for table in done.tables.values():
        assert not any("domain" in column.name for column in table.columns)


def test_domains_are_part_of_what_a_study_is(study_of, tmp_path):
    text = STUDY.replace("[4, 3, 2, 1], ", "")
    digests = {
        more: read_settings(study_of(tmp_path / "in", text=text + more)).digest
        for more in ("", ONE, ONE.replace("1-3", "1-2"))
    }
    assert len(set(digests.values())) == 3


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            '[domains]\n"s9.pdb" = "A:1-3 | rest"\n',
            "domains of 's9.pdb', which is none of the structures",
        ),
        ("domains = 3\n", "domains is 3: give text in quotes"),
        ('[domains]\n"s1.pdb" = 3\n', "s1.pdb is 3: give text in quotes"),
    ],
)
def test_what_are_no_domains_is_refused_with_its_line(study_with, more, said):
    with pytest.raises(EdmNoiseError, match=f"^study.toml, line [0-9]+: {said}"):
        read_settings(study_with(more))
