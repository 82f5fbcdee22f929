"""The version is stated in edmnoise/__init__.py; files that nothing can fill in state the same one."""

import re
from pathlib import Path

import pytest

import edmnoise

ROOT = Path(__file__).resolve().parents[2]

STATED = {
    "CHANGELOG.md": r"^## (\S+) \(\d{4}-\d\d-\d\d\)$",
    "CITATION.cff": r"^version: (\S+)$",
    "plugin/startup/edmnoise_gui.py": r"\A# Version: (\S+)$",  # read by PyMOL's Plugin Manager
    "recipe/recipe.yaml": r'^  version: "(\S+)"$',
}


@pytest.mark.parametrize("file", STATED)
def test_every_file_that_states_a_version_states_this_one(file):
    found = re.search(STATED[file], (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    assert found[1] == edmnoise.__version__


def test_the_last_version_of_the_changelog_has_the_day_of_the_citation():
    days = [
        re.search(pattern, (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)[1]
        for file, pattern in (("CHANGELOG.md", r"^## \S+ \((.*)\)$"), ("CITATION.cff", r"^date-released: (\S+)$"))
    ]
    assert days[0] == days[1]
