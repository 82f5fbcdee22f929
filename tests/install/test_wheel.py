"""pip install puts a menu entry into PyMOL's window, and pip uninstall takes it away."""

import zipfile

import pytest

import edmnoise


@pytest.fixture(scope="module")
def names(wheel):
    return zipfile.ZipFile(wheel).namelist()


def test_the_wheel_holds_two_packages_the_startup_file_and_nothing_else(names):
    metadata = f"edmnoise-{edmnoise.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"edmnoise", "edmnoise_pymol", "pmg_tk", metadata}
    assert [name for name in names if name.startswith("pmg_tk")] == ["pmg_tk/startup/edmnoise_gui.py"]
    assert "edmnoise/py.typed" in names
    assert f"{metadata}/licenses/LICENSE" in names


def test_the_source_distribution_holds_what_its_tests_need(distributions):
    assert list(distributions.glob("*.tar.gz"))
    assert list(distributions.glob("*.whl"))  # built from it


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
