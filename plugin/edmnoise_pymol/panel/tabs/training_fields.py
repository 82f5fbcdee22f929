"""The arguments of `edm_train` as controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymol.Qt import QtCore, QtWidgets

from edmnoise.settings import atoms, learning, noise, sampling
from edmnoise.settings.knob import Knob

from ...commands.request import quoted
from ..controls import form
from ..controls.files import ask_file
from ..controls.number import Real, Whole
from ..controls.rows import row, tool
from .ensemble_fields import EnsembleFields

_OF_THE_DATA = ("state_weights", "held_out", "ligands", "common")
"""What is said of the data, also where a training is resumed."""

_MINUTES = 2.0
"""At first, enough for 200 atoms."""


class TrainingFields(QtCore.QObject):
    """Controls of the Training tab by their arguments' names.

    Signals: ``changed()`` of what `form` does not hold: arguments that are made of several controls.
    """

    changed = QtCore.Signal()

    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        self.form = made = form.Form(parent)
        self._add("rule", learning.TRAINED_RULE, form.choice(*learning.TRAINED_RULE.words))
        self._add("loss", learning.LOSS, form.choice(*learning.LOSS.words))
        distribution = form.choice(*noise.DISTRIBUTION.words)
        form.set_text(distribution, noise.DISTRIBUTION.default)
        self._add("distribution", learning.TRAINED_DISTRIBUTION, distribution)
        self._add("process", learning.TRAINED_PROCESS, form.judged(form.field(noise.PROCESS), noise.PROCESS))
        self._add("seed", learning.TRAINED_SEED, Whole(0, 2**31 - 1, 0))
        for knob, most in ((learning.STEPS, 10_000_000), (learning.BATCH, 1_000)):
            usual = knob.usual.split(",")[0]
            made.knob(knob, Whole(0, most, 0, usual)).usual = float(usual)
        made["steps"].setSingleStep(500)
        minutes = Real(0.01, 10_000, _MINUTES, 1, "min", decimals=2, short=True)
        made.add("minutes", minutes, learning.MINUTES.tooltip, default="")
        for knob in (learning.CHECKPOINT, learning.HELD_OUT, sampling.STATE_WEIGHTS, learning.TRAINING_DEVICE):
            made.knob(knob)
        made.knob(atoms.LIGANDS)
        made.knob(atoms.COMMON, label="atoms in common")

        # Not arguments of their own: they make one together.
        self.parts = parts = form.Form(parent)
        self.budget = parts.add(
            "budget", form.choice(steps="steps", minutes="minutes"), "How long to train: so many steps, or minutes"
        )
        self.ensemble = EnsembleFields(parts)
        self.file = tool("save", "Choose where the checkpoint is to lie", "choose a checkpoint")
        self.file.clicked.connect(
            lambda: ask_file(self.file, "A checkpoint", made["file"].setText, "Checkpoints (*.safetensors)", new=True)
        )
        self.budget.currentIndexChanged.connect(lambda _: self._show())
        parts.changed.connect(self.changed)
        self._show()

    def options(self) -> dict[str, str]:
        """Arguments of a new training."""
        found = {**self.form.options(), **self.ensemble.options()}
        return {**found, "file": quoted(found["file"])} if "file" in found else found

    def of_the_data(self) -> dict[str, str]:
        """Arguments that say what the data are."""
        return {**self.form.options(*_OF_THE_DATA), **self.ensemble.options()}

    def remembered(self) -> dict[str, str]:
        return {**self.form.remembered(), **self.parts.remembered()}

    def recall(self, texts: Mapping[str, str]) -> None:
        """Numbers of states and other objects belong to the scene that they were typed for."""
        self.form.recall({**texts, "state_weights": "", "held_out": ""})
        self.parts.recall({**texts, "others": ""})

    def more(self) -> Any:
        """What is needed rarely."""
        box = QtWidgets.QWidget()
        grid = QtWidgets.QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        control = self.form.__getitem__
        for column, (words, name) in enumerate((("batch", "batch"), ("seed", "seed"))):
            grid.addWidget(form.label(words, control(name)), 0, 2 * column)
            grid.addWidget(control(name), 0, 2 * column + 1)
        lines = (
            ("loss", control("loss")),
            ("noise", control("process")),
            ("z of", control("distribution")),
            ("device", control("device")),
            ("held out", control("held_out")),
            ("weights", control("state_weights")),
            ("and of", self.ensemble.others),
            ("ligands", control("ligands")),
            ("", control("common")),
        )
        for at, (words, widget) in enumerate(lines, 1):
            if words:
                grid.addWidget(form.label(words, widget), at, 0)
            grid.addWidget(widget, at, 1, 1, 3)
        for column in (1, 3):
            grid.setColumnStretch(column, 1)
        return box

    def lines(self) -> list[tuple[str, Any]]:
        """Labels and rows of what is set for every training."""
        control = self.form.__getitem__
        return [
            ("&Motion", self.ensemble.motion),
            ("", self.ensemble.numbers),
            ("&Rule", control("rule")),
            ("&Budget", row(self.budget, control("steps"), control("minutes"))),
            ("Chec&kpoint", row(control("file"), self.file)),
        ]

    def _add(self, name: str, knob: Knob, control: Any) -> None:
        """A setting which is, where it is left out, the resumed one's: its default is what a new training has."""
        self.form.add(name, control, knob.tooltip)

    def _show(self) -> None:
        """One budget counts."""
        for name in ("steps", "minutes"):
            chosen = self.parts.text("budget") == name
            self.form[name].setEnabled(chosen)
            self.form[name].setVisible(chosen)
