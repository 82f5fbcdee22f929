"""Chain, residue and atom weights, and that of domains where there are any: sliders, their shares as a bar, presets."""

from __future__ import annotations

from typing import Any

from pymol.Qt import QtCore, QtGui, QtWidgets

from edmnoise.base.colours import LEVEL_COLOURS
from edmnoise.base.errors import EdmNoiseError
from edmnoise.noise.process import named_process
from edmnoise.noise.weights import PRESETS, Weights, parse_weights
from edmnoise.structure.hierarchy import DOMAIN, LEVELS, WITH_DOMAINS, as_read, read_names

from ..session import Session
from . import form, style
from .number import Real

ROWS = as_read(LEVELS)
_EVERY = as_read(WITH_DOMAINS)
_FINE = 100
"""Steps of a slider in one unit of weight."""
_GROUP = "weights"


class ShareBar(QtWidgets.QWidget):
    """The variance of one atom, shared between the levels."""

    def __init__(self) -> None:
        super().__init__()
        self.shares = Weights.named("flat").by_name
        self.setMinimumHeight(self.fontMetrics().height() + 6)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        self.setToolTip(
            "Share of one atom's noise variance that is drawn per chain, per domain, per residue and per atom"
        )

    def set_shares(self, weights: Weights) -> None:
        self.shares = weights.by_name
        text = ", ".join(f"{level} {share:.0%}" for level, share in self.shares.items())
        self.setAccessibleName(text)
        self.update()

    def sizeHint(self) -> Any:
        return QtCore.QSize(200, self.minimumHeight())

    def paintEvent(self, _: Any) -> None:
        painter = QtGui.QPainter(self)
        if not self.isEnabled():  # noise without weights
            painter.fillRect(self.rect(), self.palette().midlight())
            return
        left, width = 0.0, float(self.width())
        for level, share in self.shares.items():
            box = QtCore.QRectF(left, 0, share * width, self.height())
            painter.fillRect(box, QtGui.QColor(LEVEL_COLOURS[level]))
            painter.setPen(QtGui.QColor("white"))
            for text in (f"{level} {share:.0%}", f"{share:.0%}"):
                if painter.fontMetrics().boundingRect(text).width() + 6 < box.width():
                    painter.drawText(box, QtCore.Qt.AlignmentFlag.AlignCenter, text)
                    break
            left += box.width()
        painter.end()


class WeightsEditor(QtWidgets.QWidget):
    """Three weights in any unit, four where the session's input has domains; only their ratios count.

    Signals: ``changed()``.
    """

    changed = QtCore.Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.preset = form.choice()
        self.preset.setToolTip("Published weights by name, and those you saved")
        self.preset.setAccessibleName("weights preset")
        self.save = self._button("save", "Save these weights under a name of your own")
        self.remove = self._button("delete", "Forget the preset of your own that is chosen")
        self.bar = ShareBar()
        self.name = QtWidgets.QLineEdit()
        self.name.setPlaceholderText("name of the preset, then Enter")
        self.name.setAccessibleName("name of the preset")
        self.name.hide()
        self.sliders: dict[str, Any] = {}
        self.spins: dict[str, Any] = {}
        self._labels: dict[str, Any] = {}

        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.preset, 0, 0, 1, 2)
        buttons = QtWidgets.QHBoxLayout()
        buttons.addWidget(self.save)
        buttons.addWidget(self.remove)
        grid.addLayout(buttons, 0, 2)
        grid.addWidget(self.name, 1, 0, 1, 3)
        for row, level in enumerate(_EVERY, 2):
            self._add_level(grid, row, level)
        grid.addWidget(self.bar, 6, 0, 1, 3)
        grid.setColumnStretch(1, 1)

        self.preset.activated.connect(self._take_preset)
        self.save.clicked.connect(self._ask_name)
        self.remove.clicked.connect(self._forget)
        self.name.returnPressed.connect(self._keep)
        session.input_changed.connect(self._offer_domains)
        self._list_presets()
        self._offer_domains()
        self.set_weights("flat")

    @property
    def rows(self) -> tuple[str, ...]:
        """The levels that have a weight: domains where the input has them, and the weight is not 0."""
        found = self._session.input
        with_domains = found is not None and found.domains and self.spins[DOMAIN].value()
        return _EVERY if with_domains else ROWS

    def follow(self, process: str) -> bool:
        """Be there for a process that has weights alone; gives whether this one does, or is none yet."""
        named = named_process(process)
        weighted = named is None or named.weighted
        self.setEnabled(weighted)
        self.setToolTip("" if weighted else f"{process.split()[0]} noise has no weights")
        return weighted

    @property
    def weights(self) -> Weights:
        """EdmNoiseError where all are 0."""
        return Weights.of(**{level: self.spins[level].value() for level in self.rows})

    @property
    def text(self) -> str:
        """As a command takes it: a preset's name, or three numbers, four where domains have one."""
        for name, numbers in PRESETS.items():
            if numbers == tuple(self.spins[level].value() for level in self.rows):
                return name
        return self._numbers

    @property
    def _numbers(self) -> str:
        return " ".join(form.text_of(self.spins[level]) for level in self.rows)

    def set_weights(self, text: str) -> None:
        """From a preset's name or its numbers; what cannot be read is ignored."""
        own = self._session.settings.read(_GROUP)
        try:
            parts = PRESETS[text] if text in PRESETS else tuple(map(float, own.get(text, text).split()))
            parse_weights(parts)
        except (EdmNoiseError, ValueError):
            return
        for level, weight in {DOMAIN: 0.0, **dict(zip(read_names(len(parts)), parts, strict=True))}.items():
            self.spins[level].blockSignals(True)
            self.spins[level].setValue(weight)
            self.spins[level].blockSignals(False)
        self._show()

    def _add_level(self, grid: Any, row: int, level: str) -> None:
        tip = f"Weight of the noise drawn once per {level}; only the ratios of the weights count"
        slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        slider.setRange(0, 10 * _FINE)
        spin = Real(0, 1000, 0, 0.1, decimals=8, short=True)
        for widget in (slider, spin):
            widget.setToolTip(tip)
            widget.setAccessibleName(f"{level} weight")
        slider.valueChanged.connect(lambda value: spin.setValue(value / _FINE))
        spin.valueChanged.connect(self._show)
        self._labels[level] = form.label(level, spin)
        grid.addWidget(self._labels[level], row, 0)
        grid.addWidget(slider, row, 1)
        grid.addWidget(spin, row, 2)
        self.sliders[level], self.spins[level] = slider, spin

    def _offer_domains(self) -> None:
        """Where the input has domains they have a slider."""
        found = self._session.input
        offered = found is not None and bool(found.domains)
        for widgets in (self._labels, self.sliders, self.spins):
            widgets[DOMAIN].setVisible(offered)
        if self.spins[DOMAIN].value():  # the weights are others by it
            self._show()

    def _show(self, _: float = 0.0) -> None:
        for level in _EVERY:
            slider, value = self.sliders[level], self.spins[level].value()
            slider.blockSignals(True)
            slider.setValue(min(round(value * _FINE), slider.maximum()))
            slider.blockSignals(False)
        try:
            weights = self.weights
            self.bar.set_shares(weights)
            reason = ""
        except EdmNoiseError:
            reason = "all three weights are 0: give one a number above 0"
        for level in _EVERY:
            style.warn(self.spins[level], reason)
        index = self.preset.findData(self._preset_name())
        self.preset.setCurrentIndex(max(index, 0))
        self.remove.setEnabled(self.preset.currentText() in self._session.settings.read(_GROUP))
        self.changed.emit()

    def _preset_name(self) -> str:
        if self.text in PRESETS:
            return self.text
        own = self._session.settings.read(_GROUP)
        return next((name for name, numbers in own.items() if numbers == self.text), "")

    def _list_presets(self) -> None:
        self.preset.clear()
        self.preset.addItem("weights of your own", "")
        for name, numbers in PRESETS.items():
            self.preset.addItem(f"{name} ({' / '.join(f'{n:g}' for n in numbers)})", name)
        for name in self._session.settings.read(_GROUP):
            self.preset.addItem(name, name)

    def _take_preset(self, index: int) -> None:
        if name := self.preset.itemData(index):
            self.set_weights(name)

    def _ask_name(self) -> None:
        self.name.show()
        self.name.setFocus()

    def _keep(self) -> None:
        name = " ".join(self.name.text().replace("/", " ").split())
        if name in PRESETS:
            style.warn(self.name, f"{name} is a published preset: give another name")
            return
        style.warn(self.name, "")
        self.name.clear()
        self.name.hide()
        if name:
            self._session.settings.write(_GROUP, {**self._session.settings.read(_GROUP), name: self._numbers})
            self._list_presets()
            self._show()

    def _forget(self) -> None:
        own = self._session.settings.read(_GROUP)
        own.pop(self.preset.currentText(), None)
        self._session.settings.write(_GROUP, own)
        self._list_presets()
        self._show()

    def _button(self, name: str, tip: str) -> Any:
        button = QtWidgets.QToolButton()
        button.setIcon(style.icon(name, button))
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        return button
