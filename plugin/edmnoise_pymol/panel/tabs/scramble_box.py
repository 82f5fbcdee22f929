"""Where each level comes apart with the weights of the Noise tab, and in how many training steps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pymol.Qt import QtCore, QtWidgets

from edmnoise.base.colours import LEVEL_COLOURS

from ...commands.request import Request
from ..controls.small_table import small_table
from ..plots.measured_cache import answered
from ..plots.signs import brief
from ..session import Session
from ..structure_cache import Held

if TYPE_CHECKING:
    from edmnoise.base.table import Table

_SETTLE_MS = 40


class ScrambleBox(QtWidgets.QLabel):
    """A row for each level; follows weights and distribution of the Noise tab while it is seen.

    Signals: ``shown_anew()`` after its text has changed.
    """

    shown_anew = QtCore.Signal()

    def __init__(self, session: Session, held: Held) -> None:
        super().__init__()
        self._session, self._held = session, held
        self._asked: object = None
        self.setWordWrap(True)
        self.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setToolTip(
            "Noise level sigma (angstrom) and z at which chains, residues in their chain and atoms in their residue "
            "are displaced by a reference length (angstrom in space, 3-D RMS), and the share of training steps with "
            "more noise (%)"
        )
        self.setAccessibleName("scramble points")
        self._soon = QtCore.QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SETTLE_MS)
        self._soon.timeout.connect(self._refresh)
        session.noise_changed.connect(self.later)
        session.input_changed.connect(self._forget)
        self._refresh()

    @property
    def request(self) -> Request | None:
        """The command that prints the same."""
        found, noise = self._session.input, self._session.noise
        if found is None or noise is None:
            return None
        given = {"weights": noise.weights, "distribution": noise.distribution.name}
        return Request("edm_scramble", found.selection, {**given, **found.options})

    def later(self) -> None:
        """Something has changed: say so, now or when this is next seen."""
        if self.isVisible():
            self._soon.start()

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._soon.start()

    def _forget(self) -> None:
        self._asked = None
        self.later()

    def _refresh(self) -> None:
        key, noise = self._held.key, self._session.noise
        if key is None or noise is None:
            self._asked = None
            self._say(
                "Load a structure to see at which noise its chains, residues and atoms are scrambled"
                if self._session.input is None
                else "reading the structure …"
            )
            return
        asked = key, noise.weights, noise.distribution, noise.weighted
        if asked == self._asked:
            return
        self._asked = asked
        if not noise.weighted:
            self._say("Scramble points are of noise with weights, and the process of the Noise tab has none")
            return
        which, known = self._held.which, self._held.known

        def job() -> Any:
            from ...jobs.plots.triangle import scramble_points

            return answered(scramble_points(self._session.cmd, which, noise.weights, noise.distribution, known))

        def done(answer: Any) -> None:
            if asked != self._asked:
                return
            if isinstance(answer, str):
                self._say(answer)
            else:
                self._held.keep(key, answer[1])
                self._show(f"{noise.weights} weights, {noise.distribution.name}", answer[0])

        self._session.compute("scramble", job, done)

    def _show(self, title: str, table: Table) -> None:
        heads = ("", "by (Å)", "σ (Å)", "z", "steps beyond")
        rows = []
        for row in table.rows():
            level = row["level"].split(" in ")[0]
            reached = math.isfinite(row["sigma"])
            cells = (
                f"{row['reference']:.3g}" if math.isfinite(row["reference"]) else "-",
                brief(row["sigma"]) if reached else "never",
                f"{row['z']:.2f}" if reached else "-",
                f"{row['beyond']:.1f} %" if math.isfinite(row["beyond"]) else "-",
            )
            rows.append(((level, LEVEL_COLOURS[level]), *cells))
        self._say(small_table(self, title, heads, rows))

    def _say(self, words: str) -> None:
        self.setText(words)
        self.shown_anew.emit()
