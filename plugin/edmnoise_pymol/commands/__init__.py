"""What is typed in PyMOL -> a job -> lines of text. The docstrings are the help pages, but for what knobs say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .compare import edm_compare
from .damage import edm_damage, edm_quality
from .design import edm_design, edm_scramble, edm_signal, edm_triangle
from .domains import edm_domains
from .networks import edm_error, edm_judge
from .noise import edm_levels, edm_noise, edm_save, edm_table
from .round_trip import edm_return
from .sampling import edm_precondition, edm_sample, edm_schedule
from .trace import edm_trace
from .training import edm_train
from .version import edm_version
from .views import edm_color, edm_movie

__all__ = [
    "COMMANDS",
    "edm_color",
    "edm_compare",
    "edm_damage",
    "edm_design",
    "edm_domains",
    "edm_error",
    "edm_judge",
    "edm_levels",
    "edm_movie",
    "edm_noise",
    "edm_precondition",
    "edm_quality",
    "edm_return",
    "edm_sample",
    "edm_save",
    "edm_schedule",
    "edm_scramble",
    "edm_signal",
    "edm_table",
    "edm_trace",
    "edm_train",
    "edm_triangle",
    "edm_version",
]

COMMANDS: tuple[Callable[..., Any], ...] = (
    edm_noise,
    edm_domains,
    edm_levels,
    edm_table,
    edm_color,
    edm_save,
    edm_movie,
    edm_sample,
    edm_return,
    edm_trace,
    edm_schedule,
    edm_precondition,
    edm_design,
    edm_scramble,
    edm_signal,
    edm_triangle,
    edm_damage,
    edm_quality,
    edm_compare,
    edm_train,
    edm_error,
    edm_judge,
)
"""Every command that runs a job, in the order in which a user meets them."""
