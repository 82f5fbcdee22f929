"""The arguments of `edm_sample` as controls, with their units and what they are where they are left alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymol.Qt import QtCore, QtWidgets

from edmnoise.noise.sigma import DISTRIBUTIONS

from ..controls import form
from ..controls.optional_fields import switch, usual_real, usual_whole

DENOISERS = {
    "states": "states: any place, any turn",
    "translation": "states: any place, as turned",
    "fixed": "states: just as they lie",
    "kabsch": "best turn only (approximate)",
}
SOLVERS = {
    "euler": "Euler, first order",
    "heun": "Heun, second order",
    "ralston": "Ralston, second order",
    "midpoint": "midpoint, second order",
    "chai": "Chai-1's own second-order step",
    "dpmpp_2m": "DPM-Solver++ 2M",
    "dpmpp_2m_sde": "DPM-Solver++ 2M SDE",
    "ancestral": "ancestral",
}
PUBLISHED = {
    "alphafold3": "AlphaFold 3",
    "boltz1": "Boltz-1",
    "boltz2": "Boltz-2",
    "chai1": "Chai-1",
    "protenix": "Protenix",
    "openfold3": "OpenFold 3",
}
"""Names that a command takes, and how they read. The library's modules that own them import torch; tests compare."""

_USUAL = {
    "steps": "Number of steps",
    "sigma_max": "Highest noise level sigma_max, where sampling starts, in angstrom",
    "sigma_min": "Lowest noise level sigma_min above 0, in angstrom",
    "rho": "Spacing of the levels: even in sigma^(1/rho); 7 puts most steps at low noise",
    "churn": "Churn gamma: before a step, noise is added up to (1 + gamma) sigma; 0 adds none",
    "step_scale": "Factor of each step; 1 is exact, above 1 acts like a low temperature",
    "noise_scale": "Factor of the churn noise; 1 is exact",
    "center": "Move the centroid to the origin before each step",
    "augment": "Turn at random before each step (a published sampler also shifts by about 1 Å)",
    "align": "Superpose the denoised structure on the noisy one before each step",
}
_SAMPLER = (*_USUAL, "sampler", "level_weights", "distribution", "schedule")


class SamplingFields(QtCore.QObject):
    """Controls of the Sampling tab by their arguments' names.

    Signals: ``changed()`` of what `form` does not hold: arguments that are made of several controls.
    """

    changed = QtCore.Signal()
    usual: Mapping[str, str] = _USUAL

    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        self.form = made = form.Form(parent)
        made.add("denoiser", form.choice(**DENOISERS), "Whose right answer is known: how the data's states may lie")
        made.add("sampler", _samplers(), "How each step is made: a solver, or a published sampler with all its numbers")
        for name, field in {
            "steps": usual_whole(0, 100_000),
            "sigma_max": usual_real(0, 1e6, 10, "Å", decimals=3),
            "sigma_min": usual_real(0, 1e6, 0.01, "Å", decimals=5),
            "rho": usual_real(0, 1000, 1, decimals=2),
            "churn": usual_real(-0.01, 100, 0.1, decimals=3),
            "step_scale": usual_real(-0.01, 100, 0.1, decimals=3),
            "noise_scale": usual_real(-0.01, 100, 0.1, decimals=3),
            "center": switch(),
            "augment": switch(),
            "align": switch(),
        }.items():
            made.add(name, field, _USUAL[name])
        made.add("schedule", _schedules(), "How the levels lie: karras, log_linear, or typed in Å: 100 10 1 0")
        made.add("samples", form.whole(1, 100_000, 1), "Number of samples, made together")
        made.add("seed", form.whole(0, 2**31 - 1, 0), "Sample k depends on the seed and k only")
        made.add(
            "trajectory",
            _checked(QtWidgets.QCheckBox("tra&jectory")),
            "An object of the steps of each sample; without, one object of the samples",
        )
        made.add("denoised", QtWidgets.QCheckBox("deno&ised"), "Another object, of the denoised estimate at each step")
        made.add("state_weights", QtWidgets.QLineEdit(), "Probability of each state, up to a factor: 0.5 0.3 0.2")
        made.add(
            "device", form.choice("auto", "cpu", "cuda"), "Where the sampler runs; auto takes a GPU if there is one"
        )
        made.add(
            "ligands",
            form.choice(residue="as residues", atom="atom by atom"),
            "A group of ligands, ions, modified residues: the residue, or each atom, as AlphaFold 3's tokens are",
        )
        made.add(
            "common", QtWidgets.QCheckBox("atoms in common"), "Sample the atoms that all states have, where they differ"
        )
        made.add("distribution", form.choice(*DISTRIBUTIONS), "Whose training distribution z belongs to")
        made.add("name", QtWidgets.QLineEdit(), "Name of the new object; <object>_sample where it is empty")
        made["state_weights"].setPlaceholderText("equal")
        made["name"].setPlaceholderText("<object>_sample")
        for name in ("state_weights", "name"):
            made[name].setMinimumWidth(40)

        # Not arguments of their own: they make one together.
        self.parts = parts = form.Form(parent)
        for level in ("residue", "chain"):
            tip = f"How far the denoiser's {level} centres replace those of its atoms in the step: 0 not, 1 wholly"
            parts.add(f"{level} output", form.real(0, 1, 0, 0.1, decimals=3), tip)
        parts.add(
            "motion",
            form.choice(**{"": "none", "network": "elastic network", "numbers": "by level"}),
            "How each state moves about itself: not at all, as an elastic network of its residues, or by level",
        )
        for level, value in (("chain", 0.0), ("residue", 0.3), ("atom", 0.2)):
            tip = f"Standard deviation of a state's own motion per {level} and coordinate, in angstrom"
            parts.add(f"{level} motion", form.real(0, 100, value, 0.1, "Å", decimals=3), tip)
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
        return {name: text for name, text in self.options().items() if name in _SAMPLER}

    def remembered(self) -> dict[str, str]:
        return {**self.form.remembered(), **self.parts.remembered()}

    def recall(self, texts: Mapping[str, str]) -> None:
        """A name and other objects belong to the scene that they were typed for."""
        self.form.recall({**texts, "name": "", "state_weights": ""})
        self.parts.recall({**texts, "others": ""})

    def more(self) -> Any:
        """What is needed rarely, laid out two by two."""
        box = QtWidgets.QWidget()
        grid = QtWidgets.QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        pairs = (
            ("σ max", "sigma_max", "σ min", "sigma_min"),
            ("ρ", "rho", "churn", "churn"),
            ("step ×", "step_scale", "noise ×", "noise_scale"),
            ("centre", "center", "rotate", "augment"),
            ("align", "align", "device", "device"),
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
                ("ligands", self.form["ligands"]),
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


def _schedules() -> Any:
    """Names, or levels that are typed."""
    box = form.choice("karras", "log_linear")
    box.setEditable(True)
    box.setInsertPolicy(QtWidgets.QComboBox.InsertPolicy.NoInsert)
    return box


def _samplers() -> Any:
    """One list in two sections."""
    box = form.choice()
    for heading, names in (("Solvers", SOLVERS), ("Published samplers", PUBLISHED)):
        box.addItem(heading)
        box.model().item(box.count() - 1).setEnabled(False)
        for name, label in names.items():
            box.addItem(f"  {label}", name)
    box.setCurrentIndex(box.findData("heun"))
    return box


def _checked(box: Any) -> Any:
    box.setChecked(True)
    return box
