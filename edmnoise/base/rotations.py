"""R(q) = 1 + (w [r]x + [r]x^2) 2 / |q|^2 for a quaternion q = (w, r); q normal in four dimensions makes R uniform.

Uniform means the Haar measure: every rotation as likely as any other. Euler angles drawn uniformly are not that: they
crowd at the poles, and |R20| > 0.9 then comes with probability 0.287 instead of 0.100.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .errors import EdmNoiseError


def haar_rotations(count: int, generator: torch.Generator) -> Tensor:
    """Draw rotations uniformly from SO(3).

    Parameters
    ----------
    count
        How many, 0 or more.
    generator
        Where the numbers come from, and the device that the rotations are on. It is moved on by 4 ``count`` normal
        numbers. torch draws 16 numbers and more in another order than fewer, so the first of 4 rotations is not the
        first of 3: who needs a frame to be the same in any batch gives each frame a generator of its own.

    Returns
    -------
    Tensor
        (count, 3, 3) float64, proper: det = +1.

    Raises
    ------
    EdmNoiseError
        If the count is negative or no whole number.

    Notes
    -----
    Shoemake, Graphics Gems III, 124 (1992): a uniform unit quaternion is a uniform rotation; a normal point of four
    dimensions, whose direction is uniform, is Muller's, Commun. ACM 2, 19 (1959).

    Examples
    --------
    >>> rotations = haar_rotations(2, torch.Generator().manual_seed(0))
    >>> rotations.shape, torch.allclose(torch.linalg.det(rotations), torch.ones(2, dtype=torch.float64))
    (torch.Size([2, 3, 3]), True)
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise EdmNoiseError(f"count of rotations is {count!r}: give a whole number, 0 or more")
    points = torch.randn(count, 4, generator=generator, dtype=torch.float64, device=generator.device)
    return quaternion_to_matrix(points)


def quaternion_to_matrix(quaternion: Tensor) -> Tensor:
    """Rotation matrix of a quaternion, which need not have unit length.

    Parameters
    ----------
    quaternion
        (..., 4) real numbers (w, x, y, z): cos and axis times sin of half the angle, times any number but 0. The
        zero quaternion, which is no rotation, gives NaN.

    Returns
    -------
    Tensor
        (..., 3, 3) of the same kind of number, proper. It turns column vectors: R v.

    Raises
    ------
    EdmNoiseError
        If the last axis has not 4 components.

    Examples
    --------
    A quarter turn about z takes x to y:

    >>> quaternion_to_matrix(torch.tensor([1.0, 0.0, 0.0, 1.0])) @ torch.tensor([1.0, 0.0, 0.0])
    tensor([0., 1., 0.])
    """
    if quaternion.ndim == 0 or quaternion.shape[-1] != 4:
        raise EdmNoiseError(f"quaternions have shape {tuple(quaternion.shape)}: (..., 4) is needed, w first")
    w, x, y, z = quaternion.unbind(-1)
    twice = 2 / quaternion.square().sum(-1)
    rows = [
        [1 - twice * (y * y + z * z), twice * (x * y - w * z), twice * (x * z + w * y)],
        [twice * (x * y + w * z), 1 - twice * (x * x + z * z), twice * (y * z - w * x)],
        [twice * (x * z - w * y), twice * (y * z + w * x), 1 - twice * (x * x + y * y)],
    ]
    return torch.stack([torch.stack(row, -1) for row in rows], -2)
