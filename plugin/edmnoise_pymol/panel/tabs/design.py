"""The Design tab: noise for wanted displacements, the weight triangle, and scramble points; nothing is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pymol.Qt import QtCore, QtWidgets

from edmnoise.settings import design
from edmnoise.settings.noise import DISTRIBUTION
from edmnoise.structure.hierarchy import DOMAIN, as_read, level_names, part_names, read_names

from ...commands.request import Request
from ..controls import form, style
from ..controls.fold import Fold
from ..controls.number import Real
from ..controls.rows import tool
from ..controls.small_table import small_table
from ..controls.weights import ROWS
from ..plots.triangle import TriangleChart
from ..session import Session
from ..structure_cache import Held
from .scramble_box import ScrambleBox

if TYPE_CHECKING:
    from ...jobs.design import DesignResult

_TARGETS = {design.CHAIN: 10.0, design.RESIDUE: 3.8, design.ATOM: 1.4, design.DOMAIN: 0.0}
"""Angstrom at first: a fold comes apart, neighbouring residues, a bond; no wish for domains."""

_UNDESIGNED = "Say how far each level shall move, and press Design to get the noise that does it"


class DesignTab(QtWidgets.QWidget):
    """What `edm_design`, `edm_triangle` and `edm_scramble` are asked for."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.held = Held(session, self)
        self.result: DesignResult | None = None
        self.targets = form.Form(self)
        self.labels: dict[str, Any] = {}
        for knob, length in _TARGETS.items():
            spin = Real(0, 10_000, length, 0.1, unit="Å", special="none", decimals=3, short=True)
            self.targets.knob(knob, spin).setAccessibleName(f"wanted {knob.name} displacement")
        z = Real(design.Z.low, design.Z.high, 0, 0.1, decimals=3, short=True)
        self.targets.knob(design.Z, z).setAccessibleName("z of the design")
        self.design = QtWidgets.QPushButton("Desi&gn")
        self.design.setIcon(style.icon("run", self.design))
        self.design.setToolTip("Find the weights and the sigma (angstrom) that move each level as far as wanted")
        self.use = QtWidgets.QPushButton("Use t&hese")
        self.use.setIcon(style.icon("apply", self.use))
        self.use.setToolTip("Set weights and sigma (angstrom) of the Noise tab to the designed ones")
        self.copy = _copy("design", "Copy the command that designs the same")
        self.found = QtWidgets.QLabel(_UNDESIGNED)
        self.found.setWordWrap(True)
        self.found.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
        self.found.setAccessibleName("designed noise")
        self.found.setToolTip(
            "The designed weights, and what they and others give at the same sigma: RMS length in space (3-D) over "
            "atoms, in angstrom; per coordinate, as in other tables, it is that over sqrt(3)"
        )
        self.map = form.Form(self)
        self.map.knob(design.MEASURE)
        self.map.knob(design.MEASURED_LEVEL)
        self.triangle = TriangleChart(session, self.held, lambda: (self.map.text("measure"), self.map.text("level")))
        self.copy_map = _copy("triangle", "Copy the command that maps the same")
        self.scramble = ScrambleBox(session, self.held)
        self.copy_scramble = _copy("scramble points", "Copy the command that prints the same scramble points")
        self.folds = {
            "targets_fold": Fold("Wanted &displacements", self._target_rows(), "Noise from how far it shall move"),
            "triangle_fold": Fold("Weight &triangle", self._triangle_rows(), TriangleChart.help),
            "scramble_fold": Fold("S&cramble points", self._scramble_rows(), "Where each level comes apart"),
        }
        rows = QtWidgets.QVBoxLayout(self)
        rows.setContentsMargins(*style.MARGINS)
        for fold in self.folds.values():
            fold.unfold()
            rows.addWidget(fold)
        self._connect()

    # The commands

    @property
    def request(self) -> Request | None:
        """The command that Design runs; None without a usable input."""
        return self._request("edm_design", self.targets.options(), True)

    @property
    def map_request(self) -> Request | None:
        """The command of the map that is shown."""
        measured = self.map.text("measure") in ("scramble", "share")
        return self._request("edm_triangle", self.map.options(), measured)

    def _request(self, command: str, options: dict[str, str], of_steps: bool) -> Request | None:
        """A command on the input; with the Noise tab's distribution where it counts training steps."""
        found, noise = self._session.input, self._session.noise
        if found is None or noise is None:
            return None
        usual = not of_steps or noise.distribution.name == DISTRIBUTION.default
        distribution = {} if usual else {"distribution": noise.distribution.name}
        return Request(command, found.selection, {**options, **distribution, **found.options})

    def remembered(self) -> dict[str, str]:
        """All settings, for `recall`."""
        folds = {name: str(int(fold.unfolded)) for name, fold in self.folds.items()}
        return {**self.targets.remembered(), **self.map.remembered(), **folds}

    def recall(self, texts: Mapping[str, str]) -> None:
        """Set the controls as they were."""
        self.targets.recall(texts)
        self.map.recall(texts)
        for name, fold in self.folds.items():
            fold.unfold(texts.get(name, "1") == "1")

    # The rows

    def _target_rows(self) -> Any:
        box, grid = _grid()
        for number, (name, text) in enumerate(
            {**{level: level for level in ROWS}, "z": "at &z", DOMAIN: DOMAIN}.items()
        ):
            row, column = divmod(number, 2)
            self.labels[name] = form.label(text, self.targets[name])
            grid.addWidget(self.labels[name], row, 2 * column)
            grid.addWidget(self.targets[name], row, 2 * column + 1)
        buttons = QtWidgets.QHBoxLayout()
        buttons.addWidget(self.design, 1)
        buttons.addWidget(self.use, 1)
        buttons.addWidget(self.copy)
        grid.addLayout(buttons, 3, 0, 1, 4)
        grid.addWidget(self.found, 4, 0, 1, 4)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        return box

    def _triangle_rows(self) -> Any:
        box, grid = _grid()
        grid.addWidget(self.map["measure"], 0, 0)
        grid.addWidget(form.label("of", self.map["level"]), 0, 1)
        grid.addWidget(self.map["level"], 0, 2)
        grid.addWidget(self.copy_map, 0, 3)
        grid.addWidget(self.triangle, 1, 0, 1, 4)
        grid.setColumnStretch(0, 1)
        return box

    def _scramble_rows(self) -> Any:
        box, grid = _grid()
        grid.addWidget(self.scramble, 0, 0)
        grid.addWidget(self.copy_scramble, 0, 1, QtCore.Qt.AlignmentFlag.AlignTop)
        grid.setColumnStretch(0, 1)
        return box

    def _connect(self) -> None:
        session = self._session
        self.targets.changed.connect(self._forget)
        self.map.changed.connect(self._new_map)
        self.design.clicked.connect(self._run)
        self.use.clicked.connect(self._use)
        self.copy.clicked.connect(lambda: session.copy(self.request))
        self.copy_map.clicked.connect(lambda: session.copy(self.map_request))
        self.copy_scramble.clicked.connect(lambda: session.copy(self.scramble.request))
        session.input_changed.connect(self._forget)
        session.input_changed.connect(self._offer_domains)
        session.runner.busy_changed.connect(lambda _: self._enable())
        self._enable()
        self._offer_domains()

    # Acting

    def _offer_domains(self) -> None:
        """Where the input has domains they may be moved; else the command is not told of them."""
        found = self._session.input
        offered = found is not None and bool(found.domains)
        for widget in (self.labels[DOMAIN], self.targets[DOMAIN]):
            widget.setVisible(offered)
            widget.setEnabled(offered)

    def _enable(self) -> None:
        ready = self._session.input is not None
        for button in (self.copy, self.copy_map, self.copy_scramble):
            button.setEnabled(ready)
        self.design.setEnabled(ready and not self._session.runner.busy)
        self.use.setEnabled(self.result is not None)

    def _new_map(self) -> None:
        self.map["level"].setEnabled(self.map.text("measure") != "ratio")
        self.triangle.later()

    def _forget(self) -> None:
        """What was designed was so for other targets, or for other atoms."""
        self.result = None
        self.found.setText(_UNDESIGNED)
        self._enable()

    def _run(self) -> None:
        request = self.request
        if request is not None:
            self._forget()
            self._session.run(request, then=lambda made: self._show(request, made))

    def _show(self, request: Request, made: DesignResult) -> None:
        if request != self.request:  # the targets or the atoms are others by now
            return
        self.result = made
        weights, sigma = _texts(made)
        names = level_names(len(made.design.parts))
        parts, shares = as_read(part_names(names)), as_read(made.weights.on(names))
        rows = [(("weights", ""), *(f"{share:.4g}" for share in shares))]
        for row in made.table.rows():
            rows.append(((f"{row['weights']} (Å)", ""), *(_number(row[f"{part} 3-D"]) for part in parts)))
            if row["weights"] == "designed":
                rows.append((("per coordinate (Å)", ""), *(_number(row[part]) for part in parts)))
        foot = " ".join(made.table.notes).replace(" A ", " Å ").replace(" A,", " Å,")
        self.found.setText(small_table(self.found, f"Designed: σ {sigma} Å", ("", *read_names(len(names))), rows, foot))
        self._session.said.emit(f"designed: weights {weights}, σ {sigma} Å")
        self._enable()

    def _use(self) -> None:
        if self.result is None:
            return
        weights, sigma = _texts(self.result)
        self._session.weights_wanted.emit(weights)
        self._session.sigma_wanted.emit(float(sigma))
        self._session.said.emit(f"Noise tab: weights {weights}, σ {sigma} Å")


def _texts(made: DesignResult) -> tuple[str, str]:
    """Weights and sigma with the digits that `edm_design` prints."""
    return made.weights.text(".4g"), f"{made.sigma:.4g}"


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "-"


def _grid() -> tuple[Any, Any]:
    box = QtWidgets.QWidget()
    grid = QtWidgets.QGridLayout(box)
    grid.setContentsMargins(0, 0, 0, 0)
    return box, grid


def _copy(what: str, tip: str) -> Any:
    return tool("copy", tip, f"copy {what} as command")
