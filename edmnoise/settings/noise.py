"""The noise: level, weights, process; what is drawn of it, and for which training distribution."""

from __future__ import annotations

from typing import Any

from ..base.seeds import check_seed
from ..noise.process import MULTISCALE, PROCESSES, NoiseChoice
from ..noise.sigma import DISTRIBUTIONS, Z_LIMIT, check_sigma, parse_distribution
from ..noise.weights import PRESETS, parse_weights
from . import reading
from .knob import Knob, numbers, parsed, real, several, switch, text, whole


def _sigma(knob: Knob, value: Any) -> float:
    return check_sigma(reading.real(knob.name, value, length=True))


def _seed(knob: Knob, value: Any) -> int:
    return check_seed(reading.whole(knob.name, value))


Z = real(
    "z",
    None,
    "noise level as a normal score: sigma = sigma_data exp(P_mean + P_std z), and training draws z from N(0, 1)",
    usual="0",
    low=-Z_LIMIT,
    high=Z_LIMIT,
)
SIGMA = real(
    "sigma",
    None,
    "noise level in angstrom, instead of z",
    unit="A",
    tip="Noise level sigma: standard deviation of an atom's noise along each axis, in angstrom",
).but(parse=_sigma)
LEVELS = numbers("z", (-3, -2, -1, 0, 1, 2, 3), "noise levels as normal scores", low=Z.low, high=Z.high)
FINE_LEVELS = LEVELS.but(default=tuple(half / 2 for half in range(-6, 7)))
ROW_LEVELS = LEVELS.but(help="normal scores of the rows by z")

FOUR_WEIGHTS = ", four where there are domains (chain domain residue atom)"
WEIGHTS = parsed(
    "weights",
    parse_weights,
    "flat",
    f'chain, residue and atom shares of the variance, three numbers ("8.2 1.6 1.3"){FOUR_WEIGHTS}, or a name: '
    f"{', '.join(PRESETS)}; flat is independent noise on every atom",
    words=tuple(PRESETS),
)
COMPARED = several(
    WEIGHTS,
    "flat | current | rebalanced",
    'noises to compare, with "|" between them: each three numbers (chain, residue and atom shares of the variance), '
    f"four where there are domains (chain domain residue atom), or a name: {', '.join(PRESETS)}",
)
TABLE_WEIGHTS = COMPARED.but(default="flat | 8.2 1.6 1.3 | 1 4 4")

_CONSTANTS = f"{', '.join(DISTRIBUTIONS)}, or one's own as P_mean P_std sigma_data"
DISTRIBUTION = parsed(
    "distribution",
    parse_distribution,
    "alphafold3",
    f"training distribution that z belongs to: {_CONSTANTS}",
    words=tuple(DISTRIBUTIONS),
    tip="Whose training distribution z belongs to",
)
SEVERAL_DISTRIBUTIONS = several(
    DISTRIBUTION, "alphafold3 | wide", f'training distributions with "|" between them: {_CONSTANTS}'
)


def _with_knobs(process: str) -> str:
    """A process and what its knobs are where they are left out."""
    knobs = " ".join(f"{knob}={value:g}" for knob, value in PROCESSES[process].knobs.items())
    return f"{process} ({knobs})" if knobs else process


PROCESS = parsed(
    "process",
    lambda text: NoiseChoice.parse(text).text(),
    MULTISCALE,
    f"noise process, its knobs behind it (harmonic step=5): {', '.join(map(_with_knobs, PROCESSES))}",
    words={name: f"{name}: {known.help}" for name, known in PROCESSES.items()},
    tip="How the noise is made",
)
FRAMES = whole("frames", 10, "number of noised frames", low=1)
SEED = whole("seed", 0, "the same seed gives the same frames").but(parse=_seed)
TABLE_SEED = SEED.but(help="the same seed gives the same table")
NAME = text("name", None, "name of the new object", usual="<object>_noise")
PLAY = switch("play", False, "show the new object alone, zoom to it and play its frames")

DRAWS = whole("draws", 5, "frames drawn for each row", low=1)
FRESH = switch(
    "fresh",
    True,
    "draw each row anew; otherwise one draw is scaled to all noise levels, which makes ratios look constant over z",
)
