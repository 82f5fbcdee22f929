"""PyMOL never gives back what its shaders drew from: what is drawn anew all the time is drawn without them.

Each time that an object moves or changes its colours, PyMOL hands its shapes to the graphics card in new buffers and
does not delete the old ones: for 5,500 atoms 9.2 MB a cartoon, 3.8 MB sticks, 11 MB a surface, 0.4 MB lines. They are
the card's memory, or where software draws the process's own. Without shaders there are none; a cartoon is drawn in
two thirds of the time then, sticks take half as long again. Spheres keep theirs, 0.7 MB a time: to
switch those was not safe in PyMOL 3.2.0.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .ask import Cmd

SETTINGS = tuple(f"{shape}_use_shader" for shape in ("cartoon", "ribbon", "stick", "line", "surface", "dot", "mesh"))
"""PyMOL's settings, of all objects at once."""

_spared: dict[int, _Spared] = {}


def spare(cmd: Cmd) -> Callable[[], None]:
    """Build shapes without shaders from now on, until the function that this gives is called; more of them may be out.

    The settings are then as they were before the first of them, but for those that were changed meanwhile. A session
    that is saved meanwhile holds them as they were, too.
    """
    spared = _spared.setdefault(id(cmd), _Spared(cmd))
    spared.hold()
    held = True

    def release() -> None:
        nonlocal held
        if held:
            held = False
            spared.release()
            if not spared.holders:
                _spared.pop(id(cmd), None)

    return release


class _Spared:
    """One PyMOL's settings, while they are not the user's."""

    def __init__(self, cmd: Cmd) -> None:
        self.holders = 0
        self._cmd = cmd
        self._before: dict[str, int] = {}

    def hold(self) -> None:
        if not self.holders:
            self._cmd._pymol._session_save_tasks.append(self._save)
        self.holders += 1
        for name in SETTINGS:  # each time: to reinitialize sets them anew
            value = self._cmd.get_setting_int(name)
            if value:
                self._before[name] = value
                self._set(name, 0)

    def release(self) -> None:
        self.holders -= 1
        if not self.holders:
            self._cmd._pymol._session_save_tasks.remove(self._save)
            for name, value in self._before.items():
                if not self._cmd.get_setting_int(name):
                    self._set(name, value)

    def _set(self, name: str, value: int) -> None:
        """As a user does, so that PyMOL builds anew what is there: every shape agrees with its setting."""
        self._cmd.set(name, value)

    def _save(self, session: dict[str, Any], _self: Cmd) -> None:
        from pymol import setting

        before = {setting._get_index(name): value for name, value in self._before.items()}
        for row in session.get("settings") or ():
            if row[0] in before and not row[2]:
                row[2] = before[row[0]]
