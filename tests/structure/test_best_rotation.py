"""The rotation with the largest tr(R^T C), by either way, beside scipy; and whether it is the only one."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from edmnoise.structure import best_rotation as module
from edmnoise.structure.best_rotation import best_rotation, proper_svd

MANY = 1000  # more than go by singular values


def matrices(count, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 3, 3, generator=generator, dtype=torch.float64)


def turns(count, seed):
    return torch.from_numpy(Rotation.random(count, random_state=seed).as_matrix())


def with_singular_values(values, count, seed):
    """Matrices of these singular values; the last may be negative, which makes a reflection the nearest matrix."""
    return turns(count, seed) @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ turns(count, seed + 1)


def every(value, count):
    return torch.full((count,), float(value), dtype=torch.float64)


def gain(rotation, cross):
    return (rotation * cross).sum((1, 2))


def assert_proper(rotation):
    eye = torch.eye(3, dtype=torch.float64).expand_as(rotation)
    torch.testing.assert_close(rotation @ rotation.mT, eye, rtol=0, atol=1e-13)
    torch.testing.assert_close(torch.linalg.det(rotation), eye[:, 0, 0], rtol=0, atol=1e-13)


@pytest.fixture
def by_eigenvectors(monkeypatch):
    """Numbers of matrices that went that way."""
    counts = []
    way = module._by_eigenvectors

    def counted(cross):
        counts.append(len(cross))
        return way(cross)

    monkeypatch.setattr(module, "_by_eigenvectors", counted)
    return counts


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("count", [5, MANY])
def test_it_is_scipys(seed, count):
    cross = matrices(count, seed)
    rotation, ambiguous = best_rotation(cross, every(0, count))
    assert_proper(rotation)
    assert not ambiguous.any()
    for k in range(0, count, max(1, count // 50)):
        # three vectors and weight 1: sum of a_i b_i^T is the matrix
        wanted, _ = Rotation.align_vectors(cross[k].T.numpy(), np.eye(3))
        np.testing.assert_allclose(rotation[k], wanted.as_matrix(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_both_ways_agree(seed, by_eigenvectors):
    cross = matrices(MANY, seed)
    none = every(0, MANY)
    rotation, _ = best_rotation(cross, none)
    assert sum(by_eigenvectors) < MANY / 20
    parts = [best_rotation(some, none[: len(some)])[0] for some in cross.split(100)]
    assert sum(by_eigenvectors) >= MANY
    torch.testing.assert_close(rotation, torch.cat(parts), rtol=0, atol=1e-11)


@pytest.mark.parametrize("count", [5, MANY])
@pytest.mark.parametrize("values", [(3, 2, 1), (3, 2, -1), (1, 1, 1), (5, 1, 0), (1, 1, 0), (9, 0.2, 0.1)])
def test_the_gain_is_the_sum_of_the_signed_singular_values(values, count):
    cross = with_singular_values(values, count, 1)
    rotation, ambiguous = best_rotation(cross, every(1e-9, count))
    assert_proper(rotation)
    assert not ambiguous.any()
    torch.testing.assert_close(gain(rotation, cross), every(sum(values), count), rtol=0, atol=1e-12)


def test_the_gain_is_right_whatever_the_singular_values():
    first, second = torch.meshgrid(torch.linspace(0, 1, 51), torch.linspace(-1, 1, 101), indexing="ij")
    values = torch.stack([torch.ones_like(first), first, second], -1)[second.abs() <= first].double()
    cross = turns(len(values), 1) * values[:, None] @ turns(len(values), 2)
    rotation, _ = best_rotation(cross, every(0, len(values)))
    assert_proper(rotation)
    torch.testing.assert_close(gain(rotation, cross), values.sum(1), rtol=0, atol=1e-14)


@pytest.mark.parametrize("count", [5, MANY])
@pytest.mark.parametrize("values", [(2, 1, -1), (1, 1, -1), (4, 0, 0), (0, 0, 0)])
def test_several_best_rotations_are_said_to_be_so(values, count):
    cross = with_singular_values(values, count, 1)
    rotation, ambiguous = best_rotation(cross, every(1e-12, count))
    assert_proper(rotation)
    assert ambiguous.all()
    torch.testing.assert_close(gain(rotation, cross), every(sum(values), count), rtol=0, atol=1e-12)


@pytest.mark.parametrize("count", [5, MANY])
@pytest.mark.parametrize("lead", [1e-6, 1e-3, 0.1, 1.0])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_ambiguous_is_a_lead_within_the_noise(count, lead, scale):
    cross = scale * with_singular_values((3, 2, lead - 2), count, 1)
    noise = every(scale * lead, count)
    assert best_rotation(cross, 1.01 * noise)[1].all()
    assert not best_rotation(cross, 0.99 * noise)[1].any()


@pytest.mark.parametrize("count", [5, MANY])
def test_nothing_to_fit_is_no_rotation(count):
    rotation, _ = best_rotation(torch.zeros(count, 3, 3).double(), every(0, count))
    assert torch.equal(rotation, torch.eye(3, dtype=torch.float64).expand(count, 3, 3))


def test_half_turns_are_found():
    """There q has no real part, and one or two of its other entries may be 0."""
    axes = torch.cat([torch.eye(3), torch.eye(3)[[1, 2, 0]] + torch.eye(3), torch.ones(1, 3)]).double()
    axes = axes / axes.norm(dim=1, keepdim=True)
    halves = (2 * axes[:, :, None] * axes[:, None] - torch.eye(3)).repeat(50, 1, 1)
    rotation, ambiguous = best_rotation(halves, every(0, len(halves)))
    assert len(halves) >= module._FEW
    torch.testing.assert_close(rotation, halves, rtol=0, atol=1e-14)
    assert not ambiguous.any()


def test_any_magnitude_will_do():
    cross = matrices(MANY, 3)
    none = every(0, MANY)
    wanted, _ = best_rotation(cross, none)
    for scale in (1e-290, 1e-100, 1e100, 1e290):
        torch.testing.assert_close(best_rotation(scale * cross, none)[0], wanted, rtol=0, atol=1e-11)


def test_one_hard_matrix_among_many_changes_no_other(by_eigenvectors):
    cross = with_singular_values((3, 2, 1), MANY, 1)
    noise = every(1e-9, MANY)
    wanted, _ = best_rotation(cross, noise)
    cross[17] = torch.diag(torch.tensor([2.0, 1, -1]))
    rotation, ambiguous = best_rotation(cross, noise)
    assert by_eigenvectors == [1]
    assert torch.nonzero(ambiguous).flatten().tolist() == [17]
    others = torch.arange(MANY) != 17
    assert torch.equal(rotation[others], wanted[others])
    assert_proper(rotation)


def test_no_matrix_at_all_is_no_error():
    rotation, ambiguous = best_rotation(torch.empty(0, 3, 3).double(), torch.empty(0).double())
    assert rotation.shape == (0, 3, 3)
    assert ambiguous.shape == (0,)


def test_the_form_that_gradients_pass_is_the_same_rotation():
    """The two that are kept: NumPy's for few, torch's where a device or a gradient is asked for."""
    cross = torch.randn(2, 150, 3, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    u, s, vh = proper_svd(cross)
    rotation, _ = best_rotation(cross[0], every(0, 150))
    torch.testing.assert_close((u @ vh)[0], rotation, rtol=0, atol=1e-12)
    torch.testing.assert_close(s.sum(-1), (cross * (u @ vh)).sum((-2, -1)), rtol=1e-12, atol=1e-12)
    assert bool((s[..., 0] >= s[..., 1]).all() & (s[..., 1] >= s[..., 2].abs()).all())
    spoilt = cross[0, :3].clone()
    spoilt[1, 0, 0] = torch.nan
    assert proper_svd(spoilt)[1].isnan().all(-1).tolist() == [False, True, False]
    one = cross[0, :2].requires_grad_()
    u, s, vh = proper_svd(one)
    (gradient,) = torch.autograd.grad(s.sum(), one)
    torch.testing.assert_close(gradient, u @ vh, rtol=0, atol=1e-10)
