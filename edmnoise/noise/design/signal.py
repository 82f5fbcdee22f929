"""SNR_l(sigma) = delta_l^2 / (sigma^2 nu_l): what training steps see of each level, and what their loss weighs.

delta_l is the data scale of a level (RMS per coordinate over atoms, about the centroid), nu_l the share of the noise
that falls on it once the structure is centred. EDM (Karras et al. 2022, table 1) weighs a step's squared error by
lambda(sigma) = (sigma^2 + sigma_data^2) / (sigma sigma_data)^2 = 1 / c_out^2: the network's own output is weighed alike
at every sigma, and the density of steps alone decides where training is spent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ...base.errors import EdmNoiseError
from ...base.table import Column, Table
from ...structure.hierarchy import as_read, level_names, part_names
from ..sigma import SigmaDistribution
from ..theory.forms import Array, LevelForms, mean_squares
from ..theory.scales import Scales
from ..weights import Weights
from .scramble import share_beyond

CLEAR, DROWNED = 10.0, 0.1
"""Signal to noise (of mean squares: 10 and -10 dB) above which a level is seen, and below which it is lost; in between
it is in play."""


def density(distribution: SigmaDistribution, sigma: ArrayLike) -> Array:
    """Density of training steps over log10(sigma): the share of steps in a decade of noise levels."""
    z = distribution.z(np.asarray(sigma))
    return np.asarray(np.exp(-(z**2) / 2) * math.log(10) / (distribution.p_std * math.sqrt(2 * math.pi)))


def loss_weight(sigma: ArrayLike, sigma_data: float) -> Array:
    """EDM's weight lambda(sigma) of the squared error of the denoised estimate, 1/angstrom^2."""
    square = np.square(np.asarray(sigma, dtype=np.float64))
    return np.asarray((square + sigma_data**2) / (square * sigma_data**2))


def c_out_squared(sigma: ArrayLike, sigma_data: float) -> Array:
    """c_out(sigma)^2, angstrom^2: the mean square of what the network has to add."""
    square = np.square(np.asarray(sigma, dtype=np.float64))
    return np.asarray(square * sigma_data**2 / (square + sigma_data**2))


def even_sigma(forms: LevelForms, weights: Weights | Sequence[Weights] | Array, scales: Scales) -> Array:
    """(..., L) noise level, angstrom, at which a part's noise is as large as its data (ratio 1), finest first.

    Infinite where the noise does not move the part; NaN where the data has no such part, as one centred chain.
    """
    noise = np.sqrt(mean_squares(forms.centred, weights))
    data = np.array(scales.on(level_names(forms.centred.shape[-1])))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(data > 0, data / noise, math.nan))


def signal_to_noise(
    forms: LevelForms, weights: Weights | Sequence[Weights] | Array, scales: Scales, sigma: ArrayLike
) -> Array:
    """(..., s, L) ratio of mean squares of each part, finest first, for weights at (s,) noise levels."""
    even = even_sigma(forms, weights, scales)[..., None, :]
    return np.asarray(np.square(even / np.asarray(sigma, dtype=np.float64)[:, None]))


def decibels(ratio: ArrayLike) -> Array:
    """10 log10 of ratios of mean squares."""
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(ratio))


def spent(distribution: SigmaDistribution, even: ArrayLike) -> tuple[Array, Array, Array]:
    """Shares of the training steps in which levels with these `even_sigma` are clear, in play and drowned."""
    even = np.asarray(even)
    drowned = share_beyond(distribution, even / math.sqrt(DROWNED))
    clear = 1 - share_beyond(distribution, even / math.sqrt(CLEAR))
    return clear, 1 - clear - drowned, drowned


def signal_table(
    forms: LevelForms, scales: Scales, weights: Sequence[Weights], distributions: Sequence[SigmaDistribution]
) -> Table:
    """How much of the training each distribution spends on each level, for several weights.

    A row for each distribution, level and weights: the level's data scale, its noise, where both are equal, and the
    shares of the steps in which it is clear (signal 10 dB above the noise), in play and drowned (10 dB below).
    """
    check_scales(scales)
    names = level_names(forms.centred.shape[-1])
    data, parts = scales.on(names), part_names(names)
    if not weights or not distributions:
        raise EdmNoiseError("no weights or no distribution given: give at least one of each")
    noise, even = np.sqrt(mean_squares(forms.centred, weights)), even_sigma(forms, weights, scales)
    order = [(d, k, i) for d in distributions for k in as_read(range(len(data))) for i in range(len(weights))]
    bands = [[100 * float(band) for band in spent(d, even[i, k])] for d, k, i in order]
    columns = (
        Column("distribution", [d.name for d, _, _ in order]),
        Column("level", [parts[k] for _, k, _ in order]),
        Column("weights", [weights[i].label for _, _, i in order], help="/".join(as_read(names))),
        Column("data", [data[k] for _, k, _ in order], "A", help="scale of the level, RMS per coordinate over atoms"),
        Column("noise", [float(noise[i, k]) for _, k, i in order], "sigma", help="the same of the centred noise"),
        Column("even at", [_number(even[i, k]) for _, k, i in order], "A", help="sigma where data and noise are equal"),
        Column("z", [_number(d.z(even)[i, k]) for d, k, i in order], decimals=2),
        Column("clear", [band[0] for band in bands], "%", 1, "training steps with a signal 10 dB above the noise"),
        Column("in play", [band[1] for band in bands], "%", 1, "training steps in between"),
        Column("drowned", [band[2] for band in bands], "%", 1, "training steps with a signal 10 dB below the noise"),
    )
    notes = ["Clear: signal more than 10 dB above the noise; drowned: more than 10 dB below; in play: in between."]
    if data[-1] == 0:
        notes.append("One chain: once the structure is centred it has no chain part to learn.")
    return Table("training signal of each level", columns, {"scales": list(as_read(data))}, tuple(notes))


def step_table(
    forms: LevelForms,
    scales: Scales,
    weights: Sequence[Weights],
    distributions: Sequence[SigmaDistribution],
    z: Sequence[float],
) -> Table:
    """Training over noise levels: density of steps, EDM's loss weight, c_out^2, their product, signal to noise.

    Parameters
    ----------
    forms, scales, weights, distributions
        As in `signal_table`.
    z
        Normal scores of each distribution's own noise levels.
    """
    check_scales(scales)
    names = level_names(forms.centred.shape[-1])
    order = [(d, score, d.sigma(score), w) for d in distributions for w in weights for score in z]
    if not order:
        raise EdmNoiseError("no weights, no distribution or no z given: give at least one of each")
    out = np.array([c_out_squared(sigma, d.sigma_data) for d, _, sigma, _ in order])
    loss = np.array([loss_weight(sigma, d.sigma_data) for d, _, sigma, _ in order])
    ratios = np.array([decibels(signal_to_noise(forms, w, scales, [sigma])[0]) for _, _, sigma, w in order])
    columns = [
        Column("distribution", [d.name for d, *_ in order]),
        Column("weights", [w.label for *_, w in order], help="/".join(as_read(names))),
        Column("z", [float(score) for _, score, *_ in order], decimals=2),
        Column("sigma", [sigma for _, _, sigma, _ in order], "A", decimals=4),
        Column("steps", [float(density(d, s)) for d, _, s, _ in order], "1/decade", help="density over log10 sigma"),
        Column("loss weight", loss.tolist(), "1/A^2", decimals=4, help="of the denoised estimate's squared error"),
        Column("c_out^2", out.tolist(), "A^2", decimals=4, help="mean square of what the network adds"),
        Column("product", (loss * out).tolist(), help="weight of the network's own output: 1 at every sigma"),
    ]
    for k, level in as_read(enumerate(names)):
        values = [_number(value) for value in ratios[:, k]]
        columns.append(Column(f"signal / noise {level}", values, "dB", 1, "10 log10 of the ratio of mean squares"))
    note = "Loss weight times c_out^2 is 1: the density of the steps alone says where training is spent."
    return Table("training over noise levels", tuple(columns), {"scales": list(as_read(scales.on(names)))}, (note,))


def check_scales(scales: Scales) -> tuple[float, ...]:
    """Data scales finest first; EdmNoiseError for one that is negative or not finite, or for all zero."""
    data = scales.by_level
    if not (all(math.isfinite(scale) and scale >= 0 for scale in data) and max(data) > 0):
        shown = ", ".join(
            f"{part} {scale:g}" for part, scale in as_read(zip(part_names(level_names(len(data))), data, strict=True))
        )
        raise EdmNoiseError(f"data scales are {shown} A: give finite numbers, none negative, not all zero")
    return data


def _number(value: ArrayLike) -> float:
    number = float(np.asarray(value))
    return number if math.isfinite(number) else math.nan
