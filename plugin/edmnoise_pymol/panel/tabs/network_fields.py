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
    denoiser
        A row of the list and the button for a file.
    gives
        What is to be said of a network; hidden where there is none, or where it says that itself.
    """

    def __init__(self, made: form.Form) -> None:
        self._form = made
        box = made.knob(sampling.ANY_DENOISER)
        made.knob(sampling.NETWORK_GIVES)
        made.knob(sampling.NETWORK_RULE)
        made.knob(sampling.DATA_SCALES)
        made["data_scales"].setPlaceholderText("Å, of its training")
        self.file = tool("open", "Choose a network's file: a .pt2 of torch.export, or a checkpoint", "choose a network")
        self.denoiser = row(box, self.file)
        self._residual = boxed(row("rule", made["rule"], "scales", made["data_scales"]))
        lines = QtWidgets.QVBoxLayout()
        lines.addLayout(row("gives", made["gives"]))
        lines.addWidget(self._residual)
        self.gives = boxed(lines)
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
        for name, on in (("gives", says), ("rule", residual), ("data_scales", residual)):
            self._form[name].setEnabled(on)
        self.gives.setVisible(says)
        self._residual.setVisible(residual)
