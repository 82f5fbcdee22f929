"""A window that drives a training: it goes on meanwhile, and Cancel, or closing the window, keeps a checkpoint."""

import threading

import pytest

from edmnoise.structure.files import read_structure
from edmnoise_pymol import edm_train
from edmnoise_pymol.panel.runner import Runner

PATIENCE = 60_000
"""Milliseconds: a net."""


@pytest.fixture
def training(cmd, qapp, tmp_path, monkeypatch):
    """A long training of three residues that has begun, its runner, and where its checkpoint lies."""
    from edmnoise.learning.train import Trainer

    monkeypatch.chdir(tmp_path)
    cmd.fab("AGS", "small")
    threads = set()
    before = Trainer._advance

    def advance(self):
        threads.add(threading.current_thread())
        return before(self)

    monkeypatch.setattr(Trainer, "_advance", advance)
    runner = Runner()
    runner.threads, runner.told, runner.results, runner.failures = threads, [], [], []
    runner.progressed.connect(lambda share, words: runner.told.append(words))
    runner.failed.connect(lambda sentence, details: runner.failures.append(sentence + details))
    runner.start(
        lambda: edm_train.job("small", 1_000_000, batch=2, fluctuations="0 1 0.5", _self=cmd), runner.results.append
    )
    yield runner
    runner.close()


def checkpoint(cmd):
    """The step that the checkpoint is of."""
    from edmnoise.learning.checkpoint import read_checkpoint

    cmd.save("small.pdb", "small")
    return read_checkpoint("small.safetensors", read_structure("small.pdb")).facts["step"]


def begun(runner):
    return len([words for words in runner.told if words.startswith("step ")]) > 2


def test_cancel_keeps_a_checkpoint_of_the_last_step(training, cmd, qtbot):
    qtbot.waitUntil(lambda: begun(training), timeout=PATIENCE)
    assert threading.main_thread() not in training.threads
    training.cancel()
    qtbot.waitUntil(lambda: not training.busy, timeout=PATIENCE)
    assert training.failures == []
    (result,) = training.results
    assert 0 < result.step < 1_000_000
    assert checkpoint(cmd) == result.step


def test_a_window_that_is_closed_keeps_one_too(training, cmd, qtbot):
    qtbot.waitUntil(lambda: begun(training), timeout=PATIENCE)
    training.close(patience=PATIENCE / 1000)
    assert training.results == training.failures == []
    assert checkpoint(cmd) > 0
