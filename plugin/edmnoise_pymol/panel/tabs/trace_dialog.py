"""A window that opens a trace: which folder or file, the runs in it, what names the atoms, which samples and steps."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pymol.Qt import QtCore, QtWidgets

from edmnoise.base.errors import EdmNoiseError
from edmnoise.settings import sampling, traces

from ...commands.request import Request, quoted
from ...job import Job
from ...scene import ask, stage
from ..controls import form, style
from ..controls.files import ask_file
from ..controls.number import Whole
from ..controls.table_view import TableView
from ..controls.words import Words
from ..session import Session

if TYPE_CHECKING:
    from edmnoise.trajectories.opening import Listed

_PAUSE_MS = 200
"""After the last letter of a path that is typed, before it is read."""

_ASK = "Choose or drop the folder that a run was recorded in, or a file in which a program wrote its steps"


class TraceDialog(QtWidgets.QDialog):
    """What `edm_trace` is asked for; stays beside PyMOL's window until the trace is open."""

    def __init__(self, session: Session, parent: Any) -> None:
        super().__init__(parent)
        self._session = session
        self._running = self._asked = self._gone = False
        self.runs: Sequence[Listed] = ()
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("EDM noise: open a trace")
        self.setAcceptDrops(True)
        self.form = form.Form(self)
        self.path = self.form.add("trace", QtWidgets.QLineEdit(), traces.TRACE.tooltip)
        self.structure = self.form.add("structure", form.editable(form.choice()), traces.STRUCTURE.tooltip, default="")
        self.form.knob(traces.SAMPLES)
        self.form.knob(traces.STEPS, Whole(2, 100_000, 100))
        self.form.knob(sampling.DENOISED, label="denoise&d too")
        self.form.knob(traces.LAY, form.choice(**{"": "the best way", **traces.LAY.words}))
        levels = form.editable(form.choice(**{"": "its own", **traces.SCHEDULE.words}))
        self.form.knob(traces.SCHEDULE, levels)
        self.form.knob(traces.KIND, form.choice(**{"": "what it tells", **traces.KIND.words}))
        self.form.knob(traces.TRACE_NAME)
        self.list = TableView()
        self.list.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setToolTip("The runs in the folder; choose one, or none for the one that ended in the structure")
        self.list.setAccessibleName("runs")
        self.words = Words(_ASK)
        self.open = QtWidgets.QPushButton("&Open")
        self.copy = QtWidgets.QToolButton()
        self.copy.setIcon(style.icon("copy", self.copy))
        self.copy.setToolTip("Copy the command that opens the same")
        self.copy.setAccessibleName("copy trace as command")
        self._pause = QtCore.QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._lay_out()
        self._connect()
        self._name_objects()
        self._show_runs([])
        self.resize(720, 400)

    def choose(self, path: str) -> None:
        """Take a path, and look what is in it at once."""
        self.path.setText(path)
        self.look()

    def look(self) -> None:
        """List the runs of the path that is written."""
        self._pause.stop()
        path = self.form.text("trace")
        if not path:
            self._show_runs([])
            return

        def job() -> Job[Any]:
            from ...jobs.trace import runs_in

            try:
                return (yield from runs_in(path))
            except EdmNoiseError as error:
                return str(error)

        self.words.setText(f"looking into {path}")
        self._session.compute("trace", job, lambda found: self._found(path, found))

    @property
    def run(self) -> int | None:
        """The run that is chosen in the list."""
        chosen = self.list.selectionModel().selectedRows() if self.runs else []
        if len(self.runs) < 2 or not chosen:
            return None
        return int(str(self.list.model().index(chosen[0].row(), 0).data()))

    @property
    def request(self) -> Request | None:
        """The command that Open runs; None without a trace, or without what names its atoms."""
        if not self.runs or self._lacks:
            return None
        given = self.form.options()
        structure = given.pop("structure", "")
        if structure and structure not in ask.molecules(self._session.cmd) and os.path.exists(_home(structure)):
            structure = quoted(structure)
        run = "" if self.run is None else str(self.run)
        path = given.pop("trace")
        return Request("edm_trace", quoted(path), {"structure": structure, "run": run, **given})

    @property
    def _lacks(self) -> str:
        """What is still to be chosen."""
        if self.form.text("structure"):
            return ""
        if len(self.runs) > 1 and self.run is None:
            return "choose a run of the list, or a structure that one of them ended in"
        if not self._named:
            return "no names of atoms were recorded: choose a structure, best the file that the run wrote"
        return ""

    @property
    def _named(self) -> bool:
        """Whether names were recorded in the run that is chosen, or the only one."""
        numbers = [run.number for run in self.runs]
        at = 0 if self.run is None else numbers.index(self.run)
        return bool(self.runs) and self.runs[at].named

    def _lay_out(self) -> None:
        rows = QtWidgets.QVBoxLayout(self)
        fields = QtWidgets.QFormLayout()
        fields.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows.addLayout(fields)
        fields.addRow(
            form.label("&Trace", self.path),
            _row(self.path, self._chooser("Folder…", self._ask_folder), self._chooser("File…", self._ask_file)),
        )
        fields.addRow(self.list)
        fields.addRow(
            form.label("&Structure", self.structure), _row(self.structure, self._chooser("File…", self._ask_structure))
        )
        control = self.form.__getitem__
        fields.addRow(
            form.label("Sa&mples", control("samples")),
            _row(control("samples"), form.label("St&eps", control("steps")), control("steps"), control("denoised")),
        )
        fields.addRow(
            form.label("La&y", control("lay")),
            _row(control("lay"), form.label("&Name", control("name")), control("name")),
        )
        self.levels = QtWidgets.QWidget()
        line = _row(
            form.label("&Levels", control("schedule")),
            control("schedule"),
            form.label("&Holds", control("kind")),
            control("kind"),
        )
        line.setContentsMargins(0, 0, 0, 0)
        self.levels.setLayout(line)
        fields.addRow(self.levels)
        rows.addWidget(self.words)
        buttons = QtWidgets.QHBoxLayout()
        buttons.addWidget(self.open, 1)
        buttons.addWidget(self.copy)
        rows.addLayout(buttons)

    def _connect(self) -> None:
        session = self._session
        self._pause.timeout.connect(self.look)
        self.path.textEdited.connect(self._look_soon)
        self.form.changed.connect(self._enable)
        self.open.clicked.connect(self._open_or_cancel)
        self.copy.clicked.connect(lambda: session.copy(self.request))
        session.scene_changed.connect(self._name_objects)
        session.runner.busy_changed.connect(self._busy)
        session.failed.connect(self._refused)

    # What is in it

    def _look_soon(self) -> None:
        """Another path is written: what was listed is not in it."""
        self._show_runs([])
        self._pause.start()

    def _found(self, path: str, found: Any) -> None:
        if self._gone or path != self.form.text("trace"):
            return
        if isinstance(found, str):
            self._show_runs([])
            self._warn(found)
        else:
            self._show_runs(*found)

    def _show_runs(self, runs: Sequence[Listed], table: Any = None) -> None:
        self.runs = runs
        self.list.show_table(table)
        if table is not None:
            self.list.selectionModel().selectionChanged.connect(lambda *_: self._enable())
        self.levels.setVisible(os.path.isfile(_home(self.form.text("trace"))))
        self._enable()

    def _name_objects(self) -> None:
        """Offer the recorded names and what is loaded; what was written stays."""
        written = self.form.text("structure")
        names = ["", *(name for name in self._session.sight.molecules if name not in self._session.results)]
        if names != [self.structure.itemText(row) for row in range(self.structure.count())]:
            blocked = self.structure.blockSignals(True)
            self.structure.clear()
            self.structure.addItems(names)
            self.structure.setEditText(written)
            self.structure.blockSignals(blocked)

    # Acting

    def _open_or_cancel(self) -> None:
        if self._running:
            self._session.runner.cancel()
            return
        request = self.request
        if request is not None and self._session.run(request, "trace", then=self._show):
            self._running = self._asked = True
            self._enable()

    def _show(self, result: Any) -> None:
        """The end of the first sample, without the structure over it; say what was opened, and how."""
        session, first = self._session, result.names[0]
        print(f" edm_trace: {result.told}")
        more = f" and {len(result.names) - 1} more" if len(result.names) > 1 else ""
        made = f"{first}{more}: {len(result.run.final)} of a trace's samples, {len(result.run.steps)} steps"
        session.said.emit("; ".join([made, *result.table.notes]).replace(" A", " Å"))
        stage.hide(session.cmd, [result.source])
        stage.go_to(session.cmd, ask.states(session.cmd, first))
        session.show(first)
        self.close()

    def _busy(self, busy: bool) -> None:
        self._running = self._running and busy
        if busy:  # `_open_or_cancel` says whether it is ours
            self._asked = False
        self._enable()

    def _refused(self, sentence: str, _: str) -> None:
        if self._asked:
            self._warn(sentence)

    def _warn(self, sentence: str) -> None:
        self.words.setText(sentence)
        self.words.setStyleSheet(f"background: {style.WARNING}; color: black; padding: 2px")

    def _enable(self) -> None:
        self.open.setText("Ca&ncel" if self._running else "&Open")
        self.open.setIcon(style.icon("cancel" if self._running else "open", self.open))
        ready = self.request is not None
        self.open.setEnabled(self._running or (ready and not self._session.runner.busy))
        self.copy.setEnabled(ready)
        usual = "the recorded names" if self._named else "a file or a loaded object"
        self.structure.lineEdit().setPlaceholderText(usual)
        self.words.setStyleSheet("")
        self.words.setText((self._lacks or _fault(self.runs)) if self.runs else _ASK)

    def closeEvent(self, event: Any) -> None:
        self._gone = True
        self._pause.stop()
        super().closeEvent(event)

    # Asking for files

    def _chooser(self, text: str, act: Any) -> Any:
        button = QtWidgets.QPushButton(text)
        button.clicked.connect(lambda *_: act())
        button.setAutoDefault(False)
        return button

    def _ask_folder(self) -> None:
        ask_file(self, "The folder of a trace", self.choose, folder=True)

    def _ask_file(self) -> None:
        ask_file(self, "A file of steps", self.choose)

    def _ask_structure(self) -> None:
        ask_file(self, "A structure", self.structure.setEditText)

    # Dropping

    def dragEnterEvent(self, event: Any) -> None:
        if dropped(event):
            event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:
        event.acceptProposedAction()
        self.choose(dropped(event))


def dropped(event: Any) -> str:
    """The path of the first file or folder that is dragged, "" where there is none."""
    urls = event.mimeData().urls() if event.mimeData().hasUrls() else []
    return next((str(url.toLocalFile()) for url in urls if url.isLocalFile()), "")


def _fault(runs: Sequence[Listed]) -> str:
    """What is to be known of the runs before one is opened."""
    faults = [f"run {run.number}: {run.fault}" for run in runs if run.fault]
    unended = [f"run {run.number} had not ended" for run in runs if not run.fault and not run.ended]
    return "; ".join([*faults, *unended])


def _home(path: str) -> str:
    return os.path.expanduser(path)


def _row(*parts: Any) -> Any:
    row = QtWidgets.QHBoxLayout()
    for part in parts:
        row.addWidget(part, int(isinstance(part, QtWidgets.QLineEdit | QtWidgets.QComboBox)))
    return row
