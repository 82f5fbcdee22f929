"""A window with what the states of an object have kept of a reference: a plot, three tables, files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymol.Qt import QtCore, QtWidgets

from edmnoise.frames.damage_measures import LDDT, MEASURES
from edmnoise.settings import atoms, results

from ...commands.request import Request, quoted
from ..controls import form, style
from ..controls.files import ask_new_file
from ..controls.rows import menu_button, row, tool
from ..controls.table_view import TableView
from ..controls.words import Words
from ..plots.quality import QualityPlot
from ..plots.signs import in_angstrom
from ..session import Session

if TYPE_CHECKING:
    from edmnoise.study.quality import QualityStudy

TABLES = "Tables (*.csv *.json)"
"""Files of a table, as a dialog offers them."""

_FIGURES = "Pictures (*.png);;Drawings (*.svg);;PDF (*.pdf)"
_OTHER = "Measured with other settings than these: press Measure"


class QualityDialog(QtWidgets.QDialog):
    """What `edm_quality` measures of an object; it waits for nothing, and can be measured anew."""

    def __init__(self, parent: Any, session: Session, name: str, origin: str) -> None:
        super().__init__(parent)
        self._session, self._name = session, name
        self._study: QualityStudy | None = None
        self._measured = ""
        self._waiting = self._closed = False
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        self.form = form.Form(self)
        self.by = self.form.knob(results.QUALITY_BY)
        self.form.knob(atoms.ORIGIN)
        self.form.knob(atoms.MEASURED_HYDROGENS)
        self.form.knob(atoms.MEASURED_SOLVENT, special="if all hold it")
        self.form.knob(atoms.MEASURED_COMMON, label="atoms in common")
        form.set_text(self.form["origin"], origin)
        self.again = QtWidgets.QPushButton("&Measure")
        self.again.setToolTip("Measure with these settings (edm_quality)")
        self.measure = form.choice(*(measure.name for measure in MEASURES))
        self.measure.setToolTip("Which measure is drawn over the states")
        self.measure.setAccessibleName("drawn measure")
        self.plot = QualityPlot(session)
        self.title = Words()
        self.title.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
        self.view = TableView()
        self.view.setAccessibleName("quality")
        self.copy_table = QtWidgets.QPushButton("Copy &table")
        self.copy_table.setIcon(style.icon("copy", self.copy_table))
        self.copy_table.setToolTip("Copy all rows with their heading and units, for a spreadsheet")
        self.export = menu_button("E&xport", "export", "Write the table or a figure of every measure to a file")
        self.copy = tool("copy", "Copy the command that measures the same", "copy quality as command")
        self._lay_out()
        self._connect()
        self._name_window()

    @property
    def request(self) -> Request:
        """The command that measures and prints what is set."""
        return Request("edm_quality", self._name, self.form.options())

    def file_request(self, path: str) -> Request:
        """The command that writes the table or, by the file's ending, the figure."""
        made = self.request
        return Request(made.command, made.subject, {**made.options, "file": quoted(path)})

    def present(self, study: QualityStudy) -> None:
        """Show what was measured with the present settings."""
        self._study, self._measured, self._waiting = study, self._basis, False
        self.plot.show_study(study, self._name)
        self._tabulate()

    def save(self, path: str) -> None:
        """Write the table or the figure, by the same command."""
        self._session.run(self.file_request(path), then=lambda _: self._session.said.emit(f"{path} written"))

    @property
    def _basis(self) -> str:
        """What the numbers depend on."""
        return str(self.form.options("origin", "hydrogens", "solvent", "common"))

    def _measure(self) -> None:
        def done(study: Any) -> None:
            if not self._closed:
                self.present(study)

        if self._session.run(self.request, then=done):
            self._waiting = True
            self.title.setText(f"measuring {self._name} …")

    def _refused(self, sentence: str, _: str) -> None:
        if self._waiting:
            self._waiting = False
            self.title.setText(sentence or "cancelled: nothing was measured")

    def _tabulate(self) -> None:
        """The rows that are chosen, of what was measured last."""
        if self._study is None:
            return
        table = self._study.table(self.form.text("by"))
        self.view.show_table(table)
        words = [table.title, *table.notes] if self._basis == self._measured else [_OTHER]
        self.title.setText(in_angstrom("\n".join(words)))

    def _name_window(self) -> None:
        self.setWindowTitle(f"EDM noise: quality of {self._name}")

    def _lay_out(self) -> None:
        control = self.form.__getitem__
        rows = QtWidgets.QVBoxLayout(self)
        rows.addLayout(row("Fro&m", control("origin"), "&Solvent", control("solvent"), control("hydrogens")))
        rows.addLayout(row("Ro&ws", self.by, "&Plot", self.measure, control("common"), self.again))
        rows.addWidget(self.plot, 3)
        rows.addWidget(self.title)
        rows.addWidget(self.view, 2)
        rows.addLayout(row(self.copy_table, self.export, self.copy))
        self.resize(640, 660)

    def _connect(self) -> None:
        session, menu = self._session, self.export.menu()
        for words, kinds in (("Table", TABLES), ("Figure", _FIGURES)):
            menu.addAction(f"{words}…").triggered.connect(
                lambda *_, words=words, kinds=kinds: ask_new_file(self, words, self.save, kinds)
            )
        self.form.changed.connect(self._tabulate)
        self.measure.currentTextChanged.connect(self.plot.choose)
        self.again.clicked.connect(self._measure)
        self.copy_table.clicked.connect(lambda: self.view.copy(everything=True))
        self.copy.clicked.connect(lambda: session.copy(self.request))
        session.runner.failed.connect(self._refused)
        session.runner.busy_changed.connect(self._enable)
        session.gone.connect(self._follow_name)
        form.set_text(self.measure, LDDT.name)
        self._enable(session.runner.busy)

    def _enable(self, busy: bool) -> None:
        for button in (self.again, self.export):
            button.setEnabled(not busy)

    def _follow_name(self, name: str, new: str) -> None:
        if name == self._name and new:
            self._name = new
            self._name_window()

    def closeEvent(self, event: Any) -> None:
        self._closed = True
        super().closeEvent(event)
