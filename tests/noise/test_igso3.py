"""Rotations are from IGSO(3): their angles from the series, their axes from the sphere, their mean e^(-s^2)."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import kstest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.noise.igso3 import angle_density, mean_rotation, rotations

SCALES = (0.05, 0.2, 0.5, 0.9, 1.5)
DRAWS = 32_000


def series(angle, s, terms=400):
    """The density of the angle, term by term: 400 terms leave out e^-200 at s = .05."""
    order = np.arange(terms)[:, None]
    angle = np.atleast_1d(angle)
    weight = (2 * order + 1) * np.exp(-order * (order + 1) * s**2 / 2)
    return (1 - np.cos(angle)) / math.pi * (weight * np.sin((order + 0.5) * angle) / np.sin(angle / 2)).sum(axis=0)


def distribution(angle, s, terms=400):
    """Its integral from 0, term by term."""
    order = np.arange(1, terms)[:, None]
    angle = np.atleast_1d(angle)
    both = np.sin(order * angle) / order - np.sin((order + 1) * angle) / (order + 1)
    rest = ((2 * order + 1) * np.exp(-order * (order + 1) * s**2 / 2) * both).sum(axis=0)
    return (angle - np.sin(angle) + rest) / math.pi


def drawn(s, seed=0):
    """(3, 3, DRAWS) rotations."""
    normal = torch.randn(3, DRAWS // 2, 2, generator=torch.Generator().manual_seed(seed))
    return rotations(normal.numpy(), (s, s)).astype(np.float64).reshape(3, 3, DRAWS)


def angle_and_axis(rotation):
    """Radians (DRAWS,) from 0 to pi, and (3, DRAWS) the axis times the angle's sine."""
    turned = np.array([rotation[k, j] - rotation[j, k] for j, k in ((1, 2), (2, 0), (0, 1))]) / 2
    return np.arctan2(np.linalg.norm(turned, axis=0), (np.trace(rotation) - 1) / 2), turned


@pytest.mark.parametrize("s", [*SCALES, 0.999, 1.001, 3.0])
def test_the_density_is_the_series(s):
    angle = np.linspace(1e-3, math.pi, 200)
    np.testing.assert_allclose(angle_density(angle, s), series(angle, s), atol=1e-12)
    assert quad(lambda w: angle_density(w, s).item(), 0, min(math.pi, 12 * s), epsabs=1e-10)[0] == pytest.approx(1)


@pytest.mark.parametrize("s", SCALES)
def test_angles_are_from_the_density(s):
    """Kolmogorov and Smirnov, 32,000 angles, seed 1: p above .001, and .01 radians more are told apart."""
    angle, _ = angle_and_axis(drawn(s, 1))
    assert kstest(angle, lambda a: distribution(a, s)).pvalue > 1e-3
    assert kstest(angle, lambda a: distribution(a, 1.05 * s)).pvalue < 1e-3


@pytest.mark.parametrize("s", SCALES)
def test_axes_are_uniform_and_the_mean_is_the_closed_form(s):
    """Each component of the axis is uniform on -1 to 1; no entry of a rotation scatters more than 1."""
    rotation = drawn(s, 2)
    np.testing.assert_allclose(
        np.einsum("ijn,kjn->nik", rotation, rotation), np.tile(np.eye(3), (DRAWS, 1, 1)), atol=1e-6
    )
    _, axis = angle_and_axis(rotation)
    for component in axis / np.linalg.norm(axis, axis=0):
        assert kstest(component, "uniform", args=(-1, 2)).pvalue > 1e-3
    assert mean_rotation(s) == pytest.approx(math.exp(-(s**2)))
    np.testing.assert_allclose(rotation.mean(-1), mean_rotation(s) * np.eye(3), atol=4 / math.sqrt(DRAWS))


def test_a_vector_turns_about_its_own_axis_by_more_at_a_larger_scale():
    normal = torch.randn(3, 50, generator=torch.Generator().manual_seed(3)).numpy()
    lanes = rotations(np.stack([normal] * 3, axis=-1), (0.0, 0.3, 1.0)).astype(np.float64)
    at_rest, *turned = np.moveaxis(lanes, -1, 0)
    assert (at_rest == np.eye(3)[..., None]).all()
    (low, _), (high, _) = found = [angle_and_axis(rotation) for rotation in turned]
    assert ((low > 0) & (low < high)).all()
    for rotation, (_, axis) in zip(turned, found, strict=True):
        np.testing.assert_allclose(np.einsum("ijn,jn->in", rotation, normal), normal, atol=1e-5)
        assert ((axis * normal).sum(axis=0) > 0).all()


def test_a_large_scale_is_uniform():
    """The angle of a uniform rotation has the density (1 - cos w) / pi."""
    angle = np.linspace(0.1, 3, 20)
    for s in (6.0, 50.0, 1e8):
        np.testing.assert_allclose(angle_density(angle, s), (1 - np.cos(angle)) / math.pi, rtol=1e-12)


@pytest.mark.parametrize("s", [0.0, -1.0, math.inf, math.nan])
def test_a_scale_that_is_none_is_refused(s):
    with pytest.raises(EdmNoiseError, match=r"^s of IGSO\(3\) is .*: give a number of radians above 0$"):
        angle_density(1.0, s)
