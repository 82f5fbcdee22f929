"""edm_train trains what the library trains, keeps a checkpoint whatever happens, and makes nothing in PyMOL."""

import resource
import shutil
import signal
import sys
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.learning.checkpoint import read_checkpoint
from edmnoise.learning.ensemble import Ensemble
from edmnoise.learning.floor import loss_and_floor
from edmnoise.learning.train import Trainer, Training, load_denoiser
from edmnoise.noise.process import NoiseChoice
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.noise.weights import Weights
from edmnoise.settings import learning
from edmnoise_pymol import edm_train
from edmnoise_pymol.commands.speech import knobs_of
from edmnoise_pymol.job import Watch, run_inline

OWN = "fluctuations=0.5 0.3 0.2"


@pytest.fixture
def strands(cmd, tmp_path, monkeypatch):
    """Residues 66 to 68 of the subunits D and E, in three states, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    for state in (1, 2, 3):
        cmd.create("m", "1tii and chain D+E and resi 66-68", 1, state)
        cmd.translate([2.0 * state, 0, 0], "m and chain E", state)
    cmd.delete("1tii")
    return "m"


@pytest.fixture
def data(strands, cmd, structure_of, coords):
    """The structure and its states (3, N, 3), read without the plugin."""
    return structure_of("m"), np.stack([coords("m", state) for state in (1, 2, 3)])


def stop_at(step):
    """A watch that wants no more from this step on."""
    watch = Watch(lambda _, words: watch.cancel() if words.startswith(f"step {step} ") else None)
    return watch


def tensors(path, structure):
    return read_checkpoint(path, structure).tensors


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@contextmanager
def no_room():
    """A limit on the size of files stands for a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


# What it trains


def test_it_is_the_library_s_training_and_makes_no_object(data, snapshot, tmp_path):
    structure, states = data
    before = snapshot()
    result = edm_train(
        "m", 6, weights="1 4 4", batch=4, seed=3, fluctuations="0.5 0.3 0.2", state_weights="3 2 1", held_out=2
    )
    assert snapshot() == before
    own = NestedCovariance(structure.hierarchy, {"chain": 0.5**2, "residue": 0.3**2, "atom": 0.2**2})
    trainer = Trainer(
        Ensemble(structure, states, [3, 2, 1], own, [1]), Training(Weights.of(1, 4, 4), batch=4, steps=6, seed=3)
    )
    for _ in trainer.run(tmp_path / "library.safetensors"):
        pass
    assert same(tensors("m.safetensors", structure), tensors("library.safetensors", structure))
    assert (result.path, result.step, result.steps, result.kept) == ("m.safetensors", 6, 6, True)
    assert result.losses["network"] == loss_and_floor(trainer).network.flip(0).tolist()
    assert (result.error.of, result.held_out.of) == ("2 states of m, fluctuating", "1 held out")


def test_it_is_printed_with_the_line_to_sample_with_it(strands, typed):
    said = typed(f"edm_train m, 3, {OWN}, batch=2, hydrogens=0, weights=2 4 4, file=net.safetensors")
    result = edm_train(
        "m", 3, fluctuations=[0.5, 0.3, 0.2], batch=2, hydrogens=0, weights="2 4 4", file="b.safetensors"
    )
    first, second, *lines = said.splitlines()
    assert first == " edm_train: 3 states of m"
    assert second.startswith("    3 steps in ")
    assert lines == [
        *str(result.losses).splitlines(),
        *str(result.error.summary()).splitlines(),
        " edm_train: the network lies in net.safetensors; to sample with it:",
        " edm_train: edm_sample m, denoiser=net.safetensors, weights=0.2 0.4 0.4, hydrogens=0",
    ]


def test_noise_of_another_process(strands, typed, refusal):
    said = typed("edm_train m, 3, batch=2, process=harmonic, file=h.safetensors")
    assert "edm_sample m, denoiser=h.safetensors, process=harmonic\n" in said
    line = next(row for row in said.splitlines() if "edm_sample m" in row).partition(": ")[2]
    typed(f"{line}, steps=3, name=made")
    said = typed("edm_train m, 3, batch=2, process=harmonic step=3, file=g.safetensors")
    assert "process=harmonic step=3" in said
    said = refusal("edm_train m, resume=h.safetensors, process=chroma_gas")
    assert said == "h.safetensors was trained with process harmonic, not chroma_gas: leave process out, or train anew"
    assert "forward only" in refusal("edm_train m, 3, process=frames, file=f.safetensors")
    line = "edm_train m, 3, process=harmonic, fluctuations=1 1 1, file=f.safetensors"
    assert "fluctuations need noise on nested groups" in refusal(line)
    assert "is made of weights" in refusal("edm_train m, 3, process=harmonic, rule=increment, file=f.safetensors")


def test_objects_are_states_and_minutes_a_budget(strands, cmd):
    for state in (1, 2, 3):
        cmd.create(f"o{state}", "m", state, 1)
    result = edm_train("o1 or o2 or o3", minutes=0.005, batch=2, held_out=2)
    assert result.notes[0] == "3 states of o1, o2, o3"
    assert result.error.of == "2 states of o1, o3"
    assert result.step == result.steps > 0
    assert (result.path, result.training.minutes) == ("o1.safetensors", 0.005)


def test_pages_say_what_the_training_has():
    """Where nothing is given, and nothing resumed."""
    usual = Training()
    said = {name: knob.usual.split(",")[0] for name, knob in knobs_of(edm_train).items()}
    assert NoiseChoice.of(usual.noise).weights == Weights.named(said["weights"])
    assert (usual.rule, usual.distribution.name) == (said["rule"], said["distribution"])
    assert (str(usual.batch), str(usual.steps), str(usual.seed)) == (said["batch"], said["steps"], said["seed"])
    assert "30 s" in learning.CHECKPOINT.help


# Interrupted


def test_cancelled_and_resumed_it_is_the_same_to_the_bit(data):
    structure, _ = data
    asked = {"fluctuations": "0.5 0.3 0.2", "seed": 1, "batch": 4}
    edm_train("m", 9, file="whole.safetensors", **asked)
    result = run_inline(edm_train.job("m", 9, file="part.safetensors", **asked), stop_at(4))
    assert (result.step, result.steps, result.error) == (4, 9, None)
    assert result.notes[-1] == "cancelled at step 4 of 9, resume=part.safetensors goes on"
    assert read_checkpoint("part.safetensors", structure).facts["step"] == 4
    shutil.copy("part.safetensors", "kept.safetensors")
    resumed = edm_train("m", resume="part.safetensors", fluctuations="0.5 0.3 0.2", batch=4)
    assert resumed.notes[1].startswith("5 steps after 4 in ")
    whole = tensors("whole.safetensors", structure)
    assert same(tensors("part.safetensors", structure), whole)
    edm_train("m", resume="kept.safetensors", fluctuations="0.5 0.3 0.2", file="other.safetensors")
    assert same(tensors("other.safetensors", structure), whole)
    assert read_checkpoint("kept.safetensors", structure).facts["step"] == 4


def test_cancelled_while_the_error_is_measured_it_is_a_whole_training(strands):
    watch = Watch(lambda _, words: watch.cancel() if words.startswith("measuring") else None)
    result = run_inline(edm_train.job("m", 2, batch=2), watch)
    assert (result.step, result.kept, result.tables()) == (2, True, [])
    assert "cancelled" not in result.notes[-1]


def test_ctrl_c_keeps_a_checkpoint(data, typed, monkeypatch):
    """As a terminal sends it, to a line that was typed."""
    before = Trainer._advance

    def advance(self):
        if self.step == 3:
            signal.raise_signal(signal.SIGINT)
        return before(self)

    monkeypatch.setattr(Trainer, "_advance", advance)
    before_it = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    try:
        said = typed(f"edm_train m, 50, {OWN}, batch=2")
    finally:
        signal.signal(signal.SIGINT, before_it)
    assert "cancelled at step 4 of 50, resume=m.safetensors goes on" in said
    assert "denoiser=m.safetensors" in said
    assert read_checkpoint("m.safetensors", data[0]).facts["step"] == 4


def test_progress_has_the_loss_and_a_share_of_the_time(strands):
    told, seen = [], []
    run_inline(edm_train.job("m", 5, batch=2), Watch(lambda *said: told.append(said), every=0.0, shown=seen.append))
    steps = [(share, words) for share, words in told if words.startswith("step")]
    assert [words.split(", loss")[0] for _, words in steps] == [f"step {k} of 5" for k in range(1, 6)]
    plotted = [sum(loss for loss in learned.losses if loss == loss) for learned in seen if learned.count]
    assert [float(words.split(", loss ")[1]) for _, words in steps] == pytest.approx(plotted, rel=5e-3)
    assert all(0 < share <= 1 for share, _ in steps)
    assert steps[-1][0] == 1


# What goes wrong


def test_a_full_disk_ends_no_training_and_is_said(data, monkeypatch):
    structure, _ = data
    monkeypatch.setattr("edmnoise_pymol.jobs.training_run.EVERY", 0.0)
    told = []

    def tell(_, words):
        told.append(words)
        if words.startswith("step 1 "):
            room.__enter__()

    room = no_room()
    try:
        result = run_inline(edm_train.job("m", 4, batch=2), Watch(tell))
    finally:
        room.__exit__(None, None, None)
    assert (result.step, result.kept) == (4, False)
    assert result.notes[-1].startswith("no checkpoint of step 4, the training goes on: cannot write m.safetensors")
    assert read_checkpoint("m.safetensors", structure).facts["step"] == 1
    assert load_denoiser("m.safetensors", structure)


def test_a_loss_that_is_no_number_keeps_the_last_checkpoint(data, monkeypatch, refusal):
    structure, _ = data
    monkeypatch.setattr("edmnoise_pymol.jobs.training_run.EVERY", 0.0)
    before = Trainer._advance

    def advance(self):
        if self.step == 3:
            with torch.no_grad():
                next(self.model.parameters()).fill_(float("nan"))
        return before(self)

    monkeypatch.setattr(Trainer, "_advance", advance)
    said = refusal(f"edm_train m, 9, {OWN}, batch=2")
    assert said == (
        "the loss is no longer finite in step 4: the training has ended; the checkpoint of step 3 is kept at "
        "m.safetensors"
    )
    assert read_checkpoint("m.safetensors", structure).facts["step"] == 3


@pytest.fixture
def places(strands, cmd, tmp_path):
    """A finished checkpoint, one that was interrupted, and files that are none."""
    edm_train("m", 2, batch=2, file="m.safetensors")
    run_inline(edm_train.job("m", 9, batch=2, file="part.safetensors"), stop_at(2))
    (tmp_path / "junk.safetensors").write_bytes(b"junk")
    cmd.create("mutant", "m", 0, 0)
    cmd.alter("mutant and index 3", "name='CX'")
    cmd.create("one", "m", 1, 1)
    return {file.name: file.read_bytes() for file in tmp_path.iterdir()}


WRONG = [
    ("nosuch", "nosuch"),
    ("one", "one state without fluctuations: give several states, or fluctuations"),
    ("one, rule=increment, fluctuations=1 1 1", "gives chain and residue in chain c_out = 0"),
    ("m, rule=best", "rule is 'best': give one of finite, increment"),
    ("m, steps=0", "steps is 0: give a whole number from 1"),
    ("m, batch=0", "batch is 0: give a whole number from 1"),
    ("m, minutes=0", "minutes is 0: give a number above 0"),
    ("m, steps=5, minutes=1", "steps is 5 and minutes is 1: give one budget"),
    ("m, seed=-1", "seed is -1"),
    ("m, held_out=4", "state 4 of m cannot be held out: its states are 1 to 3"),
    ("m, held_out=1 2 3, file=new.safetensors", "all 3 states are held out"),
    ("m, held_out=1 1", "held_out is '1 1': give each number once"),
    ("m, state_weights=1 2", "state_weights are 2 numbers for 3 states of m"),
    ("m, fluctuations=1 2", "fluctuations are [1.0, 2.0]: give three numbers"),
    ("m, device=tpu", "device is 'tpu'"),
    ("m, file=net.pt", "'net.pt': end the name in .safetensors"),
    ("m, file=nowhere/net.safetensors", "there is no folder nowhere"),
    ("m, 5", "m.safetensors is there: give resume=m.safetensors to go on from it, or another file"),
    ("m, 5, file=m.safetensors", "m.safetensors is there: give resume=m.safetensors to go on from it, or another file"),
    ("m, 5, file=junk.safetensors", "junk.safetensors is there"),
    ("mutant, 5, file=m.safetensors", "m.safetensors is there"),
    ("m, resume=none.safetensors", "cannot read none.safetensors"),
    ("m, resume=junk.safetensors", "junk.safetensors is no checkpoint"),
    ("m, resume=m.safetensors", "m.safetensors has gone all its 2 steps: there is nothing to resume"),
    ("mutant, resume=part.safetensors", "part.safetensors is for other atoms: the first that differs, "),
    ("m and chain D, resume=part.safetensors", "part.safetensors is for"),
    ("m, resume=part.safetensors, held_out=1", "part.safetensors was trained on other data"),
    ("m, resume=part.safetensors, batch=3", "part.safetensors was trained with batch 2, not 3: leave batch out"),
    ("m, resume=part.safetensors, weights=1 4 4", "was trained with weights flat, not rebalanced"),
    ("m, resume=part.safetensors, distribution=wide", "was trained with distribution -1.2 1.5 16, not "),
    ("m, resume=part.safetensors, minutes=1", "was trained without minutes: leave minutes out"),
]


def test_wrong_input_is_one_line_and_no_file_changes(places, refusal, tmp_path):
    for line, message in WRONG:
        assert message in refusal(f"edm_train {line}"), line
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == places


def test_names_may_begin_at_home(strands, refusal, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    run_inline(edm_train.job("m", 3, batch=2, file="~/net.safetensors"), stop_at(1))
    assert edm_train("m", resume="~/net.safetensors").path == str(tmp_path / "home" / "net.safetensors")
    assert "net.safetensors is there" in refusal("edm_train m, 3, file=~/net.safetensors")


def test_without_the_package_nothing_is_begun(strands, refusal, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    assert "pip install 'edmnoise[learn]'" in refusal("edm_train m, 2")


def test_a_checkpoint_that_cannot_be_written_when_cancelled_is_said(strands):
    def tell(_, words):
        if words.startswith("step 2 "):
            room.__enter__()
            watch.cancel()

    room, watch = no_room(), Watch(tell)
    try:
        with pytest.raises(EdmNoiseError, match=r"cannot write m\.safetensors"):
            run_inline(edm_train.job("m", 4, batch=2), watch)
    finally:
        room.__exit__(None, None, None)
