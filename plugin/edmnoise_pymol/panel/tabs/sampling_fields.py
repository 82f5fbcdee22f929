"""The arguments of `edm_sample` as controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymol.Qt import QtCore, QtWidgets

from edmnoise.diffusion.names import PUBLISHED, SOLVERS
from edmnoise.settings import atoms, noise, partial, sampling

from ..controls import form
from ..controls.number import Real

_FACTOR = {"low": -0.01, "high": 100, "step": 0.1, "decimals": 3}
_RANGES: dict[str, dict[str, Any]] = {
    "steps": {"low": 0, "high": 100_000},
    "sigma_max": {"low": 0, "high": 1e6, "step": 10, "decimals": 3},
    "sigma_min": {"low": 0, "high": 1e6, "step": 0.01, "decimals": 5},
    "rho": {"low": 0, "high": 1000, "decimals": 2},
    "churn": _FACTOR,
    "step_scale": _FACTOR,
    "noise_scale": _FACTOR,
}
"""Of the fields: the lowest number stands for the usual one."""


class SamplingFields(QtCore.QObject):
    """Controls of the Sampling tab by their arguments' names.

    Signals: ``changed()`` of what `form` does not hold: arguments that are made of several controls.
    """

    changed = QtCore.Signal()
    usual: Mapping[str, str] = {knob.name: knob.tooltip for knob in sampling.CHANGED}

    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        self.form = made = form.Form(parent)
        made.knob(sampling.DENOISER)
        made.knob(sampling.SAMPLER, _samplers())
        for knob in sampling.CHANGED:
            made.knob(knob, **_RANGES.get(knob.name, {}))
        made.knob(sampling.SCHEDULE)
        made.knob(sampling.SAMPLES, high=100_000)
        made.knob(sampling.SAMPLE_SEED, low=0, high=2**31 - 1)
        made.knob(sampling.TRAJECTORY, label="tra&jectory")
        made.knob(sampling.DENOISED, label="deno&ised")
        made.knob(sampling.STATE_WEIGHTS)
        made.knob(sampling.DEVICE)
        made.knob(noise.PROCESS)
        made.knob(atoms.LIGANDS)
        made.knob(atoms.COMMON, label="atoms in common")
        made.knob(noise.DISTRIBUTION, form.choice(*noise.DISTRIBUTION.words))
        made.knob(sampling.SAMPLE_NAME)
        made.knob(partial.START)
        made["start"].setPlaceholderText("noise")
        made["start"].setMinimumWidth(30)

        # Not arguments of their own: they make one together.
        self.parts = parts = form.Form(parent)
        for level in ("residue", "chain"):
            tip = f"How far the denoiser's {level} centres replace those of its atoms in the step: 0 not, 1 wholly"
            parts.add(f"{level} output", Real(0, 1, 0, 0.1, decimals=3), tip)
        parts.add(
            "motion",
            form.choice(**{"": "none", "network": "elastic network", "numbers": "by level"}),
            "How each state moves about itself: not at all, as an elastic network of its residues, or by level",
        )
        for level, value in (("chain", 0.0), ("residue", 0.3), ("atom", 0.2)):
            tip = f"Standard deviation of a state's own motion per {level} and coordinate, in angstrom"
            parts.add(f"{level} motion", Real(0, 100, value, 0.1, "Å", decimals=3), tip)
        parts["atom motion"].setMinimum(0.001)
        parts.add(
            "others", QtWidgets.QLineEdit(), "Other objects of the same atoms: the shown state of each is a state more"
        )
        parts["others"].setMinimumWidth(50)
        parts["others"].setPlaceholderText("selection of other objects")
        self._motions = QtWidgets.QWidget()
        made["trajectory"].toggled.connect(made["denoised"].setEnabled)
        parts["motion"].currentIndexChanged.connect(lambda _: self._show_motions())
        parts.changed.connect(self.changed)

    def subject(self, selection: str) -> str:
        """What a command is to sample from."""
        others = self.parts.text("others")
        return f"({selection}) or ({others})" if others else selection

    def options(self) -> dict[str, str]:
        """Arguments of a command."""
        found = self.form.options()
        weights = [self.parts.text(f"{level} output") for level in ("residue", "chain")]
        if weights != ["0", "0"]:
            found["level_weights"] = " ".join(weights)
        if motion := self.parts.text("motion"):
            levels = (self.parts.text(f"{level} motion") for level in ("chain", "residue", "atom"))
            found["fluctuations"] = motion if motion == "network" else " ".join(levels)
        return found

    @property
    def of_the_sampler(self) -> dict[str, str]:
        """Those that a schedule follows from."""
        of_it = {"sampler", "distribution", "start", *sampling.OF_A_SAMPLER}
        return {name: text for name, text in self.options().items() if name in of_it}

    def remembered(self) -> dict[str, str]:
        return {**self.form.remembered(), **self.parts.remembered()}

    def recall(self, texts: Mapping[str, str]) -> None:
        """A name, a start and other objects belong to the scene that they were typed for."""
        self.form.recall({**texts, "name": "", "start": "", "state_weights": ""})
        self.parts.recall({**texts, "others": ""})

    def more(self) -> Any:
        """What is needed rarely, laid out two by two."""
        box = QtWidgets.QWidget()
        grid = QtWidgets.QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        pairs = (
            ("σ min", "sigma_min", "ρ", "rho"),
            ("churn", "churn", "noise ×", "noise_scale"),
            ("step ×", "step_scale", "align", "align"),
            ("centre", "center", "rotate", "augment"),
        )
        for row, (*left, right, other) in enumerate(pairs):
            for column, (words, name) in enumerate((left, (right, other))):
                grid.addWidget(form.label(words, self.form[name]), row, 2 * column)
                grid.addWidget(self.form[name], row, 2 * column + 1)
        row = len(pairs)
        words = QtWidgets.QLabel("Denoised centres in place of the atoms' own:")
        words.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Fixed)
        grid.addWidget(words, row, 0, 1, 4)
        for column, level in enumerate(("residue", "chain")):
            control = self.parts[f"{level} output"]
            grid.addWidget(form.label(f"{level}s", control), row + 1, 2 * column)
            grid.addWidget(control, row + 1, 2 * column + 1)
        motions = QtWidgets.QHBoxLayout(self._motions)
        motions.setContentsMargins(0, 0, 0, 0)
        for level in ("chain", "residue", "atom"):
            motions.addWidget(self.parts[f"{level} motion"])
        for at, (words, control) in enumerate(
            (
                ("levels", self.form["schedule"]),
                ("motion", self.parts["motion"]),
                ("", self._motions),
                ("weights", self.form["state_weights"]),
                ("and of", self.parts["others"]),
                ("z of", self.form["distribution"]),
                ("noise", self.form["process"]),
                ("ligands", self.form["ligands"]),
                ("device", self.form["device"]),
                ("", self.form["common"]),
            ),
            row + 2,
        ):
            if words:
                grid.addWidget(form.label(words, control), at, 0)
            grid.addWidget(control, at, 1, 1, 3)
        for column in (1, 3):
            grid.setColumnStretch(column, 1)
        self._show_motions()
        return box

    def _show_motions(self) -> None:
        self._motions.setVisible(self.parts.text("motion") == "numbers")


def _samplers() -> Any:
    """One list in two sections."""
    box = form.choice()
    for heading, names in (("Solvers", SOLVERS), ("Published samplers", PUBLISHED)):
        box.addItem(heading)
        box.model().item(box.count() - 1).setEnabled(False)
        for name, label in names.items():
            box.addItem(f"  {label}", name)
    box.setCurrentIndex(box.findData(sampling.SAMPLER.default))
    return box
