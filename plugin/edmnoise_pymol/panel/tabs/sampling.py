"""The Sampling tab: denoiser, sampler or published preset, schedule, switches; Run makes the trajectory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pymol.Qt import QtCore, QtWidgets

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.names import PUBLISHED

from ...commands import edm_return, edm_sample
from ...commands.request import Request
from ...commands.speech import knobs_of
from ...scene import ask, stage
from ..controls import form, style
from ..controls.fold import Fold
from ..controls.optional_fields import name_usual, set_usual
from ..controls.rows import row, tool
from ..controls.weights import WeightsEditor
from ..plots.schedule import SchedulePlot
from ..plots.signs import brief, in_angstrom
from ..session import Session
from .coefficients import CoefficientsDialog
from .returns import ReturnDialog
from .sampling_fields import SamplingFields
from .trace_dialog import TraceDialog


class SamplingTab(QtWidgets.QWidget):
    """What `edm_sample` is asked for."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._running = False
        self._clicked = QtCore.QElapsedTimer()
        self._before: set[str] = set()
        self._tail = 0
        self.fields = SamplingFields(self)
        self.form = self.fields.form
        self.weights = WeightsEditor(session)
        self.plot = SchedulePlot(session, lambda: self.fields.of_the_sampler)
        self.redraw = tool("dice", "New draw: the next seed", "new draw of the sampler")
        self.follow = QtWidgets.QCheckBox("watch")
        self.follow.setChecked(True)
        self.follow.setToolTip(
            "Go to each step as it is made, as long as the last one is shown; PyMOL draws it anew each time"
        )
        self.follow.setAccessibleName("watch the steps")
        self.coefficients = QtWidgets.QPushButton("&Coefficients")
        self.coefficients.setToolTip(
            "Preconditioning of each level: c_skip, c_out, c_in and c_noise over the noise levels (edm_precondition)"
        )
        self.trace = QtWidgets.QPushButton("Open trac&e…")
        self.trace.setIcon(style.icon("open", self.trace))
        self.trace.setToolTip("Open what was recorded of a real model's run, step by step (edm_trace)")
        self.back = tool(
            "return",
            "Noise the states to several levels, sample back, and see how surely each comes back (edm_return)",
            "how surely states come back",
        )
        self.run = QtWidgets.QPushButton("Ru&n")
        self.copy = tool("copy", "Copy the command that makes the same samples", "copy sampling as command")
        self.weights_fold = Fold("", self.weights, "Chain, residue and atom shares of the noise")
        self.more = Fold("More settin&gs", self.fields.more(), "Schedule, churn, switches, the data's own motion")
        self._lay_out()
        self._connect()

    @property
    def request(self) -> Request | None:
        """The command that Run runs; None without a usable input."""
        found = self._session.input
        if found is None:
            return None
        try:
            self.weights.weights  # noqa: B018
        except EdmNoiseError:
            return None
        # All states are the data: which one is shown, or chosen above, is no matter.
        kept = {name: value for name, value in found.options.items() if name != "state"}
        options = {**self._noise_options, **self.fields.options(), **kept}
        return Request("edm_sample", self.fields.ensemble.subject(found.selection), options)

    @property
    def coefficients_request(self) -> Request | None:
        """The command that Coefficients runs."""
        found, request = self._session.input, self.request
        if found is None or request is None:
            return None
        names = ("weights", "process", "distribution", "ligands")
        shared = {name: request.options[name] for name in names if name in request.options}
        return Request("edm_precondition", found.selection, {**shared, **found.options})

    @property
    def return_request(self) -> Request | None:
        """The command that the way back's button runs: as the run, at levels of its own."""
        request = self.request
        if request is None:
            return None
        return Request("edm_return", request.subject, {k: v for k, v in request.options.items() if k in _WAY_BACK})

    def remembered(self) -> dict[str, str]:
        """All settings, for `recall`."""
        folds = {"more": self.more, "weights_fold": self.weights_fold}
        return {
            **self.fields.remembered(),
            "weights": self.weights.text,
            "follow": form.text_of(self.follow),
            **{name: str(int(fold.unfolded)) for name, fold in folds.items()},
        }

    def recall(self, texts: Mapping[str, str]) -> None:
        """Set the controls as they were."""
        self.fields.recall(texts)
        self.weights.set_weights(texts.get("weights", "flat"))
        self.follow.setChecked(texts.get("follow", "1") == "1")
        self.more.unfold(texts.get("more") == "1")
        self.weights_fold.unfold(texts.get("weights_fold") == "1")

    def take_network(self, texts: Mapping[str, str]) -> None:
        """Set what a network is to be sampled with; what is not named stays."""
        self.fields.form.recall(texts)
        self.fields.parts.recall(texts)
        self.weights.set_weights(texts["weights"])

    @property
    def _noise_options(self) -> dict[str, str]:
        plain = self.weights.text == "flat" or not self.weights.isEnabledTo(self)
        return {} if plain else {"weights": self.weights.text}

    def _lay_out(self) -> None:
        """What is set for every run and Run itself come first, where a low window shows them."""
        control = self.form.__getitem__
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(*style.MARGINS)
        rows = QtWidgets.QFormLayout()
        column.addLayout(rows)
        column.addStretch()
        rows.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows.addRow(form.label("&Denoiser", control("denoiser")), self.fields.network.lines)
        rows.addRow(form.label("Sample&r", control("sampler")), control("sampler"))
        count = row(control("steps"), "Samples", control("samples"))
        begin = row(control("start"), "σ", control("sigma_max"), self.back)
        draw = row(control("seed"), self.redraw, "Name", control("name"))
        for line in (count, begin, draw):
            line.setSpacing(3)
        rows.addRow(form.label("S&teps", control("steps")), count)
        rows.addRow(form.label("From", control("start")), begin)
        rows.addRow(form.label("Seed", control("seed")), draw)
        kept = row(control("trajectory"), control("denoised"))
        kept.addStretch()
        rows.addRow(kept)
        rows.addRow(row(self.run, self.follow, self.copy))
        rows.addRow(row(self.coefficients, self.trace))
        rows.addRow(self.plot)
        rows.addRow(self.weights_fold)
        rows.addRow(self.more)

    def _connect(self) -> None:
        session = self._session
        self.form.changed.connect(self._follow_settings)
        self.fields.changed.connect(self._follow_settings)
        self.weights.changed.connect(self._name_weights)
        self.plot.planned.connect(self._show_usual)
        self.plot.refused.connect(self._warn)
        self.redraw.clicked.connect(lambda: self.form["seed"].setValue(self.form["seed"].value() + 1))
        self.run.clicked.connect(self._run_or_cancel)
        self.copy.clicked.connect(lambda: session.copy(self.request, self._in_angstrom))
        self.coefficients.clicked.connect(self._show_coefficients)
        self.trace.clicked.connect(lambda: self.open_trace())
        self.back.clicked.connect(self._show_return)
        session.network_wanted.connect(self.take_network)
        session.input_changed.connect(self._enable)
        session.runner.busy_changed.connect(self._busy)
        session.runner.progressed.connect(lambda *_: self._go_to_tail())
        self._planned_for: Mapping[str, str] | None = None
        self._begins = math.nan
        self._follow_settings()
        self._name_weights()
        self._enable()

    # Settings

    def _follow_settings(self) -> None:
        if not self.weights.follow(self.form.text("process")):
            self.weights_fold.unfold(False)
        options = self.fields.of_the_sampler
        if options != self._planned_for:
            self._planned_for, self._begins = options, math.nan
            word = "preset's" if options.get("sampler") in PUBLISHED else "default"
            for name in self.fields.usual:
                name_usual(self.form[name], word)
            self.plot.later()

    @property
    def _in_angstrom(self) -> str:
        """What the level of the line is where it is given in another unit, once the schedule is known."""
        level = self.form.text("sigma_max")
        return f" ({level} is {brief(self._begins)} Å)" if ":" in level and self._begins > 0 else ""

    def _show_usual(self, plan: Any) -> None:
        self._begins = plan.sigmas[0]
        for name, tip in self.fields.usual.items():
            set_usual(self.form[name], tip, plan.usual[name])
        style.warn(self.form["start"], "")
        level = self.form["sigma_max"]
        if self.form.text("sigma_max"):
            level.setToolTip(f"{level.toolTip()}. Set: {in_angstrom(plan.noise)}")

    def _warn(self, sentence: str) -> None:
        """Turn the fields amber that the sentence names."""
        for name in self.fields.usual:
            style.warn(self.form[name], sentence if name in sentence else "")
        style.warn(self.form["start"], sentence if sentence.startswith("start is ") else "")

    def _name_weights(self) -> None:
        self.weights_fold.button.setText(f"Noise &weights: {self.weights.text}")
        self.weights_fold.button.setAccessibleName("noise weights")

    # Acting

    def _enable(self) -> None:
        free, ready = not self._session.runner.busy, self._session.input is not None
        self.run.setText("Ca&ncel" if self._running else "Ru&n")
        self.run.setIcon(style.icon("cancel" if self._running else "run", self.run))
        self.run.setToolTip(
            "Stop; the steps that are made are kept, marked partial"
            if self._running
            else "Sample from pure noise: a new object of the steps, the input is not touched"
        )
        self.run.setEnabled(self._running or (free and ready))
        self.coefficients.setEnabled(free and ready)
        self.back.setEnabled(free and ready)
        self.copy.setEnabled(ready)

    def _busy(self, busy: bool) -> None:
        if not busy:
            self._running = False
        self._enable()

    def _run_or_cancel(self) -> None:
        if self._running:
            # The second half of a double click on Run is not meant for Cancel.
            if self._clicked.elapsed() >= QtWidgets.QApplication.doubleClickInterval():
                self._session.runner.cancel()
            return
        request = self.request
        if request is None:
            self._session.failed.emit("all three weights are 0: give one a number above 0", "")
            return
        self._before, self._tail = set(ask.objects(self._session.cmd)), ask.frame(self._session.cmd)[0]
        if self._session.run(request, "samples", then=self._show_samples):
            self._running = True
            self._clicked.start()
            self._enable()

    def _go_to_tail(self) -> None:
        """Show the step that was made last, unless the user has gone to another one."""
        if not (self._running and self.follow.isChecked()):
            return
        cmd, sight = self._session.cmd, self._session.sight
        grown = [name for name in sight.frame_objects if name not in self._before]
        if not grown or ask.frame(cmd)[0] != self._tail:
            return
        last = ask.states(cmd, grown[0]) if form.text_of(self.form["trajectory"]) == "1" else 2
        if last != self._tail:
            stage.go_to(cmd, last)
            self._tail = ask.frame(cmd)[0]

    def _show_samples(self, result: Any) -> None:
        """The end of the first sample, without the input over it; say what was made and where it froze out."""
        session = self._session
        first = result.names[0]
        samples, last, kept = len(result.run.final), int(result.run.steps[-1]), len(result.run.steps)
        steps = f"{last} steps" if kept == last else f"{last} steps, {kept} of them kept"
        made = f"{first}: {steps if self._is_trajectory(result) else _count(samples, 'sample')}"
        if len(result.names) > 1:
            made = f"{first} and {len(result.names) - 1} more: {_count(samples, 'sample')}, {steps}"
        if result.run.partial:
            made += f"; cancelled at σ {result.run.last_sigma:.3g} Å, what was made is kept, marked partial"
        session.said.emit("; ".join([made, *result.table.notes]).replace(" A", " Å"))
        stage.hide(session.cmd, [result.source])
        stage.go_to(session.cmd, ask.states(session.cmd, first) if self._is_trajectory(result) else 2)
        session.show(first)

    def _is_trajectory(self, result: Any) -> bool:
        return bool(ask.states(self._session.cmd, result.names[0]) == len(result.run.steps) + 2)

    def open_trace(self, path: str = "") -> TraceDialog:
        """The window that opens a trace, for a folder or file that is dropped, say."""
        dialog = self.findChild(TraceDialog) or TraceDialog(self._session, self)
        dialog.show()
        dialog.raise_()
        if path:
            dialog.choose(path)
        return dialog

    def _show_return(self) -> None:
        request = self.return_request
        if request is None:
            self._session.failed.emit("all three weights are 0: give one a number above 0", "")
            return

        def show(result: Any) -> None:
            self._session.said.emit(result.table.notes[-1].replace(" A", " Å"))
            ReturnDialog(self, self._session, result, str(request)).show()

        self._session.run(request, then=show)

    def _show_coefficients(self) -> None:
        request = self.coefficients_request
        if request is None:
            self._session.failed.emit("all three weights are 0: give one a number above 0", "")
            return

        def show(table: Any) -> None:
            self._session.said.emit(table.title)
            CoefficientsDialog(self, table, str(request)).show()

        self._session.run(request, then=show)


_WAY_BACK = frozenset(knobs_of(edm_return)) & frozenset(knobs_of(edm_sample)) - {"samples", "file"}
"""Arguments that the way back has as a run has them."""


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
