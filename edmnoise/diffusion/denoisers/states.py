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

from ...base.coordinates import CoordinatesLike, coordinates
from ...base.errors import EdmNoiseError
from ...base.probabilities import probabilities
from ...base.threads import alone, mapped
from ...noise.covariance import Covariance
from ...noise.processes.nested import NestedCovariance
from ...structure.best_rotation import proper_svd
from ...structure.hierarchy import Hierarchy, check_levels
from ...structure.levels import atom_means
from .denoiser import Denoised
from .matrix_fisher import matrix_fisher

GAUGES = ("fixed", "translation", "rotation", "kabsch")
"""How a state may lie in space: as given; at any place; at any place and turned in any way; the same with the best
rotation in place of all of them, an approximation (it favours states that fit one rotation well: Daigavane et al. 2025)
that is here for comparison."""

_BLOCK = 1 << 14
"""Atoms multiplied at a time, whose float64 copies stay in a processor's cache: 10 states of 1,000,000 atoms take 24 ms
so, and 33 in one piece."""


class Noisy(Protocol):
    """M = C + sigma^2 K, with methods of `edmnoise.noise.covariance.Covariance`."""

    def filter(self, part: Any, x: Tensor) -> Tensor:
        """C M^-1 x, (..., N), for the C that M was made from."""

    def solve(self, x: Tensor) -> Tensor:
        """M^-1 x, (..., N)."""

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

    def __add__(self, noise: NestedCovariance) -> Noisy:
        """M = C + K for noise K of any scale."""


class _Prepared(NamedTuple):
    """States as a noise level needs them."""

    covariance: Noisy | Covariance  # M, up to the scale
    scale: float  # x^T M^-1 y is scale times the covariance's inner product
    centres: Tensor  # (M, 3) of the kept states, 0 where the gauge holds places fixed
    pulls: Tensor  # (3 M + 1, N): M^-1 Y of the centred states; x times the last row is the centre of x
    squares: Tensor  # (M,) tr Y^T M^-1 Y


class StatesDenoiser:
    """Exact posterior mean over states y_1 ... y_M, with noise of covariance sigma^2 K.

    Parameters
    ----------
    states
        (M, 3, N) coordinates, angstrom, an array or a tensor.
    covariance
        K; not singular.
    weights
        (M,) probabilities up to a factor; equal when not given.
    gauge
        A name from GAUGES.
    fluctuations
        Covariance C of each state's own fluctuations, angstrom^2, on the groups of ``covariance``: a `NestedCovariance`
        or an `edmnoise.diffusion.denoisers.elastic_network.ElasticNetwork`; none when not given.
    hierarchy
        Atoms in residues in chains, where centres of these are wanted beside the atoms.

    Raises
    ------
    EdmNoiseError
        For states that are not finite, weights that are none, an unknown gauge, a singular covariance, a hierarchy of
        other levels than `check_levels` takes.
    """

    def __init__(
        self,
        states: CoordinatesLike,
        covariance: Covariance,
        weights: Sequence[float] | None = None,
        gauge: str = "rotation",
        fluctuations: Fluctuations | None = None,
        hierarchy: Hierarchy | None = None,
    ) -> None:
        if gauge not in GAUGES:
            raise EdmNoiseError(f"gauge is {gauge!r}: give one of {', '.join(GAUGES)}")
        if hierarchy is not None:
            check_levels(hierarchy)
        states = coordinates("states", states, ("states", 3, covariance.atoms))
        if len(states) == 0:
            raise EdmNoiseError("no states: give at least one")
        if fluctuations is not None and not isinstance(covariance, NestedCovariance):
            raise EdmNoiseError("fluctuations need noise on nested groups: give a NestedCovariance")
        self.states = states
        self.covariance, self.gauge, self.hierarchy = covariance, gauge, hierarchy
        self.fluctuations = fluctuations
        self.log_weights = torch.from_numpy(probabilities(weights, len(states))).log().to(states.device)
        # About their plain centres, whatever the gauge takes for the centre later: float32 has its digits to spare for
        # the shape, also of states that lie far from the origin.
        about = states.double().mean(dim=2, keepdim=True) if gauge != "fixed" else states.new_zeros(1).double()
        self._about = {torch.float64: _with_ones(states - about)}
        self._kept: tuple[float, _Prepared] | None = None

    def __repr__(self) -> str:
        count, _, atoms = self.states.shape
        moving = "" if self.fluctuations is None else f", fluctuations {self.fluctuations}"
        return f"StatesDenoiser({count} state{'' if count == 1 else 's'} of {atoms:,} atoms, {self.gauge}{moving})"

    @alone()
    def denoise(self, x: CoordinatesLike, sigma: float) -> Denoised:
        """Posterior mean; see `Denoiser` beside it. What is NaN or infinite in x, is in the mean."""
        x = self._taken(x)
        atoms = self._mean(x, sigma).to(x.dtype)
        if self.hierarchy is None:
            return Denoised(atoms)
        top = self.hierarchy.depth - 1
        means = atom_means(atoms, self.hierarchy, [1, top])
        return Denoised(atoms, means[1].to(x.dtype), means[top].to(x.dtype))

    @alone()
    def state_probabilities(self, x: CoordinatesLike, sigma: float) -> Tensor:
        """(B, M) float64: posterior probability of each state given x (B, 3, N)."""
        return torch.softmax(self._scores(self._taken(x), sigma)[0], dim=1)

    @alone()
    def log_density(self, x: CoordinatesLike, sigma: float) -> Tensor:
        """(B,) float64: log of the density of x (B, 3, N) at a noise level, per angstrom^dimensions.

        With a gauge the density is that of the centred coordinates, in 3 N - 3 dimensions: translations have no
        normalised one. For the approximation ``kabsch`` there is none, and EdmNoiseError is raised.
        """
        if self.gauge == "kabsch":
            raise EdmNoiseError("the kabsch gauge is an approximation without a density: use rotation")
        x = self._taken(x)
        prepared = self._prepared(sigma)
        scores, _, place = self._scores(x, sigma)
        free = 3 * (x.shape[2] - (self.gauge != "fixed"))
        covariance, scale = prepared.covariance, prepared.scale
        # M is the covariance over the scale.
        determinant = 3 * (covariance.logdet() - x.shape[2] * math.log(scale))
        if self.gauge != "fixed":
            determinant = determinant + 3 * torch.log(covariance.precision() * scale)
        centred = x.double() - place[..., None]
        square = scale * covariance.inner(centred, centred).sum(dim=1)
        return torch.logsumexp(scores, dim=1) - 0.5 * (square + free * math.log(2 * math.pi) + determinant)

    def _taken(self, x: CoordinatesLike) -> Tensor:
        # Not looked through for what is not finite: a sampler does that with every estimate.
        return coordinates("x", x, ("samples", 3, self.covariance.atoms), finite=False)

    def _mean(self, x: Tensor, sigma: float) -> Tensor:
        """(B, 3, N) in the precision of x: in float32, right to 3e-7 of the largest coordinate about the centre."""
        scores, turns, place = self._scores(x, sigma)
        turned = torch.softmax(scores, dim=1)[..., None, None] * turns
        place = place - (turned @ self._prepared(sigma).centres[..., None]).sum(dim=1)[..., 0]
        # One product over states, their axes and a row of ones: (B 3) x (3 M + 1) times (3 M + 1) x N.
        parts = torch.cat([turned.transpose(1, 2).flatten(2), place[..., None]], dim=2)
        rows = parts.flatten(0, 1).to(x.dtype)
        blocks = self._states(x.dtype).split(_BLOCK, dim=1)
        mean = torch.cat(mapped(lambda block: rows @ block, blocks), dim=1).reshape(x.shape)
        if self.fluctuations is not None:
            noisy = cast(Noisy, self._prepared(sigma).covariance)
            mean = mean + noisy.filter(self.fluctuations, x - mean)
        return mean

    def _scores(self, x: Tensor, sigma: float) -> tuple[Tensor, Tensor, Tensor]:
        """Log posterior weights (B, M), E[R] (B, M, 3, 3) and the centre of x (B, 3), float64."""
        prepared = self._prepared(sigma)
        products = _products(x, prepared.pulls)
        place = products[..., -1]
        f = prepared.scale * products[..., :-1].unflatten(2, (-1, 3)).transpose(1, 2)
        prior = self.log_weights - 0.5 * prepared.squares
        if self.gauge in ("fixed", "translation"):
            return prior + f.diagonal(dim1=-2, dim2=-1).sum(-1), torch.eye(3).to(f).expand_as(f), place
        gain, turns = _best_rotation(f) if self.gauge == "kabsch" else matrix_fisher(f)
        return prior + gain, turns, place

    def _states(self, dtype: torch.dtype) -> Tensor:
        """(3 M + 1, N): the states about their plain centres and a row of ones; kept in each precision asked for."""
        if dtype not in self._about:
            self._about[dtype] = self._about[torch.float64].to(dtype)
        return self._about[dtype]

    def _prepared(self, sigma: float) -> _Prepared:
        if not sigma > 0:
            raise EdmNoiseError(f"sigma is {sigma}: give a level above 0")
        if self.fluctuations is None:  # M = sigma^2 K: what K makes of the states serves at every level
            if self._kept is None:
                self._kept = (1.0, self._prepare(self.covariance))
            kept = self._kept[1]
            return kept._replace(scale=sigma**-2, squares=kept.squares * sigma**-2)
        if self._kept is None or self._kept[0] != sigma:
            assert isinstance(self.covariance, NestedCovariance)
            self._kept = (sigma, self._prepare(self.fluctuations + sigma**2 * self.covariance))
        return self._kept[1]

    def _prepare(self, covariance: Noisy | Covariance) -> _Prepared:
        states = self._states(torch.float64)[:-1].unflatten(0, (-1, 3))
        centres, share = states.new_zeros(states.shape[:2]), states.new_zeros(states.shape[2])
        if self.gauge != "fixed":
            centres = covariance.gls_mean(states)
            share = covariance.solve(torch.ones_like(share)) / covariance.precision().to(share.device)
        centred = states - centres[..., None]
        pulls = torch.cat([covariance.solve(centred).flatten(0, 1), share[None]])
        return _Prepared(covariance, 1.0, centres, pulls, covariance.inner(centred, centred).sum(dim=1))


def _with_ones(states: Tensor) -> Tensor:
    """(M, 3, N) -> (3 M + 1, N)."""
    return torch.cat([states.flatten(0, 1), states.new_ones(1, states.shape[2])])


def _products(x: Tensor, rows: Tensor) -> Tensor:
    """x (B, 3, N) times rows (n, N), (B, 3, n) in float64: exponents of states that compete need their digits."""
    parts = list(zip(x.flatten(0, 1).split(_BLOCK, dim=1), rows.split(_BLOCK, dim=1), strict=True))
    return sum(mapped(lambda part: part[0].double() @ part[1].T, parts)).unflatten(0, x.shape[:2])


def _best_rotation(f: Tensor) -> tuple[Tensor, Tensor]:
    """max over rotations of tr F^T R, and the rotation: the mode of the matrix Fisher distribution."""
    u, s, vh = proper_svd(f)
    return s.sum(-1), u @ vh
