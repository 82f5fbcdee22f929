"""Fields for numbers as people type them, 1.5, 1,5, .5, 1e2, in every country; what is none is refused in sight."""

from __future__ import annotations

import re
from typing import Any

from pymol.Qt import QtGui, QtWidgets

from edmnoise.base.numbers import is_number

from . import style

_BEGUN = re.compile(r"[+-]?\d*[.,]?\d*(e[+-]?)?", re.IGNORECASE)
_EITHER = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
"""A comma that groups thousands in one country and begins the decimals in another."""


def read_number(text: str) -> float:
    """The number that a text says, its decimals behind a point or a comma.

    Raises
    ------
    ValueError
        With the reason: no number, or one that says different things in different countries.

    Examples
    --------
    >>> [read_number(text) for text in ("1,5", ".5", "1e2", "-3")]
    [1.5, 0.5, 100.0, -3.0]
    """
    plain = text.strip().replace("\N{MINUS SIGN}", "-")
    if _EITHER.fullmatch(plain):
        raise ValueError(f"{text} may be {plain.replace(',', '')} or {plain.replace(',', '.', 1)}: write it so")
    written = plain.replace(",", ".", 1)
    if not is_number(written):
        raise ValueError(f"{text or 'nothing'} is not a number")
    return float(written)


class Real(QtWidgets.QDoubleSpinBox):
    """A field for a number with a unit; its lowest value reads ``special`` and stands for nothing where that is given.

    A text that cannot be used is not made another number letter by letter, as Qt does: it may stand until the field is
    left, then the number that was there comes back, and the field says why. With ``short`` a number is shown with the
    digits that it has, not with all that it may have.

    Attributes
    ----------
    usual
        Where stepping begins that leaves the lowest value, if it is not that.
    """

    usual: float | None = None
    _short = _refused = False
    _held = 0.0
    _back = ""

    def __init__(
        self,
        low: float,
        high: float,
        value: float,
        step: float,
        unit: str = "",
        special: str = "",
        decimals: int = 4,
        short: bool = False,
    ) -> None:
        super().__init__()
        self._short = short
        self.setDecimals(decimals)
        self.setRange(low, high)
        self.setSingleStep(step)
        self.setSuffix(f" {unit}" if unit else "")
        self.setSpecialValueText(special)
        self.setValue(value)
        self.setMinimumWidth(50)  # a narrow panel may squeeze it
        self.lineEdit().textEdited.connect(self._look)
        self.valueChanged.connect(lambda _: None if self.lineEdit().isModified() else self._hold())
        self.editingFinished.connect(self._hold)
        self._hold()

    def validate(self, text: str, at: int) -> Any:
        states = QtGui.QValidator.State
        return (states.Intermediate if self._why_not(text) else states.Acceptable), text, at

    def fixup(self, text: str) -> str:
        """The field is left with a text that cannot be used: what was there before the first letter comes back."""
        reason = self._why_not(text)
        if not reason:
            return text
        self._mark(f"{reason}. The field is as it was")
        special = self.specialValueText() if self._held == self.minimum() else ""
        self._back = special or f"{self.prefix()}{self.textFromValue(self._held)}{self.suffix()}"
        return self._back

    def valueFromText(self, text: str) -> float:
        return self._read(text)

    def textFromValue(self, value: float) -> str:
        text = f"{value:.{self.decimals()}f}"
        return text.rstrip("0").removesuffix(".") if self._short and "." in text else text

    def stepBy(self, steps: int) -> None:
        if self.value() == self.minimum() and self.usual is not None and steps > 0:
            self.setValue(self.usual)
        else:
            super().stepBy(steps)

    def sizeHint(self) -> Any:
        hint = super().sizeHint()
        if self._short:
            hint.setWidth(hint.width() + self.fontMetrics().horizontalAdvance(".000"))
        return hint

    def _read(self, text: str) -> float:
        """The field's number that a text says; ValueError with a sentence."""
        bare = self._bare(text)
        if self.specialValueText() and bare in ("", self.specialValueText()):
            return float(self.minimum())
        value = read_number(bare)
        if not self.minimum() <= value <= self.maximum():
            raise ValueError(f"{bare} is not within {self.minimum():.10g} and {self.maximum():.10g}{self.suffix()}")
        if self.decimals() == 0 and value != round(value):
            raise ValueError(f"{bare} is not a whole number")
        if value and not round(value, self.decimals()):
            raise ValueError(f"{bare} is less than this field can tell from 0: {10 ** -self.decimals():g}")
        return value

    def _bare(self, text: str) -> str:
        for affix, cut in ((self.prefix(), str.removeprefix), (self.suffix(), str.removesuffix)):
            text = cut(cut(text, affix).strip(), affix.strip()).strip()
        return text

    def _why_not(self, text: str) -> str:
        try:
            self._read(text)
        except ValueError as error:
            return str(error)
        return ""

    def _look(self, text: str) -> None:
        """While it is typed: amber once it cannot be used and is not only begun."""
        if text == self._back:  # Qt has put it there
            return
        self._back = ""
        self._mark("" if _BEGUN.fullmatch(self._bare(text)) else self._why_not(text))

    def _hold(self) -> None:
        """This number stays until another one is typed to the end, stepped to, or set."""
        if self.value() != self._held:
            self._mark("")
        self._held = self.value()
        self.lineEdit().setModified(False)

    def _mark(self, reason: str) -> None:
        if reason or self._refused:
            self._refused = bool(reason)
            style.warn(self, reason)


class Whole(Real):
    """The same for a whole number."""

    def __init__(self, low: int, high: int, value: int, special: str = "") -> None:
        super().__init__(low, high, value, 1, special=special, decimals=0)

    def value(self) -> int:
        return round(super().value())
