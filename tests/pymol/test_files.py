"""What a command writes: every ending that its page names, and no other, said before the work is done."""

import inspect

import numpy as np
import pytest

from edmnoise.base.table import TABLES
from edmnoise.study.figures.figure import FIGURES
from edmnoise.trajectories.listening.recorder import Recorder
from edmnoise_pymol import COMMANDS

WRITERS = [c for c in COMMANDS if "file" in list(inspect.signature(c).parameters)[1:]]
DRAWERS = [c for c in WRITERS if ".svg" in c.__doc__]
QUICK = {
    "edm_sample": "steps=2",
    "edm_compare": "weights=flat, steps=2",
    "edm_judge": "sampled=made",
    "edm_return": "sigma=1, samples=2, steps=2",
    "edm_error": "sigma=1, draws=2",
    "edm_damage": "z=0, weights=flat, draws=1",
    "edm_schedule": "steps=2",
    "edm_levels": "by=state, origin=twin",
    "edm_quality": "origin=twin",
}
"""Arguments that leave little to do."""
OTHERS = {"edm_train": (".safetensors",)}
"""What is written where it is no table."""


FIRST = {"edm_schedule": "", "edm_trace": "run.trace, made, "}


@pytest.fixture
def made(cmd, coords, tmp_path, monkeypatch):
    """A small object, and a run that ended in it."""
    monkeypatch.chdir(tmp_path)
    cmd.fab("AGSDF", "made")
    cmd.create("twin", "made")
    recorder = Recorder("run.trace")
    denoise = recorder.wrap(lambda x, sigma: x, "x", "sigma")
    end = coords("made")[None]
    for sigma in (10.0, 1.0):
        denoise(end + np.float32(sigma), sigma)
    recorder.final(end)
    recorder.close(ended=True)


def line(command, file):
    first = FIRST.get(command.__name__, "made, ")
    rest = f", {QUICK[command.__name__]}" if command.__name__ in QUICK else ""
    return f"{command.__name__} {first}file={file}{rest}"


def test_which_there_are():
    assert {c.__name__ for c in DRAWERS} == {
        *(
            "edm_sample",
            "edm_schedule",
            "edm_compare",
            "edm_damage",
            "edm_error",
            "edm_levels",
            "edm_quality",
            "edm_return",
            "edm_signal",
            "edm_trace",
            "edm_triangle",
        )
    }


@pytest.mark.parametrize("ending", FIGURES)
@pytest.mark.parametrize("command", DRAWERS, ids=lambda c: c.__name__)
def test_figures_in_every_format(made, typed, tmp_path, command, ending):
    assert ending in command.__doc__
    path = tmp_path / f"figure{ending}"
    assert f"{path} written" in typed(line(command, path))
    assert path.read_bytes()[:5] in (b"\x89PNG\r", b"<?xml", b"%PDF-")


@pytest.mark.parametrize("command", WRITERS, ids=lambda c: c.__name__)
def test_another_ending_is_refused_before_anything_else(cmd, refusal, command):
    """There is nothing loaded to work on, which would be said next."""
    said = refusal(line(command, "there.xyz"))
    assert "'there.xyz': end the name in " in said
    tables = OTHERS.get(command.__name__, TABLES)
    for ending in (*tables, *(FIGURES if command in DRAWERS else ())):
        assert ending in said
        assert ending in command.__doc__
