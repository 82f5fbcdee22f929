"""A recorder copies what passes and changes nothing: results, random numbers, and runs that go wrong in any way."""

import copy
import os
import random
import shutil
import signal
import subprocess
import sys
import types

import numpy as np
import pytest
import torch
from torch import nn

import edmnoise as edm
from edmnoise.trajectories import listening
from edmnoise.trajectories.listening import writing
from edmnoise.trajectories.listening.recorder import Recorder

ATOMS, LEVELS = 11, (64.0, 16.0, 4.0, 1.0)

LONE = f"""
import importlib.util, sys
import numpy as np
spec = importlib.util.spec_from_file_location(
    "listening", {listening.__file__!r}, submodule_search_locations={list(listening.__path__)!r}
)
sys.modules["listening"] = importlib.util.module_from_spec(spec)
from listening.recorder import Recorder
assert not [name for name in sys.modules if name.partition(".")[0] in ("edmnoise", "torch")]

def made(call, atoms):
    return np.random.default_rng(call).normal(size=(3, atoms, 3)).astype(np.float32)

def halved(x, sigma):
    return x / 2

def run(path, calls, atoms, each=lambda call: None):
    recorder = Recorder(path)
    denoise = recorder.wrap(halved, "x", "sigma")
    for call in range(1, calls + 1):
        x = made(call, atoms)
        assert (denoise(x, sigma=1000.0 / call) == x / 2).all()
        each(call)
    return recorder
"""
"""A program that has the recorder's folder and NumPy, and nothing else of ours."""


class Net(nn.Module):
    """A denoiser that draws random numbers and spoils what it was given."""

    def __init__(self):
        super().__init__()
        self.share = nn.Parameter(torch.tensor(0.9))

    def forward(self, x, t, scale=1.0):
        estimate = self.share * x + torch.randn_like(x) * scale
        x.mul_(0)
        return estimate


def sampled(net, samples=3, chunks=(3,), name="forward"):
    """A loop as structure predictors have it: the global generator, inner chunks, estimates overwritten in place."""
    x = LEVELS[0] * torch.randn(samples, ATOMS, 3)
    seen = []
    for sigma in LEVELS:
        noisy = x.clone()
        parts = [getattr(net, name)(part, t=torch.full((1,), sigma)) for part in x.split(chunks)]
        seen.append((noisy, torch.cat(parts)))
        x = torch.cat(parts).detach()
        for part in parts:
            part.detach().mul_(0.5)
    return x, seen


def seeded(net, **options):
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002 (the generator that programs share is meant)
    random.seed(5)
    found = sampled(net, **options)
    return *found, (torch.random.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate())  # noqa: NPY002


@pytest.mark.parametrize("chunks", [(3,), (2, 1), (1, 1, 1)])
def test_results_and_random_numbers_are_the_same_to_the_bit(tmp_path, chunks):
    net = Net()
    plain, seen, state = seeded(net, chunks=chunks)
    with edm.record(net, "forward", "x", "t", path=tmp_path / "a.trace") as recorder:
        heard, _, heard_state = seeded(net, chunks=chunks)
        recorder.final(heard)
    assert torch.equal(heard, plain)
    assert heard_state == state
    trace = edm.open_trace(tmp_path / "a.trace")
    assert trace.steps.tolist() == [1, 2, 3, 4]
    assert trace.sigmas.tolist() == list(LEVELS)
    assert [call.step for call in trace.calls] == [step for step in (1, 2, 3, 4) for _ in chunks]
    assert len(trace.calls) == recorder.calls == len(chunks) * len(LEVELS)
    for sample in range(3):
        for step, (noisy, estimate) in enumerate(seen):
            assert np.array_equal(trace.frames("noisy", sample)[step], noisy[sample])
            assert np.array_equal(trace.frames("denoised", sample)[step], estimate[sample].detach())
    assert np.array_equal(trace.final, plain)


def test_two_runs_in_a_block_are_other_samples(tmp_path):
    """Inner chunks in both; in a mode in which tensors are not tracked."""
    with torch.inference_mode(), edm.record(Net, "forward", "x", "t", path=tmp_path / "a.trace", keep="x0"):
        runs = [sampled(Net(), chunks=(2, 1))[1] for _ in range(2)]
    trace = edm.open_trace(tmp_path / "a.trace")
    pairs = [call.samples for call in trace.calls]
    assert pairs == [(0, 1), (2,)] * len(LEVELS) + [(3, 4), (5,)] * len(LEVELS)
    for sample in range(6):
        own = [estimate[sample % 3] for _, estimate in runs[sample // 3]]
        assert np.array_equal(trace.frames("denoised", sample), torch.stack(own))


def test_copies_of_a_model_are_heard_and_the_class_is_given_back(tmp_path):
    class Own(Net):
        pass

    before = Net.forward
    average = copy.deepcopy(Own())
    with edm.record(Own(), "forward", 0, 1, path=tmp_path / "a.trace"):
        sampled(average)
        sampled(Net())  # another class
    assert Net.forward is before
    assert "forward" not in vars(Own)
    assert len(edm.open_trace(tmp_path / "a.trace").calls) == len(LEVELS)


class Many:
    def by_key(self, *, sigma, noised, **more):
        return {"x0": noised / 2}

    def by_index(self, context, noised, sigma=4.0):
        return context, noised / 2

    def by_attribute(self, context, *given, **named):
        return types.SimpleNamespace(x0=given[0] / 2)


@pytest.mark.parametrize("shape", [(5, 3), (1, 5, 3), (1, 2, 5, 3), (2, 3, 5)])
@pytest.mark.parametrize(
    ("method", "where", "call"),
    [
        ("by_key", ("noised", "sigma", "x0"), lambda m, x: m.by_key(noised=x, sigma=np.float32(2), more=1)),
        ("by_index", (1, 2, 1), lambda m, x: m.by_index(0, x, 2.0)),
        ("by_index", (1, "sigma", 1), lambda m, x: m.by_index(0, sigma=np.full((2, 1), 2.0), noised=x)),
        ("by_attribute", (1, 2, "x0"), lambda m, x: m.by_attribute(0, x, 2)),
        ("by_attribute", (1, "level", "x0"), lambda m, x: m.by_attribute(0, x, level=torch.tensor(2.0))),
    ],
)
def test_arguments_are_found_by_name_and_position(tmp_path, shape, method, where, call):
    x = np.random.default_rng(1).normal(size=shape)
    with edm.record(Many, method, *where, path=tmp_path / "a.trace"):
        call(Many(), x)
    trace = edm.open_trace(tmp_path / "a.trace")
    rows = (x if shape[-1] == 3 else x.swapaxes(1, 2)).reshape(-1, 5, 3).astype(np.float32)
    assert [(call.samples, call.sigma) for call in trace.calls] == [(tuple(range(len(rows))), 2.0)]
    for sample, row in enumerate(rows):
        assert np.array_equal(trace.frames("noisy", sample)[0], row)
        np.testing.assert_allclose(trace.frames("denoised", sample)[0], row / 2, rtol=1e-6)


def test_a_function_of_a_module_and_half_precision(tmp_path):
    home = types.ModuleType("home")
    home.denoise = lambda x, sigma: x.bfloat16()
    with edm.record(home, "denoise", "x", "sigma", path=tmp_path / "a.trace", info={"seed": 7}):
        home.denoise(torch.full((1, 4, 3), 1.25), 2.0)
    trace = edm.open_trace(tmp_path / "a.trace")
    assert (trace.frames("denoised", 0) == 1.25).all()
    assert (trace.info["program"], trace.info["seed"]) == ("home.denoise", 7)


def test_calls_of_a_second_order_solver_are_steps_of_their_own(tmp_path):
    """Heun asks twice a step, the second time at the next level."""
    net = Net()
    levels = (8.0, 4.0, 4.0, 2.0, 2.0)
    with edm.record(net, "forward", "x", "t", path=tmp_path / "a.trace"):
        for sigma in levels:
            net(torch.randn(2, ATOMS, 3), sigma)
    trace = edm.open_trace(tmp_path / "a.trace")
    assert trace.samples == 2
    assert trace.steps.tolist() == [1, 2, 3, 4, 5]
    assert trace.sigmas.tolist() == list(levels)


def test_a_run_that_fails_passes_its_error_on(tmp_path):
    def stopped(net):
        sampled(net)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), edm.record(Net, "forward", "x", "t", path=tmp_path / "a.trace"):
        stopped(Net())
    assert not hasattr(Net.forward, "__wrapped__")
    trace = edm.open_trace(tmp_path / "a.trace")
    assert len(trace.calls) == len(LEVELS)
    assert not trace.ended


def test_a_call_that_fails_is_no_call(tmp_path):
    net = Net()
    with edm.record(net, "forward", "x", "t", path=tmp_path / "a.trace"):
        with pytest.raises(TypeError):
            net(torch.zeros(3, ATOMS, 3), 9.0, scale="large")
        net(torch.zeros(3, ATOMS, 3), 9.0)
    assert [call.samples for call in edm.open_trace(tmp_path / "a.trace").calls] == [(0, 1, 2)]


def ball(*shape):
    return torch.ones(shape)


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        ([(ball(2, 5, 3), 4.0), (ball(2, 6, 3), 2.0)], "a call had 6 atoms where those before had 5"),
        ([(ball(2, 5, 3), torch.tensor([4.0, 2.0]))], "not one level for all samples of the call"),
        ([(ball(2, 5, 3), float("nan"))], "not one level for all samples of the call"),
        ([(ball(2, 5, 4), 4.0)], r"x has the shape (2, 5, 4), not (..., N, 3) or (..., 3, N)"),
        ([(ball(5), 4.0)], "x has the shape (5,)"),
        ([(ball(2, 5, 3), 4.0), (ball(3, 5, 3), 3.0)], "a call held 3 samples where 2 were left of 2"),
        ([("no tensor", 4.0)], "x has the shape ()"),
    ],
)
def test_calls_that_cannot_be_recorded_end_the_recording_with_one_line(tmp_path, capfd, calls, said):
    home = types.ModuleType("home")
    home.denoise = lambda x, sigma: x
    with edm.record(home, "denoise", "x", "sigma", path=tmp_path / "a.trace"):
        for x, sigma in [*calls, calls[-1]]:
            assert home.denoise(x, sigma) is x
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert said in err
    assert "the run goes on" in err


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x, sigma: x[:1], "the estimate has the shape (1, 5, 3) and x (2, 5, 3)"),
        (lambda x, sigma: {"x0": x}, "the denoiser gave a dict: say by out where its estimate is"),
        (lambda x, sigma: (x, x), "the denoiser gave a tuple: say by out where its estimate is"),
        (lambda x, sigma: None, "the estimate has the shape ()"),
    ],
)
def test_estimates_that_cannot_be_recorded(tmp_path, capfd, function, said):
    home = types.ModuleType("home")
    home.denoise = function
    with edm.record(home, "denoise", "x", "sigma", path=tmp_path / "a.trace"):
        home.denoise(ball(2, 5, 3), 1.0)
    assert said in capfd.readouterr().err


def test_a_call_within_a_call(tmp_path, capfd):
    home = types.ModuleType("home")
    home.denoise = lambda x, sigma: home.denoise(x, sigma / 2) if sigma > 1 else x
    with edm.record(home, "denoise", "x", "sigma", path=tmp_path / "a.trace"):
        x = ball(2, 5, 3)
        assert home.denoise(x, 4.0) is x
    err = capfd.readouterr().err
    assert err.count("\n") == 1
    assert "a call began before the one before it had returned" in err


def test_what_was_heard_before_a_fault_is_written(tmp_path, capfd):
    home = types.ModuleType("home")
    home.denoise = lambda x, sigma: x
    with edm.record(home, "denoise", "x", "sigma", path=tmp_path / "a.trace"):
        for call in range(50):
            home.denoise(torch.ones(2, 500, 3), 100.0 / (1 + call))
        home.denoise(torch.ones(2, 499, 3), 1.0)
    assert len(edm.open_trace(tmp_path / "a.trace").calls) == 50
    assert "499 atoms" in capfd.readouterr().err


def test_final_coordinates_of_other_samples(tmp_path, capfd):
    net = Net()
    with edm.record(net, "forward", "x", "t", path=tmp_path / "a.trace") as recorder:
        recorder.final(sampled(net)[0][:2])
    assert "the final coordinates are (2, 11, 3), not (3, 11, 3)" in capfd.readouterr().err
    assert len(edm.open_trace(tmp_path / "a.trace").calls) == len(LEVELS)


def test_a_folder_that_disappears(tmp_path, capfd):
    net = Net()
    plain, _, _ = seeded(net)
    with edm.record(net, "forward", "x", "t", path=tmp_path / "a.trace"):
        shutil.rmtree(tmp_path / "a.trace")
        heard, _, _ = seeded(net)
    assert torch.equal(heard, plain)
    err = capfd.readouterr().err
    assert err.count("\n") == 1
    assert "the run goes on: No such file or directory: " in err
    assert not (tmp_path / "a.trace").exists()


def test_a_program_does_not_wait_for_what_cannot_be_written(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(writing, "_WAITING", 1)
    home = types.ModuleType("home")
    home.denoise = lambda x, sigma: x
    with edm.record(home, "denoise", "x", "sigma", path=tmp_path / "a.trace"):
        shutil.rmtree(tmp_path / "a.trace")
        for call in range(20):
            home.denoise(ball(2, 5, 3), 9.0 - 0.1 * call)
    assert "the run goes on: No such file or directory: " in capfd.readouterr().err


def lone(code, path, **options):
    return subprocess.run(
        [sys.executable, "-I", "-c", LONE + code, str(path)], capture_output=True, text=True, timeout=120, **options
    )


def made(call, atoms):
    return np.random.default_rng(call).normal(size=(3, atoms, 3)).astype(np.float32)


def assert_reads_back(path, atoms):
    trace = edm.open_trace(path)
    for row, step in enumerate(trace.steps.tolist()):
        for sample in range(3):
            assert np.array_equal(trace.frames("noisy", sample)[row], made(step, atoms)[sample])
            assert np.array_equal(trace.frames("denoised", sample)[row], made(step, atoms)[sample] / 2)
    return trace


def test_a_full_disk(tmp_path):
    """A limit to the size of files stands for it: a write fails in its middle."""
    limited = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
    done = lone(limited + 'run(sys.argv[1], 40, 100).close(True)\nprint("went on")', tmp_path / "a.trace")
    assert (done.returncode, done.stdout) == (0, "went on\n")
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith("the run goes on: File too large\n")
    trace = assert_reads_back(tmp_path / "a.trace", 100)
    assert len(trace.calls) == (20_000 - 196) // (3 * (8 + 400))
    assert not trace.ended


def test_a_lone_folder_and_a_program_that_ends_without_a_word(tmp_path):
    done = lone("run(sys.argv[1], 30, 50)\nsys.exit(3)", tmp_path / "a.trace")
    assert (done.returncode, done.stderr) == (3, "")
    trace = assert_reads_back(tmp_path / "a.trace", 50)
    assert len(trace.calls) == 30
    assert not trace.ended


@pytest.mark.parametrize("calls", [1, 2, 3, 5, 8, 13, 21, 34, 55, 60])
def test_what_is_killed_reads_back(tmp_path, calls):
    code = "run(sys.argv[1], 60, 20_000, lambda call: print(call, flush=True))\ninput()"
    command = [sys.executable, "-I", "-c", LONE + code, str(tmp_path / "a.trace")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        for _ in range(calls):
            child.stdout.readline()
        child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    if b"\n" not in (tmp_path / "a.trace" / "calls.jsonl").read_bytes():
        with pytest.raises(edm.EdmNoiseError, match="holds no calls"):
            edm.open_trace(tmp_path / "a.trace")
        return
    assert not assert_reads_back(tmp_path / "a.trace", 20_000).ended


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_leaves_its_parents_folder_alone(tmp_path):
    code = """
import os
recorder = Recorder(sys.argv[1])
denoise = recorder.wrap(halved, "x", "sigma")
denoise(made(1, 50), 1.0)
child = os.fork()
if child == 0:
    denoise(made(9, 50), 0.5)
    recorder.close(True)
    os._exit(0)
os.waitpid(child, 0)
denoise(made(2, 50), 0.5)
recorder.close(True)
"""
    assert lone("import warnings; warnings.simplefilter('ignore')\n" + code, tmp_path / "a.trace").stderr == ""
    trace = assert_reads_back(tmp_path / "a.trace", 50)
    assert len(trace.calls) == 2
    assert trace.ended


class Odd:
    @property
    def level(self):
        return 1

    @staticmethod
    def alone(x, sigma):
        return x


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((Net, "denoise", "x", "t"), "Net has no 'denoise': give the name of the method"),
        ((Odd, "level", "x", "t"), "level of Odd is a property: give a function written in Python"),
        ((Odd(), "alone", "x", "sigma"), "alone of Odd is a staticmethod"),
        ((list, "append", 0, 1), "append of list is a method_descriptor"),
        ((Net, "forward", "y", "t"), "forward has no argument 'y': give one of x, t, scale, by name or by position"),
        ((Net(), "forward", "x", 3), "forward has no argument 3"),
        ((Net(), "forward", "x", -1), "forward has no argument -1"),
        ((Net(), "forward", 1.0, "t"), "forward has no argument 1.0"),
    ],
)
def test_a_method_that_cannot_be_recorded(tmp_path, given, said):
    with pytest.raises(edm.EdmNoiseError, match=said), edm.record(*given, path=tmp_path / "a.trace"):
        pass
    assert not (tmp_path / "a.trace").exists()


def test_a_model_whose_method_is_its_own(tmp_path):
    net = Net()
    net.forward = lambda x, t: x
    with (
        pytest.raises(edm.EdmNoiseError, match="this Net has a forward of its own, apart from its class"),
        edm.record(net, "forward", "x", "t", path=tmp_path / "a.trace"),
    ):
        pass


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"keep": "all"}, "keep is 'all': give x0 or both"),
        ({"every": 0}, "every is 0: give a whole number from 1"),
        ({"every": 1.5}, "every is 1.5"),
        ({"info": {"structure": Net}}, "info cannot be written as JSON"),
        ({"info": [1]}, "info is a list: give a dictionary"),
        ({"path": "no/folder.trace"}, "cannot make the folder .*no/folder.trace: No such file"),
        ({"path": "file"}, "cannot make the folder .*file: File exists"),
        ({"path": "full"}, "full holds something already: give a folder that is new or empty"),
    ],
)
def test_options_that_cannot_be(tmp_path, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thing").write_text("kept")
    (tmp_path / "file").write_text("kept")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(edm.EdmNoiseError, match=said), edm.record(Net, "forward", "x", "t", **options):
        pass
    assert sorted(tmp_path.rglob("*")) == before
    assert not hasattr(Net.forward, "__wrapped__")


def test_two_runs_do_not_share_a_folder(tmp_path):
    with edm.record(Net, "forward", "x", "t", path=tmp_path / "a.trace"):
        sampled(Net())
    with (
        pytest.raises(edm.EdmNoiseError, match="holds something already"),
        edm.record(Net, "forward", "x", "t", path=tmp_path / "a.trace"),
    ):
        pass
    assert edm.open_trace(tmp_path / "a.trace").ended


def test_a_model_that_was_never_called(tmp_path):
    with edm.record(Net, "forward", "x", "t", path=tmp_path / "a.trace") as recorder:
        assert repr(recorder).endswith("a.trace', 0 calls)")
    with pytest.raises(edm.EdmNoiseError, match="holds no calls: the denoiser was not called"):
        edm.open_trace(tmp_path / "a.trace")


def test_calls_that_have_been_made_already(tmp_path):
    """From programs that tell their steps: as if they had been listened to; x may be missing where it is not kept."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(len(LEVELS), 2, ATOMS, 3)).astype(np.float32)
    for keep in ("both", "x0"):
        told = Recorder(tmp_path / keep, keep=keep)
        heard = Recorder(tmp_path / f"{keep} heard", keep=keep)
        denoise = heard.wrap(lambda x, sigma: x / 2, "x", "sigma")
        for noisy, sigma in zip(x, LEVELS, strict=True):
            told.call(sigma, noisy / 2, *([noisy] if keep == "both" else []))
            denoise(noisy, sigma)
        for recorder in (told, heard):
            recorder.final(x[-1] / 2)
            recorder.close(ended=True)
        for file in os.listdir(tmp_path / keep):
            assert (tmp_path / keep / file).read_bytes() == (tmp_path / f"{keep} heard" / file).read_bytes(), file


def test_calls_that_lack_x(tmp_path, capfd):
    recorder = Recorder(tmp_path / "a")
    recorder.call(4.0, np.ones((2, ATOMS, 3)))
    recorder.close(ended=True)
    assert "a call came without x: give it, or keep x0 alone" in capfd.readouterr().err


def test_an_estimate_may_have_other_axes_before_its_atoms(tmp_path):
    x = np.random.default_rng(0).normal(size=(1, 3, ATOMS, 3)).astype(np.float32)
    recorder = Recorder(tmp_path / "a")
    recorder.wrap(lambda x, sigma: x[0] / 2, "x", "sigma")(x, 4.0)
    recorder.close(ended=True)
    trace = edm.open_trace(tmp_path / "a")
    for sample in range(3):
        assert np.array_equal(trace.frames("denoised", sample)[0], x[0, sample] / 2)
