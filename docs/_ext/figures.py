"""What pages take from the program while they are made.

``.. computed:: <function>`` is what a function of FIGURES writes, ``.. rule:: <module>`` what the module's
docstring says below its first line.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import preconditioning
from docutils import nodes
from sources import ROOT, depend_on_sources
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from tables import table

from edmnoise.base.lengths import IN_SPACE
from edmnoise.noise.sigma import DISTRIBUTIONS, sigma_distribution
from edmnoise.noise.theory.statistics import NoiseStatistics
from edmnoise.noise.weights import PRESETS, Weights
from edmnoise.structure.files import read_structure
from edmnoise.structure.structure import Structure, describe

PROGRAMS = ROOT / "edmnoise" / "trajectories" / "programs"

MORE = ((8, 1, 1), (1, 8, 1))
"""Weights that only differ in what they give to the chain and to the residue."""


def fragment() -> Structure:
    """Residues 4 to 35 of chain A of PyMOL's own 1TII."""
    spec = importlib.util.find_spec("pymol")
    assert spec is not None
    assert spec.origin is not None
    whole = read_structure(Path(spec.origin).parent / "data" / "demo" / "1tii.pdb")
    wanted = np.isin(whole.atoms.number, [str(number) for number in range(4, 36)])
    kept = wanted & (whole.atoms.chain == "A") & ~whole.atoms.hetero
    return Structure.from_atoms(whole.coordinates[kept], whole.atoms.take(kept))


def fragment_levels() -> str:
    """Closed forms of the fragment for all presets and a few more, in units of sigma."""
    hierarchy = fragment().hierarchy
    rows = []
    for given in (*PRESETS.values(), *MORE):
        statistics = NoiseStatistics(hierarchy, Weights.of(*given))
        mean, sd = statistics.ratio_scatter()
        nested = [statistics.displacement(*levels) for levels in ((2, None), (1, 2), (0, 1))]
        internal = statistics.displacement(0, statistics.whole)
        shown = "/".join(f"{weight:g}" for weight in given)
        name = next((name for name, preset in PRESETS.items() if preset == given), "")
        lengths = [f"{expected.rms():.3f}" for expected in (*nested, internal)]
        rows.append([name, shown, *lengths, f"{statistics.ratio():.3f}", f"{mean:.3f} ± {sd:.3f}"])
    heads = ["preset", "weights", "chain", "residue in chain", "atom in residue", "atom, centred", "residue/atom"]
    return table(f"{describe(hierarchy)}; lengths in units of σ", [*heads, "of one draw"], rows)


def fragment_facts() -> str:
    """What the fragment's residue sizes say of the ratio residue/atom."""
    sizes = fragment().hierarchy.sizes(1)
    inverse = float(np.mean(1 / sizes))
    least = 0.75 / (1 - inverse)
    return (
        f"For the fragment :math:`\\overline{{1/n_r}} = {inverse:.4f}`: the ratio of independent noise is "
        f":math:`\\sqrt{{\\overline{{1/n_r}}}} = {math.sqrt(inverse):.3f}`, and a ratio of 0.5 or less needs "
        f":math:`w_a \\ge {least:.3f}`."
    )


def noise_levels() -> str:
    """sigma of the named distributions at whole z."""
    scores = range(-3, 4)
    rows = []
    for name, constants in DISTRIBUTIONS.items():
        facts = (constants.sigma_data, constants.p_mean, constants.p_std)
        rows.append([name, *(f"{fact:g}" for fact in facts), *(length(constants.sigma(z)) for z in scores)])
    heads = ["name", "σ_data (Å)", "P_mean", "P_std", *(f"z = {z}".replace("-", "−") for z in scores)]
    return table("σ in ångström", heads, rows)


def scramble_points() -> str:
    """Where the levels of the fragment reach the reference lengths."""
    hierarchy = fragment().hierarchy
    constants = sigma_distribution("alphafold3")
    rows = []
    for name in ("flat", "current", "rebalanced"):
        statistics = NoiseStatistics(hierarchy, Weights.named(name))
        row = [name]
        for levels, apart in (((1, 2), 3.8), ((0, 1), 1.4)):
            sigma = apart / (IN_SPACE * statistics.displacement(*levels).rms())
            row += [f"{sigma:.2f}", f"{constants.z(sigma):.2f}", f"{100 * constants.share_above(sigma):.0f} %"]
        rows.append(row)
    heads = [
        "preset",
        *(f"{what}: {fact}" for what in ("residues", "atoms") for fact in ("σ (Å)", "z", "steps beyond")),
    ]
    return table("residue in chain = 3.8 Å, atom in residue = 1.4 Å, in space", heads, rows)


def programs() -> str:
    """The table of programs that can be recorded, and what is to be known of each, out of their descriptions."""
    specs = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(PROGRAMS.glob("*.json"))]
    specs.sort(key=lambda spec: spec["program"].lower())
    heads = ["program", "package and version tried", "a step", "motion", "names"]
    rows = [
        [
            spec["program"],
            ", ".join(f"{name} {version}" for name, version in spec["distributions"].items()),
            "one call"
            if spec.get("calls_per_step", 1) in (1, None) and spec.get("calls_per_step") is not True
            else "two calls",
            "recorded" if spec.get("motion") else "not recorded",
            "recorded" if {"atom", "atom_array"} & set(spec.get("names", ())) else "from the structure",
        ]
        for spec in specs
    ]
    return "\n\n".join([table("what is recorded of which program", heads, rows), *map(_program, specs)])


def _program(spec: Mapping[str, Any]) -> str:
    """A paragraph: files, settings that are recorded, what else is to be known."""
    read_only = " (read in its source, not run)" if spec.get("read_only") else ""
    said = [
        *([f"Writes {spec['files']}."] if "files" in spec else []),
        f"Settings that are recorded: {', '.join(spec['settings'])}.".replace("_", " "),
        *spec.get("notes", ()),
    ]
    return f"*{spec['program']}*{read_only}\n   {' '.join(said)}"


FIGURES: dict[str, Callable[[], str]] = {
    made.__name__: made for made in (fragment_levels, fragment_facts, noise_levels, scramble_points, programs)
} | preconditioning.FIGURES


def length(value: float) -> str:
    """Three digits, and never a power of ten."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


class Computed(SphinxDirective):
    """What a function of this file writes."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        depend_on_sources(self.env)
        if self.arguments[0] not in FIGURES:
            raise self.error(f"no figure {self.arguments[0]!r}: give one of {', '.join(FIGURES)}")
        return self.parse_text_to_nodes(FIGURES[self.arguments[0]]())


class Rule(SphinxDirective):
    """What a module's docstring says below its first line."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        depend_on_sources(self.env)
        _, _, rule = inspect.cleandoc(importlib.import_module(self.arguments[0]).__doc__ or "").partition("\n\n")
        return self.parse_text_to_nodes(rule)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("computed", Computed)
    app.add_directive("rule", Rule)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
