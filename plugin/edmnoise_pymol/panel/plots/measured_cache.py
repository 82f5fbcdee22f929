"""The measured displacement of the object that the panel shows: read once for all plots, given back when it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymol.Qt import QtCore

from edmnoise.base.errors import EdmNoiseError

from ..session import Session

if TYPE_CHECKING:
    from ...jobs.plots.measured import Curves


class Shown(QtCore.QObject):
    """What the plots know of the object that is shown: the one that moves live, if there is one.

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
        self._key: tuple[Any, ...] | None = None
        self._unit: Curves | None = None
        self.measured: Curves | None = None
        self.reason = ""
        session.shown_changed.connect(self.forget)
        session.live_changed.connect(self.forget)
        session.scene_changed.connect(self._look)
        session.live_moved.connect(self._follow)

    @property
    def name(self) -> str:
        """The object that is shown, "" for none."""
        live = self._session.live
        return live.name if live is not None else self._session.shown

    def forget(self) -> None:
        """Let go of everything."""
        self._key, self._unit, self.measured, self.reason = None, None, None, ""
        self.changed.emit()

    def want(self) -> bool:
        """Measure the shown object, unless that is done or under way; False where there is none."""
        key = self._present()
        if key is None:
            return False
        if key != self._key:
            self._key = key

            def done(found: Curves | str) -> None:
                if key == self._key:
                    self.measured = None if isinstance(found, str) else self._as_set(found)
                    self.reason = found if isinstance(found, str) else ""
                    self.changed.emit()

            self._session.compute("measured", lambda: answered(self._measure(*key)), done)
        return True

    def _measure(self, name: str, *_: Any) -> Any:
        from ...jobs import live_facts
        from ...jobs.plots.measured import measured

        live, cmd = self._session.live, self._session.cmd
        if live is None:
            return (yield from measured(cmd, name))
        noise = self._session.noise
        assert noise is not None
        return (yield from live_facts.measured(cmd, live, noise.sigma, noise.choice))

    def _as_set(self, found: Curves) -> Curves:
        """What is live was measured once where it scales, and is scaled to the level that is set."""
        live, noise = self._session.live, self._session.noise
        if live is None or noise is None:
            return found
        self._unit = found
        return found.at(noise.sigma)

    def _present(self) -> tuple[Any, ...] | None:
        session, name = self._session, self.name
        if session.live is not None:
            return name, session.noise.drawn if session.noise else ()
        sight = session.sight
        return (name, sight.states(name), sight.atoms(name), sight.domains) if sight.states(name) else None

    def _look(self) -> None:
        if self._key is not None and self._key != self._present():
            self.forget()

    def _follow(self) -> None:
        if self._unit is not None and self._key == self._present():
            self.measured = self._as_set(self._unit)
        self.changed.emit()


def answered(job: Any) -> Any:
    """A job that gives a sentence where it is refused: a display has to say so, not to stay as it was.

    What is our own mistake is none of these, and is shown with its details.
    """
    import pymol

    try:
        return (yield from job)
    except (EdmNoiseError, pymol.CmdException) as error:
        return (str(error).strip() or type(error).__name__).splitlines()[0]
