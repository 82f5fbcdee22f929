"""The sampler: solver or published sampler, what of it is changed, and what it samples from."""

from __future__ import annotations

from typing import Any

from ..base.errors import EdmNoiseError
from ..base.names import known_name
from ..diffusion.names import (
    ALIASES,
    DENOISERS,
    GIVES,
    NETWORK,
    PUBLISHED,
    RULES,
    SCHEDULES,
    SOLVERS,
    is_file,
    is_function,
)
from . import reading
from .knob import Knob, level, numbers, real, several, switch, text, whole, word
from .noise import NAME, SEED, WEIGHTS


def _numbers_or_word(knob: Knob, value: Any) -> list[float] | str:
    """Numbers in angstrom, or a name."""
    given = reading.text(value) if isinstance(value, str) else ""
    return given if given.isidentifier() else reading.numbers(knob.name, value, length=True)


def _denoiser(knob: Knob, value: Any) -> Any:
    """A name of an exact denoiser, or of a network, whose capitals count; from Python a network itself."""
    if callable(value):
        return value
    given = reading.text(value)
    if is_function(given) or is_file(given):
        return given
    found = known_name(given, knob.words, {})
    if found is None:
        raise EdmNoiseError(f"{knob.name} is {given!r}: give one of {', '.join(knob.words)}, or {NETWORK}")
    return found


_PUBLISHED = ", or the published one's"

DENOISER = word(
    "denoiser",
    DENOISERS,
    "states",
    "states (any place and rotation), translation, fixed, or kabsch (best rotation instead of all: an approximation)",
    tip="Whose right answer is known: how the data's states may lie",
)
ANY_DENOISER = DENOISER.but(
    parse=_denoiser,
    closed=False,
    help=f"{DENOISER.help}; or a network: {NETWORK} that makes one of the structure",
    tip="The exact denoiser of the states, by how they may lie; or a network: a file, or package.module:function",
)
NETWORK_GIVES = word("gives", GIVES, "denoised", "what a network gives: denoised coordinates, or the residual F of EDM")
TRUST = switch("trust", False, "run a .pt2, which is a program and can do all that you can; needed once for a file")
SAMPLER = word(
    "sampler",
    {**SOLVERS, **PUBLISHED},
    "heun",
    f"{', '.join(SOLVERS)}; or a published one: {', '.join(PUBLISHED)}, with all its numbers",
    aliases=ALIASES,
    tip="How each step is made: a solver, or a published sampler with all its numbers",
)
STEPS = whole("steps", None, "number of steps", low=1, usual="40" + _PUBLISHED)
SIGMA_MAX = level(
    "sigma_max",
    None,
    "highest noise level, where sampling starts, in angstrom, or a program's own number behind its name, as in "
    "edm_schedule: rfdiffusion:20",
    usual="2560" + _PUBLISHED,
    unit="A",
    tip="Highest noise level, where sampling starts: Å, or a number behind z or a program's name, as rfdiffusion:20, "
    "rfdiffusion3:8, alphafold3:133",
)
SIGMA_MIN = real("sigma_min", None, "lowest noise level above 0, in angstrom", usual="0.0064" + _PUBLISHED, unit="A")
RHO = real(
    "rho",
    None,
    "spacing of the levels: even in sigma^(1/rho); 7 puts most steps at low noise",
    usual="7" + _PUBLISHED,
    low=0,
)
CHURN = real(
    "churn",
    None,
    "churn gamma: before a step, noise is added up to (1 + gamma) sigma; 0 adds none",
    usual="0" + _PUBLISHED,
    low=0,
)
STEP_SCALE = real(
    "step_scale",
    None,
    "factor of each step; 1 is exact, above 1 acts like a low temperature",
    usual="1" + _PUBLISHED,
    low=0,
)
NOISE_SCALE = real("noise_scale", None, "factor of the churn noise; 1 is exact", usual="1" + _PUBLISHED, low=0)
CENTER = switch(
    "center",
    None,
    "move the centroid to the origin before each step",
    usual=f"1{_PUBLISHED}; 0 for denoiser=fixed",
)
AUGMENT = switch(
    "augment",
    None,
    "turn at random before each step (a published sampler also shifts by about 1 angstrom)",
    usual=f"1{_PUBLISHED}; 0 for denoiser=fixed or translation",
)
ALIGN = switch(
    "align",
    None,
    "superpose the denoised structure on the noisy one before each step",
    usual=f"0{_PUBLISHED}; 0 for denoiser=fixed or translation",
)
SCHEDULE = text(
    "schedule",
    "karras",
    "how the levels lie: karras (by rho), log_linear (a geometric series), or the levels one by one in angstrom: "
    "100 10 1 0",
    words=SCHEDULES,
    unit="A",
    tip="How the levels lie: karras, log_linear, or typed in Å: 100 10 1 0",
).but(parse=_numbers_or_word)
LEVEL_WEIGHTS = numbers(
    "level_weights",
    (0, 0),
    "how far the denoiser's residue and chain centres replace those of its atoms in the step, each from 0 to 1; "
    "harmless with an exact denoiser",
)

CHANGED = (STEPS, SIGMA_MAX, SIGMA_MIN, RHO, CHURN, STEP_SCALE, NOISE_SCALE, CENTER, AUGMENT, ALIGN)
"""What of a sampler can be changed by a number or a switch."""

OF_A_SAMPLER = {knob.name: knob for knob in (*CHANGED, SCHEDULE, LEVEL_WEIGHTS)}
"""All that can be said of a sampler behind its name."""

SAMPLERS = several(
    text("sampler", words=SAMPLER.words),
    "heun",
    f'samplers with "|" between them: {", ".join(SAMPLER.words)}; each may have settings of edm_sample behind it: heun '
    "churn 0.4 schedule log_linear",
)

COMPARED_STEPS = STEPS.but(help="number of steps of all samplers that do not set it")
COMPARED_SEED = SEED.but(help="all runs start from the same numbers")
SAMPLED_WEIGHTS = WEIGHTS.but(help=WEIGHTS.help.replace("the variance", "the noise"))

SAMPLES = whole("samples", 1, "number of samples, made together", low=1)
COMPARED_SAMPLES = SAMPLES.but(help="number of samples in each run")
SAMPLE_SEED = SEED.but(help="sample k depends on the seed and k only")
TRAJECTORY = switch(
    "trajectory", True, "an object of the steps of each sample; without, one object of the final samples"
)
SAMPLE_NAME = NAME.but(usual="<object>_sample")
DENOISED = switch("denoised", False, "another object, of the denoised estimate at each step")
STATE_WEIGHTS = numbers("state_weights", None, "probability of each state, up to a factor: 0.5 0.3 0.2", usual="equal")
FLUCTUATIONS = numbers(
    "fluctuations",
    None,
    "each state's own motion as standard deviations of chain, residue and atom (with domains: chain, domain, residue "
    "and atom) per coordinate, angstrom, the atom's above 0; or network, an elastic network of its residues",
    usual="none",
    unit="A",
    words={"network": "elastic network"},
).but(parse=_numbers_or_word)
DEVICE = word(
    "device",
    ("auto", "cpu", "cuda"),
    "auto",
    "where the sampler runs: auto (a GPU if there is one), cpu or cuda",
)

RULE = word(
    "rule",
    RULES,
    "finite",
    "finite (closed form for groups of finite size), increment (the level's own weight), cumulative (its own and "
    "those above), global (one scale for all: EDM)",
)
NETWORK_RULE = RULE.but(
    default="global",
    help="by which rule a network that gives the residual was trained: global (EDM's own), or finite, increment, "
    "cumulative (see edm_precondition)",
)
DATA_SCALES = numbers(
    "data_scales",
    None,
    "data scales of its training where a network gives the residual, angstrom: sigma_data, or three (chain residue "
    "atom; with domains four, chain domain residue atom)",
    unit="A",
    low=0,
)
