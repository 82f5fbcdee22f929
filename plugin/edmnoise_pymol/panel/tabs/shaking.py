"""Live: a copy of the chosen atoms that moves while the sliders do, alone in the picture, until it is ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pymol.Qt import QtCore, QtWidgets

from edmnoise.base.errors import EdmNoiseError
from edmnoise.noise.process import NoiseChoice

from ...jobs.live import Live, live, unhide
from ...scene import ask
from ..controls import style
from ..session import Input, Session
from .ribbon import offer_ribbon

if TYPE_CHECKING:
    from ...jobs.live_facts import LiveColours


class Shaking(QtCore.QObject):
    """The button Live and what it holds.

    Attributes
    ----------
    button, coloured
        On and off; whether residues are coloured by how far they are moved.
    """

    def __init__(
        self, session: Session, parent: Any, settings: Callable[[], tuple[float, NoiseChoice, int, str]]
    ) -> None:
        """``settings`` gives sigma in angstrom, the noise, the seed and the atoms that move, EdmNoiseError where there
        are none."""
        super().__init__(parent)
        self._session, self._settings = session, settings
        self._input: Input | None = None
        self._colours: LiveColours | None = None
        self._missed: list[tuple[str, str]] = []
        self.button = QtWidgets.QPushButton("&Live")
        self.button.setCheckable(True)
        self.button.setIcon(style.icon("live", self.button))
        self.button.setToolTip("Shake a copy of the molecule while the sliders move: one draw, scaled")
        self.coloured = QtWidgets.QCheckBox("colour Live by displacement")
        self.coloured.setToolTip(
            "Colour residues by how far they are moved in their chain while Live is on; the last colour is for 3.8 Å "
            "in space (3-D), the distance of neighbouring Cα, and beyond"
        )
        self.coloured.setAccessibleName("colour Live")
        self.button.toggled.connect(self._toggle)
        self.coloured.toggled.connect(lambda _: self.shake())
        session.input_changed.connect(self._follow_input)
        session.gone.connect(self._follow_name)
        session.scene_changed.connect(self._look)
        session.undo_changed.connect(lambda _: self._hide_again())
        session.runner.failed.connect(lambda *_: self._check(self.live is not None))
        session.runner.busy_changed.connect(lambda _: self.enable())

    @property
    def live(self) -> Live | None:
        return self._session.live

    def enable(self) -> None:
        ready = self._session.input is not None and not self._session.runner.busy
        self.button.setEnabled(ready or self.live is not None)

    def close(self) -> None:
        """End it, and show again what it hid."""
        kept = self.live
        self._let_go()
        if kept is not None:
            kept.close()
            self._session.look()

    def restart(self) -> None:
        """Begin again with what is set now."""
        if self.live is not None:
            kept = self.live
            self._let_go()
            self._begin(kept.leave(), kept.source)

    def shake(self) -> None:
        """Move it to where the settings want it."""
        if self.live is None:
            return
        try:
            sigma, noise, *_ = self._settings()
            there = self.live.show(sigma, noise)
        except EdmNoiseError:  # all weights 0, as the fields say, or a process whose name is being typed
            return
        if not there:
            self._end(f"live has ended: {self.live.name} has changed")
            return
        self._colour(sigma, noise)
        self._session.live_moved.emit()

    def _colour(self, sigma: float, noise: NoiseChoice) -> None:
        if self.live is None or not self.coloured.isChecked():
            if self._colours is not None:
                self._colours.undo()
            self._colours = None
            return
        if self._colours is None:
            from ...jobs.live_facts import LiveColours

            self._colours = LiveColours(self._session.cmd, self.live)
        self._colours.show(sigma, noise)

    def _toggle(self, on: bool) -> None:
        if on:
            self._begin()
        else:
            self.close()

    def _begin(self, hidden: Sequence[str] = (), source: str = "") -> None:
        """Make the copy; ``hidden`` and ``source`` of the one that is followed by it."""
        session, found = self._session, self._session.input
        self._missed.clear()

        def make() -> Any:
            assert found is not None
            _, noise, seed, move = self._settings()
            which = replace(found.which, move=move or None)
            return live(session.cmd, which, noise, seed, tuple(session.results), hidden)

        def begin(made: Live) -> None:
            self._input = found
            for name, new in self._missed:  # while it was made
                made.rename(name, new)
            session.set_live(made)
            session.look()
            if self.live is made and not ask.is_there(session.cmd, made.source):
                self._end(f"live has ended: {made.source} is gone")
            self.shake()
            if self.live is made:
                session.said.emit(f"live: {made.name} shows frame 1 of seed {self._settings()[2]}")
                offer_ribbon(session, made.name)
                self._follow_input()

        if found is not None and session.start(make, begin):
            self._check(True)
        else:
            unhide(session.cmd, hidden, source)
            self._check(False)

    def _end(self, why: str) -> None:
        self.close()
        self._session.said.emit(why)

    def _let_go(self) -> None:
        self._colours = self._input = None
        self._session.set_live(None)
        self._check(False)
        self.enable()

    def _check(self, on: bool) -> None:
        blocked = self.button.blockSignals(True)
        self.button.setChecked(on)
        self.button.blockSignals(blocked)

    def _follow_input(self) -> None:
        """Other atoms are live at once; words that cannot be used change nothing before they can."""
        if self.live is not None and self._session.input not in (None, self._input):
            self.restart()
        self.enable()

    def _follow_name(self, name: str, new: str) -> None:
        if self.live is None:
            self._missed += [(name, new)] if new else []
        elif name == self.live.name:  # what is given another name is the user's to keep
            self._end(f"live has ended: {name} is {f'{new} now, and yours' if new else 'gone'}")
        elif new:
            self.live.rename(name, new)
        elif name == self.live.source:
            self._end(f"live has ended: {name} is gone")

    def _hide_again(self) -> None:
        """What was taken back has shown what lay below it."""
        if self.live is not None:
            self.live.hide((self.live.source, *self._session.results))

    def _look(self) -> None:
        if self.live is not None and not self.live.alive:
            self._end(f"live has ended: {self.live.name} has changed")
