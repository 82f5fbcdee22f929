"""The panel's lower part: plots, colours and results over the playback strip, folded to its tabs while it is empty."""

from __future__ import annotations

from typing import Any

from pymol.Qt import QtCore, QtWidgets

from ..session import Session
from .playback import Playback


class Shelf(QtWidgets.QWidget):
    """Opens when the panel has something to show, unless its user has folded it; a click on a tab opens it, another
    one on the same tab folds it.

    Signals: ``turned(bool)`` when it opens or folds.
    """

    turned = QtCore.Signal(bool)

    def __init__(self, session: Session, views: Any, playback: Playback) -> None:
        super().__init__()
        self._session, self._views, self._playback = session, views, playback
        self._pages = views.findChild(QtWidgets.QStackedWidget)
        self._folded_by_hand = False
        rows = QtWidgets.QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(2)
        rows.addWidget(views, 1)
        rows.addWidget(playback)
        views.tabBarClicked.connect(self._click)
        session.shown_changed.connect(self._look)
        session.live_changed.connect(self._look)
        self.open(False)

    @property
    def opened(self) -> bool:
        return not self._pages.isHidden()

    def open(self, on: bool = True) -> None:
        """Open or fold it; what is folded is not drawn either."""
        self._pages.setVisible(on)
        self._views.setFixedHeight(self._views.tabBar().sizeHint().height())
        if on:
            self._views.setMinimumHeight(0)
            self._views.setMaximumHeight(_UNBOUND)
        self._playback.setVisible(on)
        self.setSizePolicy(_POLICY.Preferred, _POLICY.Expanding if on else _POLICY.Fixed)
        self.setMaximumHeight(_UNBOUND if on else self._views.height())
        self.turned.emit(on)

    def offer(self) -> None:
        """There is something in it: open it, unless its user wants the room."""
        if not self._folded_by_hand and not self.opened:
            self.open()

    def remembered(self) -> dict[str, str]:
        return {"folded": str(int(self._folded_by_hand))}

    def recall(self, texts: dict[str, str]) -> None:
        self._folded_by_hand = texts.get("folded") == "1"

    def _click(self, tab: int) -> None:
        if tab >= 0 and (not self.opened or tab == self._views.currentIndex()):
            self._folded_by_hand = self.opened
            self.open(not self.opened)

    def _look(self) -> None:
        if self._session.shown or self._session.live is not None:
            self.offer()


_POLICY = QtWidgets.QSizePolicy.Policy
_UNBOUND = 16_777_215
"""Qt's QWIDGETSIZE_MAX."""
