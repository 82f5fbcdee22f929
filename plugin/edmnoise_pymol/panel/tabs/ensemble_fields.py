"""What the data are beside the chosen object's states: how each moves about itself, and other objects."""

from __future__ import annotations

from typing import Any

from pymol.Qt import QtWidgets

from ..controls import form, rows
from ..controls.number import Real

_LEVELS = {"chain": 0.0, "residue": 0.3, "atom": 0.2}
"""Angstrom at first."""


class EnsembleFields:
    """Controls of ``parts`` that make arguments together.

    Attributes
    ----------
    numbers
        The three levels of the motion, seen where it is by level.
    """

    def __init__(self, parts: form.Form) -> None:
        self._parts = parts
        self.motion = parts.add(
            "motion",
            form.choice(**{"": "none", "network": "elastic network", "numbers": "by level"}),
            "Fluctuations, each state's own motion: none, that of an elastic network of its residues, or by level",
        )
        for level, value in _LEVELS.items():
            tip = f"Standard deviation of a state's own motion per {level} and coordinate, in angstrom"
            parts.add(f"{level} motion", Real(0, 100, value, 0.1, "Å", decimals=3), tip)
        parts["atom motion"].setMinimum(0.001)
        self.numbers = rows.boxed(rows.row(*(parts[f"{level} motion"] for level in _LEVELS)))
        self.others = parts.add(
            "others", QtWidgets.QLineEdit(), "Other objects of the same atoms: the shown state of each is a state more"
        )
        self.others.setMinimumWidth(50)
        self.others.setPlaceholderText("selection of other objects")
        self.motion.currentIndexChanged.connect(lambda _: self._show())
        self._show()

    def subject(self, selection: str) -> str:
        """What a command is to take the states of."""
        others = self._parts.text("others")
        return f"({selection}) or ({others})" if others else selection

    def options(self) -> dict[str, str]:
        """Arguments of a command, while the motion can be used."""
        motion = self._parts.text("motion")
        if not motion or not self.motion.isEnabled():
            return {}
        return {"fluctuations": motion if motion == "network" else self._by_level()}

    def _by_level(self) -> str:
        return " ".join(self._parts.text(f"{level} motion") for level in _LEVELS)

    def _show(self) -> None:
        self.numbers.setVisible(self._parts.text("motion") == "numbers")


def enable(control: Any, on: bool, why_not: str) -> None:
    """Let a control be used, or say in its tooltip why it cannot be."""
    control.setEnabled(on)
    control.setToolTip(control.property("help") if on else why_not)
