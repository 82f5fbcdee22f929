"""The Noise tab: weights, level, frames; Live shakes the molecule while the sliders move, Apply makes the frames."""

from __future__ import annotations

from typing import Any

from pymol.Qt import QtCore, QtWidgets

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.lengths import IN_SPACE
from edmnoise.noise.process import FLAT, NoiseChoice, named_process
from edmnoise.noise.sigma import SigmaDistribution, sigma_distribution
from edmnoise.settings import atoms, noise

from ...commands.request import Request
from ...scene import stage
from ..controls import form, style
from ..controls.number import Real
from ..controls.weights import WeightsEditor
from ..controls.words import Words
from ..session import Noise, Session
from .ribbon import offer_ribbon
from .shaking import Shaking

_FINE = 100
"""Steps of the z slider in one standard deviation."""
_LOWEST, _HIGHEST = -4, 4


class LevelEditor(QtWidgets.QWidget):
    """z, sigma in angstrom, and the share of training steps with more noise: three faces of one number.

    `share` and `distribution` are laid out by who holds this.

    Signals: ``changed()``.
    """

    changed = QtCore.Signal()

    def __init__(self) -> None:
        super().__init__()
        self.slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        self.slider.setRange(_LOWEST * _FINE, _HIGHEST * _FINE)
        self.slider.setPageStep(_FINE // 2)
        self.slider.setToolTip("Noise level as a normal score: training draws z from N(0, 1)")
        self.slider.setAccessibleName("z slider")
        made = form.Form(self)
        self.z = made.knob(noise.Z.but(default=0.0), step=0.1, decimals=3)
        self.sigma = made.knob(noise.SIGMA, Real(1e-5, 1e6, 1, 0.5, unit="Å", decimals=5))
        self.distribution = made.knob(noise.DISTRIBUTION, form.choice(*noise.DISTRIBUTION.words))
        self.share = Words()
        self._given = "z"
        self._linear = True

        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self.slider, 0, 0, 1, 4)
        for column, (text, widget) in enumerate((("z", self.z), ("σ", self.sigma))):
            grid.addWidget(form.label(text, widget), 1, 2 * column)
            grid.addWidget(widget, 1, 2 * column + 1)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)

        self.slider.valueChanged.connect(lambda value: self.z.setValue(value / _FINE))
        self.z.valueChanged.connect(lambda _: self._follow("z"))
        self.sigma.valueChanged.connect(lambda _: self._follow("sigma"))
        self.distribution.currentTextChanged.connect(lambda _: self._follow(self._given))
        self._follow("z")

    @property
    def constants(self) -> SigmaDistribution:
        return sigma_distribution(self.distribution.currentText())

    @property
    def value(self) -> float:
        """sigma in angstrom, as a command makes it of `options`."""
        text = self.options.get("z")
        return float(self.options["sigma"]) if text is None else self.constants.sigma(float(text))

    @property
    def options(self) -> dict[str, str]:
        """Arguments of a command: the one that was set last, z or sigma, and the distribution unless it is usual."""
        given = {self._given: form.text_of(getattr(self, self._given))}
        name = self.distribution.currentText()
        return given if name == noise.DISTRIBUTION.default else {**given, "distribution": name}

    def set_sigma(self, sigma: float) -> None:
        """Give sigma, and let z follow, also where sigma stays as it was."""
        blocked = self.sigma.blockSignals(True)
        self.sigma.setValue(sigma)
        self.sigma.blockSignals(blocked)
        self._follow("sigma")

    def recall(self, texts: dict[str, str]) -> None:
        for name in ("distribution", "z", "sigma"):
            if name in texts:
                form.set_text(getattr(self, name), texts[name])

    def _follow(self, given: str) -> None:
        """Set the other faces after the one that was touched."""
        self._given = given
        constants = self.constants
        others = (self.slider, self.z, self.sigma)
        blocked = [other.blockSignals(True) for other in others]
        if given == "z":
            self.sigma.setValue(constants.sigma(self.z.value()))
        else:
            self.z.setValue(constants.z(self.sigma.value()))
        self.slider.setValue(round(self.z.value() * _FINE))
        for other, was in zip(others, blocked, strict=True):
            other.blockSignals(was)
        self._say()
        self.changed.emit()

    def follow(self, process: str, move: str) -> None:
        """Say how far atoms move where sigma says it: of noise that is forward only it is another length's, and where
        some atoms are held and the noise has no weights it is the mean of all, not of those that move."""
        named = named_process(process)
        self._linear = named is None or not (named.forward_only or (move and not named.weighted))
        self._say()

    def _say(self) -> None:
        words = f"{self.constants.share_above(self.value):.1%} of training steps have more noise"
        far = f"; an atom moves {self.value * IN_SPACE:.3g} Å (3-D RMS)" if self._linear else ""
        self.share.setText(words + far)


class NoiseTab(QtWidgets.QWidget):
    """What `edm_noise` is asked for."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.form = form.Form(self)
        self.weights = WeightsEditor(session)
        self.level = LevelEditor()
        self.process = form.judged(self.form.knob(noise.PROCESS), noise.PROCESS)
        self.frames = self.form.knob(noise.FRAMES, high=100_000)
        self.seed = self.form.knob(noise.SEED, low=0, high=2**31 - 1)
        self.name = self.form.knob(noise.NAME)
        self.move = self.form.knob(atoms.MOVE)
        self.redraw = QtWidgets.QToolButton()
        self.redraw.setIcon(style.icon("dice", self.redraw))
        self.redraw.setToolTip("New draw: the next seed")
        self.redraw.setAccessibleName("new draw")
        self.shaking = Shaking(session, self, self._settings)
        self.live = self.shaking.button
        self.apply = QtWidgets.QPushButton("A&pply")
        self.apply.setIcon(style.icon("apply", self.apply))
        self.apply.setToolTip("Make the frames: a new object, the input is not touched")
        self.copy = QtWidgets.QToolButton()
        self.copy.setIcon(style.icon("copy", self.copy))
        self.copy.setToolTip("Copy the command that makes the same frames")
        self.copy.setAccessibleName("copy as command")
        self._lay_out()
        self._connect()

    @property
    def request(self) -> Request | None:
        """The command that Apply runs; None without a usable input."""
        found = self._session.input
        if found is None:
            return None
        try:
            self.weights.weights  # noqa: B018
        except EdmNoiseError:
            return None
        weights = {"weights": self.weights.text} if self.weights.isEnabledTo(self) else {}
        options = {**self.level.options, **weights, **self.form.options(), **found.options}
        return Request("edm_noise", found.selection, options)

    def remembered(self) -> dict[str, str]:
        """All settings, for `recall`."""
        return {
            **self.form.remembered(),
            "coloured": form.text_of(self.shaking.coloured),
            "weights": self.weights.text,
            "distribution": "",
            **self.level.options,
        }

    def recall(self, texts: dict[str, str]) -> None:
        self.form.recall({**texts, "name": "", "move": ""})
        self.shaking.coloured.setChecked(texts.get("coloured") == "1")
        self.weights.set_weights(texts.get("weights", "flat"))
        self.level.recall(texts)

    def close_live(self) -> None:
        """End Live and remove its object."""
        self.shaking.close()

    def _lay_out(self) -> None:
        """What is moved most and the buttons come first, where a low window shows them."""
        rows = QtWidgets.QFormLayout(self)
        rows.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows.setContentsMargins(*style.MARGINS)
        rows.addRow(self.level)
        buttons = QtWidgets.QHBoxLayout()
        buttons.addWidget(self.live)
        buttons.addWidget(self.apply, 1)
        buttons.addWidget(self.copy)
        rows.addRow(buttons)
        rows.addRow(self.shaking.coloured)
        rows.addRow(self.level.share)
        rows.addRow(self.weights)
        last = QtWidgets.QHBoxLayout()
        last.setSpacing(3)  # or it is what makes the tab too wide for PyMOL's own window
        last.addWidget(self.frames)
        last.addWidget(form.label("S&eed", self.seed))
        last.addWidget(self.seed)
        last.addWidget(self.redraw)
        rows.addRow(form.label("&Frames", self.frames), last)
        rows.addRow("Na&me", self.name)
        rows.addRow(form.label("&z of", self.level.distribution), self.level.distribution)
        rows.addRow("Process", self.process)
        rows.addRow(form.label("Mo&ve", self.move), self.move)

    def _connect(self) -> None:
        form.signal(self.process).connect(lambda *_: self.weights.follow(self.form.text("process")))
        for changed in (self.weights.changed, self.level.changed, form.signal(self.process)):
            changed.connect(lambda *_: self.shaking.shake())
            changed.connect(lambda *_: self._tell())
        self._session.z_wanted.connect(self.level.z.setValue)
        self._session.sigma_wanted.connect(self.level.set_sigma)
        self._session.weights_wanted.connect(self.weights.set_weights)
        self.seed.valueChanged.connect(lambda _: self.shaking.restart())
        self.move.editingFinished.connect(self._hold)
        self.redraw.clicked.connect(lambda: self.seed.setValue(self.seed.value() + 1))
        self.apply.clicked.connect(self._make)
        self.copy.clicked.connect(lambda: self._session.copy(self.request))
        self._session.input_changed.connect(self._enable)
        self._session.runner.busy_changed.connect(lambda _: self._enable())
        self._enable()
        self._tell()

    def _settings(self) -> tuple[float, NoiseChoice, int, str]:
        return self.level.value, self._noise, self.seed.value(), self.form.text("move")

    def _hold(self) -> None:
        """Other atoms are held, where others are named than before."""
        if self._session.noise is None or self._session.noise.move != self.form.text("move"):
            self._tell()
            self.shaking.restart()

    @property
    def _noise(self) -> NoiseChoice:
        process = self.form.text("process")
        return NoiseChoice.parse(process, self.weights.weights if self.weights.isEnabledTo(self) else FLAT)

    def _tell(self) -> None:
        level = self.level
        process, move = map(self.form.text, ("process", "move"))
        level.follow(process, move)
        weights = self.weights.text if self.weights.follow(process) else FLAT.label
        self._session.set_noise(Noise(level.value, level.constants, weights, process, move))

    def _enable(self) -> None:
        ready = self._session.input is not None and not self._session.runner.busy
        self.apply.setEnabled(ready)
        self.copy.setEnabled(self._session.input is not None)
        self.shaking.enable()

    def _make(self) -> None:
        request = self.request
        if request is None:
            self._session.failed.emit("all three weights are 0: give one a number above 0", "")
            return
        self.close_live()
        self._session.run(request, "frames", then=self._show_frames)

    def _show_frames(self, result: Any) -> None:
        """The first frame, without the input and earlier frames over it; state 1 is the reference."""
        frames = result.table.meta["frames"]
        self._session.said.emit(f"{result.name}: reference and {frames} frame{'' if frames == 1 else 's'}")
        stage.hide(self._session.cmd, {result.source, *self._session.results} - {result.name})
        stage.go_to(self._session.cmd, 2)
        self._session.show(result.name)
        offer_ribbon(self._session, result.name)
