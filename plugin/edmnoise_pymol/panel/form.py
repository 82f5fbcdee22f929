"""Controls by the name of the argument that they stand for: text in, text out, and told when one changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymol.Qt import QtCore, QtWidgets


class Form(QtCore.QObject):
    """Controls, each with the text of a command's argument.

    Signals: ``changed()`` after any of them.
    """

    changed = QtCore.Signal()

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._controls: dict[str, Any] = {}
        self._defaults: dict[str, str] = {}

    def add(self, name: str, control: Any, tip: str, default: str | None = None) -> Any:
        """Take a control in, and give it back. Its text is left out of a command where it is the default."""
        control.setToolTip(tip)
        control.setProperty("help", tip)
        control.setObjectName(name)
        control.setAccessibleName(name.replace("_", " "))
        self._controls[name] = control
        self._defaults[name] = text_of(control) if default is None else default
        _signal(control).connect(lambda *_: self.changed.emit())
        return control

    def __getitem__(self, name: str) -> Any:
        return self._controls[name]

    def text(self, name: str) -> str:
        return text_of(self._controls[name])

    def options(self, *names: str) -> dict[str, str]:
        """What a command has to be told: those of the named controls (all, where none is named) with other texts than
        the defaults, while they can be used."""
        chosen = names or tuple(self._controls)
        return {
            name: self.text(name)
            for name in chosen
            if self._controls[name].isEnabled() and self.text(name) != self._defaults[name]
        }

    def remembered(self) -> dict[str, str]:
        """All texts, for `recall`."""
        return {name: text_of(control) for name, control in self._controls.items()}

    def recall(self, texts: Mapping[str, str]) -> None:
        """Set the controls that are named; a text that a control does not take is ignored."""
        for name, control in self._controls.items():
            if name in texts:
                set_text(control, texts[name])


def text_of(control: Any) -> str:
    """The text of a control, as a command takes it."""
    if isinstance(control, QtWidgets.QAbstractButton):
        return str(int(control.isChecked()))
    if isinstance(control, QtWidgets.QComboBox):
        if control.isEditable() and control.currentText() != control.itemText(control.currentIndex()):
            return str(control.currentText()).strip()
        data = control.currentData()
        return str(data) if data is not None else control.currentText()
    if isinstance(control, QtWidgets.QSpinBox | QtWidgets.QDoubleSpinBox):
        if control.specialValueText() and control.value() == control.minimum():
            return ""
        return f"{control.value():.10g}"
    return str(control.text()).strip()


def set_text(control: Any, text: str) -> None:
    """The inverse of `text_of`."""
    if isinstance(control, QtWidgets.QAbstractButton):
        control.setChecked(text == "1")
    elif isinstance(control, QtWidgets.QComboBox):
        index = control.findData(text)
        index = control.findText(text) if index < 0 else index
        if index >= 0:
            control.setCurrentIndex(index)
        elif control.isEditable():
            control.setEditText(text)
    elif isinstance(control, QtWidgets.QSpinBox | QtWidgets.QDoubleSpinBox):
        if text == "" and control.specialValueText():
            control.setValue(control.minimum())
            return
        try:
            value = float(text)
        except ValueError:
            return
        control.setValue(int(value) if isinstance(control, QtWidgets.QSpinBox) else value)
    else:
        control.setText(text)


def _signal(control: Any) -> Any:
    if isinstance(control, QtWidgets.QAbstractButton):
        return control.toggled
    if isinstance(control, QtWidgets.QComboBox):
        return control.currentTextChanged
    if isinstance(control, QtWidgets.QSpinBox | QtWidgets.QDoubleSpinBox):
        return control.valueChanged
    return control.textChanged


def label(text: str, control: Any) -> Any:
    """A label whose letter behind & leads to the control."""
    made = QtWidgets.QLabel(text)
    made.setBuddy(control)
    return made


def whole(low: int, high: int, value: int, special: str = "") -> Any:
    """A field for a whole number; where ``special`` is given, its lowest value reads so and stands for nothing."""
    spin = QtWidgets.QSpinBox()
    spin.setRange(low, high)
    spin.setSpecialValueText(special)
    spin.setValue(value)
    return calm(spin)


def real(
    low: float, high: float, value: float, step: float, unit: str = "", special: str = "", decimals: int = 4
) -> Any:
    """A field for a number with a unit; ``special`` as in `whole`."""
    spin = QtWidgets.QDoubleSpinBox()
    spin.setDecimals(decimals)
    spin.setRange(low, high)
    spin.setSingleStep(step)
    spin.setSuffix(f" {unit}" if unit else "")
    spin.setSpecialValueText(special)
    spin.setValue(value)
    return calm(spin)


class _Short(QtWidgets.QDoubleSpinBox):
    """Shows the digits that a number has, not all that it may have."""

    def textFromValue(self, value: float) -> str:
        text, point = super().textFromValue(value), str(self.locale().decimalPoint())
        return text.rstrip("0").removesuffix(point) if point in text else text

    def sizeHint(self) -> Any:
        hint = super().sizeHint()
        hint.setWidth(hint.width() + self.fontMetrics().horizontalAdvance(".000"))
        return hint


def short(
    low: float, high: float, value: float, step: float, unit: str = "", special: str = "", decimals: int = 8
) -> Any:
    """A field as `real` makes it, for a number that may need many digits and mostly has few."""
    spin = _Short()
    spin.setDecimals(decimals)
    spin.setRange(low, high)
    spin.setSingleStep(step)
    spin.setSuffix(f" {unit}" if unit else "")
    spin.setSpecialValueText(special)
    spin.setValue(value)
    return calm(spin)


def choice(*words: str, **labelled: str) -> Any:
    """A list to choose from: words, or words with a label that is read instead."""
    box = QtWidgets.QComboBox()
    for word in words:
        box.addItem(word, word)
    for word, label in labelled.items():
        box.addItem(label, word)
    return calm(box)


def calm(control: Any) -> Any:
    """The wheel scrolls the panel, it does not change a field that it passes over; a narrow panel may squeeze it."""
    control.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
    control.setMinimumWidth(50)
    control.installEventFilter(_wheel_guard())
    return control


class _WheelGuard(QtCore.QObject):
    def eventFilter(self, watched: Any, event: Any) -> bool:
        if event.type() == QtCore.QEvent.Type.Wheel and not watched.hasFocus():
            event.ignore()
            return True
        return False


_guard: Any = None


def _wheel_guard() -> Any:
    global _guard
    if _guard is None:
        _guard = _WheelGuard()
    return _guard
