"""What the README and the pages show of the library goes through its face."""

import ast
import re
import shutil
from pathlib import Path

import pytest

import edmnoise as edm

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.rst"))]
IMPORTED = re.compile(r"^ *(?:>>> )?(from edmnoise\.\S+ import [\w, ]+)$", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_imports_by_the_face_what_the_face_has(page):
    for line in IMPORTED.findall(page.read_text(encoding="utf-8")):
        (node,) = ast.parse(line).body
        assert not {alias.name for alias in node.names} & set(edm.__all__), line


def test_the_example_of_the_readme_runs(pymol_data, tmp_path, monkeypatch, capsys):
    shutil.copy(pymol_data / "demo" / "1tii.pdb", tmp_path)
    monkeypatch.chdir(tmp_path)
    text = PAGES[0].read_text(encoding="utf-8")
    (example,) = (block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "pymol" not in block)
    assert [line for line in example.splitlines() if "import" in line] == ["import edmnoise as edm"]
    exec(example, {})
    said = capsys.readouterr().out
    assert said.startswith("50 frames at sigma 2 A, weights rebalanced: 7 chains, 712 residues, 5,469 atoms\n")
    assert said.splitlines()[-1].startswith("residue/atom ")


def test_the_reference_begins_with_every_name_of_the_face_once():
    text = (ROOT / "docs" / "api.rst").read_text(encoding="utf-8").split(".. modules::")[0]
    listed = " ".join(re.findall(r"^\.\. face:: (.+(?:\n   .+)*)", text, re.MULTILINE)).split()
    assert sorted(listed) == sorted(name for name in edm.__all__ if name != "__version__")
