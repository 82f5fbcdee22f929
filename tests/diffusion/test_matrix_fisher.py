"""log c(F) and E[R|F] against published values, 30 digits, sums over all rotations, laws, and their own derivatives."""

import functools
import itertools
import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp
from scipy.spatial.transform import Rotation

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.rotations import haar_rotations
from edmnoise.diffusion.denoisers.matrix_fisher import log_normalizer, matrix_fisher, mean_rotation

# Signed singular values -> log c; d (docs: 40-digit arithmetic).
KNOWN = [
    ((3, 2, 1), 2.4742807561181085, (0.75189658106488783, 0.6976758621174204, 0.66698669336673388)),
    ((1, 1, 1), 0.62741116731457083, (0.43626312435541336,) * 3),
    ((1, 1, -1), 0.35331191029677846, (0.19633543931741255, 0.19633543931741255, -0.19633543931741255)),
    ((10, 10, -10), 8.2700119812312465, (0.31688045332127553, 0.31688045332127553, -0.31688045332127553)),
    ((25, 20, 15), 52.872130841594936, (0.97624360254926661, 0.9744327138067359, 0.97302663229336705)),
    ((12, 5, -5), 8.9172909127423251, (0.89915999016114743, 0.021008243719533327, -0.021008243719533327)),
]

# Patterns of signed singular values: apart, of negative determinant, with ties of either sign, of rank one and two.
PATTERNS = [
    (1, 0.7, 0.4),
    (1, 0.7, -0.4),
    (1, 1, 1),
    (1, 1, -1),
    (1, 0.5, -0.5),
    (1, 0.5, 0.5),
    (1, 0, 0),
    (1, 1, 0),
    (1, 1 - 1e-9, -1 + 2e-9),
]
STIFF = [(1, 0.7, 0.4), (1, 1, 1), (1, 0.5, 0.5), (1, 1, 0)]
"""Those with s2 + s3 of the size of F: E[R] does not hang on the last digits of a large F."""


def diagonal(s):
    return torch.diag_embed(torch.as_tensor(s, dtype=torch.float64))


def turns(count, seed):
    return haar_rotations(count, torch.Generator().manual_seed(seed))


def turned(s, seed=0):
    """A V^T with singular values s in a frame of its own, and U, V."""
    u, v = turns(2, seed)
    return u @ diagonal(s) @ v.mT, u, v


# Independent of the code under test: the integral about the third axis (the code takes the first) in 30 digits.


@functools.cache
def legendre(count):
    nodes = []
    for guess in np.polynomial.legendre.leggauss(count)[0]:
        x = mpmath.findroot(lambda t: mp.legendre(count, t), mp.mpf(float(guess)))
        slope = count * (x * mp.legendre(count, x) - mp.legendre(count - 1, x)) / (x * x - 1)
        nodes.append((x, 2 / ((1 - x * x) * slope**2)))
    return nodes


def by_mpmath(s, count=14):
    """log c and d: int I0(a v) I0(b (2 - v)) exp(s3 (1 - v)) dv on intervals that halve towards both ends."""
    with mp.workdps(30):
        s1, s2, s3 = map(mp.mpf, s)
        a, b = (s1 - s2) / 2, (s1 + s2) / 2
        halves = [mp.mpf(2) ** -k for k in range(4 + math.ceil(math.log2(max(1, s[0]))))]
        edges = [mp.mpf(0), *reversed(halves), *(2 - h for h in halves[1:]), mp.mpf(2)]
        total, by_cos, near, far = (mp.mpf(0),) * 4
        for low, high in itertools.pairwise(edges):
            if (s2 + s3) * low > 60:
                continue
            for x, w in legendre(count):
                v = low + (high - low) * (1 + x) / 2
                p = w * (high - low) / 4 * mp.exp(-(s2 + s3) * v - a * v - b * (2 - v))
                near0, far0 = mp.besseli(0, a * v), mp.besseli(0, b * (2 - v))
                total += p * near0 * far0
                by_cos += p * near0 * far0 * (1 - v)
                near += p * mp.besseli(1, a * v) * far0 * v / 2
                far += p * near0 * mp.besseli(1, b * (2 - v)) * (2 - v) / 2
        return mp.log(total) + s1 + s2 + s3, ((far + near) / total, (far - near) / total, by_cos / total)


def off(value, exact):
    """|value - exact| in the exact number's digits."""
    return float(abs(mp.mpf(float(value)) - exact))


# Independent of any decomposition: a product rule over SO(3), exact for polynomials of R up to a high degree.


@functools.cache
def all_rotations(count=44):
    """(n, 9) rotations by Euler angles and (n,) weights: even steps about z twice, Gauss-Legendre in cos beta."""
    step = 2 * math.pi * np.arange(count) / count
    cosine, weight = np.polynomial.legendre.leggauss(count // 2)
    angles = np.stack(np.meshgrid(step, np.arccos(cosine), step, indexing="ij"), -1).reshape(-1, 3)
    rotations = Rotation.from_euler("ZYZ", angles).as_matrix().reshape(-1, 9)
    weights = np.broadcast_to(weight[None, :, None] / 2 / count**2, (count, count // 2, count)).ravel()
    return torch.from_numpy(rotations), torch.from_numpy(weights.copy())


def by_summation(f):
    """log c, E[R] (3, 3) and Cov[R] (9, 9), which is the derivative of E[R]."""
    rotations, weights = all_rotations()
    p = weights * torch.exp(rotations @ f.reshape(9))
    total = p.sum()
    mean = (p / total) @ rotations
    spread = rotations - mean
    return total.log(), mean.reshape(3, 3), spread.mT @ (spread * (p / total)[:, None])


# Values


@pytest.mark.parametrize(("s", "log_c", "d"), KNOWN)
def test_known_values(s, log_c, d):
    for f, u, v in (turned(s), (diagonal(s), torch.eye(3).double(), torch.eye(3).double())):
        value, mean = matrix_fisher(f)
        torch.testing.assert_close(value.item(), log_c, rtol=1e-14, atol=1e-14)
        torch.testing.assert_close(mean, u @ diagonal(d) @ v.mT, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    "s",
    [
        (1e-8, 4e-9, -3e-9),
        (0.999, 0.5, -0.2),
        (1.001, 0.5, -0.2),
        (40.0, 0.0, 0.0),
        (300.0, 299.0, -298.0),
        (1e6, 6e5, 3e5),
        (1e6, 1e6, -1e6),
    ],
)
def test_thirty_digits(s):
    log_c, mean = matrix_fisher(diagonal(s))
    exact, d = by_mpmath(s)
    assert off(log_c, exact) < 3e-15 * max(1, s[0])
    for value, other in zip(mean.diagonal(), d, strict=True):
        assert off(value, other) < min(3e-14, 2e-14 * s[0])
    assert (mean - mean.diagonal().diag() == 0).all()


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("size", [1e-3, 1.0, 9.0])
def test_the_sum_over_all_rotations(pattern, size):
    """Value, mean, and the derivative of the mean, which is the covariance of the rotation's entries."""
    f = turned([size * x for x in pattern], seed=3)[0]
    expected, expected_mean, covariance = by_summation(f)
    log_c, mean = matrix_fisher(f)
    torch.testing.assert_close(log_c, expected, rtol=0, atol=1e-13)
    torch.testing.assert_close(mean, expected_mean, rtol=0, atol=1e-13)
    slope = torch.autograd.functional.jacobian(mean_rotation, f).reshape(9, 9)
    torch.testing.assert_close(slope, covariance, rtol=0, atol=1e-13)


@pytest.mark.parametrize("seed", range(3))
def test_the_mean_of_haar_rotations(seed):
    """Weighted by exp(tr F^T R): within five standard errors of the ratio of two means."""
    rotations = turns(200_000, seed)
    f = torch.randn(3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    log_c, mean = matrix_fisher(f)
    weight = torch.exp((rotations * f).sum((1, 2)) - log_c)
    error = (weight.std() / math.sqrt(len(weight))).item()
    assert abs(weight.mean().item() - 1) < 5 * error
    off_mean = weight[:, None, None] * (rotations - mean)
    bound = 5 * off_mean.std(0) / math.sqrt(len(weight))
    assert bound.max() < 0.03
    assert (off_mean.mean(0).abs() < bound).all()


@pytest.mark.parametrize("size", [0.0, -0.0, 1e-150, 1e-8, 1e-5])
def test_small_matrices(size):
    """log c = |F|^2 / 6 + det F / 6 and E = F/3 + cof(F)/6, up to the fourth and third power; E to its own digits."""
    f = size * torch.randn(50, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    cofactor = torch.stack([torch.linalg.cross(f[:, i - 2], f[:, i - 1]) for i in range(3)], 1)
    log_c, mean = matrix_fisher(f)
    square = f.square().sum((1, 2))
    assert ((mean - f / 3 - cofactor / 6).abs().amax((1, 2)) <= 3e-14 * square.sqrt() + 0.1 * square**1.5).all()
    torch.testing.assert_close(log_c, square / 6 + torch.linalg.det(f) / 6, rtol=0, atol=1e-15)


@pytest.mark.parametrize("pattern", [(1, 0.7, 0.4), (1, 0.7, -0.4), (1, 1, 1), (1, 0.5, 0)])
@pytest.mark.parametrize("size", [1e2, 1e3, 1e4, 1e6, 1e9, 1e15])
def test_large_matrices(pattern, size):
    """d_i = 1 - (p_ij + p_ik)/2 - (p_ij^2 + p_ik^2)/8 - ..., p_ij = 1/(s_i + s_j); the next term is of p^3."""
    s = size * np.array(pattern)
    d = mean_rotation(diagonal(s)).diagonal()
    largest = 1 / (s[1] + s[2])
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        p, q = 1 / (s[i] + s[j]), 1 / (s[i] + s[k])
        expected = 1 - (p + q) / 2 - (p * p + q * q) / 8
        assert abs(d[i].item() - expected) < 3e-14 + largest**3


def test_large_matrices_have_the_weight_of_a_normal_peak():
    """c = exp(s1 + s2 + s3) sqrt(p12 p13 p23 / 8 pi) (1 + ...): three small angles of variances p_ij."""
    for s in ((1e7, 6e6, 2e6), (3e9, 2e9, -1e9)):
        p = [1 / (s[0] + s[1]), 1 / (s[0] + s[2]), 1 / (s[1] + s[2])]
        log_c = log_normalizer(diagonal(s)).item()
        assert abs(log_c - sum(s) - math.log(math.prod(p) / (8 * math.pi)) / 2) < 1e-6 + 3e-15 * s[0]


# Laws


@pytest.mark.parametrize("size", [1e-8, 1e-3, 1.0, 30.0, 1e3, 1e6])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_turning_the_matrix_turns_the_mean(pattern, size):
    """log c(A F B) = log c(F), E[A F B] = A E[F] B; where E hangs on F's last digits, so far as these are right."""
    f = turned([size * x for x in pattern])[0]
    a, b = turns(20, 1), turns(20, 2)
    log_c, mean = matrix_fisher(f)
    other_log_c, other_mean = matrix_fisher(a @ f @ b)
    bound = 1e-13 * mean.norm().item() + (0 if pattern in STIFF else 1e-14 * size)
    torch.testing.assert_close(other_mean, a @ mean @ b, rtol=0, atol=bound)
    torch.testing.assert_close(other_log_c, log_c.expand(20), rtol=0, atol=1e-14 * max(1, size))


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**31), size=st.floats(-8, 6).map(lambda x: 10**x), rank=st.integers(1, 3))
def test_means_are_inside_and_log_c_is_convex(seed, size, rank):
    """Averages of rotations have norm <= 1, c >= 1 (Jensen), log c is convex, and F^T has R^T."""
    generator = torch.Generator().manual_seed(seed)
    left = torch.randn(6, 3, rank, generator=generator, dtype=torch.float64)
    right = torch.randn(6, rank, 3, generator=generator, dtype=torch.float64)
    f = size * left @ right
    log_c, mean = matrix_fisher(f)
    largest = f.abs().amax().item()
    assert torch.linalg.matrix_norm(mean, ord=2).max() <= 1 + 1e-14
    assert (log_c >= -1e-15).all()
    gain = (mean[:3] * (f[3:] - f[:3])).sum((1, 2))
    assert (log_c[3:] - log_c[:3] >= gain - 1e-13 * max(1, largest)).all()
    transposed_log_c, transposed = matrix_fisher(f.mT)
    torch.testing.assert_close(transposed_log_c, log_c, rtol=0, atol=1e-14 * max(1, largest))
    torch.testing.assert_close(transposed, mean.mT, rtol=0, atol=1e-13 + 1e-14 * largest)


# Derivatives


TIES = [(1, 1, 1), (1, 1, -1), (6, 3, -3), (4, 0, 0), (0, 0, 0)]
NEAR = [(2, 2 - 1e-9, 1), (5, 3, -3 + 1e-7), (5, 5 - 1e-5, -5 + 2e-5), (1e-9, 1e-10, -1e-10)]
APART = [(3, 2, 1), (3, 2, -1), (30, 20, 10)]


@pytest.mark.parametrize(
    ("s", "frame"), [*((s, None) for s in TIES), *((s, 5) for s in (*TIES, *NEAR, *APART, (6, 3, 3), (4, 4, 0)))]
)
def test_gradients_are_those_of_finite_differences(s, frame):
    """At ties, next to them and apart; log c twice, E[R] once."""
    f = (diagonal(s) if frame is None else turned(s, frame)[0])[None].requires_grad_()
    assert torch.autograd.gradcheck(matrix_fisher, f)
    assert torch.autograd.gradgradcheck(log_normalizer, f)


def test_the_gradient_of_log_c_is_the_mean():
    f = 5 * torch.randn(4, 5, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    f.requires_grad_()
    log_c, mean = matrix_fisher(f)
    factor = torch.arange(20.0).double().reshape(4, 5)
    (gradient,) = torch.autograd.grad(log_c, f, factor)
    assert torch.equal(gradient, factor[..., None, None] * mean)


@pytest.mark.parametrize("s", [(30.0, 29.5, -29.0), (1e6, 6e5, 3e5), (1e6, 1e5, -5e4), (1e6, 1e6 - 1, -1e6 + 2)])
def test_second_derivatives_keep_their_digits_where_the_density_is_sharp(s):
    """They fall to 1e-13 at |F| = 1e6, below the rounding of E[R] itself.

    From d in 30 digits, since rows of R have length 1 and R is its own cofactor:
    E[R_ii^2] = 1 - E[R_ij^2] - E[R_ik^2] and E[R_ii R_jj] = E[R_kk] + E[R_ij R_ji].
    """
    f = diagonal(s).requires_grad_()
    mean = mean_rotation(f)

    def slope(i, j):
        """Derivative along the symmetric direction of i and j, or along a diagonal one."""
        direction = torch.zeros(3, 3, dtype=torch.float64)
        direction[i, j] = direction[j, i] = 1
        return torch.autograd.grad(mean, f, direction, retain_graph=True)[0]

    with mp.workdps(30):
        x, d = list(map(mp.mpf, s)), by_mpmath(s, count=20)[1]
        for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
            symmetric, skew = (d[i] - d[j]) / (x[i] - x[j]), (d[i] + d[j]) / (x[i] + x[j])
            squares = (symmetric + skew + (d[i] - d[k]) / (x[i] - x[k]) + (d[i] + d[k]) / (x[i] + x[k])) / 2
            twice = 1 - squares - d[i] ** 2
            across = d[k] + (symmetric - skew) / 2 - d[i] * d[j]
            assert off(slope(i, j)[i, j], symmetric) < 1e-13 * symmetric
            assert off(slope(i, i)[i, i], twice) < 1e-11 * twice
            assert off(slope(i, i)[j, j], across) < 1e-11 * max(twice, abs(across))


def test_a_third_derivative_is_refused_and_not_left_out():
    f = diagonal((3, 2, 1)).requires_grad_()
    (gradient,) = torch.autograd.grad(mean_rotation(f).sum(), f, create_graph=True)
    with pytest.raises(EdmNoiseError, match=r"twice and E\[R\|F\] once: take no third derivative"):
        gradient.sum().backward()


# Batches


@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 0), (7,), (2, 3, 4), (1, 1, 1, 2)])
def test_any_batch(shape):
    f = torch.randn(*shape, 3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    given_f = f.clone()
    log_c, mean = matrix_fisher(f)
    assert torch.equal(f, given_f)
    assert log_c.shape == shape
    assert mean.shape == (*shape, 3, 3)
    assert log_c.dtype == mean.dtype == torch.float64
    assert torch.equal(log_normalizer(f), log_c)
    assert torch.equal(mean_rotation(f), mean)
    for one, c, m in zip(f.reshape(-1, 3, 3), log_c.reshape(-1), mean.reshape(-1, 3, 3), strict=True):
        value, other = matrix_fisher(one)
        assert torch.equal(value, c)
        assert torch.equal(other, m)


def test_views_are_taken_as_they_are():
    f = torch.randn(6, 3, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    for view in (f.mT, f[::2], f[:1].expand(4, 3, 3), f.permute(1, 0, 2).contiguous().permute(1, 0, 2)):
        for one, other in zip(matrix_fisher(view), matrix_fisher(view.contiguous()), strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_matrix_gives_the_same_bits_in_any_batch_and_on_any_threads(threads):
    f = 10 * torch.randn(2500, 3, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    log_c, mean = matrix_fisher(f)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for start, count in ((0, 1), (3, 2), (1, 17), (7, 1023), (1, 1025), (900, 1600)):
            part_log_c, part = matrix_fisher(f[start : start + count])
            assert torch.equal(part_log_c, log_c[start : start + count])
            assert torch.equal(part, mean[start : start + count])
    finally:
        torch.set_num_threads(before)


def test_float32_is_computed_in_float64():
    f = (4 * torch.randn(5, 3, 3, generator=torch.Generator().manual_seed(4))).requires_grad_()
    log_c, mean = matrix_fisher(f)
    expected_log_c, expected = matrix_fisher(f.detach().double())
    assert torch.equal(log_c, expected_log_c)
    assert torch.equal(mean, expected)
    (gradient,) = torch.autograd.grad(log_c.sum(), f)
    assert gradient.dtype == torch.float32
    assert torch.equal(gradient, expected.float())


def test_torchs_default_device_does_not_matter():
    f = torch.randn(5, 3, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64).requires_grad_()
    expected = torch.autograd.grad(mean_rotation(f).sum(), f)[0]
    with torch.device("meta"):
        assert torch.equal(torch.autograd.grad(mean_rotation(f).sum(), f)[0], expected)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e200])
def test_a_bad_matrix_is_nan_itself_and_harms_no_other(bad):
    f = 3 * torch.randn(4, 3, 3, generator=torch.Generator().manual_seed(6), dtype=torch.float64)

    def everything(matrices):
        matrices = matrices.clone().requires_grad_()
        log_c, mean = matrix_fisher(matrices)
        return log_c, mean, *torch.autograd.grad((log_c.sum(), mean.square().sum()), matrices)

    expected = everything(f)
    spoilt = f.clone()
    spoilt[2, 1, 0] = bad
    keep = torch.tensor([0, 1, 3])
    for value, other in zip(everything(spoilt), expected, strict=True):
        assert value[2].isnan().all()
        assert torch.equal(value[keep], other[keep])


@pytest.mark.parametrize(
    ("f", "sentence"),
    [
        (torch.zeros(3), r"F has shape \(3,\): \(\.\.\., 3, 3\) is needed"),
        (torch.zeros(5, 3, 4), r"F has shape \(5, 3, 4\): \(\.\.\., 3, 3\) is needed"),
        (torch.zeros(3, 3, dtype=torch.int64), "F must be a float32 or float64 tensor, not a torch.int64 tensor"),
        (torch.zeros(3, 3, dtype=torch.float16), "not a torch.float16 tensor"),
        (np.zeros((3, 3)), "not a ndarray"),
    ],
)
def test_what_is_no_batch_of_matrices_is_refused(f, sentence):
    for function in (matrix_fisher, log_normalizer, mean_rotation):
        with pytest.raises(EdmNoiseError, match=sentence):
            function(f)
