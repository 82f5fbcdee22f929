"""Every example in a docstring and on a page prints what it says."""

import doctest
import importlib
import shutil
from pathlib import Path

import pytest
from modules import modules_of

DOCS = Path(__file__).resolve().parents[2] / "docs"
MODULES = [
    name
    for package in ("edmnoise", "edmnoise_pymol")
    for name, path in modules_of(package)
    if ">>>" in path.read_text()
]
PAGES = [page.name for page in sorted(DOCS.glob("*.rst")) if ">>>" in page.read_text(encoding="utf-8")]


def assert_holds(tests):
    """Run doctests; what one finds otherwise is the message."""
    said = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for test in tests:
        runner.run(test, out=said.append)
    assert runner.tries > 0
    assert runner.failures == 0, "".join(said)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name):
    assert_holds(doctest.DocTestFinder().find(importlib.import_module(name)))


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_hold(page, pymol_data, tmp_path, monkeypatch):
    shutil.copy(pymol_data / "demo" / "1tii.pdb", tmp_path)
    monkeypatch.chdir(tmp_path)
    text = (DOCS / page).read_text(encoding="utf-8")
    assert_holds([doctest.DocTestParser().get_doctest(text, {}, page, page, 0)])
