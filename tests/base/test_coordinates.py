"""Arrays, tensors and lists of the same numbers are the same coordinates, everywhere; what is none is refused."""

import re

import numpy as np
import pytest
import torch

from edmnoise.base.coordinates import coordinates, float_array, float_tensor
from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.denoisers.elastic_network import ElasticNetwork
from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.diffusion.likelihood import log_likelihood
from edmnoise.diffusion.samplers.sampler import Sampler, sample
from edmnoise.diffusion.samplers.schedule import log_linear
from edmnoise.frames.damage import Native, measure_damage
from edmnoise.frames.displacement import measure_displacement
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.noise.theory.superposed import superposed_displacement
from edmnoise.noise.weights import Weights
from edmnoise.structure.files import write_frames
from edmnoise.structure.structure import Structure
from edmnoise.structure.superpose import superpose

WEIGHTS = Weights.named("rebalanced")


def read_only(array):
    array.setflags(write=False)
    return array


KINDS = {
    "array": lambda x: x.copy(),
    "read-only array": lambda x: read_only(x.copy()),
    "array backwards": lambda x: x[::-1].copy()[::-1],
    "array of other strides": lambda x: np.asfortranarray(x),
    "array of the other byte order": lambda x: x.astype(x.dtype.newbyteorder()),
    "float64 array": lambda x: x.astype(np.float64),
    "tensor": lambda x: torch.tensor(x),
    "float64 tensor": lambda x: torch.tensor(x).double(),
    "tensor with a gradient": lambda x: torch.tensor(x).requires_grad_(),
    "lists": lambda x: x.tolist(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_numbers_stay_what_they_are(kind):
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    given = KINDS[kind](x)
    for found in (float_array("x", given), float_tensor("x", given).detach().numpy()):
        assert found.dtype == (
            np.float32 if getattr(given, "dtype", None) in (np.float32, torch.float32) else np.float64
        )
        assert (found == x).all()
    assert (np.asarray(given.detach() if isinstance(given, torch.Tensor) else given) == x).all()


def test_nothing_is_copied_that_need_not_be():
    array, tensor = np.zeros((5, 3), np.float32), torch.zeros(5, 3, dtype=torch.float64)
    assert float_array("x", array) is array
    assert float_tensor("x", tensor) is tensor
    assert np.shares_memory(float_tensor("x", array).numpy(), array)
    assert np.shares_memory(float_array("x", tensor), tensor.numpy())
    locked = read_only(np.zeros((5, 3), np.float32))
    float_tensor("x", locked).add_(1)
    assert (locked == 0).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64, torch.uint8])
def test_other_numbers_become_float64(dtype):
    given = torch.tensor([[1, 2, 3]], dtype=dtype)
    assert float_tensor("x", given).dtype == torch.float64
    assert float_array("x", given).tolist() == [[1, 2, 3]]


@pytest.mark.parametrize(
    "given",
    [
        None,
        "all",
        ["a", "b"],
        [[1.0, 2.0], [3.0]],
        [None],
        object(),
        np.array([True]),
        torch.tensor([1j]),
        np.array([1j]),
    ],
    ids=str,
)
def test_what_are_no_numbers_is_refused(given):
    for take in (float_array, float_tensor):
        for name, verb in (("frames", "hold"), ("mean", "holds")):
            with pytest.raises(EdmNoiseError, match=f"^{name} {verb} no numbers .*: give an array, a tensor or lists"):
                take(name, given)


def test_a_wrong_shape_and_what_is_not_finite_are_one_sentence():
    wanted = {
        ("mean", (3, 2), (2, 3)): "mean has the shape (3, 2): give (2, 3)",
        ("frames", (3,), ("frames", 2, 3)): "frames have the shape (3,): give (frames, 2, 3)",
        ("frames", (1, 3, 3), ("frames", 2, 3)): "frames have the shape (1, 3, 3): give (frames, 2, 3)",
    }
    for (name, shape, asked), said in wanted.items():
        with pytest.raises(EdmNoiseError, match=f"^{re.escape(said)}$"):
            coordinates(name, np.zeros(shape), asked)
    assert coordinates("frames", np.zeros((0, 2, 3)), ("frames", 2, 3)).shape == (0, 2, 3)
    for wrong in (np.nan, np.inf):
        with pytest.raises(EdmNoiseError, match=r"^mean holds NaN or infinite coordinates$"):
            coordinates("mean", np.full((2, 3), wrong), (2, 3))
        assert coordinates("mean", np.full((2, 3), wrong), (2, 3), finite=False).shape == (2, 3)


# Wherever coordinates are taken

NOISY = np.random.default_rng(1).normal(size=(2, 253, 3)).astype(np.float32)


def noise(structure):
    return MultiscaleNoise(structure.hierarchy, WEIGHTS)


def sampled(structure, take):
    """From a start (B, 3, N), through a denoiser of states (M, 3, N)."""
    covariance = NestedCovariance(structure.hierarchy, WEIGHTS)
    denoiser = StatesDenoiser(take(np.ascontiguousarray(structure.coordinates.T[None])), covariance)
    steps = sample(denoiser, covariance, log_linear(3, 1.0, 10.0), Sampler(), 2, start=take(NOISY.transpose(0, 2, 1)))
    return [step.x.clone() for step in steps][-1]


def denoised(structure, take):
    denoiser = StatesDenoiser(structure.coordinates.T[None], NestedCovariance(structure.hierarchy, WEIGHTS))
    x = take(NOISY.transpose(0, 2, 1).copy())
    return torch.cat(
        [
            denoiser.denoise(x, 2.0).atoms.flatten(),
            denoiser.log_density(x, 2.0),
            denoiser.state_probabilities(x, 2.0)[0],
        ]
    )


def likelihood(structure, take):
    few = Structure.from_atoms(structure.coordinates[:5], structure.atoms.take(np.arange(5)))
    covariance = NestedCovariance(few.hierarchy, WEIGHTS)
    denoiser = StatesDenoiser(few.coordinates.T[None], covariance, gauge="fixed")
    x = take((few.coordinates.T + NOISY[:, :5].transpose(0, 2, 1)).astype(np.float32))
    return log_likelihood(denoiser, x, covariance, log_linear(3, 1.0, 10.0, "closed")).log_likelihood


TAKERS = {
    "noise about a mean": lambda s, take: MultiscaleNoise(s.hierarchy, WEIGHTS).frames(
        1.0, 3, mean=take(s.coordinates)
    ),
    "blocks about a mean": lambda s, take: next(
        MultiscaleNoise(s.hierarchy, WEIGHTS).blocks(1.0, 3, mean=take(s.coordinates))
    ),
    "displacement": lambda s, take: measure_displacement(s, [take(NOISY)]).by_group.values(),
    "superposed displacement": lambda s, take: measure_displacement(s, [take(NOISY)], "superpose").by_group.values(),
    "damage": lambda s, take: measure_damage(Native.of(s), [take(NOISY)]).by_frame.values(),
    "superposition": lambda s, take: superpose(take(NOISY.transpose(0, 2, 1)), s.coordinates.T).rmsd,
    "superposition on": lambda s, take: superpose(NOISY.transpose(0, 2, 1), take(s.coordinates.T)).rmsd,
    "states and a start": sampled,
    "denoiser": denoised,
    "likelihood": likelihood,
    "network": lambda s, take: ElasticNetwork(s.hierarchy, take(s.coordinates), 0, cutoff=8.0).variances(),
    "expectation": lambda s, take: superposed_displacement(s.hierarchy, WEIGHTS, take(s.coordinates), 1).each,
    "structure": lambda s, take: Structure.from_atoms(take(s.coordinates), s.atoms).coordinates,
}


def numbers(found):
    parts = [found] if isinstance(found, np.ndarray | torch.Tensor) else list(found)
    return np.concatenate(
        [np.asarray(part.detach() if isinstance(part, torch.Tensor) else part).ravel() for part in parts]
    )


@pytest.mark.parametrize("taker", TAKERS)
def test_arrays_and_tensors_are_taken_alike(fragment, taker):
    wanted = numbers(TAKERS[taker](fragment, torch.tensor))
    for kind in ("array", "read-only array", "float64 array", "float64 tensor", "lists"):
        found = numbers(TAKERS[taker](fragment, KINDS[kind]))
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-5, err_msg=kind)
    same = numbers(TAKERS[taker](fragment, KINDS["array"]))
    assert (same == wanted)[~np.isnan(wanted)].all()


@pytest.mark.parametrize("taker", TAKERS)
def test_wrong_coordinates_are_one_sentence(fragment, taker):
    wrong = {
        "no numbers": lambda x: "coordinates",
        "shape": lambda x: x[..., :-1],
    }
    # The denoiser is the inside of a sampler's loop, which looks at each estimate; of a frame the fit says it.
    if taker not in ("denoiser", "superposition"):
        wrong["NaN"] = lambda x: np.full_like(x, np.nan)
    for said, spoil in wrong.items():
        with pytest.raises(EdmNoiseError) as refused:
            TAKERS[taker](fragment, spoil)
        assert "\n" not in str(refused.value)
        assert said in str(refused.value)


def test_frames_are_written_from_arrays_and_tensors_alike(fragment, tmp_path):
    for name, take in KINDS.items():
        write_frames(tmp_path / f"{name}.pdb", fragment, [take(frame) for frame in NOISY])
    written = {path.read_bytes() for path in tmp_path.glob("*.pdb")}
    assert len(written) == 1
