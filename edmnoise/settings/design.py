"""Weights chosen, not guessed: wanted displacements, what is kept, what is mapped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import reading
from .colours import LEVEL
from .knob import Knob, real, text, word
from .noise import COMPARED
from .noise import SIGMA as ANY_SIGMA
from .noise import Z as ANY_Z


def _constraints(_: Knob, value: Any) -> Any:
    from ..noise.design.solve import parse_constraints

    return parse_constraints(value if isinstance(value, Mapping) else reading.items(value))


def _target(level: str, moved: str) -> Any:
    return real(
        level,
        None,
        f"wanted displacement of the {moved} in angstrom, RMS length in space (3-D) over atoms; a level that is left "
        "out gets no noise of its own, unless sigma or fixed gives it some",
        unit="A",
        tip=f"Wanted displacement of the {moved} in angstrom in space (3-D RMS); 0 for no wish",
    )


def _reference(level: str, otherwise: str) -> Any:
    return real(
        level,
        None,
        f"reference length of the {level} in angstrom, a length in space (3-D)",
        usual=otherwise,
        unit="A",
    )


CHAIN = _target("chain", "chains")
DOMAIN = _target("domain", "domains in their chain, where there are domains")
RESIDUE = _target("residue", "residues in their chain, or in their domain")
ATOM = _target("atom", "atoms in their residue")
Z = ANY_Z.but(
    default=0.0,
    help="normal score at which it is wanted; what P_mean puts the sigma there is printed",
    tip="Normal score at which it is wanted: the P_mean that puts it there is said",
)
SIGMA = ANY_SIGMA.but(help="keep this sigma in angstrom")
COMPARE = COMPARED.but(name="compare", help=COMPARED.help.replace("noises to compare", "other weights to compare"))
FIXED = text("fixed", None, "weights or ratios of two weights to keep: atom 0.1 | residue/atom 4").but(
    parse=_constraints
)

DOMAIN_LENGTH = _reference("domain", "the same of its domains, where there are any")
CHAIN_LENGTH = _reference("chain", "the mean distance from a chain's centre to the nearest other one's")
RESIDUE_LENGTH = _reference("residue", "3.8, the distance of neighbouring C-alpha")
ATOM_LENGTH = _reference("atom", "1.4, a bond")
LENGTH = real(
    "reference",
    None,
    "reference length of the level in angstrom in space (3-D)",
    usual="that of edm_scramble",
    unit="A",
)

MEASURE = word(
    "measure",
    {
        "displacement": "displacement",
        "ratio": "residue / atom",
        "scramble": "scramble z",
        "share": "steps beyond",
    },
    "displacement",
    "displacement (of the level relative to the one above, in sigma), ratio (residue/atom, absolute), scramble (the z "
    "at which the level moves by its reference length in space), or share (of the training steps beyond it)",
    tip="What is mapped: a level's displacement relative to the one above (sigma), the ratio residue / atom, the z "
    "at which the level moves by its reference length (angstrom), or the training steps beyond it (%)",
)
MEASURED_LEVEL = LEVEL.but(
    words={level: level for level in LEVEL.words if level != "domain"},
    help="level that is measured: atom, residue or chain",
    tip="Level that is measured",
)
