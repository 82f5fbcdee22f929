"""The versions that a report says are those of the programs that are at work, and finding them loads none of them."""

import os
import platform
import subprocess
import sys

import gemmi
import matplotlib
import numpy as np
import pyqtgraph
import scipy
import torch

import edmnoise
from edmnoise.base import versions as module
from edmnoise.base.versions import versions

LOADED = "import sys; from edmnoise.base.versions import versions; print(versions()); sys.exit('torch' in sys.modules)"


def facts(said):
    """name -> version, of lines in two columns."""
    found = {name: text.lstrip() for name, text in (line.split("  ", 1) for line in said.splitlines())}
    assert len({len(line) - len(text) for line, text in zip(said.splitlines(), found.values(), strict=True)}) == 1
    return found


def test_each_version_is_what_the_program_says_of_itself():
    found = facts(versions())
    for package in (np, scipy, torch, matplotlib, pyqtgraph, gemmi):
        assert found[package.__name__] == package.__version__
    assert found["edmnoise"] == edmnoise.__version__
    assert found["Python"] == platform.python_version()
    assert str(os.cpu_count()) in found["system"]
    assert platform.system() in found["system"]


def test_what_the_program_knows_of_itself_stands_behind_our_own_version():
    assert list(facts(versions({"PyMOL": "3.2", "Qt": "5.15"})))[:4] == ["edmnoise", "PyMOL", "Qt", "Python"]


def test_what_is_not_there_is_not_listed(monkeypatch):
    monkeypatch.setattr(module, "PACKAGES", ("numpy", "no-such-package-anywhere"))
    assert list(facts(versions())) == ["edmnoise", "Python", "numpy", "system", "GPU"]


def test_torch_is_named_and_not_loaded():
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    found = facts(done.stdout)
    assert found["torch"] == torch.__version__
    assert found["GPU"] == "not asked for: torch is not loaded"


def test_the_gpu_is_the_one_that_torch_uses():
    said = facts(versions())["GPU"]
    if torch.cuda.is_available():
        assert said == f"{torch.cuda.get_device_name(0)}, CUDA {torch.version.cuda}"
    else:
        assert said == "none that torch can use"


def test_a_shell_prints_them():
    done = subprocess.run([sys.executable, "-m", "edmnoise", "version"], capture_output=True, text=True, check=True)
    assert list(facts(done.stdout)) == list(facts(versions()))
