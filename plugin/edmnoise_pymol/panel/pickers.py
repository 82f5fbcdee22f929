"""Which atoms: object, selection within it, state, hydrogens and solvent, following PyMOL as it changes."""

from __future__ import annotations

from typing import Any

from pymol.Qt import QtCore, QtWidgets

from edmnoise.settings import atoms

from ..job import Job, run_inline
from .controls import form, style
from .controls.number import Whole
from .controls.words import Words
from .session import Input, Session, read_input

_PAUSE_MS = 200
"""After the last letter that is typed, before the selection is read."""

_MANY = 20_000
"""Atoms from which on the window does not wait for them to be read."""


class Pickers(QtWidgets.QWidget):
    """The upper end of the panel. What it finds goes to the session as its input."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._facts: tuple[object, ...] = ()
        self._asked: tuple[Any, ...] = ()
        self.form = form.Form(self)
        self.object = self.form.add("object", form.choice(), "The molecule that noise is added to")
        self.selection = self.form.add(
            "selection", QtWidgets.QLineEdit(), "Atoms of the object, in PyMOL's words: chain A and resi 4-35"
        )
        self.selection.setPlaceholderText("whole object")
        self.selection.setClearButtonEnabled(True)
        self.state = self.form.knob(atoms.STATE, Whole(0, 0, 0, special="state shown"))
        self.state.setPrefix("state ")
        self.hydrogens = self.form.knob(atoms.HYDROGENS)
        self.solvent = self.form.knob(atoms.SOLVENT)
        self.counts = Words()
        self.counts.setObjectName("counts")

        rows = QtWidgets.QFormLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        first, last = QtWidgets.QHBoxLayout(), QtWidgets.QHBoxLayout()
        first.addWidget(self.object, 1)
        first.addWidget(self.state)
        rows.addRow(form.label("&Object", self.object), first)
        rows.addRow("&Atoms", self.selection)
        for widget in (self.hydrogens, self.solvent):
            last.addWidget(widget)
        last.addStretch()
        rows.addRow(last)
        rows.addRow(self.counts)

        self._pause = QtCore.QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.read)
        self.form.changed.connect(self._pause.start)
        session.gone.connect(self._follow_name)
        session.scene_changed.connect(self._follow_scene)
        session.live_changed.connect(self._follow_scene)
        session.frame_changed.connect(self._follow_frame)
        session.player_changed.connect(self._follow_frame)

    def choose(self, name: str) -> None:
        """Pick an object by its name."""
        index = self.object.findText(name)
        if index >= 0:
            self.object.setCurrentIndex(index)

    def read(self) -> None:
        """Count the chosen atoms, and tell the session: now, or for a large object as soon as they are read."""
        self._pause.stop()
        session, name = self._session, self.object.currentText()
        if not name:
            self._take("no structure is loaded: open one, or choose Try it on 1TII in the menu")
            return
        asked = self._expression(name), self.state.value() or -1, *map(_on, (self.hydrogens, self.solvent))
        self._asked = asked
        if session.sight.atoms(name) <= _MANY:
            self._take(run_inline(_answer(session.cmd, asked)))
        else:
            session.compute(
                "input",
                lambda: _answer(session.cmd, asked),
                lambda found: self._take(found) if asked == self._asked else None,
                torch=False,
            )

    def _take(self, found: Input | str) -> None:
        """What was found, or why nothing was."""
        if isinstance(found, str):
            self._session.set_input(None, found)
        else:
            self._session.set_input(found)
        self._show()

    def _expression(self, name: str) -> str:
        words = self.selection.text().strip()
        return f"{name} and ({words})" if words else name

    def _show(self) -> None:
        found, why = self._session.input, self._session.why_no_input
        self.counts.setText(found.census if found else why)
        self.counts.setStyleSheet("" if found else f"background: {style.WARNING}; color: black; padding: 2px")
        style.warn(self.selection, "" if found or not self.object.currentText() else why)

    def _follow_scene(self) -> None:
        """Read again where the chosen atoms may be others: an object that grows beside them costs nothing."""
        sight, live = self._session.sight, self._session.live
        names = [name for name in sight.molecules if live is None or name != live.name]
        chosen = self.object.currentText()
        if names != [self.object.itemText(row) for row in range(self.object.count())]:
            blocked = self.object.blockSignals(True)
            self.object.clear()
            self.object.addItems(names)
            if chosen in names:
                self.object.setCurrentText(chosen)
            self.object.blockSignals(blocked)
        name = self.object.currentText()
        states = sight.states(name)
        self.state.setMaximum(states)
        # The words may name selections, which come and go without a trace in the objects.
        facts = (name, sight.atoms(name), states, sight.domains, *(sight.selections if self.selection.text() else ()))
        if facts != self._facts:
            self._facts = facts
            self.read()

    def _follow_name(self, name: str, new: str) -> None:
        """The chosen object has another name by now."""
        row = self.object.findText(name)
        if new and row >= 0:
            blocked = self.object.blockSignals(True)
            self.object.setItemText(row, new)
            self.object.blockSignals(blocked)

    def _follow_frame(self) -> None:
        """Read the state that is shown; not while frames play, for to read a selection makes PyMOL draw again."""
        session, found = self._session, self._session.input
        one = found is not None and session.sight.states(found.object) == 1
        if self.state.value() == 0 and not one and not session.playing:
            self._pause.start()


def _answer(cmd: Any, asked: tuple[Any, ...]) -> Job[Input | str]:
    """The input, or PyMOL's or our own words for atoms that cannot be used."""
    try:
        return (yield from read_input(cmd, *asked))
    except Exception as error:
        return str(error).strip() or type(error).__name__


def _on(box: Any) -> bool:
    return bool(box.isChecked())
