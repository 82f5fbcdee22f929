"""Frame k depends on the seed, the stream and k, and on nothing else."""

import os
import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.seeds import check_seed, frame_seed, reseed
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.weights import Weights

COUNT = 40


@pytest.fixture(scope="module", params=["toxin", "fragment"])
def process(request):
    """5,469 atoms, drawn frame by frame, and 253, of which 32 frames are drawn together."""
    return MultiscaleNoise(request.getfixturevalue(request.param).hierarchy, Weights.named("rebalanced"))


@pytest.fixture(scope="module")
def expected(process):
    """All frames in one call."""
    return process.frames(2.0, COUNT, seed=7)


@pytest.fixture
def threads():
    """Set the number of torch's threads; put back afterwards."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_a_frame_is_the_same_alone(process, expected):
    for k in (0, 1, 17, COUNT - 1):
        assert torch.equal(process.frames(2.0, [k], seed=7)[0], expected[k])


def test_a_frame_is_the_same_in_any_order(process, expected):
    order = random.Random(3).sample(range(COUNT), COUNT)
    assert torch.equal(process.frames(2.0, order, seed=7), expected[order])


@pytest.mark.parametrize("size", [1, 3, 7, COUNT - 1])
def test_a_frame_is_the_same_in_chunks_of_any_size(process, expected, size):
    chunks = [process.frames(2.0, range(a, min(a + size, COUNT)), seed=7) for a in range(0, COUNT, size)]
    assert torch.equal(torch.cat(chunks), expected)


@pytest.mark.parametrize("count", [1, 2, 25])
def test_a_frame_is_the_same_among_any_number_of_frames(process, expected, count):
    assert torch.equal(process.frames(2.0, count, seed=7), expected[:count])


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_frame_is_the_same_on_any_number_of_threads(process, expected, threads, number):
    threads(number)
    assert torch.equal(process.frames(2.0, COUNT, seed=7), expected)


def test_the_global_generators_are_neither_used_nor_touched(process, expected):
    torch.manual_seed(11)
    np.random.seed(11)  # noqa: NPY002 - the global generator is what is watched
    random.seed(11)
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    drawn = process.frames(2.0, 3, seed=7)
    after = torch.random.get_rng_state(), np.random.get_state()[1], random.getstate()  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    assert np.array_equal(before[1], after[1])
    assert before[2] == after[2]
    assert torch.equal(drawn, expected[:3])
    torch.randn(1000)
    assert torch.equal(process.frames(2.0, 3, seed=7), expected[:3])


def test_torchs_default_type_and_device_do_not_change_a_frame(process, expected):
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            drawn, block = process.frames(2.0, 2, seed=7), next(process.blocks(2.0, 2, seed=7))
    finally:
        torch.set_default_dtype(torch.float32)
    assert drawn.dtype == block.dtype == torch.float32
    assert torch.equal(drawn, expected[:2])
    assert torch.equal(block, expected[:2])


def test_frames_seeds_and_streams_differ():
    """Unrelated numbers: the correlation of 4,096 normal ones is below 5 standard errors for every pair."""
    generator = torch.Generator()
    keys = [(0, 0, 0), (0, 1, 0), (0, 2, 0), (1, 0, 0), (2**32, 0, 0), (2**63 - 1, 0, 0), (0, 0, 1), (1, 0, 1)]
    draws = torch.stack([torch.randn(4096, generator=reseed(generator, *key)) for key in keys])
    correlation = torch.corrcoef(draws) - torch.eye(len(keys))
    assert correlation.abs().max() < 5 / 4096**0.5


def test_reseeding_forgets_what_was_drawn_before():
    """An odd number of draws leaves half a pair of normal numbers behind in torch's generator."""
    generator = reseed(torch.Generator(), 3, 5)
    first = torch.randn(7, generator=generator)
    torch.randn(1, generator=generator, dtype=torch.float64)
    assert torch.equal(torch.randn(7, generator=reseed(generator, 3, 5)), first)


@pytest.mark.parametrize(("seed", "stream"), [(0, 0), (2**63 - 1, 1)])
def test_no_two_frames_of_a_seed_share_a_state(seed, stream):
    """Where random 32-bit states for 150,000 frames would collide two or three times."""
    states = {frame_seed(seed, frame, stream) for frame in range(150_000)}
    assert len(states) == 150_000
    assert min(states) >= 0
    assert max(states) < 2**32


def test_no_two_seeds_share_their_first_frame():
    for shift in (0, 32):
        assert len({frame_seed(seed << shift, 0) for seed in range(50_000)}) == 50_000


@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1])
def test_a_seed_in_range_is_returned(seed):
    assert check_seed(seed) == seed


@pytest.mark.parametrize("seed", [-1, 2**63, 1.0, True, "7", None])
def test_any_other_seed_is_refused(seed, process):
    with pytest.raises(EdmNoiseError, match=r"seed is .*: give a whole number from 0 to 2\*\*63 - 1"):
        check_seed(seed)
    with pytest.raises(EdmNoiseError, match="seed is"):
        process.frames(1.0, 1, seed=seed)
    with pytest.raises(EdmNoiseError, match="seed is"):
        next(process.blocks(1.0, 1, seed=seed))


def test_other_instructions_give_the_same_numbers_to_five_digits(tmp_path):
    """What the pages promise of processors of other kinds: torch told to use less of this one, in other processes."""
    script = (
        "import sys, torch; from edmnoise.noise.processes.multiscale import MultiscaleNoise as Noise; "
        "from edmnoise.noise.weights import Weights; from edmnoise.structure.hierarchy import Hierarchy; "
        "atom = torch.arange(4000); "
        "tree = Hierarchy.from_labels(('atom', 'residue', 'chain'), [atom // 8, atom // 1000]); "
        "torch.save(Noise(tree, Weights.of(1, 4, 4)).frames(1.0, 20, seed=7), sys.argv[1])"
    )
    made = []
    for kind in ("all of them", "none"):
        path = tmp_path / f"{kind}.pt"
        environment = os.environ | ({"ATEN_CPU_CAPABILITY": "default"} if kind == "none" else {})
        subprocess.run([sys.executable, "-c", script, str(path)], env=environment, check=True, timeout=200)
        made.append(torch.load(path))
    assert float((made[0] - made[1]).abs().max()) < 1e-5
