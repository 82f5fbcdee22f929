"""The measured displacement of the object that the panel shows: read once for all plots, given back when it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymol.Qt import QtCore

from ..session import Session

if TYPE_CHECKING:
    from ...curves import Measured


class Shown(QtCore.QObject):
    """What the plots know of the shown object.

    Signals: ``changed()`` when `measured` or `reason` is another.

    Attributes
    ----------
    measured
        None while nothing is known.
    reason
        Why it cannot be measured, "" otherwise.
    """

    changed = QtCore.Signal()

    def __init__(self, session: Session, parent: Any = None) -> None:
        super().__init__(parent)
        self._session = session
        self._key: tuple[str, int, int] | None = None
        self.measured: Measured | None = None
        self.reason = ""
        session.shown_changed.connect(self.forget)
        session.scene_changed.connect(self._look)

    def forget(self) -> None:
        """Let go of everything."""
        self._key, self.measured, self.reason = None, None, ""
        self.changed.emit()

    def want(self) -> bool:
        """Measure the shown object, unless that is done or under way; False where there is none."""
        key = self._present()
        if key is None:
            return False
        if key != self._key:
            self._key = key

            def done(found: Measured | str) -> None:
                if key == self._key:
                    self.measured = None if isinstance(found, str) else found
                    self.reason = found if isinstance(found, str) else ""
                    self.changed.emit()

            self._session.compute("measured", lambda: answered(self._measure(key[0])), done)
        return True

    def _measure(self, name: str) -> Any:
        from ...curves import measured

        return measured(self._session.cmd, name)

    def _present(self) -> tuple[str, int, int] | None:
        sight, name = self._session.sight, self._session.shown
        return (name, sight.states(name), sight.atoms(name)) if sight.states(name) else None

    def _look(self) -> None:
        if self._key is not None and self._key != self._present():
            self.forget()


def answered(job: Any) -> Any:
    """A job that gives a sentence where it is refused: a display has to say so, not to stay as it was."""
    try:
        return (yield from job)
    except Exception as error:
        return (str(error).strip() or type(error).__name__).splitlines()[0]
