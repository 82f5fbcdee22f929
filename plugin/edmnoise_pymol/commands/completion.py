"""What the tabulator key completes: selections and objects first, then "keyword=" and "keyword=choice" at any place."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from edmnoise.noise.process import PROCESSES

_SWITCHES = (
    "hydrogens solvent common fresh relative follow shared bake legend reset ray overwrite trajectory denoised center "
    "augment"
).split()

CHOICES: dict[str, tuple[str, ...]] = {
    "weights": ("flat", "current", "rebalanced", "residue-heavy", "balanced-residue"),
    "process": tuple(PROCESSES),
    "distribution": ("alphafold3", "boltz", "lucidrains", "wide"),
    "ligands": ("residue", "atom"),
    "align": ("none", "center", "superpose"),
    "by": ("summary", "residue", "atom", "state"),
    "level": ("atom", "residue", "chain"),
    "origin": ("first", "last"),
    "over": ("mean", "max", "state"),
    "palette": ("dusk", "ocean", "blue_white_red", "rainbow", "grey_red"),
    "denoiser": ("states", "translation", "fixed", "kabsch"),
    "sampler": (
        *("euler", "heun", "ralston", "midpoint", "chai", "dpmpp_2m", "dpmpp_2m_sde", "ancestral"),
        *("alphafold3", "boltz1", "boltz2", "chai1", "protenix", "openfold3"),
    ),
    "schedule": ("karras", "log_linear"),
    "device": ("auto", "cpu", "cuda"),
    "tab": ("noise", "sampling", "design"),
    "measure": ("displacement", "ratio", "scramble", "share"),
    "rule": ("finite", "increment", "cumulative", "global"),
    **dict.fromkeys(_SWITCHES, ("0", "1")),
}
"""Words that an argument takes. Written out here because the library's modules that own them import torch; the test
suite compares them."""

OWN_CHOICES: dict[tuple[str, str], tuple[str, ...]] = {
    ("edm_save", "level"): ("atom", "residue"),
    ("edm_save", "b"): ("displacement",),
    ("edm_sample", "align"): ("0", "1"),
    ("edm_signal", "by"): ("level", "z"),
    ("edm_damage", "by"): ("summary", "residue"),
    ("edm_compare", "by"): ("summary", "step"),
}
"""Where one command takes other words than the others."""


def add_completions(cmd: Any, commands: tuple[Callable[..., Any], ...]) -> None:
    """Teach a cmd what to complete in the arguments of some commands."""
    for command in commands:
        name = command.__name__
        parameters = [p.name for p in inspect.signature(command).parameters.values() if p.kind is not p.KEYWORD_ONLY]
        for position, parameter in enumerate(parameters):
            while len(cmd.auto_arg) <= position:
                cmd.auto_arg.append({})
            entry = _entry(cmd, name, parameter, parameters)
            if entry is not None:
                cmd.auto_arg[position][name] = entry


def _entry(cmd: Any, command: str, parameter: str, parameters: list[str]) -> list[Any] | None:
    """PyMOL's [choices, what they are, what to put behind]; None leaves PyMOL to complete file names."""
    if parameter == "selection":
        return [cmd.selection_sc, "selection", ", "]
    if parameter == "name" and parameters.index("name") < 2:
        return [cmd.object_sc, "object", ", "]
    if parameter == "tab":
        from pymol.shortcut import Shortcut

        return [lambda: Shortcut(CHOICES["tab"]), "tab", ""]
    if parameter == "file" and parameters.index("file") == 0:
        return None
    return [lambda: _keywords(command, parameters), "argument", ""]


def _keywords(command: str, parameters: list[str]) -> Any:
    from pymol.shortcut import Shortcut

    optional = [p for p in parameters if p not in ("selection", "name") or parameters.index(p) > 1]
    choices = {p: OWN_CHOICES.get((command, p)) or CHOICES.get(p, ("",)) for p in optional}
    return Shortcut([f"{p}={choice}" for p in optional for choice in choices[p]])
