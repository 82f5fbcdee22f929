"""Denoisers side by side: by how much they err, and what their samples are; each network says its own of itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..base.errors import EdmNoiseError
from ..diffusion.names import called
from . import reading
from .knob import Knob, numbers, several, text, typed, whole_numbers, word
from .noise import DRAWS, LEVELS
from .sampling import ANY_DENOISER, DATA_SCALES, DEVICE, NETWORK_GIVES, NETWORK_RULE, SAMPLES, TRUST

OF_A_NETWORK = {knob.name: knob for knob in (NETWORK_GIVES, NETWORK_RULE, DATA_SCALES, TRUST)}
"""What may stand behind the name of a network in a list of denoisers."""

_SETTING = re.compile(rf"\s+({'|'.join(OF_A_NETWORK)})(?:\s*=\s*|\s+|$)")


class Listed(NamedTuple):
    """A denoiser in a list, and what of it is said behind its name."""

    name: str | Callable[..., Any]
    own: Mapping[str, Any]

    @property
    def label(self) -> str:
        """As tables call it: with what changes its numbers."""
        said = (f"{key}={typed(value)}" for key, value in self.own.items() if key != TRUST.name)
        return " ".join([called(self.name), *said])


def _listed(knob: Knob, value: Any) -> Listed:
    """One denoiser: mymodel:build gives=residual data_scales=16."""
    if isinstance(value, Listed):
        return value
    if callable(value):
        return Listed(ANY_DENOISER.read(value), {})
    name, *words = _SETTING.split(reading.text(value))
    if unknown := re.search(r"\s(\w+)\s*=", name):
        known = ", ".join(OF_A_NETWORK)
        raise EdmNoiseError(f"no setting {unknown[1]!r} of {name[: unknown.start()]}: the known ones are {known}")
    own = {}
    for key, said in zip(words[::2], words[1::2], strict=True):
        if not said.strip():
            raise EdmNoiseError(f"{key} of {name} has no value: give {name} {key}= and a value")
        own[key] = OF_A_NETWORK[key].read(said)
    return Listed(ANY_DENOISER.read(name), own)


_LISTED = ANY_DENOISER.but(parse=_listed)
_BEHIND = (
    f"{ANY_DENOISER.help}; behind a network may stand its own {', '.join(OF_A_NETWORK)}, in the place of the "
    "command's: mymodel:build gives=residual data_scales=16"
)

DENOISERS = several(
    _LISTED,
    "",
    f'denoisers to measure beside the references, with "|" between them: {_BEHIND}',
).but(default=None, usual="the references alone")
COMPARED_DENOISERS = several(_LISTED, "states", f'denoisers with "|" between them: {_BEHIND}')
ERROR_DEVICE = DEVICE.but(help="where denoisers run: auto (a GPU if there is one), cpu or cuda")
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
JUDGED_DENOISERS = DENOISERS.but(help=f'denoisers to sample with, "|" between them: {_BEHIND}', usual="none")
JUDGED_SAMPLES = SAMPLES.but(default=64, help="number of samples of each denoiser", low=2)
JUDGE_BY = word(
    "by",
    ("summary", "state"),
    "summary",
    "summary (a row for each set of samples), or state (how many samples are of each state, and how many should be)",
)
