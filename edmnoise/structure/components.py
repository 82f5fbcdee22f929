"""The residues that polymers are made of: which names they go by, and which of their atoms are bonded.

Heavy atoms only, after the chemical component dictionary of the wwPDB, with the names that CHARMM, Amber and GROMACS
give the same residues and atoms. Where hydrogens sit depends on who wrote the file: `bonds` finds them by distance.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_BACKBONE = "N CA C O|C OXT|C OT1|C OT2|C OC1|C OC2|C O1|C O2"
_PHENYL = "CA CB CG CD1 CE1 CZ CE2 CD2 CG"
_SIDE_CHAINS = {
    "ALA": "CA CB",
    "ARG": "CA CB CG CD NE CZ NH1|CZ NH2",
    "ASN": "CA CB CG OD1|CG ND2",
    "ASP": "CA CB CG OD1|CG OD2",
    "CYS": "CA CB SG",
    "GLN": "CA CB CG CD OE1|CD NE2",
    "GLU": "CA CB CG CD OE1|CD OE2",
    "GLY": "",
    "HIS": "CA CB CG ND1 CE1 NE2 CD2 CG",
    "ILE": "CA CB CG1 CD1|CG1 CD|CB CG2",
    "LEU": "CA CB CG CD1|CG CD2",
    "LYS": "CA CB CG CD CE NZ",
    "MET": "CA CB CG SD CE",
    "PHE": _PHENYL,
    "PRO": "CA CB CG CD N",
    "SER": "CA CB OG",
    "THR": "CA CB OG1|CB CG2",
    "TRP": "CA CB CG CD1 NE1 CE2 CD2 CG|CD2 CE3 CZ3 CH2 CZ2 CE2",
    "TYR": f"{_PHENYL}|CZ OH",
    "VAL": "CA CB CG1|CB CG2",
    "UNK": "CA CB CG",
}
_SUGAR = "OP3 P OP1|P OP2|O1P P O2P|O3P P|P O5' C5' C4' C3' O3'|C4' O4' C1' C2' C3'|C2' O2'"
_PURINE = "C1' N9 C8 N7 C5 C4 N9|C5 C6 N1 C2 N3 C4"
_PYRIMIDINE = "C1' N1 C2 N3 C4 C5 C6 N1|C2 O2"
_BASES = {
    "A": f"{_PURINE}|C6 N6",
    "G": f"{_PURINE}|C6 O6|C2 N2",
    "I": f"{_PURINE}|C6 O6",
    "C": f"{_PYRIMIDINE}|C4 N4",
    "U": f"{_PYRIMIDINE}|C4 O4",
    "T": f"{_PYRIMIDINE}|C4 O4|C5 C7|C5 C5M",
    "N": "",
}

AMINO_ACIDS = frozenset(_SIDE_CHAINS)
NUCLEOTIDES = frozenset(_BASES)

_PATHS = {name: f"{_BACKBONE}|{path}" for name, path in _SIDE_CHAINS.items()} | {
    name: f"{_SUGAR}|{path}" for name, path in _BASES.items()
}
"""Chains of bonded atoms of each component, separated by "|"."""

_ALIASES = {
    "HIS": "HSD HSE HSP HID HIE HIP HISA HISB HISD HISE HISH HIS1 HIS2",
    "CYS": "CYX CYM CYS2 CYSH",
    "ASP": "ASH ASPH",
    "GLU": "GLH GLUH",
    "LYS": "LYN LYSH",
    "ARG": "ARGN",
    "A": "DA RA ADE DA5 DA3 RA5 RA3 A5 A3",
    "G": "DG RG GUA DG5 DG3 RG5 RG3 G5 G3",
    "C": "DC RC CYT DC5 DC3 RC5 RC3 C5 C3",
    "U": "DU RU URA RU5 RU3 U5 U3",
    "T": "DT THY DT5 DT3",
    "I": "DI",
    "N": "DN",
}
_COMPONENTS = {name: name for name in _PATHS} | {
    alias: name for name, aliases in _ALIASES.items() for alias in aliases.split()
}


def component_of(residue_name: str) -> str | None:
    """The polymer component that a residue name stands for; None for all others (modified residues, ligands, water).

    Examples
    --------
    >>> component_of("HSD"), component_of("DA"), component_of("MSE")
    ('HIS', 'A', None)
    """
    return _COMPONENTS.get(residue_name)


def component_bonds(
    names: list[str],
    name: NDArray[np.int64],
    residue_names: list[str],
    residue_name: NDArray[np.int64],
    residue: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The bonds within residues that are known, whatever the coordinates.

    Parameters
    ----------
    names, residue_names
        The different atom names and residue names that there are.
    name, residue_name
        (N,) which of them each atom has.
    residue
        (N,) which residue each atom is in.

    Returns
    -------
    pairs : array
        (B, 2) bonded atoms.
    known : array
        (N,) the atoms whose bonds within their residue these are: named by the component, once in the residue.
    """
    known = np.zeros(len(name), dtype=np.bool_)
    pairs = [np.empty((0, 2), dtype=np.int64)]
    components = [component_of(said) for said in residue_names]
    kinds = sorted({found for found in components if found})
    kind = np.array([kinds.index(found) if found else -1 for found in components])[residue_name]
    for number, component in enumerate(kinds):
        columns, bonds = _template(component)
        place = np.array([columns.get(said.replace("*", "'"), -1) for said in names], dtype=np.int64)
        members = np.flatnonzero(kind == number)
        column = place[name[members]]
        members, column = members[column >= 0], column[column >= 0]
        rows, row = np.unique(residue[members], return_inverse=True)
        row = row.reshape(-1)
        cell = row * len(columns) + column
        once = np.bincount(cell, minlength=len(rows) * len(columns))[cell] == 1
        table = np.full((len(rows), len(columns)), -1, dtype=np.int64)
        table[row[once], column[once]] = members[once]
        known[members[once]] = True
        ends = table[:, bonds].reshape(-1, 2)
        pairs.append(ends[(ends >= 0).all(axis=1)])
    return np.concatenate(pairs), known


@cache
def _template(component: str) -> tuple[dict[str, int], NDArray[np.int64]]:
    """The atom names of a component, numbered, and its bonds (B, 2) by these numbers."""
    numbers: dict[str, int] = {}
    bonds: set[tuple[int, int]] = set()
    for path in _PATHS[component].split("|"):
        places = [numbers.setdefault(said, len(numbers)) for said in path.split()]
        bonds.update((min(pair), max(pair)) for pair in pairwise(places))
    return numbers, np.array(sorted(bonds), dtype=np.int64)
