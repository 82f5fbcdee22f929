"""D(x; sigma) = sum_m w_m E[y_m moved onto x], w_m ~ pi_m p(x | y_m): the exact denoiser of a few known structures.

What is known of a state's place in space is its gauge: nothing moves; any translation; any translation and rotation,
averaged exactly with the matrix Fisher distribution of the rotations given x. With M = sigma^2 K, centred by the mean
that is likeliest under M, and F_m = X^T M^-1 Y_m,

    w_m ~ pi_m exp(-tr Y_m^T M^-1 Y_m / 2) c(F_m),   D = 1 xbar^T + sum_m w_m Y_m E[R | F_m]^T,

where c(F) is exp(tr F) and R = 1 without rotations. States that fluctuate with covariance C have M = C + sigma^2 K and
D + C M^-1 (x - D) in place of D.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, cast

import torch
from torch import Tensor

from ..base.errors import EdmNoiseError
from ..noise.covariance import Covariance, cross
from ..noise.nested import Nested
from ..structure.hierarchy import Hierarchy
from ..structure.levels import atom_means
from .denoiser import Denoised
from .matrix_fisher import matrix_fisher

GAUGES = ("fixed", "translation", "rotation", "kabsch")
"""How a state may lie in space: as given; at any place; at any place and turned in any way; the same with the best
rotation in place of all of them, an approximation (it favours states that fit one rotation well: Daigavane et al. 2025)
that is here for comparison."""


class Noisy(Protocol):
    """M = C + sigma^2 K, with methods of `edmnoise.noise.covariance.Covariance`; whitened rows may have any length."""

    def filter(self, part: Any, x: Tensor) -> Tensor:
        """C M^-1 x, (..., N), for the C that M was made from."""

    def whiten(self, x: Tensor) -> Tensor:
        """(..., m): coordinates whose plain inner products are those of `inner`."""

    def inner(self, x: Tensor, y: Tensor) -> Tensor:
        """x^T M^-1 y, (...), float64."""

    def logdet(self) -> Tensor:
        """log det M of one axis, float64."""

    def gls_mean(self, x: Tensor) -> Tensor:
        """1^T M^-1 x / 1^T M^-1 1, (...)."""

    def precision(self) -> Tensor:
        """1^T M^-1 1, float64."""


class Fluctuations(Protocol):
    """C: how the atoms of a state fluctuate about it. Nested groups are one, an elastic network is another."""

    def __add__(self, noise: Nested) -> Noisy:
        """M = C + K for noise K of any scale."""


class _Prepared(NamedTuple):
    """States as a noise level needs them."""

    covariance: Noisy | Covariance  # M, up to the scale
    scale: float  # x^T M^-1 y is scale times the covariance's inner product
    centres: Tensor  # (M, 3), 0 where the gauge holds places fixed
    whitened: Tensor  # (M, 3, m) centred
    squares: Tensor  # (M,) tr Y^T M^-1 Y


class StatesDenoiser:
    """Exact posterior mean over states y_1 ... y_M, with noise of covariance sigma^2 K.

    Parameters
    ----------
    states
        (M, 3, N) coordinates, angstrom.
    covariance
        K; not singular.
    weights
        (M,) probabilities up to a factor; equal when not given.
    gauge
        A name from GAUGES.
    fluctuations
        Covariance C of each state's own fluctuations, angstrom^2, on the groups of ``covariance``: a `Nested`, or an
        `edmnoise.diffusion.elastic_network.ElasticNetwork`; none when not given.
    hierarchy
        Groups, where residue and chain centres are wanted beside the atoms.

    Raises
    ------
    EdmNoiseError
        For states that are not finite, weights that are none, an unknown gauge, a singular covariance.
    """

    def __init__(
        self,
        states: Tensor,
        covariance: Covariance,
        weights: Sequence[float] | None = None,
        gauge: str = "rotation",
        fluctuations: Fluctuations | None = None,
        hierarchy: Hierarchy | None = None,
    ) -> None:
        if gauge not in GAUGES:
            raise EdmNoiseError(f"gauge is {gauge!r}: give one of {', '.join(GAUGES)}")
        if states.ndim != 3 or states.shape[1] != 3 or states.shape[2] != covariance.atoms or len(states) == 0:
            raise EdmNoiseError(f"states have the shape {tuple(states.shape)}: give (states, 3, {covariance.atoms})")
        if not bool(torch.isfinite(states).all()):
            raise EdmNoiseError("states hold NaN or infinite coordinates: leave those states out")
        if fluctuations is not None and not isinstance(covariance, Nested):
            raise EdmNoiseError("fluctuations need noise on nested groups: give a Nested covariance")
        self.states = states.double()
        self.covariance, self.gauge, self.hierarchy = covariance, gauge, hierarchy
        self.fluctuations = fluctuations
        self.log_weights = _log_weights(weights, len(states)).to(states.device)
        self._kept: tuple[float, _Prepared] | None = None

    def denoise(self, x: Tensor, sigma: float) -> Denoised:
        """Posterior mean; see `edmnoise.diffusion.denoiser.Denoiser`."""
        atoms = self._mean(x, sigma).to(x.dtype)
        if self.hierarchy is None:
            return Denoised(atoms)
        means = atom_means(atoms, self.hierarchy, [1, 2])
        return Denoised(atoms, means[1].to(x.dtype), means[2].to(x.dtype))

    def state_probabilities(self, x: Tensor, sigma: float) -> Tensor:
        """(B, M) float64: posterior probability of each state given x (B, 3, N)."""
        return torch.softmax(self._scores(x, sigma)[0], dim=1)

    def log_density(self, x: Tensor, sigma: float) -> Tensor:
        """(B,) float64: log of the density of x (B, 3, N) at a noise level, per angstrom^dimensions.

        With a gauge the density is that of the centred coordinates, in 3 N - 3 dimensions: translations have no
        normalised one. For the approximation ``kabsch`` there is none, and EdmNoiseError is raised.
        """
        if self.gauge == "kabsch":
            raise EdmNoiseError("the kabsch gauge is an approximation without a density: use rotation")
        prepared = self._prepared(sigma)
        scores, _, centred, _ = self._scores(x, sigma)
        free = 3 * (x.shape[2] - (self.gauge != "fixed"))
        covariance, scale = prepared.covariance, prepared.scale
        # M is the covariance over the scale.
        determinant = 3 * (covariance.logdet() - x.shape[2] * math.log(scale))
        if self.gauge != "fixed":
            determinant = determinant + 3 * torch.log(covariance.precision() * scale)
        square = scale * covariance.inner(centred, centred).sum(dim=1)
        return torch.logsumexp(scores, dim=1) - 0.5 * (square + free * math.log(2 * math.pi) + determinant)

    def _mean(self, x: Tensor, sigma: float) -> Tensor:
        scores, turns, centred, place = self._scores(x, sigma)
        weights = torch.softmax(scores, dim=1)
        states = self._prepared_states(sigma)
        if turns is None:
            mean = (weights @ states.flatten(1)).reshape(x.shape)
        else:
            # One product over states and their axes: (B 3) x (M 3) times (M 3) x N.
            turned = (weights[..., None, None] * turns).transpose(1, 2).flatten(2)
            mean = (turned.reshape(-1, turned.shape[2]) @ states.flatten(0, 1)).reshape(x.shape)
        if self.fluctuations is not None:
            noisy = cast(Noisy, self._prepared(sigma).covariance)
            mean = mean + noisy.filter(self.fluctuations, centred - mean)
        return mean + place

    def _scores(self, x: Tensor, sigma: float) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
        """Log posterior weights (B, M), E[R] (B, M, 3, 3) or None, centred x (B, 3, N), its centre (B, 3, 1)."""
        prepared = self._prepared(sigma)
        coordinates = x.double()
        place = coordinates.new_zeros(len(x), 3, 1)
        if self.gauge != "fixed":
            place = prepared.covariance.gls_mean(coordinates)[..., None]
        centred = coordinates - place
        f = prepared.scale * cross(prepared.covariance.whiten(centred), prepared.whitened)
        prior = self.log_weights - 0.5 * prepared.squares
        if self.gauge in ("fixed", "translation"):
            return prior + f.diagonal(dim1=-2, dim2=-1).sum(-1), None, centred, place
        if self.gauge == "kabsch":
            gain, turns = _best_rotation(f)
            return prior + gain, turns, centred, place
        log_c, turns = matrix_fisher(f)
        return prior + log_c, turns, centred, place

    def _prepared_states(self, sigma: float) -> Tensor:
        """(M, 3, N) states about their centres."""
        return self.states - self._prepared(sigma).centres[..., None]

    def _prepared(self, sigma: float) -> _Prepared:
        if not sigma > 0:
            raise EdmNoiseError(f"sigma is {sigma}: give a level above 0")
        if self._kept is not None and (self.fluctuations is None or self._kept[0] == sigma):
            kept = self._kept[1]
            return (
                kept
                if self.fluctuations is not None
                else kept._replace(scale=sigma**-2, squares=kept.squares * sigma**-2)
            )
        covariance: Noisy | Covariance = self.covariance
        if self.fluctuations is not None:
            assert isinstance(self.covariance, Nested)
            covariance = self.fluctuations + sigma**2 * self.covariance
        centres = self.states.new_zeros(self.states.shape[:2])
        if self.gauge != "fixed":
            centres = covariance.gls_mean(self.states)
        centred = self.states - centres[..., None]
        whitened = covariance.whiten(centred)
        prepared = _Prepared(covariance, 1.0, centres, whitened, covariance.inner(centred, centred).sum(dim=1))
        self._kept = (sigma, prepared)
        return self._prepared(sigma)


def _best_rotation(f: Tensor) -> tuple[Tensor, Tensor]:
    """max over rotations of tr F^T R, and the rotation: the mode of the matrix Fisher distribution."""
    u, s, vh = torch.linalg.svd(f)
    sign = torch.linalg.det(u @ vh).sign()
    signs = torch.stack([torch.ones_like(sign), torch.ones_like(sign), sign], dim=-1)
    return (s * signs).sum(-1), (u * signs[..., None, :]) @ vh


def _log_weights(weights: Sequence[float] | None, count: int) -> Tensor:
    given = torch.ones(count, dtype=torch.float64) if weights is None else torch.tensor(weights, dtype=torch.float64)
    if given.shape != (count,) or not bool((given >= 0).all() & torch.isfinite(given).all()) or given.sum() <= 0:
        raise EdmNoiseError(f"weights are {weights}: give {count} numbers, none negative, not all zero")
    return torch.log(given / given.sum())
