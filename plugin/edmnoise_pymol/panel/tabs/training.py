"""The Training tab: a small network learns the chosen states; its loss as it goes, its error, and on to sampling."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pymol.Qt import QtCore, QtWidgets

from edmnoise.base.errors import EdmNoiseError
from edmnoise.settings.noise import PROCESS

from ...commands.request import Request, quoted
from ..controls import form, style
from ..controls.fold import Fold
from ..controls.rows import row, tool
from ..controls.weights import WeightsEditor
from ..plots.chart import Chart
from ..plots.error import ErrorChart
from ..plots.loss import LossChart
from ..plots.measured_cache import answered
from ..session import Session
from .training_fields import TrainingFields

if TYPE_CHECKING:
    from ...jobs.error import ErrorResult
    from ...jobs.training import TrainResult

_HEIGHT = 230
"""Pixels of the plots, read-out and all."""

_NO_WEIGHTS = "all three weights are 0: give one a number above 0"


class TrainingTab(QtWidgets.QWidget):
    """What `edm_train` is asked for, and what came of it."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._running = False
        self._clicked = QtCore.QElapsedTimer()
        self.fields = TrainingFields(self)
        self.form = self.fields.form
        self.weights = WeightsEditor(session)
        self.start = QtWidgets.QPushButton("&Start")
        self.copy = tool("copy", "Copy the command that trains the same", "copy training as command")
        self.resume = QtWidgets.QPushButton("Res&ume")
        self.resume.setIcon(style.icon("run", self.resume))
        self.resume.setToolTip("Go on from the checkpoint as if there had been no interruption, to the last bit")
        self.copy_resume = tool("copy", "Copy the command that goes on", "copy resuming as command")
        self.measure = QtWidgets.QPushButton("Measure &error")
        self.measure.setToolTip("Measure the error of the checkpoint's network over the noise levels (edm_error)")
        self.sample = QtWidgets.QPushButton("Sample &with it")
        self.sample.setToolTip("Put the checkpoint into the Sampling tab, with the noise that it was trained with")
        self.loss, self.error = LossChart(session), ErrorChart(session)
        self.charts = QtWidgets.QStackedWidget()
        self.buttons = {chart.title: self._chart(chart) for chart in (self.loss, self.error)}
        self.weights_fold = Fold("", self.weights, "Chain, residue and atom shares of the noise")
        self.more = Fold(
            "More settin&gs", self.fields.more(), "Batch, seed, device, states that are held out, other objects"
        )
        self._lay_out()
        self._connect()

    # The commands

    @property
    def checkpoint(self) -> str:
        """Where it lies: the path that was given, or the one that a training of the input takes."""
        found = self._session.input
        return self.form.text("file") or (f"{found.object}.safetensors" if found else "")

    @property
    def request(self) -> Request | None:
        """The command that Start runs; None without a usable input."""
        try:
            self.weights.weights  # noqa: B018
        except EdmNoiseError:
            return None
        weights = {} if self.weights.text == "flat" else {"weights": self.weights.text}
        return self._request("edm_train", {**weights, **self.fields.options()})

    @property
    def resume_request(self) -> Request | None:
        """The command that Resume runs: how it is trained stands in the checkpoint."""
        options = {**self.form.options("device"), **self.fields.of_the_data(), "resume": quoted(self.checkpoint)}
        return self._request("edm_train", options)

    def error_request(self, noise: Mapping[str, str]) -> Request | None:
        """The command that Measure error runs, for a checkpoint that was trained with this process and weights."""
        options = {name: text for name, text in self.fields.of_the_data().items() if name != "state_weights"}
        options |= self.form.options("distribution")
        noise = {name: text for name, text in noise.items() if text != PROCESS.default}
        return self._request("edm_error", {"denoiser": quoted(self.checkpoint), **noise, **options})

    def _request(self, command: str, options: Mapping[str, str]) -> Request | None:
        found = self._session.input
        if found is None:
            return None
        # All states are the data: which one is shown, or chosen above, is no matter.
        kept = {name: value for name, value in found.options.items() if name != "state"}
        return Request(command, self.fields.ensemble.subject(found.selection), {**options, **kept})

    def remembered(self) -> dict[str, str]:
        """All settings, for `recall`."""
        folds = {"more": self.more, "weights_fold": self.weights_fold}
        return {
            **self.fields.remembered(),
            "weights": self.weights.text,
            **{name: str(int(fold.unfolded)) for name, fold in folds.items()},
        }

    def recall(self, texts: Mapping[str, str]) -> None:
        """Set the controls as they were."""
        self.fields.recall(texts)
        self.weights.set_weights(texts.get("weights", "flat"))
        self.more.unfold(texts.get("more") == "1")
        self.weights_fold.unfold(texts.get("weights_fold") == "1")

    # The rows

    def _lay_out(self) -> None:
        """What is set for every training and Start come first, where a low window shows them."""
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(*style.MARGINS)
        rows = QtWidgets.QFormLayout()
        rows.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        column.addLayout(rows)
        column.addStretch()
        for words, line in self.fields.lines():
            first = line if isinstance(line, QtWidgets.QWidget) else line.itemAt(0).widget()
            rows.addRow(*([form.label(words, first)] if words else []), line)
        rows.addRow(row(self.start, self.copy, self.resume, self.copy_resume))
        charts = QtWidgets.QHBoxLayout()
        charts.setSpacing(2)
        for button in self.buttons.values():
            charts.addWidget(button)
        charts.addStretch()
        rows.addRow(charts)
        self.charts.setFixedHeight(_HEIGHT)
        rows.addRow(self.charts)
        rows.addRow(row(self.measure, self.sample))
        rows.addRow(self.weights_fold)
        rows.addRow(self.more)

    def _chart(self, chart: Chart) -> Any:
        """A button that shows a chart of the stack."""
        chart.setAccessibleName(chart.title.lower())
        self.charts.addWidget(chart)
        button = QtWidgets.QToolButton()
        button.setText(chart.title)
        button.setToolTip(chart.help)
        button.setCheckable(True)
        button.setAutoRaise(True)
        button.setAutoExclusive(True)
        button.setChecked(chart is self.loss)
        button.clicked.connect(lambda: self.charts.setCurrentWidget(chart))
        return button

    def _connect(self) -> None:
        session = self._session
        self.weights.changed.connect(self._name_weights)
        self.start.clicked.connect(self._start_or_stop)
        self.resume.clicked.connect(lambda: self._train(self.resume_request))
        self.measure.clicked.connect(lambda: self._knowing_noise(self._measure))
        self.sample.clicked.connect(lambda: self._knowing_noise(self._sample))
        self.copy.clicked.connect(lambda: session.copy(self.request))
        self.copy_resume.clicked.connect(lambda: session.copy(self.resume_request))
        session.input_changed.connect(self._enable)
        session.runner.busy_changed.connect(self._busy)
        session.runner.shown.connect(self._see)
        self._name_weights()
        self._enable()

    def _name_weights(self) -> None:
        self.weights_fold.button.setText(f"Noise we&ights: {self.weights.text}")
        self.weights_fold.button.setAccessibleName("noise weights of the training")

    # Acting

    def _enable(self) -> None:
        free, ready = not self._session.runner.busy, self._session.input is not None
        self.start.setText("&Stop" if self._running else "&Start")
        self.start.setIcon(style.icon("cancel" if self._running else "run", self.start))
        self.start.setToolTip(
            "End the training; a checkpoint of its last step is kept, from which Resume goes on"
            if self._running
            else "Train a network on the states: nothing in PyMOL is changed, the checkpoint is a file"
        )
        self.start.setEnabled(self._running or (free and ready))
        for button in (self.resume, self.measure):
            button.setEnabled(free and ready)
        for button in (self.copy, self.copy_resume, self.sample):
            button.setEnabled(ready)
        self.form["file"].setPlaceholderText(f"{self._session.input.object}.safetensors" if self._session.input else "")

    def _busy(self, busy: bool) -> None:
        self._running = self._running and busy
        self._enable()

    def _start_or_stop(self) -> None:
        if self._running:
            # The second half of a double click on Start is not meant for Stop.
            if self._clicked.elapsed() >= QtWidgets.QApplication.doubleClickInterval():
                self._session.runner.cancel()
            return
        path = self.form.text("file")
        if path and os.path.exists(os.path.expanduser(path)):
            self._session.failed.emit(f"{path} is there: Resume goes on from it; give another file for a new one", "")
        else:
            self._train(self.request)

    def _train(self, request: Request | None) -> None:
        if request is None:
            self._session.failed.emit(_NO_WEIGHTS, "")
        elif self._session.run(request, then=self._trained):
            self._running = True
            self._clicked.start()
            self._enable()
            self._bring_into_sight(self.charts)

    def _bring_into_sight(self, widget: Any) -> None:
        """Scroll a low panel."""
        area = self.parent()
        while area is not None and not isinstance(area, QtWidgets.QScrollArea):
            area = area.parent()
        if area is not None:
            area.ensureWidgetVisible(widget)

    def _see(self, seen: Any) -> None:
        """What the running training shows."""
        if self._running:
            if not seen.count:
                self.error.show_study(None)
                self.buttons[self.loss.title].click()
            self.loss.add(seen)

    def _trained(self, result: TrainResult) -> None:
        self._session.said.emit(f"{result.path}: {'; '.join(result.notes[1:])}")
        if result.path != self.checkpoint:  # of several objects another one is the first
            self.form["file"].setText(result.path)
        if result.error is not None:
            self._show_error(result.error, result.error.labels[0][0])

    def _knowing_noise(self, act: Callable[[Mapping[str, str]], None]) -> None:
        """Do something with the noise that the checkpoint was trained with."""
        path = self.checkpoint

        def job() -> Any:
            from ...jobs.training import trained_with

            return answered(trained_with(path))

        def done(found: Any) -> None:
            if isinstance(found, str):
                self._session.failed.emit(found, "")
            elif path == self.checkpoint:
                act(found)

        self._session.compute("checkpoint", job, done)

    def _measure(self, noise: Mapping[str, str]) -> None:
        request = self.error_request(noise)
        if request is not None:
            name = self.checkpoint
            self._session.run(request, then=lambda result: self._measured(result, name))

    def _measured(self, result: ErrorResult, name: str) -> None:
        self._session.said.emit(f"{name}: error on {result.study.of}, {result.study.draws} draws a level")
        self._show_error(result.study, name)

    def _show_error(self, study: Any, network: str) -> None:
        self.error.show_study(study, network)
        self.buttons[self.error.title].click()

    def _sample(self, noise: Mapping[str, str]) -> None:
        texts = {name: self.form.text(name) for name in ("ligands", "common")}
        texts |= {"others": self.fields.parts.text("others"), "gives": "denoised"}
        self._session.network_wanted.emit({"denoiser": self.checkpoint, **noise, **texts})
        self._session.said.emit(f"Sampling tab: denoiser {self.checkpoint}, weights {noise['weights']}")
