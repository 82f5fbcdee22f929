"""The PyMOL face of edmnoise. Importing it registers the commands on PyMOL's global cmd, and imports no torch."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from typing import Any

from . import commands
from .commands import (
    edm_color,
    edm_compare,
    edm_damage,
    edm_design,
    edm_domains,
    edm_error,
    edm_judge,
    edm_levels,
    edm_movie,
    edm_noise,
    edm_precondition,
    edm_quality,
    edm_return,
    edm_sample,
    edm_save,
    edm_schedule,
    edm_scramble,
    edm_signal,
    edm_table,
    edm_trace,
    edm_train,
    edm_triangle,
    edm_version,
)
from .panel import edm_panel

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
    "edm_panel",
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
    "register",
    "start_gui",
]

COMMANDS: tuple[Callable[..., Any], ...] = (*commands.COMMANDS, edm_panel, edm_version)
"""Every command, in the order in which a user meets them."""


def register(cmd: Any = None) -> None:
    """Make the commands known to a cmd: PyMOL's global one, or that of a ``pymol2.PyMOL()`` instance.

    Examples
    --------
    >>> import pymol2
    >>> with pymol2.PyMOL() as instance:
    ...     register(instance.cmd)
    ...     "edm_noise" in instance.cmd.keyword
    True
    """
    from .commands.completion import add_completions
    from .commands.overview import add_topic

    cmd = _global_cmd() if cmd is None else cmd
    for function in COMMANDS:
        cmd.extend(function.__name__, function)
    add_completions(cmd, COMMANDS)
    add_topic(cmd, COMMANDS)


def start_gui() -> None:
    """What PyMOL's plugin system and the line in ~/.pymolrc.py call: the commands, and the Plugin menu of a window.

    Both may call it in one PyMOL: the menu is made once.
    """
    global _menu_made

    register()
    plugins = sys.modules.get("pymol.plugins")
    if not _menu_made and plugins is not None and plugins.HAVE_QT:
        from .menu import add_menu

        add_menu()
        _menu_made = True


def _global_cmd() -> Any:
    from pymol import cmd

    return cmd


_menu_made = False

if importlib.util.find_spec("pymol") is not None:  # without it, `python -m edmnoise_pymol` still has its say
    register()
