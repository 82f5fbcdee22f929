"""What is written for who takes part: it agrees with the program, and every file that it names is there."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

import edmnoise
from edmnoise.__main__ import main
from edmnoise_pymol import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ROWS = [
    re.split(r"(?<!\\)\|", line)[1:-1]
    for line in CONTRIBUTING.splitlines()
    if line.startswith("| ") and not line.startswith("| To add")
]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
PATH = re.compile(r"`((?:edmnoise|plugin|examples|findings)/(?:[\w/]+(?:\.py|/))?)`")


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def words(thing):
    """All texts of a form."""
    if isinstance(thing, dict):
        return " ".join(map(words, thing.values()))
    return " ".join(map(words, thing)) if isinstance(thing, list) else str(thing)


def test_what_is_to_be_cited_is_this_version():
    citation = read(ROOT / "CITATION.cff")
    assert citation["version"] == edmnoise.__version__
    assert citation["authors"] == [{"name": "The edmnoise developers"}]
    assert citation["title"].startswith("edmnoise: ")
    assert edmnoise.__doc__.lower().startswith(citation["title"].removeprefix("edmnoise: "))
    assert citation["license"] in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_the_hooks_run_what_make_lint_runs():
    (repository,) = read(ROOT / ".pre-commit-config.yaml")["repos"]
    hooks = [hook["entry"].removeprefix(".venv/bin/") for hook in repository["hooks"]]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)[1]
    assert hooks == [line.strip().replace("$(PY)", "python").removeprefix(".venv/bin/") for line in recipe.splitlines()]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_a_form_asks_for_what_there_is(form, capsys):
    asked = read(form)
    assert {"name", "description", "body"} <= set(asked)
    ids = [part["id"] for part in asked["body"]]
    assert len(set(ids)) == len(ids)
    required = {part["id"] for part in asked["body"] if part.get("validations", {}).get("required")}
    assert {"command", "versions"} <= required
    assert set(re.findall(r"edm_\w+", words(asked))) <= {command.__name__ for command in COMMANDS}
    assert "://" not in words(asked)
    assert "python -m edmnoise version" in words(asked)
    assert main(["version"]) == 0
    assert f"edmnoise {edmnoise.__version__}" in " ".join(capsys.readouterr().out.split())


def test_every_change_but_a_level_touches_three_files_at_most():
    assert len(ROWS) > 15
    for what, touched, _ in ROWS:
        assert 1 <= len(PATH.findall(touched)) <= 3 or "a level" in what, what


def test_every_file_of_the_table_is_there():
    named = {path for _, touched, _ in ROWS for path in PATH.findall(touched)}
    assert {path for path in named if not (ROOT / path).exists()} == set()


@pytest.mark.parametrize("block", re.findall(r"```\n(.*?)```", CONTRIBUTING, re.DOTALL))
def test_what_is_to_be_typed_is_there(block):
    for line in block.splitlines():
        typed = line.partition("#")[0].split()
        if typed[0] == "make":
            for target in typed[1:]:
                subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, check=True)
        for word in typed:
            if word.startswith("tests/"):
                assert (ROOT / word).exists(), word
