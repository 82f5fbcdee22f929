"""PyMOL's Plugin Manager installs the release zip, and the menu entry is there after the next start too."""

import ast
import re
import zipfile
from pathlib import Path

import pytest

import edmnoise

ROOT = Path(__file__).resolve().parents[2]
STARTUP = (ROOT / "plugin/startup/edmnoise_gui.py").read_text()


@pytest.fixture
def install_zip(plugin_zip, tmp_path):
    """Install the zip in a machine's PyMOL as the Plugin Manager does."""

    def install(machine):
        folder = tmp_path / "startup"
        folder.mkdir()
        machine.environment |= {"ZIP": str(plugin_zip), "STARTUP": str(folder)}
        return folder, machine.pymol(script="install_zip.py")

    return install


def test_the_zip_holds_one_package_and_no_compiled_files(plugin_zip):
    names = zipfile.ZipFile(plugin_zip).namelist()
    assert {name.split("/")[0] for name in names} == {"edmnoise_gui"}
    assert "edmnoise_gui/__init__.py" in names
    assert not [name for name in names if "__pycache__" in name]
    assert plugin_zip.name == f"edmnoise-plugin-{edmnoise.__version__}.zip"


def test_the_startup_file_asks_for_what_the_package_requires():
    needed = ast.literal_eval(re.search(r"^NEEDED = (.+)$", STARTUP, re.MULTILINE)[1])
    required = re.search(r"^dependencies = (.+)$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    for_all = [item for item in ast.literal_eval(required) if ";" not in item]  # an old Python's are for sweeps alone
    assert list(needed) == [re.match(r"\w+", item)[0] for item in for_all]


def test_installed_the_next_window_has_the_menu_entry_and_the_commands(machine, install_zip):
    folder, installation = install_zip(machine)
    assert installation["said"] == ['Plugin "edmnoise_gui" has been installed.']
    seen = machine.pymol()
    assert seen["menu"].count("EDM noise") == 1
    assert "edm_noise" in seen["commands"]
    assert seen["heavy"] == []
    assert seen["file"].startswith(str(folder / "edmnoise_gui"))


def test_an_installed_edmnoise_is_preferred_to_the_one_in_the_zip(machine, install_zip, wheel):
    install_zip(machine)
    machine.pip("install", "--no-index", wheel)
    seen = machine.pymol()
    assert seen["menu"].count("EDM noise") == 1
    assert seen["file"].startswith(str(machine.packages))


def test_without_torch_one_line_tells_how_to_install_it(make_machine, install_zip):
    machine = make_machine(without=("torch",))
    _, installation = install_zip(machine)
    assert installation["said"] == ['Plugin "edmnoise_gui" has been installed but initialization failed.']
    (line,) = (line for line in installation["output"].splitlines() if "EDM noise" in line)
    assert line.endswith(f'{machine.python} -m pip install torch "numpy<2"')
    assert "Traceback" not in installation["output"]
    assert "EDM noise" not in machine.pymol()["menu"]
