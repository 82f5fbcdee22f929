"""log p(x_0) = log N(x_T; 0, sigma_T^2 K) + int tr(1 - dD/dx) / sigma dsigma: how likely a model finds a structure.

The integral runs along the probability flow dx/dsigma = (x - D(x; sigma)) / sigma, upward from the structure (Song et
al. 2021; the covariance of the noise cancels from the flow and its divergence, and stays in the prior). With s =
log sigma, both are integrated together: dx/ds = x - D, dlogp/ds = tr(1 - dD/dx), by Dormand and Prince's method of
fifth order from level to level of a schedule, six evaluations each. What half of the levels give says how far off the
integral is; no step depends on the other samples of the batch.

The trace is exact, one gradient for each of 3 N coordinates, or Hutchinson's estimate, the mean of e^T dD/dx e over
probes e of random signs. Probes stay the same along the flow, so that each gives one estimate of log p.

A model that follows translations, D(x + t) = D(x) + t, has no normalised density of where a structure lies: what is
given then is the density of the centred coordinates in 3 N - 3 dimensions, as by
`edmnoise.diffusion.denoisers.states.StatesDenoiser.log_density`. Translations add nothing to the trace of 1 - dD/dx,
so only the prior knows of it. Rotations take no dimension away: an average over them is a density in all dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ..base.coordinates import CoordinatesLike, coordinates
from ..base.errors import EdmNoiseError
from ..base.seeds import check_seed, reseed
from ..base.threads import alone, as_given
from ..noise.covariance import Covariance
from .denoisers.denoiser import Denoiser
from .samplers.schedule import Schedule

LIKELIHOOD = 3
"""Stream of random numbers: Hutchinson's probes. A sampler's are 1 and 2."""

MOST_COORDINATES = 1200
"""Up to so many coordinates (400 atoms) the exact trace is taken."""

_BLOCK_NUMBERS = 1 << 21
"""Coordinates that the denoiser gets at a time; samples are repeated for each gradient that is wanted of them."""

# Dormand & Prince, J. Comput. Appl. Math. 6, 19 (1980): where the stages lie, and what each is made of. The last one is
# the step itself, and its slope the first of the next step.
_NODES = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
_STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)


@dataclass(frozen=True, eq=False)
class Likelihood:
    """How likely a model finds some structures.

    Attributes
    ----------
    log_likelihood
        (B,) float64 log p at the lowest level of the schedule, per angstrom^dimensions.
    standard_error
        (B,) of Hutchinson's estimate: from the scatter of its probes, NaN for a single one; 0 for the exact trace.
    dimensions
        3 N, or 3 N - 3 where the model follows translations.
    evaluations
        How often the model was asked about each sample, not counting the repeats for each gradient.
    """

    log_likelihood: Tensor
    standard_error: Tensor
    dimensions: int
    evaluations: int

    @property
    def bits_per_dimension(self) -> Tensor:
        """(B,) -log2 p / dimensions, for coordinates in angstrom; lower is likelier."""
        return -self.log_likelihood / (self.dimensions * math.log(2))

    def __repr__(self) -> str:
        pairs = zip(self.log_likelihood.tolist(), self.standard_error.tolist(), strict=True)
        shown = [f"{value:.6g}" + (f" +- {error:.2g}" if error else "") for value, error in pairs]
        if len(shown) > 4:
            shown = [*shown[:2], "...", shown[-1]]
        return f"Likelihood(log p {', '.join(shown)} in {self.dimensions} dimensions, {self.evaluations} evaluations)"


@alone()
def log_likelihood(
    denoiser: Denoiser,
    x: CoordinatesLike,
    covariance: Covariance,
    schedule: Schedule,
    translations: bool = False,
    probes: int | None = None,
    samples: range | None = None,
    seed: int = 0,
    prior: Callable[[Tensor], Tensor] | None = None,
) -> Likelihood:
    """Log-likelihood of structures under a denoiser, by its probability flow.

    Parameters
    ----------
    denoiser
        The model. Gradients must pass from its estimate to the coordinates, and samples of a batch must not mix.
    x
        (B, 3, N) structures, angstrom, an array or a tensor; they stand for coordinates with noise of the schedule's
        last level. The model is asked in their precision, all else is float64.
    covariance
        K of the model's noise.
    schedule
        Levels; the flow is followed from the last, which must be above 0, up to the first. Of known states of nine
        atoms, from 0.5 to 80 A, 20 even steps in log sigma (`log_linear`, grid closed) leave an error of 5e-5 in
        log p, 40 of 1e-6, 160 of 1e-9.
    translations
        Whether the model follows translations, which says in how many dimensions the density is. It is tried out, and
        refused where it is not so.
    probes
        Number of Hutchinson's probes for each sample; the exact trace where not given.
    samples
        Numbers of the samples, 0 ... B - 1 where not given: the probes of sample k depend on the seed and k only.
    prior
        log p (B,) of coordinates (B, 3, N) at the first level, where it is known: N(0, sigma^2 K) when not given. That
        leaves the data out: with their size d, as the root of x_0^T K^-1 x_0, log p is off by some d^2 / 2 sigma^2
        where their mean is 0, as that of states turned in any way, else by some d / sigma.

    Raises
    ------
    EdmNoiseError
        For shapes and numbers that do not fit, a schedule that ends at 0, an exact trace of more than
        `MOST_COORDINATES` coordinates, a model that gradients do not pass through or that gives what is not finite.
    """
    x = coordinates("x", x, ("samples", 3, covariance.atoms))
    numbers = _checked(x, covariance, schedule, probes, samples)
    directions = _directions(x, probes, check_seed(seed), numbers)
    flow = _Flow(denoiser, directions, exact=probes is None, dtype=x.dtype)
    point = x.detach().double()
    levels = schedule.sigmas[::-1]
    _check_translations(denoiser, x.detach(), levels[-1], translations)
    total = point.new_zeros(1 if probes is None else probes, len(x))
    slope, trace = flow(point, levels[0])
    for low, high in pairwise(levels):
        step = math.log(high / low)
        slopes, traces = [slope], [trace]
        ahead = point
        for node, parts in zip(_NODES, _STAGES, strict=True):
            ahead = point + step * _mixed(parts, slopes)
            slope, trace = flow(ahead, high if node == 1 else low * math.exp(node * step))
            slopes.append(slope)
            traces.append(trace)
        total += step * _mixed(_STAGES[-1], traces)
        point = ahead
    with as_given():
        start = _log_prior(covariance, point, levels[-1], translations) if prior is None else prior(point).detach()
    scatter = total.std(dim=0) if len(total) > 1 else total.new_full((len(x),), math.nan if probes else 0.0)
    return Likelihood(
        log_likelihood=start.double() + total.mean(dim=0),
        standard_error=scatter / math.sqrt(len(total)),
        dimensions=3 * (x.shape[2] - translations),
        evaluations=flow.evaluations,
    )


class _Flow:
    """x - D and tr(1 - dD/dx), or its estimates, at a point and level."""

    def __init__(self, denoiser: Denoiser, directions: Tensor, exact: bool, dtype: torch.dtype) -> None:
        self._denoiser, self._directions, self._exact, self._dtype = denoiser, directions, exact, dtype
        self.evaluations = 0

    def __call__(self, point: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """(B, 3, N), and (1, B) exact or (probes, B)."""
        x = point.to(self._dtype)
        products, denoised = [], x
        for block in self._directions.split(max(1, _BLOCK_NUMBERS // x.numel())):
            direction = block.expand(-1, *x.shape).flatten(0, 1)
            with as_given(), torch.enable_grad():
                repeated = x.repeat(len(block), 1, 1).requires_grad_()
                estimate = self._denoiser.denoise(repeated, sigma).atoms
                if not estimate.requires_grad:
                    raise EdmNoiseError(_NO_GRADIENT)
                (gradient,) = torch.autograd.grad(estimate, repeated, direction, allow_unused=True)
            if gradient is None:
                raise EdmNoiseError(_NO_GRADIENT)
            products.append((gradient.double() * direction).sum(dim=(1, 2)).reshape(-1, len(x)))
            denoised = estimate.detach()[: len(x)]
        along = torch.cat(products)
        if self._exact:
            along = along.sum(dim=0, keepdim=True)
        slope = point - denoised.double()
        if not bool(torch.isfinite(slope.sum() + along.sum())):
            raise EdmNoiseError(f"the denoiser or its gradient gave NaN or infinite numbers at sigma {sigma:.4g} A")
        self.evaluations += 1
        return slope, x[0].numel() - along


_NO_GRADIENT = (
    "gradients do not pass from the denoiser's estimate to its coordinates, and the likelihood needs their trace: "
    "give a denoiser that works under autograd"
)


def _mixed(parts: Sequence[float], slopes: Sequence[Tensor]) -> Tensor:
    """Sum of the slopes, each times its part."""
    total = torch.zeros_like(slopes[0])
    for part, slope in zip(parts, slopes, strict=False):
        total.add_(slope, alpha=part)
    return total


def _directions(x: Tensor, probes: int | None, seed: int, numbers: range) -> Tensor:
    """(3 N, 1, 3, N) unit vectors, or (probes, B, 3, N) random signs."""
    if probes is None:
        return torch.eye(x[0].numel(), dtype=x.dtype, device=x.device).reshape(-1, 1, *x.shape[1:])
    generator = torch.Generator()
    signs = [
        torch.randint(0, 2, (probes, *x.shape[1:]), generator=reseed(generator, seed, number, LIKELIHOOD))
        for number in numbers
    ]
    return (2 * torch.stack(signs, dim=1) - 1).to(x)


def _log_prior(covariance: Covariance, x: Tensor, sigma: float, translations: bool) -> Tensor:
    """(B,) log N(x; 0, sigma^2 K), of the centred coordinates where translations are free."""
    determinant = 3 * covariance.logdet()
    if translations:
        x = x - covariance.gls_mean(x)[..., None]
        determinant = determinant + 3 * torch.log(covariance.precision())
    free = 3 * (x.shape[2] - translations)
    square = covariance.inner(x, x).sum(dim=1) / sigma**2
    return -0.5 * (square + free * math.log(2 * math.pi * sigma**2) + determinant)


def _check_translations(denoiser: Denoiser, x: Tensor, sigma: float, translations: bool) -> None:
    """Refuse a wrong ``translations``: does the estimate at the first level go along with a shift of sigma / 10?"""
    shift = 0.1 * sigma
    with torch.no_grad(), as_given():
        moved = denoiser.denoise(x + shift, sigma).atoms - denoiser.denoise(x.clone(), sigma).atoms
    follows = bool((moved - shift).abs().max() < 0.01 * shift)
    if follows and not translations:
        raise EdmNoiseError(
            "the denoiser follows translations, so that there is a density of centred coordinates only: "
            "give translations=True"
        )
    if translations and not follows:
        raise EdmNoiseError(
            f"the denoiser does not follow translations: moved by {shift:.3g} A at sigma {sigma:.4g} A, the estimate "
            f"moves by {moved.min():.3g} ... {moved.max():.3g} A; give translations=False"
        )


def _checked(x: Tensor, covariance: Covariance, schedule: Schedule, probes: int | None, samples: range | None) -> range:
    """Numbers of the samples, after all that can be said against the input."""
    if len(x) == 0:
        raise EdmNoiseError("no samples: give at least one")
    if schedule.sigmas[-1] <= 0:
        raise EdmNoiseError(
            f"{schedule} ends at 0, where a known structure's density is infinite: "
            "end above 0, as the grids closed and linspace do"
        )
    if probes is None and x[0].numel() > MOST_COORDINATES:
        raise EdmNoiseError(
            f"{x[0].numel():,} coordinates are too many for the exact trace (up to {MOST_COORDINATES:,}): "
            "give a number of probes"
        )
    if probes is not None and (isinstance(probes, bool) or not isinstance(probes, int) or probes < 1):
        raise EdmNoiseError(f"probes is {probes!r}: give a whole number from 1, or none for the exact trace")
    if samples is not None and len(samples) != len(x):
        raise EdmNoiseError(f"{len(samples)} sample numbers for {len(x)} structures: give one for each")
    return range(len(x)) if samples is None else samples
