"""The level table of the shown object, sorted and copied as a spreadsheet's, and everything that goes into files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pymol.Qt import QtCore, QtWidgets

from edmnoise.base.errors import EdmNoiseError
from edmnoise.settings import atoms, colours, results

from ...commands.request import Request, SaveSession, quoted
from ...job import Job
from ...jobs.film import is_film
from ..controls import form, style
from ..controls.files import ask_new_file
from ..controls.number import Whole
from ..controls.rows import menu_button
from ..controls.table_view import TableView
from ..controls.words import Words
from ..session import Session
from .quality import TABLES, QualityDialog

if TYPE_CHECKING:
    from edmnoise.base.table import Table

_NO_FRAMES = "Make frames first: their displacement at every level stands here."


class Results(QtWidgets.QWidget):
    """What `edm_levels` measures, and exports."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.table: Table | None = None
        self._measured: Any = None
        self.form = form.Form(self)
        self.by = self.form.knob(results.BY)
        self.origin = self.form.knob(atoms.ORIGIN)
        self.align = self.form.knob(atoms.ALIGN)
        self.title = Words(_NO_FRAMES)
        self.title.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
        self.view = TableView()
        self.view.setToolTip("A click on a heading sorts; Ctrl+C copies the chosen rows, or all, with their heading")
        self.view.setAccessibleName("level table")
        self.copy_table = QtWidgets.QPushButton("Copy &table")
        self.copy_table.setIcon(style.icon("copy", self.copy_table))
        self.copy_table.setToolTip("Copy all rows with their heading and units, for a spreadsheet")
        self.copy_table.setAccessibleName("copy table")
        self.quality = QtWidgets.QPushButton("&Quality…")
        self.quality.setToolTip(
            "lDDT, RMSD, contacts, bonds, chirality, clashes and size of every state against a reference (edm_quality)"
        )
        self.quality.setAccessibleName("quality of the states")
        self.export = menu_button("E&xport", "export", "Write the table, the frames, pictures or the session to a file")
        self.copy = menu_button("", "copy", "Copy as command")
        self.width_ = self.form.knob(colours.WIDTH, Whole(0, 20_000, 0, special="window's"))
        self.width_.setSuffix(" px")
        self.ray = self.form.knob(colours.RAY)
        self.overwrite = self.form.knob(colours.OVERWRITE)
        self._fill_menus()
        self._lay_out()
        self._connect()
        self._enable()

    # What is asked for

    @property
    def request(self) -> Request | None:
        """The command that makes the table; None without frames, and while Live shows what is not made."""
        name = self._session.shown if self._session.live is None else ""
        return Request("edm_levels", name, self.form.options("by", "align", "origin")) if name else None

    def table_request(self, path: str) -> Request | None:
        """The command that writes the table."""
        made = self.request
        return made and Request(made.command, made.subject, {**made.options, "file": quoted(path)})

    def frames_request(self, path: str) -> Request | None:
        """The command that writes the frames for another program, by the file's ending."""
        name = self._session.shown
        return Request("edm_save", quoted(path), {"name": name}) if name else None

    def pictures_request(self, path: str) -> Request | None:
        """The command that writes a picture of each frame."""
        name = self._session.shown
        options = self.form.options("width", "ray", "overwrite")
        return Request("edm_movie", quoted(path), {"name": name, **options}) if name else None

    # What files are made by: dialogs call these

    def save_table(self, path: str) -> None:
        self._run(self.table_request(path), lambda table: f"{path} written: {_count(len(table), 'row')}")

    def save_frames(self, path: str) -> None:
        self._run(self.frames_request(path), lambda models: f"{path} written: {_count(models, 'model')}")

    def save_pictures(self, path: str) -> None:
        self._run(self.pictures_request(path), self._pictures_taken)

    def save_session(self, path: str) -> None:
        self._run(SaveSession(path), lambda _: f"{path} written")

    def ask(self, action: str) -> None:
        """Ask for a file's name in a window that does not block PyMOL's, and write the file."""
        words, kinds = _FILES[action]
        ask_new_file(self, words, getattr(self, f"save_{action}"), kinds)

    def measure(self) -> None:
        """Make the table anew."""
        request, wanted = self.request, self._wanted
        self._measured = wanted
        if request is None and self._session.live is None:
            self._show(None, _NO_FRAMES)
            return
        if self.table is None:
            self.title.setText("measuring …")
        cmd = self._session.cmd

        def make() -> Job[Any]:
            try:
                return (yield from (self._of_live() if request is None else request.job(cmd)))
            except EdmNoiseError as error:
                return str(error)

        def done(made: Any) -> None:
            if wanted != self._measured:
                return
            if isinstance(made, str):
                self._show(None, made)
            else:
                self._show(made, "\n".join(filter(None, [made.title, made.meta.get("warning")])))

        self._session.compute("results", make, done)

    def _of_live(self) -> Job[Table]:
        """The table of what moves live, at the level and weights that are set."""
        from ...jobs.live_facts import table

        live, noise = self._session.live, self._session.noise
        if live is None or noise is None:
            raise EdmNoiseError(_NO_FRAMES)
        by, align = (self.form.text(name) for name in ("by", "align"))
        return (yield from table(live, noise.sigma, noise.choice, by, align))

    def remembered(self) -> dict[str, str]:
        """All settings, for `recall`."""
        return {**self.form.remembered(), "overwrite": "0"}

    def recall(self, texts: Mapping[str, str]) -> None:
        """Set the controls as they were."""
        self.form.recall(texts)

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._refresh()

    @property
    def _wanted(self) -> Any:
        """What the table depends on."""
        session = self._session
        if session.live is not None:
            return session.live, session.noise, *map(self.form.text, ("by", "align"))
        return str(self.request), session.results.get(session.shown), self._atoms_and_states

    @property
    def _atoms_and_states(self) -> tuple[int, int]:
        name, sight = self._session.shown, self._session.sight
        return sight.atoms(name), sight.states(name)

    def _refresh(self) -> None:
        """Measure again if that may give another table, and somebody sees it."""
        if self.isVisible() and self._wanted != self._measured:
            self.measure()
        self._enable()

    def _show(self, table: Table | None, words: str) -> None:
        self.table = table
        self.title.setText(words)
        self.title.setToolTip("\n".join(table.notes) if table else "")
        self.view.show_table(table)
        self._enable()

    def _run(self, request: Any, words: Callable[[Any], str]) -> None:
        if request is not None:
            self._session.run(request, then=lambda result: self._session.said.emit(words(result)))

    def _show_quality(self) -> None:
        """Measure the quality of the states, and open its window."""
        name, origin = self._session.shown, self.form.text("origin")

        def show(study: Any) -> None:
            dialog = QualityDialog(self, self._session, name, origin)
            dialog.present(study)
            dialog.show()

        self._session.run(Request("edm_quality", name, self.form.options("origin")), then=show)

    def _pictures_taken(self, files: list[str]) -> str:
        if is_film(files[0]):
            return f"{files[0]} written"
        sight = self._session.sight
        wanted = sight.movie or sight.states(self._session.shown)
        if len(files) < wanted:
            return f"cancelled: {len(files)} of {wanted} pictures are kept, up to {files[-1]}"
        return f"{_count(len(files), 'picture')} written, up to {files[-1]}"

    def _enable(self) -> None:
        self.copy_table.setEnabled(self.table is not None)
        free, shown = not self._session.runner.busy, bool(self._session.shown)
        self.export.setEnabled(free)
        self.quality.setEnabled(free and self.request is not None)
        for action in (*self.export.menu().actions(), *self.copy.menu().actions()):
            action.setEnabled(shown or "ession" in action.text())

    def _fill_menus(self) -> None:
        commands = {
            "table": lambda: self.table_request("levels.csv"),
            "frames": lambda: self.frames_request("frames.pdb"),
            "pictures": lambda: self.pictures_request("frames.png"),
            "session": lambda: SaveSession("session.pse"),
        }
        self.copy.menu().addAction("Measure").triggered.connect(lambda *_: self._session.copy(self.request))
        for action, (words, _) in _FILES.items():
            self.export.menu().addAction(f"{words}…").triggered.connect(lambda *_, action=action: self.ask(action))
            self.copy.menu().addAction(words).triggered.connect(
                lambda *_, make=commands[action]: self._session.copy(make())
            )

    def _lay_out(self) -> None:
        rows = QtWidgets.QVBoxLayout(self)
        rows.setContentsMargins(4, 4, 4, 4)
        first = QtWidgets.QGridLayout()
        first.addWidget(form.label("Ro&ws", self.by), 0, 0)
        first.addWidget(self.by, 0, 1)
        first.addWidget(self.quality, 0, 2)
        first.addWidget(form.label("Fro&m", self.origin), 1, 0)
        first.addWidget(self.origin, 1, 1)
        first.addWidget(self.align, 1, 2)
        first.setColumnStretch(1, 1)
        first.setColumnStretch(2, 1)
        pictures = QtWidgets.QHBoxLayout()
        pictures.setSpacing(3)
        pictures.addWidget(form.label("Pictu&res", self.width_))
        pictures.addWidget(self.width_, 1)
        pictures.addWidget(self.ray)
        pictures.addWidget(self.overwrite)
        last = QtWidgets.QHBoxLayout()
        last.addWidget(self.copy_table, 1)
        last.addWidget(self.export)
        last.addWidget(self.copy)
        rows.addLayout(first)
        rows.addWidget(self.title)
        rows.addWidget(self.view, 1)
        rows.addLayout(pictures)
        rows.addLayout(last)

    def _connect(self) -> None:
        session = self._session
        for name in ("by", "align"):
            self.form[name].currentTextChanged.connect(lambda _: self._refresh())
        self.origin.activated.connect(lambda _: self._refresh())
        self.origin.lineEdit().editingFinished.connect(self._refresh)
        self.copy_table.clicked.connect(lambda: self.view.copy(everything=True))
        self.quality.clicked.connect(self._show_quality)
        session.shown_changed.connect(self._refresh)
        session.scene_changed.connect(self._refresh)
        session.live_changed.connect(self._refresh)
        session.live_moved.connect(self._refresh)
        session.made.connect(lambda *_: self._refresh())
        session.runner.busy_changed.connect(lambda _: self._enable())


_FILES = {
    "table": ("Table", TABLES),
    "frames": ("Frames", ";;".join(f"{kind} (*.{ending})" for ending, kind in results.SAVED_FILES.items())),
    "pictures": ("Pictures of all frames", "Pictures (*.png)"),
    "session": ("PyMOL session", "PyMOL sessions (*.pse)"),
}
"""What can be exported: its name, and the kinds of file that a dialog offers, the usual one first."""


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
