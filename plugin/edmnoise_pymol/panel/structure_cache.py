"""The input's structure in closed form: read once for all displays of the Design tab, given back when it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymol.Qt import QtCore

from ..scene.selected import Selected
from .session import Input, Session

if TYPE_CHECKING:
    from ..jobs.plots.triangle import Known


class Held(QtCore.QObject):
    """What is known of the session's input."""

    def __init__(self, session: Session, parent: Any = None) -> None:
        super().__init__(parent)
        self._session = session
        self._key: tuple[Input, int] | None = None
        self._known: Known | None = None
        session.input_changed.connect(self.forget)

    @property
    def key(self) -> tuple[Input, int] | None:
        """Which structure: the input and its state, the shown one where none was chosen; None without an input."""
        found = self._session.input
        if found is None:
            return None
        return found, self._session.sight.state if found.state == -1 else found.state

    @property
    def which(self) -> Selected:
        """The atoms of the input, as jobs take them."""
        found = self._session.input
        assert found is not None
        return found.which

    @property
    def known(self) -> Known | None:
        """None where it has to be read first."""
        return self._known if self.key == self._key else None

    def keep(self, key: tuple[Input, int], known: Known) -> None:
        """After a job has read the structure."""
        if key == self.key:
            self._key, self._known = key, known

    def forget(self) -> None:
        """The same words may mean other atoms by now."""
        self._key = self._known = None
