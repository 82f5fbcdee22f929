"""What denoisers are worth: by how much they err, and what their samples are."""

from __future__ import annotations

from .knob import numbers, several, text, whole_numbers, word
from .noise import DRAWS, LEVELS
from .sampling import ANY_DENOISER, SAMPLES

DENOISERS = several(
    ANY_DENOISER,
    "",
    f'denoisers to measure beside the references, with "|" between them: {ANY_DENOISER.help}',
).but(default=None, usual="the references alone")
ERROR_LEVELS = LEVELS.but(default=None, usual=LEVELS.said)
SIGMAS = numbers("sigma", None, "noise levels in angstrom, instead of z", unit="A")
ERROR_DRAWS = DRAWS.but(default=100, help="draws at each noise level, the same for all denoisers", low=2)
HELD_OUT = numbers(
    "held_out",
    None,
    "numbers of the states (or of the objects, in their order) that are to be found again and that no exact denoiser "
    "knows: 4 5",
    usual="none: those that are known are found again",
    low=1,
).but(parse=whole_numbers)

SAMPLED = several(
    text("sampled"),
    "",
    'sets of samples, with "|" between them: each atoms of an object whose states are samples (of what edm_sample made '
    "the final samples alone), or of several such objects",
).but(default=None, usual="none")
JUDGED_DENOISERS = DENOISERS.but(help=f'denoisers to sample with, "|" between them: {ANY_DENOISER.help}', usual="none")
JUDGED_SAMPLES = SAMPLES.but(default=64, help="number of samples of each denoiser", low=2)
JUDGE_BY = word(
    "by",
    ("summary", "state"),
    "summary",
    "summary (a row for each set of samples), or state (how many samples are of each state, and how many should be)",
)
