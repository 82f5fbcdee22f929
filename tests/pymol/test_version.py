"""edm_version: what PyMOL says of itself, beside what `python -m edmnoise version` says of all else."""

from edmnoise.base.versions import versions
from edmnoise_pymol import edm_version


def test_a_typed_line_prints_the_block_that_python_is_given(cmd, typed):
    said = typed("edm_version")
    assert said == f"{edm_version()}\n"
    ours, pymol, *others = said.splitlines()
    assert ours.startswith("edmnoise ")
    assert pymol.split() == ["PyMOL", cmd.get_version()[0]]
    assert {line.split()[-1] for line in versions().splitlines()} <= {line.split()[-1] for line in (ours, *others)}


def test_called_from_python_it_prints_nothing(capsys):
    assert "PyMOL" in edm_version()
    assert capsys.readouterr().out == ""


def test_an_argument_is_refused(cmd, refusal):
    assert "edm_version has no argument 'file'" in refusal("edm_version file=versions.txt")
