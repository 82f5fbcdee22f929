"""Who touches PyMOL: what import-linter cannot see, for a cmd is handed from function to function."""

import ast
import re
from pathlib import Path

import pytest

PLUGIN = Path(__file__).resolve().parents[2] / "plugin" / "edmnoise_pymol"

REGISTERING = {"__init__.py", "menu.py", "demo.py", "commands/completion.py", "commands/overview.py"}
"""Make the program known to PyMOL (commands, help, completion, menu), or are a script for it."""

CMD = re.compile(r"_?(cmd|self_cmd|_self)")


def touches(path):
    """Where a file asks something of a cmd: ``cmd.x``, ``self._cmd.x``, ``session.cmd.x``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            owner = node.value
            name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            if CMD.fullmatch(name):
                yield f"{path.relative_to(PLUGIN).as_posix()}:{node.lineno} {name}.{node.attr}"


def rooms():
    for path in sorted(PLUGIN.rglob("*.py")):
        name = path.relative_to(PLUGIN).as_posix()
        if name not in REGISTERING and not name.startswith("scene/"):
            yield pytest.param(path, id=name)


@pytest.mark.parametrize("path", list(rooms()))
def test_pymol_is_touched_in_the_scene_only(path):
    assert list(touches(path)) == []


def test_the_scene_is_seen_to_touch_it():
    assert len([found for path in (PLUGIN / "scene").glob("*.py") for found in touches(path)]) > 50
