"""Controls by the name of the argument that they stand for: text in, text out, and told when one changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymol.Qt import QtCore, QtWidgets

from edmnoise.base.errors import EdmNoiseError
from edmnoise.settings.knob import Knob

from . import style
from .number import Real, Whole

_FEWEST = 4
"""Letters of a choice that a narrow panel leaves room for."""


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
        signal(control).connect(lambda *_: self.changed.emit())
        return control

    def knob(self, knob: Knob, control: Any = None, label: str = "", **ranged: Any) -> Any:
        """Take in the control of a setting: the one that is given, or a `field` of it."""
        return self.add(knob.name, control or field(knob, label, **ranged), knob.tooltip, default=knob.said)

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
    if isinstance(control, Real):
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
            control.lineEdit().setCursorPosition(0)
    elif isinstance(control, Real):
        if text == "" and control.specialValueText():
            control.setValue(control.minimum())
            return
        try:
            value = float(text)
        except ValueError:
            return
        control.setValue(value)
    else:
        control.setText(text)


KINDS = (QtWidgets.QAbstractButton, QtWidgets.QComboBox, QtWidgets.QAbstractSpinBox, QtWidgets.QLineEdit)
"""Of controls that hold something."""


def signal(control: Any) -> Any:
    """What a control of one of KINDS emits when it holds something else."""
    if isinstance(control, QtWidgets.QAbstractButton):
        return control.toggled
    if isinstance(control, QtWidgets.QComboBox):
        return control.currentTextChanged
    if isinstance(control, Real):
        return control.valueChanged
    return control.textChanged


def label(text: str, control: Any) -> Any:
    """A label whose letter behind & leads to the control."""
    made = QtWidgets.QLabel(text)
    made.setBuddy(control)
    return made


class _Choice(QtWidgets.QComboBox):
    """As wide as there is room: a long word is cut in its middle, and stands whole in the tooltip."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumWidth(50)
        self.setMinimumContentsLength(_FEWEST)
        self.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)

    def paintEvent(self, _: Any) -> None:
        painter, option = QtWidgets.QStylePainter(self), QtWidgets.QStyleOptionComboBox()
        self.initStyleOption(option)
        control, part = QtWidgets.QStyle.ComplexControl.CC_ComboBox, QtWidgets.QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(control, option, part, self).width() - 4
        middle = QtCore.Qt.TextElideMode.ElideMiddle
        option.currentText = self.fontMetrics().elidedText(option.currentText, middle, room)
        painter.drawComplexControl(control, option)
        painter.drawControl(QtWidgets.QStyle.ControlElement.CE_ComboBoxLabel, option)

    def event(self, event: Any) -> bool:
        if event.type() == QtCore.QEvent.Type.ToolTip and not self.isEditable():
            words = (self.toolTip(), self.currentText())
            QtWidgets.QToolTip.showText(event.globalPos(), "\n".join(filter(None, words)), self)
            return True
        return bool(super().event(event))


def choice(*words: str, **labelled: str) -> Any:
    """A list to choose from: words, or words with a label that is read instead."""
    box = _Choice()
    for word in words:
        box.addItem(word, word)
    for word, label in labelled.items():
        box.addItem(label, word)
    return box


def editable(box: Any) -> Any:
    """A list in which other words can be typed too; where room is short it is read from its beginning."""
    box.setEditable(True)
    box.setInsertPolicy(QtWidgets.QComboBox.InsertPolicy.NoInsert)
    line = box.lineEdit()
    for chosen in (box.currentIndexChanged, box.activated, line.editingFinished):
        chosen.connect(lambda *_: line.setCursorPosition(0))
    line.setCursorPosition(0)  # of the first choice, which nobody has chosen
    return box


def field(
    knob: Knob,
    label: str = "",
    *,
    low: float | None = None,
    high: float | None = None,
    step: float = 1,
    decimals: int = 4,
    special: str = "usual",
) -> Any:
    """A control for a setting at its default: a box with a label, a list, a number within its bounds or narrower ones,
    or a line. One that may be left out reads ``special`` then, at the lowest number."""
    optional = knob.default is None
    if knob.kind == "0/1":
        return choice(**{"": special, **knob.words}) if optional else _checkbox(label or knob.name, knob.default)
    if knob.kind in ("integer", "float"):
        least, most = (own if given is None else given for own, given in ((knob.low, low), (knob.high, high)))
        value, special = (least, special) if optional else (knob.default, "")
        if knob.kind == "integer":
            return Whole(int(least), int(most), int(value), special)
        return Real(least, most, value, step, "Å" if knob.unit else "", special, decimals)
    if knob.words:
        box = choice(**knob.words) if knob.closed else editable(choice(**knob.words))
        set_text(box, knob.said)
        return box
    line = QtWidgets.QLineEdit()
    line.setPlaceholderText(knob.usual)
    line.setMinimumWidth(40)
    return line


def judged(control: Any, knob: Knob) -> Any:
    """A control that turns amber, and says why, while its text is none that its setting takes."""

    def judge(*_: Any) -> None:
        try:
            knob.read(text_of(control))
        except EdmNoiseError as error:
            style.warn(control, str(error))
        else:
            style.warn(control, "")

    signal(control).connect(judge)
    return control


def _checkbox(label: str, on: bool) -> Any:
    box = QtWidgets.QCheckBox(label)
    box.setChecked(on)
    return box


def leave_the_wheel(panel: Any) -> None:
    """Let the wheel scroll the panel: it changes no slider, number or choice that it passes over, unless in focus."""
    guard = _WheelGuard(panel)
    for control in panel.findChildren(QtWidgets.QWidget):
        if isinstance(control, (QtWidgets.QSlider, QtWidgets.QAbstractSpinBox, QtWidgets.QComboBox)):
            control.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)  # the wheel does not bring it into focus
            control.installEventFilter(guard)


class _WheelGuard(QtCore.QObject):
    def eventFilter(self, watched: Any, event: Any) -> bool:
        if event.type() == QtCore.QEvent.Type.Wheel and not watched.hasFocus():
            event.ignore()
            return True
        return False
