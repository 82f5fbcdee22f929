"""x(sigma) -> x(sigma'): one step of dx/dsigma = (x - D(x; sigma)) / sigma, or of an SDE with the same marginals.

The covariance of the noise cancels from the flow; fresh noise comes from the caller, who draws it from that covariance.
Every solver gets D at its starting point, because the caller records it and may change it first, and leaves that
point as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...base.errors import EdmNoiseError
from ...base.legible import Legible


@dataclass(repr=False)
class Stage(Legible):
    """What a step may use.

    Attributes
    ----------
    sigma, target
        From which level to which, angstrom.
    denoised
        (B, 3, N) D(x; sigma).
    denoise
        D at another point and level.
    noise
        A fresh (B, 3, N) draw from N(0, K); valid until the next.
    step_scale
        Factor of the Euler increment, AlphaFold 3's eta; like a low temperature where it is above 1.
    previous
        Level and D of the step before, None in the first.
    out
        Memory (B, 3, N) that the result may be put in; a solver need not.
    """

    sigma: float
    target: float
    denoised: Tensor
    denoise: Callable[[Tensor, float], Tensor]
    noise: Callable[[], Tensor]
    step_scale: float = 1.0
    previous: tuple[float, Tensor] | None = None
    out: Tensor | None = None


Solver = Callable[[Tensor, Stage], Tensor]


def euler(x: Tensor, stage: Stage) -> Tensor:
    """x + eta (sigma' - sigma) d with d = (x - D) / sigma (Karras et al. 2022; AlphaFold 3 Algorithm 18)."""
    # One pass over the coordinates: x + eta (s' - s)(x - D)/s lies on the line from x to D.
    return torch.lerp(x, stage.denoised, stage.step_scale * (stage.sigma - stage.target) / stage.sigma, out=stage.out)


def second_order(alpha: float) -> Solver:
    """Two evaluations, the second a fraction ``alpha`` of the step ahead: 1 Heun, 2/3 Ralston, 1/2 midpoint.

    Karras et al. 2022, Algorithm 3 in appendix C.2. The step to 0 is Euler's where the second point would lie there.
    """
    if not 0 < alpha <= 1:
        raise EdmNoiseError(f"alpha is {alpha}: give a number above 0 and up to 1")

    def solve(x: Tensor, stage: Stage) -> Tensor:
        step = stage.step_scale * (stage.target - stage.sigma)
        between = stage.sigma + alpha * (stage.target - stage.sigma)
        slope = (x - stage.denoised) / stage.sigma
        if between <= 0:
            return x + step * slope
        ahead = x + alpha * step * slope
        slope_ahead = (ahead - stage.denoise(ahead, between)) / between
        return x + step * ((1 - 0.5 / alpha) * slope + 0.5 / alpha * slope_ahead)

    return solve


def chai(x: Tensor, stage: Stage) -> Tensor:
    """Chai-1's step: Heun's mean slope added to the point that Euler has already reached (1.5 d + 0.5 d')."""
    step = stage.step_scale * (stage.target - stage.sigma)
    slope = (x - stage.denoised) / stage.sigma
    ahead = x + step * slope
    if stage.target <= 0:
        return ahead
    slope_ahead = (ahead - stage.denoise(ahead, stage.target)) / stage.target
    return ahead + 0.5 * step * (slope + slope_ahead)


def dpmpp_2m(x: Tensor, stage: Stage) -> Tensor:
    """DPM-Solver++(2M): exponential integrator in log sigma, D extrapolated from the step before (Lu et al. 2022)."""
    return _dpmpp_2m(x, stage, eta=0.0)


def dpmpp_2m_sde(eta: float = 1.0) -> Solver:
    """Its SDE form (midpoint): noise that is a share of the step is taken off and drawn anew; eta 0 is `dpmpp_2m`."""
    if not (math.isfinite(eta) and eta >= 0):
        raise EdmNoiseError(f"eta is {eta}: give a number from 0")
    return lambda x, stage: _dpmpp_2m(x, stage, eta)


def _dpmpp_2m(x: Tensor, stage: Stage, eta: float) -> Tensor:
    if stage.target <= 0:
        return stage.denoised.clone()
    step = math.log(stage.sigma / stage.target)
    gain = -math.expm1(-(1 + eta) * step)
    result = x * (stage.target / stage.sigma * math.exp(-eta * step)) + gain * stage.denoised
    if stage.previous is not None:
        sigma_before, denoised_before = stage.previous
        ratio = math.log(sigma_before / stage.sigma) / step
        result += (0.5 * gain / ratio) * (stage.denoised - denoised_before)
    if eta:
        result += stage.target * math.sqrt(-math.expm1(-2 * eta * step)) * stage.noise()
    return result


def ancestral(eta: float = 1.0) -> Solver:
    """Euler down to below the target, then fresh noise up to it (ancestral sampling of DDPM in sigma; k-diffusion)."""
    if not (math.isfinite(eta) and eta >= 0):
        raise EdmNoiseError(f"eta is {eta}: give a number from 0")

    def solve(x: Tensor, stage: Stage) -> Tensor:
        s, target = stage.sigma, stage.target
        up = min(target, eta * target * math.sqrt(max(s**2 - target**2, 0.0)) / s)
        down = math.sqrt(target**2 - up**2)
        x = torch.lerp(x, stage.denoised, (s - down) / s)
        return x.add_(stage.noise(), alpha=up) if up else x

    return solve


SOLVERS: dict[str, Solver] = {
    "euler": euler,
    "heun": second_order(1.0),
    "ralston": second_order(2 / 3),
    "midpoint": second_order(0.5),
    "chai": chai,
    "dpmpp_2m": dpmpp_2m,
    "dpmpp_2m_sde": dpmpp_2m_sde(),
    "ancestral": ancestral(),
}
"""Solvers by name."""

MULTISTEP = frozenset({"dpmpp_2m", "dpmpp_2m_sde"})
"""Solvers that use the step before."""

SCALED = frozenset({"euler", "heun", "ralston", "midpoint", "chai"})
"""Solvers in which ``step_scale`` has a meaning."""


def solver(name: str) -> Solver:
    """A solver by name; EdmNoiseError lists the names for an unknown one."""
    if name not in SOLVERS:
        raise EdmNoiseError(f"no solver {name!r}: the known ones are {', '.join(SOLVERS)}")
    return SOLVERS[name]
