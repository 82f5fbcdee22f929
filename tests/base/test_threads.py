"""Pieces of work are each done once, by threads in which torch works alone, and nothing of the user's is set."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

from edmnoise.base.threads import alone, alone_throughout, as_given, mapped, shared
from edmnoise.diffusion.denoisers.denoiser import Denoised
from edmnoise.diffusion.denoisers.matrix_fisher import matrix_fisher
from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.diffusion.samplers.presets import sampler_preset
from edmnoise.diffusion.samplers.sampler import sample
from edmnoise.frames.damage import Native, measure_damage
from edmnoise.frames.damage_measures import MEASURES
from edmnoise.frames.displacement import measure_displacement
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.noise.weights import Weights
from edmnoise.structure.hierarchy import Hierarchy
from edmnoise.structure.superpose import superpose

WEIGHTS = Weights.named("rebalanced")


@pytest.fixture(autouse=True)
def four_threads(monkeypatch):
    """As on a machine of four cores, where torch takes all of them."""
    monkeypatch.setattr("edmnoise.base.threads._cores", lambda: 4)
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def seen_elsewhere():
    """How many threads torch has in a thread that starts now."""
    seen = []
    thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return seen[0]


# What is set


def test_throughout_is_for_calls_of_what_the_user_has_given_as_well():
    with alone_throughout():
        with as_given():
            assert torch.get_num_threads() == 1
        with alone(), as_given():
            assert torch.get_num_threads() == 1
        assert seen_elsewhere() == 4
    assert torch.get_num_threads() == 4
    with alone(), as_given():
        assert torch.get_num_threads() == 4


def test_it_is_set_for_the_running_thread_alone_and_put_back():
    with alone():
        assert torch.get_num_threads() == 1
        assert seen_elsewhere() == 4
        with alone():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
        with as_given():
            assert torch.get_num_threads() == 4
            with alone():
                assert torch.get_num_threads() == 1
            assert torch.get_num_threads() == 4
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == seen_elsewhere() == 4
    with as_given():
        assert torch.get_num_threads() == 4


def test_it_is_put_back_after_an_error():
    with pytest.raises(ZeroDivisionError), alone(), as_given():
        _ = 1 / 0
    assert torch.get_num_threads() == 4
    with pytest.raises(ZeroDivisionError), alone():
        _ = 1 / 0
    assert torch.get_num_threads() == 4


def test_a_user_of_one_thread_gets_one():
    torch.set_num_threads(1)
    assert set(mapped(lambda _: threading.get_ident(), range(50))) == {threading.get_ident()}


def test_what_is_set_by_something_of_the_users_holds():
    with alone():
        with as_given():
            torch.set_num_threads(3)
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == seen_elsewhere() == 3


# Who does what


def test_each_piece_is_done_once_and_results_are_in_order():
    calls = []

    def square(k):
        calls.append(k)
        return k * k

    assert mapped(square, range(1000)) == [k * k for k in range(1000)]
    assert sorted(calls) == list(range(1000))
    assert mapped(square, []) == []


def test_as_many_threads_work_as_may_and_torch_is_alone_in_each():
    together = threading.Barrier(4, timeout=60)
    seen = []

    def work(pieces):
        for _ in pieces:
            together.wait()
            seen.append((threading.get_ident(), torch.get_num_threads()))

    shared(work, range(4))
    assert len(set(seen)) == 4
    assert threading.get_ident() in {who for who, _ in seen}
    assert {number for _, number in seen} == {1}


def test_within_a_piece_there_is_no_more_sharing():
    assert mapped(lambda _: len(set(mapped(lambda _: threading.get_ident(), range(20)))), range(8)) == [1] * 8


@pytest.mark.parametrize("bad", [0, 3, 99])
def test_an_error_ends_the_work_and_reaches_the_caller(bad):
    done = []

    def work(k):
        if k == bad:
            raise KeyError(k)
        done.append(k)

    with pytest.raises(KeyError, match=str(bad)):
        mapped(work, range(100))
    count = len(done)
    assert torch.get_num_threads() == 4
    assert mapped(lambda k: k, range(5)) == list(range(5))
    assert len(done) == count  # nobody was left behind


def test_several_callers_at_once():
    found = {}
    callers = [
        threading.Thread(target=lambda k=k: found.update({k: sum(mapped(lambda x: k * x, range(200)))}))
        for k in range(6)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert found == {k: k * 19900 for k in range(6)}


def test_modes_of_the_caller_hold_in_every_thread():
    with torch.no_grad():
        assert set(mapped(lambda _: torch.is_grad_enabled(), range(40))) == {False}
    assert set(mapped(lambda _: torch.is_grad_enabled(), range(40))) == {True}
    with torch.inference_mode():
        assert set(mapped(lambda _: torch.is_inference_mode_enabled(), range(40))) == {True}


# The library


def grouped(atoms):
    residue = np.arange(atoms) // 8
    return Hierarchy(("atom", "residue", "chain"), (residue, np.unique(residue) // 20))


class Watching:
    """A denoiser that is somebody else's: it sees what torch may do."""

    def __init__(self, atoms, samples):
        self.given, self.seen = Denoised(torch.zeros(samples, 3, atoms)), set()

    def denoise(self, x, sigma):
        self.seen.add((torch.get_num_threads(), seen_elsewhere(), torch.get_num_interop_threads()))
        return self.given


def sampled():
    denoiser, known = Watching(6000, 4), sampler_preset("alphafold3")
    steps = sample(denoiser, NestedCovariance(grouped(6000), WEIGHTS), known.schedule(3), known.sampler(3), 4)
    made = [step.x.clone() for step in steps]
    return denoiser.seen, made


@pytest.fixture(scope="module")
def calls(toxin):
    """Calls of the library, each of which has many pieces, to what they make: tensors and arrays."""
    noise = MultiscaleNoise(toxin.hierarchy, WEIGHTS)
    mean = torch.tensor(toxin.coordinates)
    made = noise.frames(2.0, 40, mean=mean)
    many = torch.randn(300, 3, 3000, generator=torch.Generator().manual_seed(0))
    pairs = torch.randn(300, 3, 3000, generator=torch.Generator().manual_seed(1))
    large, native = NestedCovariance(grouped(50_000), WEIGHTS), Native.of(toxin)
    x = torch.randn(8, 3, 50_000, generator=torch.Generator().manual_seed(2))
    exact = StatesDenoiser(x[:3], NestedCovariance(grouped(50_000), {"atom": 1.0, "residue": 1.0, "chain": 1.0}))
    f = torch.randn(4000, 3, 3, generator=torch.Generator().manual_seed(3))

    def moved(reference):
        out = torch.empty_like(many)
        fit = superpose(many, reference, out=out)
        return fit.rotation, fit.rmsd, out

    def displaced(align):
        found = measure_displacement(toxin, [made], align)
        return [*found.by_frame.values(), *found.by_group.values(), *found.largest.values()]

    def damaged():
        found = measure_damage(native, [made[:34]])
        return [*(found.by_frame[m] for m in MEASURES), found.lddt_by_residue]

    return {
        "frames": lambda: [noise.frames(2.0, 40, mean=mean)],
        "blocks": lambda: [block.clone() for block in noise.blocks(2.0, 60)],
        "superpose": lambda: moved(many[0].clone()),
        "superpose on each": lambda: moved(pairs),
        "displacement": lambda: displaced("none"),
        "displacement, superposed": lambda: displaced("superpose"),
        "damage": damaged,
        "solve": lambda: [large.solve(x), large.inner(x, x)],
        "denoiser": lambda: [exact.denoise(x[:2] + 1, 3.0).atoms],
        "matrix Fisher": lambda: matrix_fisher(f),
        "sampler": lambda: sampled()[1],
    }


NAMES = [
    "frames",
    "blocks",
    "superpose",
    "superpose on each",
    "displacement",
    "displacement, superposed",
    "damage",
    "solve",
    "denoiser",
    "matrix Fisher",
    "sampler",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_number_of_threads_makes_the_same_bytes_and_leaves_torch_as_it_is(calls, name):
    assert list(calls) == NAMES
    made = []
    for threads in (1, 2, 4):
        torch.set_num_threads(threads)
        made.append([np.asarray(part).tobytes() for part in calls[name]()])
        assert torch.get_num_threads() == seen_elsewhere() == threads
    assert made[0] == made[1] == made[2]


def test_a_given_denoiser_has_torch_as_its_user_set_it():
    assert sampled()[0] == {(4, 4, torch.get_num_interop_threads())}


SCRIPT = """
import os, threading
import numpy as np
import torch
from edmnoise.base.threads import mapped
import edmnoise.base.threads as threads
threads._cores = lambda: 3
torch.set_num_threads(3)
{body}
"""

ALONE = """
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.structure.hierarchy import Hierarchy
from edmnoise.structure.superpose import superpose
residue = np.arange(50_000) // 8
covariance = NestedCovariance(Hierarchy(("atom", "residue"), (residue,)), {"atom": 1.0, "residue": 1.0})
x = torch.empty(8, 3, 50_000).fill_(1.0).cumsum(-1)
started = len(os.listdir("/proc/self/task")) - threading.active_count()
superpose(x, x[0] + 1, out=x)
covariance.solve(x)
covariance.draw(x, torch.Generator())
assert threading.active_count() > 1
print(len(os.listdir("/proc/self/task")) - threading.active_count() - started)
"""

FORKED = """
def job(connection):
    connection.send((sum(mapped(lambda k: k, range(100))), torch.get_num_threads()))
import multiprocessing
assert sum(mapped(lambda k: k, range(100))) == 4950
here, there = multiprocessing.Pipe()
child = multiprocessing.get_context("fork").Process(target=job, args=(there,))
child.start()
print(here.recv())
child.join()
"""


def run(body):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT.format(body=body)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="the system does not list threads there")
def test_torch_starts_no_threads_in_our_loops():
    assert run(ALONE) == "0"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_has_threads_of_its_own():
    assert run(FORKED) == "(4950, 3)"
