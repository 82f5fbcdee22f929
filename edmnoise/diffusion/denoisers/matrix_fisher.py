"""c(F) = int exp(tr F^T R) dR over SO(3), and E[R | F] = d log c / dF, the mean of R under exp(tr F^T R) / c.

With the proper SVD F = U diag(s) V^T (U, V rotations, s1 >= s2 >= |s3|, the sign of det F on s3), log c depends on s
alone, E[R] = U diag(d) V^T with d = d log c / ds, and one integral is left (I0 scaled: i0e(x) = exp(-x) I0(x)):

    c exp(-s1 - s2 - s3) = 1/2 int_0^2 i0e(a v) i0e(b (2 - v)) exp(-kappa v) dv,
    a = (s2 - s3)/2,  b = (s2 + s3)/2,  kappa = s1 + s3.

It comes from the unit quaternion q of U^T R V, which Haar measure spreads evenly over a sphere: tr F^T R is
s1 (1 - v) + (s2 + s3)(q0^2 - q1^2) + (s2 - s3)(q2^2 - q3^2) with v = 2 (q2^2 + q3^2) uniform on [0, 2], and of each
pair only the angle is left, which makes the two Bessel functions. Second derivatives are fourth moments of q and thus
integrals of the same kind, all of positive terms: nothing is divided by a difference of singular values, and ties
(s_i = s_j, s_i = -s_j) need no care.

Sources: Downs, Biometrika 59, 665 (1972), and Khatri & Mardia, J. R. Stat. Soc. B 39, 95 (1977), the matrix Fisher
distribution; Lee, IEEE Trans. Autom. Control 63, 3377 (2018), the proper SVD and the single integral on SO(3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...base.errors import EdmNoiseError
from ...base.threads import alone, mapped
from ...structure.best_rotation import proper_svd

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)
"""Gauss-Legendre: 32 nodes give E[R] to 5e-12, 40 to 1e-13, 48 to 3e-14 and 64 to 1e-15, for |F| up to 1e10."""

_FADED = 39.6
"""exp(-39.6) = 6e-18: where the integral may end."""

_ASYMPTOTIC = 24.0
"""From here on the series for I1/I0 in 1/x, with 20 terms, keeps more digits of 1 - I1/I0 than the subtraction."""

_BLOCK = 1 << 10
"""Matrices integrated at a time: the arrays of 48 nodes each (384 KiB) stay in a processor's cache."""

_BLOCK_ELSEWHERE = 1 << 17
"""The same for an accelerator, where few and large calls are what counts."""


@alone()
def matrix_fisher(f: Tensor) -> tuple[Tensor, Tensor]:
    """log c(F) and E[R | F] of a batch of matrices, from one singular value decomposition.

    Parameters
    ----------
    f
        (..., 3, 3) float32 or float64, any 3 x 3 matrices: of negative determinant, singular or 0 as well. No unit:
        for the rotation that takes a state y to x = R y + noise it is X^T K^-1 Y / sigma^2.

    Returns
    -------
    log_c
        (...) float64: log of the integral of exp(tr F^T R) over SO(3), whose whole measure is 1; 0 for F = 0.
    mean
        (..., 3, 3) float64: E[R | F]. It is no rotation, but what is left of one: F/3 for small F, the best
        rotation for large F.

    Raises
    ------
    EdmNoiseError
        If f is not float32 or float64, or not of shape (..., 3, 3); and where a third derivative of log c is asked
        for.

    Notes
    -----
    All is computed in float64, whatever f is, and a matrix gives the same bits alone and in any batch. For |F| up to
    1e10 E[R] is right to 3e-14 (for small F to 1e-14 of itself) and log c to 2e-15 max(1, |F|), beyond what F has lost
    by rounding: where s2 + s3 = 0, E[R] turns by as much as F is off.

    A matrix with an entry that is NaN or infinite (or whose square is) gives NaN for itself, and a NaN gradient; the
    others of the batch are not touched. No error: a sampler's batch must not die of one bad item.

    Gradients never pass through the SVD, and are right at ties. log c is differentiable twice, E[R] once.

    About 20 us a matrix in a batch of thousands on one thread, a fourth of it the SVD and most of the rest the Bessel
    functions; the gradient of E[R] takes as long again. A call takes about 1 ms at least.

    Examples
    --------
    >>> log_c, mean = matrix_fisher(torch.diag(torch.tensor([3.0, 2.0, 1.0])))
    >>> print(f"{log_c:.12f}")
    2.474280756118
    >>> mean.diag()
    tensor([0.7519, 0.6977, 0.6670], dtype=torch.float64)
    """
    if not isinstance(f, Tensor) or f.dtype not in (torch.float32, torch.float64):
        kind = f"a {f.dtype} tensor" if isinstance(f, Tensor) else f"a {type(f).__name__}"
        raise EdmNoiseError(f"F must be a float32 or float64 tensor, not {kind}")
    if f.shape[-2:] != (3, 3):
        raise EdmNoiseError(f"F has shape {tuple(f.shape)}: (..., 3, 3) is needed")
    log_c, mean = _MatrixFisher.apply(f.double().reshape(-1, 3, 3))
    return log_c.reshape(f.shape[:-2]), mean.reshape(f.shape)


def log_normalizer(f: Tensor) -> Tensor:
    """log c(F) alone; `matrix_fisher` says the rest.

    Parameters
    ----------
    f
        (..., 3, 3) float32 or float64.

    Returns
    -------
    Tensor
        (...) float64.

    Raises
    ------
    EdmNoiseError
        As `matrix_fisher`.
    """
    return matrix_fisher(f)[0]


def mean_rotation(f: Tensor) -> Tensor:
    """E[R | F] alone; `matrix_fisher` says the rest.

    Parameters
    ----------
    f
        (..., 3, 3) float32 or float64.

    Returns
    -------
    Tensor
        (..., 3, 3) float64.

    Raises
    ------
    EdmNoiseError
        As `matrix_fisher`.
    """
    return matrix_fisher(f)[1]


class _MatrixFisher(torch.autograd.Function):
    """(B, 3, 3) float64 -> log c (B,), E[R] (B, 3, 3). E[R] is an output, so the gradient of log c has one itself."""

    @staticmethod
    def forward(ctx: Any, f: Tensor) -> tuple[Tensor, Tensor]:
        u, s, vh = proper_svd(f)
        parts = mapped(_first_moments, s.split(_block_length(s)))
        log_c, d = (torch.cat(part) for part in zip(*parts, strict=True))
        mean = (u * d[:, None]) @ vh
        ctx.save_for_backward(f, mean, u, s, vh)
        ctx.set_materialize_grads(False)
        return log_c, mean

    @staticmethod
    @alone()
    def backward(ctx: Any, *grads: Tensor | None) -> Tensor | None:
        by_log_c, by_mean = grads
        f, mean, u, s, vh = ctx.saved_tensors
        total = None if by_log_c is None else by_log_c[:, None, None] * mean
        if by_mean is not None:
            curved = _Curvature.apply(by_mean, f, u, s, vh)
            total = curved if total is None else total + curved
        return total


class _Curvature(torch.autograd.Function):
    """Second derivatives of log c at F = U diag(s) V^T applied to a direction G: U T V^T.

    In the frame of the SVD, M = U^T G V, T has H diag(M) on its diagonal with H = d2 log c / ds2, and off it
    (d_i - d_j)/(s_i - s_j) of the symmetric and (d_i + d_j)/(s_i + s_j) of the skew part of M.
    """

    @staticmethod
    def forward(ctx: Any, direction: Tensor, f: Tensor, u: Tensor, s: Tensor, vh: Tensor) -> Tensor:
        parts = mapped(_second_moments, s.split(_block_length(s)))
        hessian, symmetric, skew = (torch.cat(part) for part in zip(*parts, strict=True))
        m = u.mT @ direction @ vh.mT
        t = symmetric * (m + m.mT) / 2 + skew * (m - m.mT) / 2
        t += torch.diag_embed((hessian @ m.diagonal(dim1=-2, dim2=-1)[..., None])[..., 0])
        return u @ t @ vh

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        raise EdmNoiseError("log c(F) is differentiable twice and E[R|F] once: take no third derivative")


def _block_length(s: Tensor) -> int:
    return _BLOCK if s.device.type == "cpu" else _BLOCK_ELSEWHERE


@dataclass(frozen=True, eq=False)
class _Angle:
    """An angle with density exp(x cos), x >= 0 (von Mises), at every node: (B, n) each."""

    x: Tensor
    i0: Tensor
    """exp(-x) I0(x)."""
    i1: Tensor
    """exp(-x) I1(x)."""
    pull: Tensor
    """E[cos] = I1/I0."""

    @classmethod
    def of(cls, x: Tensor) -> _Angle:
        i0, i1 = torch.special.i0e(x), torch.special.i1e(x)
        return cls(x, i0, i1, i1 / i0)

    def second_moments(self) -> tuple[Tensor, Tensor, Tensor]:
        """1 - E[cos], E[sin^2] and Var[cos], each to its own last digits.

        With rho = I1/I0 these are 1 - rho, rho/x and rho' = 1 - rho/x - rho^2; for large x, where this would cancel,
        rho = sum_k c_k x^-k, and the equation for rho' gives 2 c_k = (k - 2) c_(k-1) - sum_(0<j<k) c_j c_(k-j).
        """
        ratio = torch.where(self.x < 1e-8, 0.5, self.pull / self.x)
        lag = (self.i0 - self.i1) / self.i0
        slope = 1 - ratio - self.pull.square()

        inverse = 1 / self.x.clamp(min=_ASYMPTOTIC)
        far_lag, far_slope = torch.zeros_like(inverse), torch.zeros_like(inverse)
        for k in range(len(_SERIES) - 1, 0, -1):
            far_lag = (far_lag - _SERIES[k]) * inverse
            far_slope = (far_slope - k * _SERIES[k]) * inverse
        large = self.x > _ASYMPTOTIC
        return torch.where(large, far_lag, lag), ratio, torch.where(large, far_slope * inverse, slope)


def _ratio_series(terms: int) -> list[float]:
    """c_0 ... c_terms of I1/I0."""
    c = [1.0]
    for k in range(1, terms + 1):
        c.append(((k - 2) * c[k - 1] - sum(c[j] * c[k - j] for j in range(1, k))) / 2)
    return c


_SERIES = _ratio_series(20)


def _nodes(s: Tensor) -> tuple[Tensor, Tensor, _Angle, _Angle]:
    """v (B, n), its density times the quadrature weights (B, n), whose sum is c exp(-s1 - s2 - s3), and the angles of
    (q2, q3), near v = 0, and of (q0, q1).

    The nodes are even in log(v + v0), which suits both a peak at v = 0 and the long tail of i0e. As v is scaled to the
    integrand, no node is worth less than exp(-39.6) times a few powers of |F|: nothing underflows.
    """
    s1, s2, s3 = s[..., None].unbind(-2)
    a, b, kappa = (s2 - s3) / 2, (s2 + s3) / 2, s1 + s3
    end = _FADED / kappa.clamp(min=_FADED / 2)
    start = 3 / (a + kappa + 1 / end)
    length = torch.log1p(end / start)
    v = start * torch.expm1(length * s.new_tensor((1 + _NODES) / 2))
    near, far = _Angle.of(a * v), _Angle.of(b * (2 - v))
    density = near.i0 * far.i0 * torch.exp(-kappa * v)
    return v, density * (v + start) * (length * s.new_tensor(_WEIGHTS / 4)), near, far


def _first_moments(s: Tensor) -> tuple[Tensor, Tensor]:
    """log c (B,) and d (B, 3)."""
    v, density, near, far = _nodes(s)
    total = density.sum(-1)
    density = density / total[:, None]
    other = 2 - v
    a, b = (density * v * near.pull).sum(-1) / 2, (density * other * far.pull).sum(-1) / 2

    # E[1 - v], and for a broad density the same after integration by parts, whose terms do not cancel as s goes to 0.
    s1, s2, s3 = s[..., None].unbind(-2)
    slope = s1 + (s2 + s3) / 2 * far.pull - (s2 - s3) / 2 * near.pull
    broad = (density * v * other * slope).sum(-1) / 2
    d1 = torch.where(s[:, 0] < 1, broad, (density * (1 - v)).sum(-1))
    return s.sum(-1) + total.log(), torch.stack([d1, a + b, b - a], -1)


def _second_moments(s: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """d2 log c / ds2, (d_i - d_j)/(s_i - s_j) and (d_i + d_j)/(s_i + s_j), each (B, 3, 3), the last two 0 for i = j.

    In quaternions these are Cov(R_ii, R_jj), 8 E[q_i^2 q_j^2] and 8 E[q_0^2 q_k^2], with q_0^2 and q_1^2 equal to
    (1 +- cos)(2 - v)/4 of the far angle and q_2^2 and q_3^2 to (1 +- cos) v/4 of the near one.
    """
    v, density, near, far = _nodes(s)
    density = density / density.sum(-1, keepdim=True)
    half, other = v / 2, 1 - v / 2
    near_lag, near_ratio, near_slope = near.second_moments()
    far_lag, far_ratio, far_slope = far.second_moments()

    def mean(x: Tensor) -> Tensor:
        return (density * x).sum(-1)

    both = 2 * half * other
    symmetric = _pairs(
        mean(both * far_lag * (1 + near.pull)),
        mean(both * far_lag * near_lag),
        mean(2 * half.square() * near_ratio),
    )
    skew = _pairs(
        mean(both * (1 + far.pull) * near_lag),
        mean(both * (1 + far.pull) * (1 + near.pull)),
        mean(2 * other.square() * far_ratio),
    )

    # Covariance of 1 - R_ii: of its means at each v, and about them by the angles.
    lost = torch.stack([v, other * far_lag + half * near_lag, other * far_lag + half * (1 + near.pull)], -2)
    lost = lost - (density[:, None] * lost).sum(-1, keepdim=True)
    hessian = (density[:, None] * lost) @ lost.mT
    turn, twist = mean(other.square() * far_slope), mean(half.square() * near_slope)
    hessian[:, 1, 1] += turn + twist
    hessian[:, 2, 2] += turn + twist
    hessian[:, 1, 2] += turn - twist
    hessian[:, 2, 1] += turn - twist
    return hessian, symmetric, skew


def _pairs(first_second: Tensor, first_third: Tensor, second_third: Tensor) -> Tensor:
    """(B, 3, 3) symmetric, 0 on the diagonal."""
    zero = torch.zeros_like(first_second)
    rows = [
        [zero, first_second, first_third],
        [first_second, zero, second_third],
        [first_third, second_third, zero],
    ]
    return torch.stack([torch.stack(row, -1) for row in rows], -2)
