"""Coordinates are taken as arrays, tensors or nested lists alike: float32 stays float32, all else becomes float64.

Nothing is copied that need not be. A wrong shape, and what is not finite, is told in one sentence.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import EdmNoiseError

if TYPE_CHECKING:
    from torch import Tensor

CoordinatesLike: TypeAlias = "Tensor | ArrayLike"
"""What is taken wherever coordinates are."""


def float_array(name: str, given: CoordinatesLike) -> NDArray[Any]:
    """Numbers as a NumPy array in float32 or float64, on the CPU and without a gradient.

    Parameters
    ----------
    name
        What they are, for the sentence that refuses what are no numbers (EdmNoiseError).
    """
    if hasattr(given, "detach"):
        given = float_tensor(name, given).detach().cpu().numpy()
    try:
        array = np.asarray(given)
    except (TypeError, ValueError) as error:  # lists of unequal length
        raise _no_numbers(name, f"{type(given).__name__}: {error}") from error
    if array.dtype.kind not in "fiu":
        raise _no_numbers(name, f"{type(given).__name__} of the type {array.dtype}")
    return array if array.dtype == np.float32 else array.astype(np.float64, copy=False)


def float_tensor(name: str, given: CoordinatesLike) -> Tensor:
    """Numbers as a tensor in float32 or float64; one that is given stays on its device, and gradients pass.

    Parameters
    ----------
    name
        As in `float_array`.
    """
    import torch  # structures and their files are read without it

    if not isinstance(given, torch.Tensor):
        array = float_array(name, given)
        shared = array.flags.writeable and min(array.strides, default=0) >= 0  # torch takes no others as they are
        return torch.from_numpy(array if shared else array.copy())
    if given.is_complex() or given.dtype == torch.bool:
        raise _no_numbers(name, f"Tensor of the type {given.dtype}")
    return given if given.dtype in (torch.float32, torch.float64) else given.double()


def coordinates(name: str, given: CoordinatesLike, shape: tuple[int | str, ...], finite: bool = True) -> Tensor:
    """Coordinates as `float_tensor` makes them, of a shape.

    Parameters
    ----------
    name
        What they are.
    shape
        Lengths of the axes; a word for one of any length: ``("frames", 253, 3)``.
    finite
        Whether to look for what is not: a pass over all numbers, which the inside of a loop is spared.

    Raises
    ------
    EdmNoiseError
        For what are no numbers, another shape, NaN or infinite coordinates.

    Examples
    --------
    >>> coordinates("mean", np.zeros((3, 2)), (2, 3))
    Traceback (most recent call last):
    edmnoise.base.errors.EdmNoiseError: mean has the shape (3, 2): give (2, 3)
    """
    found = float_tensor(name, given)
    check_shape(name, tuple(found.shape), shape)
    # A sum is finite only where all numbers are: 3 us for 5,684 atoms, and 60 to look at each.
    if finite and not (math.isfinite(found.sum().item()) or bool(found.isfinite().all())):
        raise EdmNoiseError(f"{_holds(name)} NaN or infinite coordinates")
    return found


def check_shape(name: str, found: tuple[int, ...], wanted: tuple[int | str, ...]) -> None:
    """EdmNoiseError for another shape than is wanted, in which a word stands for any length."""
    if len(found) != len(wanted) or any(
        isinstance(want, int) and have != want for have, want in zip(found, wanted, strict=True)
    ):
        said = ", ".join(map(str, wanted))
        raise EdmNoiseError(f"{name} {'have' if name.endswith('s') else 'has'} the shape {found}: give ({said})")


def _no_numbers(name: str, what: str) -> EdmNoiseError:
    return EdmNoiseError(f"{_holds(name)} no numbers ({what}): give an array, a tensor or lists of numbers")


def _holds(name: str) -> str:
    return f"{name} {'hold' if name.endswith('s') else 'holds'}"
