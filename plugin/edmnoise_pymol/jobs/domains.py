"""Domains of an object, from selections, residue ranges, secondary structure or a property of its atoms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.table import Table
from edmnoise.structure.domains import SECONDARY, assigned, domain_table, in_range, is_range, runs
from edmnoise.structure.hierarchy import DOMAIN

from ..job import Job
from ..scene import ask
from ..scene import domains as held
from ..scene.ask import Cmd
from ..scene.objects import existing_object
from ..scene.selected import Selected
from ..scene.source import Source, objects_of, reading
from ..scene.titles import Provenance

NONE = "none"
PROPERTIES = ("segi", "custom")
"""PyMOL's properties whose values may be domains."""


def domains(cmd: Cmd, name: str, given: str | None) -> Job[Table]:
    """Set the domains of an object, and tell those that it has then.

    Parameters
    ----------
    name
        An object; every atom of it gets a domain.
    given
        Selections or residue ranges with "|" between them, "ss", a property, "none"; None leaves them as they are.

    Raises
    ------
    EdmNoiseError
        No such object, a selection that PyMOL cannot read, domains that hold no atoms, overlap or leave atoms out, that
        part a residue, and frames whose noise was made by domains. Nothing is changed then.
    """
    existing_object(cmd, name)
    if given is not None:
        made = Provenance.parse(ask.title(cmd, name, 1))
        if made is not None and made.noise.weights.domain:
            raise EdmNoiseError(
                f"the noise of {name} was made by its domains: set those of the object that it was made from"
            )
    if given == NONE:
        held.unmark(cmd, name)
    elif given is not None:
        yield from _set(cmd, name, given)
    source = yield from reading(cmd, Selected(f"%{name}", 1))
    return domain_table(source.structure)


def _set(cmd: Cmd, name: str, given: str) -> Job[None]:
    source = yield from reading(cmd, Selected(f"%{name}", 1, solvent=True), domains=False)
    structure = source.structure
    if given == SECONDARY:
        element = _property(cmd, source, SECONDARY)
        labels = runs(structure, np.where(np.isin(element, ["H", "S"]), element, "L"))
    elif given in PROPERTIES:
        labels = np.unique(_property(cmd, source, given), return_inverse=True)[1].reshape(-1)
    else:
        labels = assigned(structure, given, lambda item: _held(cmd, source, item))
    hierarchy = structure.with_domains(labels).hierarchy
    number = (hierarchy.ancestors(0, hierarchy.level(DOMAIN)) + 1).tolist()
    atoms = structure.atoms
    names = (atoms.segment, atoms.chain, atoms.number, atoms.residue_name)
    residues = zip(*(part.tolist() for part in names), strict=True)
    held.mark(cmd, name, dict(zip(source.index, number, strict=True)), dict(zip(residues, number, strict=True)))


def _property(cmd: Cmd, source: Source, what: str) -> NDArray[np.str_]:
    """(N,) a property of the atoms."""
    found = held.facts(cmd, source.object, what)
    return np.array([found[index] for index in source.index], dtype=np.str_)


def _held(cmd: Cmd, source: Source, item: str) -> NDArray[np.bool_]:
    """(N,) which atoms a residue range or a selection holds."""
    if is_range(item):
        return in_range(source.structure, item)
    objects_of(cmd, item)  # says what PyMOL cannot read
    return np.isin(source.index, list(held.indices(cmd, source.object, item)))
