"""What denoisers are worth: by how much they err, and what their samples are."""

from __future__ import annotations

from typing import Any

from . import reading
from .knob import Knob, numbers, several
from .noise import DRAWS, LEVELS
from .sampling import ANY_DENOISER


def _numbers_of_states(knob: Knob, value: Any) -> list[int]:
    if isinstance(value, int | float):
        value = [value]
    parts = reading.text(value).split() if isinstance(value, str) else list(value)
    return [reading.whole(knob.name, part) for part in parts]


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
).but(parse=_numbers_of_states)
