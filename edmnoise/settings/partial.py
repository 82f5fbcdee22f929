"""Partial diffusion: what is noised and sampled back, and how much noise that is in everybody's units."""

from __future__ import annotations

from ..diffusion.names import COUNTED
from .knob import levels, numbers, text, whole, whole_numbers
from .noise import FINE_LEVELS
from .results import FIGURE
from .sampling import SIGMA_MAX

START = text(
    "start",
    None,
    "what is noised to sigma_max and sampled back: a state's number among the data, or another object of the same "
    "atoms (its shown state); the steps are those of the whole schedule that lie below sigma_max",
    usual="noise alone",
    tip="A structure that is noised to σ max and sampled back (partial diffusion): a state's number, or an object",
)
COMPARED_START = START.but(help="what all runs begin at, noised to their sigma_max, as in edm_sample")
COMPARED_TOP = SIGMA_MAX.but(
    help="highest noise level of all samplers that do not set it, in angstrom, or in other units as in edm_sample"
)
TRANSLATED = levels(
    "sigma",
    None,
    "print these levels in everybody's units instead: angstrom, or a program's own number behind its name: 8 z:0.5 "
    f"rfdiffusion:20 alphafold3:130 ({', '.join(COUNTED)}; steps are counted from the noise, RFdiffusion's partial_T "
    "from the structure)",
    unit="A",
)

LEVELS = FINE_LEVELS.but(default=None, usual=FINE_LEVELS.said)
SIGMAS = TRANSLATED.but(
    help="levels to noise to, instead of z: angstrom, or a program's own number behind its name, as in edm_schedule"
)
LEFT = numbers(
    "left", None, "numbers of the states (or of the objects, in their order) that are noised: 1 3", usual="all", low=1
).but(parse=whole_numbers)
RETURN_SAMPLES = whole("samples", 64, "samples at each level of each state, and of the whole schedule", low=2)
RETURN_FILE = FIGURE.but(
    help="also write the table with its standard errors (.csv, .json), or its figure (.png, .svg, .pdf)"
)
