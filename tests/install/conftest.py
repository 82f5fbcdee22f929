"""Real installations: wheel and zip of this source, pip, a Python with PyMOL in it, and PyMOL's window."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).parent / "scripts"


def run(*command, **options):
    """All that a command prints, which must succeed; the time limit is a net, nothing is waited for."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(command, timeout=200, check=False, **pipes, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout


class Account:
    """A user with an empty home, who works with this Python."""

    python = Path(sys.executable)

    def __init__(self, folder, display):
        self.home = folder / "home"
        self.work = folder / "work"
        self.home.mkdir()
        self.work.mkdir(mode=0o700)  # Qt warns of others
        kept = ("PATH", "LANG", "LD_LIBRARY_PATH")
        self.environment = {name: os.environ[name] for name in kept if name in os.environ} | {
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.work),
            "DISPLAY": display,
            "REPORT": str(self.work / "report.json"),
        }

    def run(self, *command):
        return run(self.python, *command, cwd=self.work, env=self.environment)

    def pymol(self, *arguments, script="look.py"):
        """Start PyMOL, with a window unless -c is given, let it run a script, return what that reports."""
        output = self.run("-m", "pymol", "-q", *arguments, "-r", SCRIPTS / script)
        report = Path(self.environment["REPORT"])
        assert report.exists(), output
        result = json.loads(report.read_text())
        report.unlink()
        return result | {"output": output}


class Machine(Account):
    """A user with a Python of their own, that has PyMOL and all that is installed here, but not edmnoise.

    The packages are links, but pmg_tk is a copy: pip writes to it. PyMOL lies where pip installs packages,
    or elsewhere on the module path, as a PyMOL of the system does.
    """

    def __init__(self, folder, display, without=(), elsewhere=False):
        super().__init__(folder, display)
        run(sys.executable, "-m", "venv", "--without-pip", folder / "python")
        self.python = folder / "python/bin/python"
        self.packages = next(folder.glob("python/lib/python*/site-packages"))
        pymol_packages = self.packages
        if elsewhere:
            pymol_packages = folder / "elsewhere"
            pymol_packages.mkdir()
            (self.packages / "elsewhere.pth").write_text(str(pymol_packages))
        skipped = ("edmnoise", "_edmnoise", *without)
        for entry in Path(sysconfig.get_path("purelib")).iterdir():
            link = pymol_packages / entry.name
            if entry.name == "pmg_tk":
                shutil.copytree(entry, link, ignore=shutil.ignore_patterns("edmnoise_gui*"))
            elif entry.suffix != ".pth" and not entry.name.startswith(skipped):
                link.symlink_to(entry)

    def pip(self, *arguments):
        """pip without its index: what edmnoise needs must be there."""
        run(sys.executable, "-m", "pip", "--python", self.python, *arguments, env=self.environment)


@pytest.fixture
def account(tmp_path, display):
    return Account(tmp_path, display)


@pytest.fixture
def make_machine(tmp_path, display):
    return lambda **kind: Machine(tmp_path, display, **kind)


@pytest.fixture
def machine(make_machine):
    return make_machine()


@pytest.fixture(scope="session")
def display():
    """A screen of our own, which tells its number when it is ready."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x960x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as server:
        os.close(write)
        with open(read) as pipe:
            number = pipe.readline().strip()
        assert number, "Xvfb did not start"
        yield f":{number}"
        server.terminate()


@pytest.fixture(scope="session")
def source():
    return ROOT


@pytest.fixture(scope="session")
def distributions(tmp_path_factory):
    """The source distribution, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return folder


@pytest.fixture(scope="session")
def wheel(distributions):
    return next(distributions.glob("*.whl"))


@pytest.fixture(scope="session")
def plugin_zip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zip")
    return Path(run(sys.executable, ROOT / "tools/release_zip.py", folder).strip())
