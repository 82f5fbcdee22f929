"""maximise tr(R^T C) = q^T K(C) q over proper rotations R, that is over unit quaternions q: q is K's first eigenvector.

1,000 matrices take 0.6 ms by Newton's iteration and 1.6 by LAPACK's eigenvectors, 200 take 0.3 ms in either, one takes
0.3 and 0.02 ms. So LAPACK serves small batches, and the few matrices whose first eigenvalue is nearly double: these,
and no others, may have several best rotations.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .levels import as_array

_T = np.array(
    [
        [[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 0], [0, 0, 0, 1]],
        [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, -1], [0, 0, -1, 0]],
        [[0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0]],
        [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]],
        [[-1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, 0], [0, 0, 0, 1]],
        [[0, 0, 0, -1], [0, 0, 1, 0], [0, 1, 0, 0], [-1, 0, 0, 0]],
        [[0, 0, 1, 0], [0, 0, 0, -1], [1, 0, 0, 0], [0, -1, 0, 0]],
        [[0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0]],
        [[-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
    ],
    dtype=float,
).reshape(9, 16)
"""R_ij = q^T T_ij q for q = (x, y, z, w), so that K = sum C_ij T_ij."""

_FEW = 200
"""Smaller batches go by LAPACK."""

_STEPS = 10
"""Steps of Newton's iteration."""

_STEEP = 0.3
"""Slope of det(v - K) at its largest root, for |C| = 1, above which the root is single enough: whatever the singular
values of C are, it is then right to 4e-15 after 10 steps (4e-8 after 8). The slope is 12 where C is a rotation and 6
where atoms lie evenly in a plane; of matrices of random numbers 99 in 100 are steep enough."""


def best_rotation(cross: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """The proper rotation R with the largest tr(R^T C), and whether others are as good.

    Parameters
    ----------
    cross
        (S, 3, 3) float64, finite: the sum of w y x^T where R x is to come near y.
    noise
        (S,) float64 >= 0: by how much the singular values of ``cross`` may be off.

    Returns
    -------
    rotation
        (S, 3, 3) float64, det = +1; the unit matrix where C = 0.
    ambiguous
        (S,) bool: the best two are within the noise. So it is where the two least singular values are 0, and where
        they are equal and C is nearer to a reflection than to a rotation.

    Notes
    -----
    Horn, J. Opt. Soc. Am. A 4, 629 (1987), with Newton's iteration of Theobald, Acta Cryst. A61, 478 (2005), for the
    eigenvalue and Cayley and Hamilton's theorem for the eigenvector. The first two eigenvalues differ by twice the sum
    of the two least singular values, the last one signed as in Umeyama, IEEE PAMI 13, 376 (1991).
    """
    if cross.shape[0] < _FEW:
        rotation, lead = _by_eigenvectors(cross)
        return rotation, lead <= noise

    tensors = torch.from_numpy(_T).to(cross.device)
    c = cross.flatten(1).mT.contiguous()  # S last: what follows goes over thousands of matrices, entry by entry
    scale = c.abs().amax(0)
    c = c / scale  # NaN where C = 0: below, NaN is not trusted
    norm = c.square().sum(0).sqrt()
    k = (tensors.mT @ (c / norm)).reshape(4, 4, -1)
    k2 = _product(k, k)

    # det(v - K) = v^4 - 2 v^2 + linear v + constant: the traces of K to K^4 are 0, 4, -3 linear and 8 - 4 constant.
    linear = (k2 * k).sum((0, 1)) / -3
    constant = 2 - k2.square().sum((0, 1)) / 4
    value = torch.full_like(norm, 3**0.5)  # no root is larger: the steps go down to the largest one and not past it
    for _ in range(_STEPS):
        square = value * value
        cubic = torch.addcmul(linear, square - 2, value)
        slope = torch.addcmul(cubic, 3 * square - 2, value)
        value = value - torch.addcmul(constant, cubic, value) / slope

    # (det(v - K) - det(value - K)) / (v - value) at v = K is slope q q^T. Squared, it is that to twice as many digits.
    square = value * value
    first = torch.addcmul(linear, square - 2, value)
    unit = torch.eye(4, dtype=k.dtype, device=k.device)[..., None]
    projector = _product(k2, k + value * unit) + (square - 2) * k + first * unit
    projector = _product(projector, projector)
    projector = projector / projector.diagonal().sum(-1)
    rotation = (tensors @ projector.reshape(16, -1)).mT.reshape(-1, 3, 3)

    # slope = 8 (s1 + s2) (s1 + s3) (s2 + s3), s3 < 0 for a reflection; the first two brackets make 3/2 at most.
    trusted = (slope > _STEEP) & (slope * norm * scale > 12 * noise)
    ambiguous = torch.zeros_like(trusted)
    rest = torch.nonzero(~trusted)[:, 0]
    if rest.numel():
        rotation[rest], lead = _by_eigenvectors(cross[rest])
        ambiguous[rest] = lead <= noise[rest]
    return rotation, ambiguous


def proper_svd(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """U, s, V^T with s1 >= s2 >= |s3| and the sign of the determinant on s3, so that U V^T is the best rotation.

    (..., 3, 3) of any matrices; gradients pass. U and V are both proper or both improper, which is the same to all that
    is made of them. Where a matrix is not finite s is NaN, and so is all that is made of it.
    """
    valid = matrix.square().sum((-2, -1)).isfinite()
    u, s, vh = torch.linalg.svd(torch.where(valid[..., None, None], matrix, 0))
    x, y, z = (u @ vh).unbind(-1)
    sign = (torch.linalg.cross(x, y) * z).sum(-1).sign()
    u = torch.cat([u[..., :2], u[..., 2:] * sign[..., None, None]], -1)
    s = torch.cat([s[..., :2], s[..., 2:] * sign[..., None]], -1)
    return u, torch.where(valid[..., None], s, torch.nan), vh


def _product(a: Tensor, b: Tensor) -> Tensor:
    """Matrix products of (4, 4, S), four times as fast as a batched product of (S, 4, 4)."""
    return (a[:, :, None] * b).sum(1)


def _by_eigenvectors(cross: Tensor) -> tuple[Tensor, Tensor]:
    """The best R of any matrix, and half of what its tr(R^T C) is ahead of the next stationary value."""
    # In NumPy, where each of the calls costs a tenth of what it costs in torch, and as much as its arithmetic.
    values, vectors = np.linalg.eigh((as_array(cross).reshape(-1, 9) @ _T).reshape(-1, 4, 4))
    first = vectors[..., -1]  # of K = 0 the last axis, which is w: no turn
    rotation = ((first[:, :, None] * first[:, None, :]).reshape(-1, 16) @ _T.T).reshape(-1, 3, 3)
    lead = (values[:, -1] - values[:, -2]) / 2
    return torch.from_numpy(rotation).to(cross.device), torch.from_numpy(lead).to(cross.device)
