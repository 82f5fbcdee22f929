"""A replayed step finds the shares and the rotation that it was made by, and knows how far noise put them off."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from edmnoise.trajectories.replaying import fit_step

ATOMS, DRAWS = 60, 3000


def centred(points):
    return points - points.mean(axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def step():
    """x and two ways of one sample (1, 3, N), of unlike extents, and a rotation."""
    rng = np.random.default_rng(1)
    x = centred(rng.normal(size=(1, 3, ATOMS)) * np.array([8.0, 5.0, 2.0])[:, None])
    ways = [centred(rng.normal(size=(1, 3, ATOMS)) * scale) for scale in (3.0, 2.0)]
    return x, ways, Rotation.from_rotvec([0.4, -1.1, 0.7]).as_matrix()


@pytest.mark.parametrize("several", [1, 2])
def test_a_step_without_noise_is_found_again(several, step):
    x, ways, turn = step
    shares = np.array([0.7, -0.3])[:several]
    y = centred(turn.T @ (x + sum(share * way for share, way in zip(shares, ways, strict=False))))
    fit = fit_step(x, ways[:several], y)
    np.testing.assert_allclose(fit.shares[0], shares, rtol=1e-7)
    np.testing.assert_allclose(fit.turn[0], turn, atol=1e-7)
    assert fit.closes.all()


@pytest.mark.parametrize("share", [0.1, 0.9, 1.05, 1.4])
def test_a_step_past_its_estimate_is_found(share, step):
    """Where x is noise, large against x0, a step beyond x0 leaves it upside down."""
    x, _, turn = step
    estimate = centred(np.random.default_rng(5).normal(size=x.shape))
    y = centred(turn.T @ (x + share * (estimate - x)) + 0.05 * np.random.default_rng(6).normal(size=x.shape))
    fit = fit_step(x, [estimate - x], y)
    assert fit.shares[0, 0] == pytest.approx(share, abs=6 * fit.share_errors[0, 0])
    np.testing.assert_allclose(fit.turn[0], turn, atol=0.2)


def test_errors_are_those_of_many_draws(step):
    """Covariance of the rotation, error of the share, and the noise: each against as many fits, to a tenth."""
    x, ways, turn = step
    rng = np.random.default_rng(2)
    nu = 0.6
    y = centred(turn.T @ (x + 0.7 * ways[0]) + nu * rng.normal(size=(DRAWS, 3, ATOMS)))
    probe = centred(rng.normal(size=(1, 3, ATOMS)))
    fit = fit_step(
        *(np.repeat(points, DRAWS, axis=0) for points in (x,)),
        [ways[0].repeat(DRAWS, axis=0)],
        y,
        probe.repeat(DRAWS, axis=0),
    )
    assert np.mean(fit.noise**2) == pytest.approx(nu**2, rel=0.01)
    assert fit.shares[:, 0].std() == pytest.approx(fit.share_errors.mean(), rel=0.05)
    assert fit.shares.mean() == pytest.approx(0.7, abs=5 * fit.share_errors.mean() / DRAWS**0.5)
    # What rotates rows of y from where they should be, as a vector in the frame of y.
    vectors = Rotation.from_matrix(turn.T @ fit.turn).as_rotvec()
    found, said = np.cov(vectors.T), fit.spread.mean(axis=0)
    np.testing.assert_allclose(found, said, atol=0.1 * np.abs(said).max())
    assert np.sqrt((fit.along**2).mean()) == pytest.approx(nu / np.sqrt(3 * ATOMS), rel=0.05)
    assert not fit.strays.any()


def test_what_lies_along_the_probe_is_no_noise(step):
    x, ways, turn = step
    probe = centred(np.random.default_rng(3).normal(size=(1, 3, ATOMS)))
    noise = 0.1 * np.random.default_rng(4).normal(size=(1, 3, ATOMS))
    for strength, stray in ((0.0, False), (0.15, True)):
        y = centred(turn.T @ (x + 0.7 * ways[0] + strength * probe) + noise)
        fit = fit_step(x, ways[:1], y, probe)
        assert fit.strays.tolist() == [stray]


@pytest.mark.parametrize("x", [np.zeros((1, 3, 5)), np.arange(15.0).reshape(1, 5, 3).swapaxes(1, 2)])
def test_points_that_cannot_be_turned(x):
    """All in one place, or on a line: no error, and the share where there is a way."""
    x = centred(x)
    way = -x
    fit = fit_step(x, [way], x + 0.25 * way)
    assert np.isfinite(fit.spread).all()
    assert fit.shares[0, 0] == pytest.approx(0.25 if x.any() else 0.0)


def test_a_turn_that_is_known_is_taken(step):
    """Of a step that ends on its estimate, in noise that hides where that points."""
    x, _, turn = step
    x, estimate = 100 * x, centred(np.random.default_rng(5).normal(size=x.shape))
    y = centred(turn.T @ (x + 0.97 * (estimate - x)) + 60 * np.random.default_rng(6).normal(size=x.shape))
    fit = fit_step(x, [estimate - x], y, turn=turn[None])
    assert fit.shares[0, 0] == pytest.approx(0.97, abs=5 * fit.share_errors[0, 0])
    assert np.array_equal(fit.turn[0], turn)
    assert fit.noise[0] == pytest.approx(60, rel=0.2)
