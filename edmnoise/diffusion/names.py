"""Names of solvers, published samplers, schedules, denoisers and rules, and how they read; without torch.

What a name stands for is in the module of its kind: `solvers`, `presets`, `precondition`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any, NamedTuple

SOLVERS = {
    "euler": "Euler, first order",
    "heun": "Heun, second order",
    "ralston": "Ralston, second order",
    "midpoint": "midpoint, second order",
    "chai": "Chai-1's own second-order step",
    "dpmpp_2m": "DPM-Solver++ 2M",
    "dpmpp_2m_sde": "DPM-Solver++ 2M SDE",
    "ancestral": "ancestral",
}

PUBLISHED = {
    "alphafold3": "AlphaFold 3",
    "boltz1": "Boltz-1",
    "boltz2": "Boltz-2",
    "chai1": "Chai-1",
    "protenix": "Protenix",
    "openfold3": "OpenFold 3",
}

ALIASES = {"af3": "alphafold3", "openfold": "openfold3", "of3": "openfold3"}
"""Other names of published samplers."""

COUNTED = {
    **{name: f"{name} step of 200" for name in PUBLISHED},
    "rf3": "rf3 partial_t of 200",
    "rfdiffusion3": "rfdiffusion3 partial_t",
    "rfdiffusion": "rfdiffusion partial_T of 50",
}
"""Programs that say in their own units how much noise, and what their number is."""

COUNTED_ALIASES = {**ALIASES, "rfd3": "rfdiffusion3", "rfd": "rfdiffusion"}
"""Other names of these."""

SCORE = "z"
"""Stands in a program's place for the normal score of a training distribution."""


class Counted(NamedTuple):
    """A noise level in other units than angstrom: the number of a program, or of SCORE.

    Examples
    --------
    >>> print(Counted("rfdiffusion", 20.0))
    rfdiffusion:20
    """

    unit: str
    number: float

    def __str__(self) -> str:
        return f"{self.unit}:{self.number:.10g}"


SCHEDULES = ("karras", "log_linear")
"""How levels are laid out."""

RULES = ("finite", "increment", "cumulative", "global")
"""Which share of the noise a part is said to have: ``finite`` the closed form for groups of finite size (best scalars);
``increment`` the level's own weight, right for large groups; ``cumulative`` the weights of the level and all above,
right for absolute centres only; ``global`` all of it, with one scale for the data: EDM's own preconditioning."""

LOSSES = ("parts", "whole")
"""What a square error is divided by in training: ``parts`` each part's own c_out^2, by the rule; ``whole`` EDM's, one
for all."""

DENOISERS = {
    "states": "states: any place, any turn",
    "translation": "states: any place, as turned",
    "fixed": "states: just as they lie",
    "kabsch": "best turn only (approximate)",
}
"""Exact denoisers of known states; kabsch is an approximation."""

NETWORK = "a .pt2 file of torch.export, a .safetensors checkpoint of edmnoise, or package.module:function"
"""What a denoiser is that has none of these names."""

GIVES = ("denoised", "residual")
"""What a network says: the clean coordinates, or F."""

_FUNCTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
"""package.module:function."""


def is_function(name: str) -> bool:
    """Whether a name is that of a function which builds a network."""
    return _FUNCTION.fullmatch(name) is not None and not name.endswith(".pt2")  # C:net.pt2


def is_file(name: str) -> bool:
    """Whether a name is that of a file: it has an ending, or folders in it."""
    return "/" in name or os.sep in name or re.search(r"\.\w+$", name) is not None


def called(network: str | Callable[..., Any]) -> str:
    """The name of a denoiser: that which was given, or a Python callable's own."""
    return network if isinstance(network, str) else str(getattr(network, "__name__", type(network).__name__))
