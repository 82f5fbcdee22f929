"""sigma(z) = sigma_data exp(P_mean + P_std z), z ~ N(0, 1) over training steps; z(sigma) is its inverse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from ..base.errors import EdmNoiseError
from ..base.names import known_name
from ..base.numbers import check_commas, is_number

if TYPE_CHECKING:  # PyMOL would wait for NumPy when it starts
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Z_LIMIT = 12.0
"""Largest |z| taken: past it sigma says nothing about molecules (at z = 12 AlphaFold 3's is 3e8 angstrom)."""


@dataclass(frozen=True)
class SigmaDistribution:
    """Log-normal distribution of noise levels over training steps (Karras et al. 2022, section 5 and table 1).

    Parameters
    ----------
    sigma_data
        Standard deviation of the data per coordinate, angstrom.
    p_mean, p_std
        Mean and standard deviation of ln(sigma / sigma_data).
    name, source
        What it is called and where it was published.

    Examples
    --------
    >>> af3 = sigma_distribution("alphafold3")
    >>> round(af3.sigma(0.0), 3), round(af3.sigma(1.0), 2), round(af3.sigma(-3.0), 4)
    (4.819, 21.6, 0.0535)
    >>> round(af3.z(21.6), 3)
    1.0
    >>> import numpy as np
    >>> af3.sigma(np.array([0.0, 1.0])).round(2)
    array([ 4.82, 21.6 ])
    """

    sigma_data: float
    p_mean: float
    p_std: float
    name: str = "custom"
    source: str = ""

    def __post_init__(self) -> None:
        for label, value, floor in (("sigma_data", self.sigma_data, 0.0), ("p_std", self.p_std, 0.0)):
            if not (math.isfinite(value) and value > floor):
                raise EdmNoiseError(f"{label} is {value}: give a number above 0")
        if not math.isfinite(self.p_mean):
            raise EdmNoiseError(f"p_mean is {self.p_mean}: give a finite number")

    @overload
    def sigma(self, z: float) -> float: ...
    @overload
    def sigma(self, z: Array) -> Array: ...
    def sigma(self, z: float | Array) -> float | Array:
        """Noise level in angstrom at normal score ``z``, |z| up to 12: a float for a number, an array for an array."""
        import numpy as np

        if isinstance(z, np.ndarray):
            outside = z[~(np.abs(z) <= Z_LIMIT)]
            _check_z(float(outside[0]) if outside.size else 0.0)
            return self.sigma_data * np.exp(self.p_mean + self.p_std * z.astype(np.float64, copy=False))
        return self.sigma_data * math.exp(self.p_mean + self.p_std * _check_z(z))

    @overload
    def z(self, sigma: float) -> float: ...
    @overload
    def z(self, sigma: Array) -> Array: ...
    def z(self, sigma: float | Array) -> float | Array:
        """Normal score of a noise level in angstrom: a float for a number, an array for an array.

        An array may hold infinity, for what no noise level reaches, and NaN, for what is not there: they stay.
        """
        import numpy as np

        if isinstance(sigma, np.ndarray):
            outside = sigma[sigma <= 0]
            check_sigma(float(outside[0]) if outside.size else 1.0)
            return (np.log(sigma.astype(np.float64, copy=False) / self.sigma_data) - self.p_mean) / self.p_std
        return (math.log(check_sigma(sigma) / self.sigma_data) - self.p_mean) / self.p_std

    def share_above(self, sigma: float) -> float:
        """Share of training steps with more noise than ``sigma``: P(Z > z)."""
        return 0.5 * math.erfc(self.z(sigma) / math.sqrt(2))


def _check_z(z: float) -> float:
    if not (_is_number(z) and abs(z) <= Z_LIMIT):
        raise EdmNoiseError(f"z is {z}: give a number from {-Z_LIMIT:g} to {Z_LIMIT:g} (training: z ~ N(0, 1))")
    return z


def check_sigma(sigma: float) -> float:
    """Return a noise level in angstrom if it is a positive finite number that float32 coordinates can hold."""
    if not (_is_number(sigma) and 0 < sigma <= 1e9):
        raise EdmNoiseError(f"sigma is {sigma} A: give a number above 0 and up to 1e9 angstrom")
    return sigma


def _is_number(given: Any) -> bool:
    """Whether something is a number: lists, texts and nothing at all are not."""
    import numpy as np

    return isinstance(given, int | float | np.number) and math.isfinite(given)


DISTRIBUTIONS = {
    d.name: d
    for d in (
        SigmaDistribution(16.0, -1.2, 1.5, "alphafold3", "AlphaFold 3 (Abramson et al. 2024)"),
        SigmaDistribution(16.0, -1.2, 1.5, "boltz", "Boltz-1 and Boltz-2: AlphaFold 3's"),
        SigmaDistribution(16.0, -1.2, 1.2, "lucidrains", "alphafold3-pytorch's defaults"),
        SigmaDistribution(16.0, -1.84, 2.8, "wide", "a published wider choice"),
    )
}
"""Published distributions by name."""

ALIASES = {"af3": "alphafold3", "boltz1": "boltz", "boltz2": "boltz", "alphafold3-pytorch": "lucidrains"}
"""Other names of published distributions."""


def sigma_distribution(name: str) -> SigmaDistribution:
    """A published distribution by name, as people write it; EdmNoiseError lists the names for an unknown one."""
    known = known_name(name, DISTRIBUTIONS, ALIASES)
    if known is None:
        raise EdmNoiseError(f"no noise distribution {name!r}: the known ones are {', '.join(DISTRIBUTIONS)}")
    return DISTRIBUTIONS[known]


def parse_distribution(given: str | Sequence[float] | SigmaDistribution) -> SigmaDistribution:
    """A published distribution by name, or one's own from "P_mean P_std sigma_data" (16 A where it is left out).

    Examples
    --------
    >>> parse_distribution("-1.84 2.8").name
    '-1.84/2.8/16'
    """
    if isinstance(given, SigmaDistribution):
        return given
    if isinstance(given, str):
        check_commas("distribution is", given)
        parts = given.replace("/", " ").split()
        if known_name(given, DISTRIBUTIONS, ALIASES) or (len(parts) == 1 and not is_number(parts[0])):
            return sigma_distribution(given)
        numbers = [float(part) for part in parts] if all(map(is_number, parts)) else []
    else:
        numbers = [float(part) for part in given]
    if len(numbers) not in (2, 3):
        raise EdmNoiseError(
            f"distribution is {given!r}: give P_mean P_std sigma_data, or one of {', '.join(DISTRIBUTIONS)}"
        )
    p_mean, p_std, sigma_data = (*numbers, 16.0)[:3]
    return SigmaDistribution(sigma_data, p_mean, p_std, f"{p_mean:g}/{p_std:g}/{sigma_data:g}", "one's own")
