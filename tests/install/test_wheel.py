"""pip install puts a menu entry into PyMOL's window, and pip uninstall takes it away."""

import tarfile
import zipfile
from pathlib import Path

import pytest

import edmnoise

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def names(wheel):
    return zipfile.ZipFile(wheel).namelist()


def files_of(folder, name):
    """The files of a folder of this source, as they are called where the folder has another name."""
    files = (file for file in (ROOT / folder).rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {f"{name}/{file.relative_to(ROOT / folder).as_posix()}" for file in files}


def test_the_wheel_holds_two_packages_icons_the_startup_file_and_nothing_else(names):
    metadata = f"edmnoise-{edmnoise.__version__}.dist-info"
    packed = {name for name in names if not name.startswith(metadata)}
    packages = files_of("edmnoise", "edmnoise") | files_of("plugin/edmnoise_pymol", "edmnoise_pymol")
    assert packed == packages | files_of("icons", "edmnoise_pymol/icons") | {"pmg_tk/startup/edmnoise_gui.py"}
    assert {"edmnoise/py.typed", "edmnoise/trajectories/programs/boltz2.json"} < packed
    assert f"{metadata}/licenses/LICENSE" in names


def test_the_source_distribution_holds_the_whole_tree_and_is_installed_as_the_wheel_is(machine, distributions):
    (archive,) = distributions.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        folders = {name.split("/")[1] for name in packed.getnames() if name.count("/") > 1}
    assert {"benchmarks", "docs", "edmnoise", "examples", "plugin", "recipe", "tests", "tools"} <= folders
    machine.pip("install", "--no-index", "--no-build-isolation", archive)
    assert machine.run("-m", "edmnoise", "version").split()[:2] == ["edmnoise", edmnoise.__version__]


def test_installed_the_window_has_the_menu_entry_and_the_commands(machine, wheel):
    machine.pip("install", "--no-index", f"{wheel}[pymol]")
    seen = machine.pymol()
    assert seen["menu"].count("EDM noise") == 1
    assert "edm_noise" in seen["commands"]
    assert seen["heavy"] == []  # torch alone would freeze the window for seconds
    assert seen["file"].startswith(str(machine.packages))
    assert seen["colours"] > 10  # the window was drawn


def test_installed_from_source_in_place_too(machine, source):
    machine.pip("install", "--no-index", "--no-build-isolation", "--editable", f"{source}[pymol]")
    seen = machine.pymol()
    assert seen["menu"].count("EDM noise") == 1
    assert seen["file"].startswith(str(source))


def test_uninstalled_nothing_is_left(machine, wheel):
    before = sorted(machine.packages.rglob("*"))
    machine.pip("install", "--no-index", wheel)
    machine.pymol()
    machine.pip("uninstall", "--yes", "edmnoise")
    left = set(machine.packages.rglob("*")) - set(before)
    assert [path for path in left if "edmnoise" in str(path)] == []
    assert "EDM noise" not in machine.pymol()["menu"]
