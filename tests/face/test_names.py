"""`import edmnoise as edm`: what a type checker is told, what is listed and what is there are the same names."""

import ast
import importlib
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import edmnoise as edm

SOURCE = Path(edm.__file__).read_text(encoding="utf-8")
NAMES = [name for name in edm.__all__ if name != "__version__"]

NEW_PROCESS = """
import json, sys
before = set(sys.modules)
import edmnoise as edm
brought = sorted(set(sys.modules) - before)
listed = dir(edm)
edm.Weights
print(json.dumps([brought, listed, "torch" in sys.modules]))
"""


def told_to_type_checkers():
    """name -> module, of the block that is read by type checkers alone."""
    (block,) = (node for node in ast.parse(SOURCE).body if isinstance(node, ast.If) and "from ." in ast.unparse(node))
    found = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        assert node.level == 1
        for alias in node.names:
            assert alias.asname == alias.name  # which is what makes it public for them
            found[alias.name] = f"edmnoise.{node.module}"
    return found


def test_type_checkers_are_told_what_there_is():
    assert told_to_type_checkers() == edm._HOMES


def test_nothing_is_listed_twice():
    assert len(set(edm.__all__)) == len(edm.__all__)
    assert dir(edm) == sorted(edm.__all__)  # Python sorts what a module lists


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_the_thing_of_its_home_and_says_what_it_is(name):
    found = getattr(edm, name)
    assert found is getattr(importlib.import_module(edm._HOMES[name]), name)
    assert found.__name__ == name
    first = (found.__doc__ or "").partition("\n")[0]
    assert len(first) > 10
    assert not first.startswith(f"{name}(")  # what a dataclass writes by itself


def test_no_name_is_a_packages_which_would_take_its_place():
    assert not set(NAMES) & {module.name for module in pkgutil.iter_modules(edm.__path__)}


def test_the_import_brings_nothing_along_and_light_names_bring_no_torch():
    done = subprocess.run([sys.executable, "-c", NEW_PROCESS], capture_output=True, text=True, check=True)
    brought, listed, torch = json.loads(done.stdout)
    assert brought == ["edmnoise"]
    assert listed == sorted(edm.__all__)
    assert not torch


def test_all_names_come_with_a_star():
    space = {}
    exec("from edmnoise import *", space)
    assert set(edm.__all__) <= set(space)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("read_structur", "edmnoise has no 'read_structur', did you mean 'read_structure'?"),
        ("multiscalenoise", "edmnoise has no 'multiscalenoise', did you mean 'MultiscaleNoise'?"),
        ("qqq", "edmnoise has no 'qqq'; dir(edmnoise) lists what it has"),
    ],
)
def test_a_wrong_name_is_told_once_with_the_right_one(wrong, said):
    assert not hasattr(edm, wrong)
    done = subprocess.run([sys.executable, "-c", f"import edmnoise; edmnoise.{wrong}"], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == f"AttributeError: {said}"
