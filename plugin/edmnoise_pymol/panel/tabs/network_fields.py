"""A denoiser by its name in a list, or a network: a file that is asked for, or a function that is typed."""

from __future__ import annotations

from pymol.Qt import QtWidgets

from edmnoise.diffusion.names import DENOISERS, is_file, is_function
from edmnoise.settings import sampling

from ...commands.request import quoted
from ..controls import form
from ..controls.files import ask_file
from ..controls.rows import boxed, row, tool

_FILES = "Networks (*.pt2 *.safetensors);;All files (*)"


class NetworkFields:
    """Controls of a form: whose denoiser, and of a network what it gives.

    Attributes
    ----------
    lines
        The list and the button for a file; below, what is to be said of a network, where it does not say that itself.
    """

    def __init__(self, made: form.Form) -> None:
        self._form = made
        box = made.knob(sampling.ANY_DENOISER)
        made.knob(sampling.NETWORK_GIVES)
        made.knob(sampling.NETWORK_RULE)
        made.knob(sampling.DATA_SCALES)
        made["data_scales"].setPlaceholderText("Å")
        self.file = tool("open", "Choose a network's file: a .pt2 of torch.export, or a checkpoint", "choose a network")
        self._gives = boxed(row("gives", made["gives"]))
        self._rule = boxed(row("rule", made["rule"]))
        self._scales = boxed(row("scales", made["data_scales"]))
        self.lines = QtWidgets.QVBoxLayout()
        self.lines.addLayout(row(box, self.file))
        for line in (self._gives, self._rule, self._scales):
            self.lines.addWidget(line)
        self.file.clicked.connect(lambda: ask_file(self.file, "A network", self.choose, _FILES))
        for control in (box, made["gives"]):
            form.signal(control).connect(lambda *_: self.follow())
        self.follow()

    @property
    def is_network(self) -> bool:
        """Whether no exact denoiser is chosen but what may be a network."""
        name = self._form.text("denoiser")
        return name not in DENOISERS and (is_file(name) or is_function(name))

    def choose(self, path: str) -> None:
        """Take a file, or whatever a denoiser is called."""
        form.set_text(self._form["denoiser"], path)

    def options(self, found: dict[str, str]) -> dict[str, str]:
        """The form's arguments, a path among them as PyMOL's prompt takes it."""
        name = found.get("denoiser", "")
        return {**found, "denoiser": quoted(name)} if is_file(name) else found

    def follow(self) -> None:
        """Only what may be said of the denoiser can be used."""
        says = self.is_network and not self._form.text("denoiser").lower().endswith(".safetensors")
        residual = says and self._form.text("gives") == "residual"
        for name, line, on in (
            ("gives", self._gives, says),
            ("rule", self._rule, residual),
            ("data_scales", self._scales, residual),
        ):
            self._form[name].setEnabled(on)
            line.setVisible(on)
