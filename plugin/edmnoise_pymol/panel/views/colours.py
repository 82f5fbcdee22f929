"""What the atoms' colours stand for: level, measure, palette, range, legend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymol.Qt import QtCore, QtWidgets

from edmnoise.base.colours import PALETTES
from edmnoise.base.errors import EdmNoiseError
from edmnoise.settings import atoms, colours
from edmnoise.structure.hierarchy import DOMAIN

from ...commands.request import Request
from ...scene import follow, looks, stage
from ...scene.baking import BAKED_BYTES
from ...scene.domains import has_domains
from ...scene.legend import legend_name, title_name
from ...scene.painting import anchors_named
from ..controls import form, legend, style
from ..controls.words import Words
from ..session import Session

_AUTOMATIC = -0.001
"""The lowest number of a range's field, which reads "automatic"."""


class ColourBox(QtWidgets.QWidget):
    """What `edm_color` is asked for, about the object that the panel shows."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._explained: Any = None
        self._facts: tuple[Any, ...] = ()
        self.form = form.Form(self)
        self.object = form.choice()
        self.object.setToolTip("The frames that colours, playback, results and plots are about")
        self.object.setAccessibleName("frames object")
        self.legend = legend.Legend()
        self.measure = self.form.knob(colours.MEASURE)
        self.level = self.form.knob(colours.LEVEL)
        self.relative = self.form.knob(colours.RELATIVE)
        self.over = self.form.knob(colours.OVER)
        self.origin = self.form.knob(atoms.ORIGIN)
        self.align = self.form.knob(atoms.ALIGN)
        self.palette_ = self.form.knob(colours.PALETTE, self._palettes())
        self.minimum, self.maximum = (
            self.form.knob(knob, low=_AUTOMATIC, high=1e6, step=0.1, decimals=3, special="automatic")
            for knob in (colours.MINIMUM, colours.MAXIMUM)
        )
        self.follow = self.form.knob(colours.FOLLOW, label="follow the frame")
        self.shared = self.form.knob(colours.SHARED, label="one range for all")
        self.scene = self.form.knob(colours.LEGEND, label="legend in the scene")
        self.apply = self._button("Co&lour", "palette", "Colour the object so", wide=True)
        self.bake = self._button("&Bake", "apply", "")
        self.reset = self._button("Be&fore", "reset", "The colours that the object had before the panel coloured it")
        self.copy = self._button("", "copy", "Copy as command")
        self.cost = Words()
        self._lay_out()
        self._connect()
        self._new_object()

    @property
    def request(self) -> Request | None:
        """The command that Colour runs; None without frames."""
        return self._request(*(() if self.follow.isEnabled() and self.follow.isChecked() else ("shared",)))

    @property
    def baking(self) -> Request | None:
        """The command that Bake runs."""
        # One legend cannot stand for a range of each state.
        made = self._request("follow", "over", *(() if self.shared.isChecked() else ("legend",)))
        return made and Request(made.command, made.subject, {**made.options, "bake": "1"})

    def remembered(self) -> dict[str, str]:
        """All settings, for `recall`."""
        return self.form.remembered()

    def recall(self, texts: Mapping[str, str]) -> None:
        """Set the controls as they were."""
        self.form.recall(texts)

    def _request(self, *without: str) -> Request | None:
        name = self._session.shown
        if not name:
            return None
        options = {key: text for key, text in self.form.options().items() if key not in without}
        return Request("edm_color", name, options)

    @property
    def _of_lddt(self) -> bool:
        return self.form.text("measure") == "lddt"

    def _palettes(self) -> Any:
        box = form.editable(form.choice())
        box.completer().setCompletionMode(QtWidgets.QCompleter.CompletionMode.PopupCompletion)
        box.setIconSize(QtCore.QSize(48, 12))
        for name, anchors in PALETTES.items():
            box.addItem(legend.swatch(anchors, 48, 12), name)
        box.setCurrentText(colours.PALETTE.default)
        return box

    def _button(self, text: str, icon: str, tip: str, wide: bool = False) -> Any:
        button = QtWidgets.QPushButton(text) if text else QtWidgets.QToolButton()
        button.setIcon(style.icon(icon, button))
        button.setToolTip(tip)
        button.setAccessibleName(tip or text.replace("&", ""))
        button.setMinimumWidth(button.fontMetrics().horizontalAdvance(text) + 22)  # Qt's own least width is 80
        if wide:
            button.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        return button

    def _lay_out(self) -> None:
        inner = QtWidgets.QWidget()
        rows = QtWidgets.QFormLayout(inner)
        rows.setContentsMargins(0, 0, 4, 0)
        rows.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows.addRow("O&bject", self.object)
        rows.addRow(self.legend)
        rows.addRow(form.label("Sho&w", self.measure), self.measure)
        rows.addRow(form.label("Le&vel", self.level), _row((self.level, 1), (self.relative, 0)))
        rows.addRow(form.label("O&ver", self.over), self.over)
        rows.addRow("From", _row((self.origin, 1), (self.align, 1)))
        rows.addRow("Palette", self.palette_)
        rows.addRow("Range", _row((self.minimum, 1), (QtWidgets.QLabel("to"), 0), (self.maximum, 1)))
        rows.addRow(_row((self.follow, 0), stretch=True))
        rows.addRow(_row((self.shared, 0), stretch=True))
        rows.addRow(_row((self.scene, 0), stretch=True))
        rows.addRow(self.cost)
        area = QtWidgets.QScrollArea()
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        outer = QtWidgets.QVBoxLayout(self)
        outer.setContentsMargins(4, 4, 4, 4)
        outer.addWidget(area, 1)
        buttons = _row((self.apply, 1), (self.bake, 0), (self.reset, 0), (self.copy, 0))
        buttons.setSpacing(3)
        outer.addLayout(buttons)

    def _connect(self) -> None:
        session = self._session
        self.apply.clicked.connect(lambda: self._run(self.request))
        self.bake.clicked.connect(lambda: self._run(self.baking, self._show_baked, "a baked copy"))
        self.reset.clicked.connect(lambda: self._run(self._resetting))
        self.copy.clicked.connect(lambda: session.copy(self.request))
        self.object.activated.connect(lambda _: session.show(self.object.currentText()))
        self.measure.currentTextChanged.connect(lambda _: self._enable())
        self.level.currentTextChanged.connect(lambda _: self._enable())
        self.follow.toggled.connect(lambda _: self._enable())
        self.palette_.currentTextChanged.connect(lambda _: self._check_palette())
        session.shown_changed.connect(self._new_object)
        session.scene_changed.connect(self._new_object)
        session.runner.busy_changed.connect(lambda _: self._enable())
        session.made.connect(lambda *_: self._explain())
        session.undo_changed.connect(lambda _: self._explain())
        session.looked.connect(self._explain)  # commands that are typed change it too

    @property
    def _resetting(self) -> Request | None:
        name = self._session.shown
        return Request("edm_color", name, {"reset": "1"}) if name else None

    def _run(self, request: Request | None, then: Any = None, undo: str = "colours") -> None:
        if request is not None:
            self._session.run(request, undo, then or self._say)

    def _say(self, colouring: Any) -> None:
        name = self._session.shown
        self._session.said.emit(f"{name}: {colouring}" if colouring else f"{name} has the colours that it came with")

    def _show_baked(self, colouring: Any) -> None:
        """The copy instead of the object that it covers."""
        shown = self._session.shown
        stage.hide(self._session.cmd, (shown, legend_name(shown), title_name(shown)))
        self._session.said.emit(f"{colouring.object}: every state has its own colours")

    def _new_object(self) -> None:
        session = self._session
        names = session.sight.frame_objects
        if [self.object.itemText(i) for i in range(self.object.count())] != names:
            blocked = self.object.blockSignals(True)
            self.object.clear()
            self.object.addItems(names)
            self.object.blockSignals(blocked)
        self.object.setCurrentText(session.shown)
        self._offer_domains()
        self._enable()
        self._explain()

    def _offer_domains(self) -> None:
        """Domains can be chosen where the object has any."""
        name, sight = self._session.shown, self._session.sight
        facts = (name, sight.atoms(name), sight.domains)
        if facts == self._facts:
            return
        self._facts = facts
        there = bool(sight.atoms(name)) and has_domains(self._session.cmd, name)
        row = self.level.findText(DOMAIN)
        self.level.model().item(row).setEnabled(there)
        if not there and self.level.currentIndex() == row:
            self.level.setCurrentText(colours.LEVEL.default)

    def _enable(self) -> None:
        session, name = self._session, self._session.shown
        ready = bool(name) and not session.runner.busy
        for button in (self.apply, self.bake):
            button.setEnabled(ready)
        self.copy.setEnabled(bool(name))
        states, atoms = session.sight.states(name), session.sight.atoms(name)
        can_follow = atoms <= follow.LIMIT
        self.follow.setEnabled(can_follow)
        for field in (self.level, self.align):
            field.setEnabled(not self._of_lddt)
        self.relative.setEnabled(self.level.currentText() != "chain" and not self._of_lddt)
        self.over.setEnabled(not (can_follow and self.follow.isChecked()))
        memory = states * atoms * BAKED_BYTES / 2**20
        size = f"{states:,} states × {atoms:,} atoms: about {memory:,.0f} MB"
        tip = f"Make a copy whose states carry their own colours and play smoothly; {size}"
        self.bake.setToolTip(tip)
        self.bake.setAccessibleName(tip)
        beyond = "" if can_follow else f"Colours follow the frame up to {follow.LIMIT:,} atoms: bake a copy instead. "
        self.cost.setText(f"{beyond}Baking takes {size}" if name else "Frames come from Noise or Sampling.")

    def _check_palette(self) -> None:
        """Amber while PyMOL does not know the colours."""
        text, field = self.palette_.currentText(), self.palette_.lineEdit()
        if text not in PALETTES and self.palette_.currentIndex() >= 0:  # the swatch is another palette's
            place = field.cursorPosition()
            blocked = self.palette_.blockSignals(True)
            self.palette_.setCurrentIndex(-1)
            self.palette_.setEditText(text)
            self.palette_.blockSignals(blocked)
            field.setCursorPosition(place)
        try:
            anchors_named(self._session.cmd, text)
            reason = ""
        except EdmNoiseError as error:
            reason = str(error)
        style.warn(self.palette_, reason)

    def _explain(self) -> None:
        """Show what the colours stand for, and whether there are others to go back to."""
        name, cmd = self._session.shown, self._session.cmd
        live = self._session.live
        seen = live.name if live is not None else name
        found = looks.explanation(cmd, seen) if seen else None
        self.reset.setEnabled(bool(name) and looks.has_before(cmd, name) and not self._session.runner.busy)
        now = (found, found.range if found else None)
        if now == self._explained:
            return
        self._explained = now
        if found is None:
            self.legend.explain("", (), 0, 0)
        else:
            own = ", this frame's own range" if found.each else ""
            words = found.label[:1].upper() + found.label[1:].rstrip(",")
            low, high = found.range
            self.legend.explain(f"{words}{own}", found.anchors, low, high, "Å" if found.unit else "")


def _row(*widgets: tuple[Any, int], stretch: bool = False) -> Any:
    """Widgets side by side, each with its share of the room."""
    row = QtWidgets.QHBoxLayout()
    for widget, share in widgets:
        row.addWidget(widget, share)
    if stretch:
        row.addStretch()
    return row
