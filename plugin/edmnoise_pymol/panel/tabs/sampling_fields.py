"""The arguments of `edm_sample` as controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymol.Qt import QtCore, QtWidgets

from edmnoise.diffusion.names import PUBLISHED, SOLVERS
from edmnoise.settings import atoms, noise, partial, sampling

from ..controls import form
from ..controls.number import Real
from .ensemble_fields import EnsembleFields, enable
from .network_fields import NetworkFields

_FACTOR = {"low": -0.01, "high": 100, "step": 0.1, "decimals": 3}
_RANGES: dict[str, dict[str, Any]] = {
    "steps": {"low": 0, "high": 100_000},
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
        self.network = NetworkFields(made)
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
        made.knob(atoms.MOVE)
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
        self.ensemble = EnsembleFields(parts)
        made["trajectory"].toggled.connect(made["denoised"].setEnabled)
        form.signal(made["denoiser"]).connect(lambda *_: self._follow_denoiser())
        parts.changed.connect(self.changed)

    def options(self) -> dict[str, str]:
        """Arguments of a command."""
        found = self.network.options(self.form.options())
        weights = [self.parts.text(f"{level} output") for level in ("residue", "chain")]
        if weights != ["0", "0"]:
            found["level_weights"] = " ".join(weights)
        found |= self.ensemble.options()
        return found

    @property
    def of_the_sampler(self) -> dict[str, str]:
        """Those that a schedule follows from."""
        of_it = {"sampler", "distribution", "start", *sampling.OF_A_SAMPLER}
        return {name: text for name, text in self.options().items() if name in of_it}

    def remembered(self) -> dict[str, str]:
        return {**self.form.remembered(), **self.parts.remembered()}

    def recall(self, texts: Mapping[str, str]) -> None:
        """A name, a start, atoms that move and other objects belong to the scene that they were typed for."""
        self.form.recall({**texts, "name": "", "start": "", "state_weights": "", "move": ""})
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
        for at, (words, control) in enumerate(
            (
                ("levels", self.form["schedule"]),
                ("motion", self.ensemble.motion),
                ("", self.ensemble.numbers),
                ("weights", self.form["state_weights"]),
                ("and of", self.ensemble.others),
                ("move", self.form["move"]),
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
        return box

    def _follow_denoiser(self) -> None:
        """A network has learned the states and their motion: nothing of them is left to be chosen."""
        for control in (self.form["state_weights"], self.ensemble.motion):
            enable(control, not self.network.is_network, "Of exact denoisers: a network has learned its own")


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
