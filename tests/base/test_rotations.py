"""Every rotation is as likely as any other, proper, and the same for the same generator."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.spatial.transform import Rotation

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.rotations import haar_rotations, quaternion_to_matrix

COUNT = 40_000
BOUND = 5 / math.sqrt(COUNT)
"""Five standard errors of a mean of numbers of variance 1."""


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def rotations():
    return haar_rotations(COUNT, generator())


@pytest.fixture(scope="module")
def crowded():
    """Uniform Euler angles, the common mistake: what the laws below must tell from Haar's measure."""
    angles = np.random.default_rng(0).uniform(0, 2 * math.pi, (COUNT, 3))
    return torch.from_numpy(Rotation.from_euler("ZYX", angles).as_matrix())


def angle(rotations):
    return torch.acos(((rotations.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2).clamp(-1, 1))


def largest_character(rotations):
    """Means of the traces of the spherical harmonics' matrices of order 1 to 4: of mean 0 and variance 1 for Haar."""
    half = angle(rotations).clamp(min=1e-9) / 2
    return max(abs((torch.sin((2 * order + 1) * half) / torch.sin(half)).mean().item()) for order in range(1, 5))


def polar_share(rotations):
    return (rotations[:, 2, 0].abs() > 0.9).double().mean().item()


def test_they_are_proper_rotations(rotations):
    assert rotations.shape == (COUNT, 3, 3)
    assert rotations.dtype == torch.float64
    some = rotations[:2000]
    eye = torch.eye(3, dtype=torch.float64).expand_as(some)
    torch.testing.assert_close(some @ some.mT, eye, rtol=0, atol=1e-14)
    torch.testing.assert_close(torch.linalg.det(some), eye[:, 0, 0], rtol=0, atol=1e-14)


def test_first_and_second_moments_are_those_of_haar(rotations):
    """E[R] = 0 and E[R_ij R_kl] = delta_ik delta_jl / 3."""
    flat = rotations.flatten(1)
    assert flat.mean(0).abs().max() < BOUND / math.sqrt(3)
    second = flat.mT @ flat / COUNT
    assert (second - torch.eye(9) / 3).abs().max() < BOUND / 2  # R_ij R_kl varies by 1/5 - 1/9 or less than 1/4


def test_an_entry_is_uniform_and_euler_angles_would_not_do(rotations, crowded):
    for i in range(3):
        for j in range(3):
            assert stats.kstest(rotations[:, i, j].numpy(), stats.uniform(-1, 2).cdf).pvalue > 1e-4
    bound = 5 * math.sqrt(0.1 * 0.9 / COUNT)
    assert abs(polar_share(rotations) - 0.1) < bound
    assert abs(polar_share(crowded) - 2 * math.acos(0.9) / math.pi) < 2 * bound
    assert polar_share(crowded) > 0.1 + 20 * bound


def test_the_angle_has_haars_density_and_no_order_is_preferred(rotations, crowded):
    """Density (1 - cos) / pi of the angle; the characters are orthogonal to 1."""

    def misfit(some):
        return stats.kstest(angle(some).numpy(), lambda x: (x - np.sin(x)) / math.pi).pvalue

    assert misfit(rotations) > 1e-4
    assert misfit(crowded) < 1e-9
    assert largest_character(rotations) < BOUND < largest_character(crowded)


def test_the_same_generator_state_gives_the_same_rotations_and_the_next_are_others():
    source = generator(3)
    state = source.get_state()
    first, second = haar_rotations(5, source), haar_rotations(5, source)
    assert torch.equal(haar_rotations(5, generator(3)), first)
    assert (first - second).abs().amax((1, 2)).min() > 1e-3
    source.set_state(state)
    assert torch.equal(haar_rotations(5, source), first)
    assert not torch.equal(haar_rotations(5, generator(4)), first)


def test_the_global_generator_and_torchs_defaults_do_not_matter():
    expected = haar_rotations(3, generator(1))
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    with torch.device("meta"):
        drawn = haar_rotations(3, generator(1))
    assert torch.equal(drawn, expected)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_none_are_drawn_when_none_are_asked_for():
    source = generator()
    before = source.get_state()
    assert haar_rotations(0, source).shape == (0, 3, 3)
    assert torch.equal(source.get_state(), before)


@pytest.mark.parametrize("count", [-1, 1.0, True, None])
def test_another_count_is_refused(count):
    with pytest.raises(EdmNoiseError, match=f"count of rotations is {count}: give a whole number, 0 or more"):
        haar_rotations(count, generator())


def test_a_quaternion_of_any_length_and_sign_turns_as_scipy_says():
    quaternion = torch.randn(200, 4, generator=generator(2), dtype=torch.float64)
    expected = torch.from_numpy(Rotation.from_quat(quaternion[:, [1, 2, 3, 0]].numpy()).as_matrix())
    for factor in (1, -1, 1e-5, 3e7):
        torch.testing.assert_close(quaternion_to_matrix(factor * quaternion), expected, rtol=0, atol=1e-14)


def test_the_product_of_quaternions_is_the_product_of_rotations():
    a, b = torch.randn(2, 100, 4, generator=generator(7), dtype=torch.float64)
    w = a[:, :1] * b[:, :1] - (a[:, 1:] * b[:, 1:]).sum(-1, keepdim=True)
    xyz = a[:, :1] * b[:, 1:] + b[:, :1] * a[:, 1:] + torch.linalg.cross(a[:, 1:], b[:, 1:])
    product = quaternion_to_matrix(torch.cat([w, xyz], -1))
    torch.testing.assert_close(quaternion_to_matrix(a) @ quaternion_to_matrix(b), product, rtol=0, atol=1e-14)


@pytest.mark.parametrize("shape", [(4,), (0, 4), (2, 3, 4)])
def test_quaternions_come_in_any_batch(shape):
    quaternion = torch.randn(shape, generator=generator(9))
    matrix = quaternion_to_matrix(quaternion)
    assert matrix.shape == (*shape[:-1], 3, 3)
    assert matrix.dtype == torch.float32
    each = [quaternion_to_matrix(q) for q in quaternion.reshape(-1, 4)]
    assert all(torch.equal(one, other) for one, other in zip(matrix.reshape(-1, 3, 3), each, strict=True))


def test_the_zero_quaternion_is_no_rotation_and_harms_no_other():
    matrix = quaternion_to_matrix(torch.tensor([[0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]))
    assert matrix[0].isnan().any()
    assert torch.equal(matrix[1], torch.eye(3))


@pytest.mark.parametrize("shape", [(), (3,), (4, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(EdmNoiseError, match=r"quaternions have shape .*: \(\.\.\., 4\) is needed, w first"):
        quaternion_to_matrix(torch.zeros(shape))
