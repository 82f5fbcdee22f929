"""Chemical elements: the symbols that there are, and what an atom is of whose element a program has guessed badly."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from .atoms import Atoms, distinct

_PERIODIC = """H HE LI BE B C N O F NE NA MG AL SI P S CL AR K CA SC TI V CR MN FE CO NI CU ZN GA GE AS SE BR KR RB SR
    Y ZR NB MO TC RU RH PD AG CD IN SN SB TE I XE CS BA LA CE PR ND PM SM EU GD TB DY HO ER TM YB LU HF TA W RE
    OS IR PT AU HG TL PB BI PO AT RN FR RA AC TH PA U NP PU AM CM BK CF ES FM MD NO LR""".split()
ELEMENTS = frozenset(_PERIODIC) | {"D"}
"""Symbols that the element column of a PDB file may hold; D is deuterium."""

_ORGANIC = ("CL", "SE", "SI")
_MOLECULAR = frozenset("CA CD CO CR CS CU HG NA NI OS PB PD PT SB SN".split())
"""Metals with the first letter of a non-metal that stand in molecules of several atoms."""

_SHORTEST_METAL = 1.75
"""Nothing that a metal binds is nearer to it than this, angstrom; C, N, O of one molecule are 1.2 to 1.6 apart."""


def atomic_numbers(atoms: Atoms) -> NDArray[np.int64]:
    """(N,) atomic number of each atom's element, deuterium's that of hydrogen; 0 where it is none."""
    numbers = {symbol: number for number, symbol in enumerate(_PERIODIC, 1)}
    return atoms.of_element({**numbers, "D": 1}, 0)


def element_of(symbol: str, name: str, residue_name: str) -> str | None:
    """The element of an atom of which a program says ``symbol``, from its names; None where places must tell.

    Where a PDB file leaves the element blank, PyMOL takes the first two letters of a name that begins in column 13 for
    its symbol: CME1 is curium, and OE1A is "Oe".

    Examples
    --------
    >>> element_of("Cm", "CME1", "LIG"), element_of("Ca", "CA", "CA"), element_of("Zn", "ZN", "ZN")
    ('C', 'Ca', 'Zn')
    """
    said, upper = symbol.upper(), name.upper()
    guessed = len(said) == 2 and said[0] in "CHNOPS" and said not in _ORGANIC and upper.startswith(said)
    if not guessed or (said in ELEMENTS and residue_name.upper().startswith(said)):
        return symbol
    return None if said in _MOLECULAR else symbol[0]


def element_in_columns(field: str, residue_name: str) -> str:
    """Element of a name as it stands in columns 13 to 16 of a PDB file: a symbol of two letters begins in column 13."""
    letters = re.sub("[^A-Z]", "", field.upper())
    two = letters[:2]
    could_be = field[0].isalpha() and field[3] == " " and len(two) == 2 and two in ELEMENTS
    if could_be and (two[0] not in "CHNOPS" or residue_name.upper().startswith(two)):
        return two
    return next((symbol for symbol in (letters[:1], two) if symbol in ELEMENTS), "")


def element_of_name(name: str, residue_name: str) -> str:
    """Element of a name that stands in no columns: that of an ion is its own, else a symbol of two letters is rare.

    Examples
    --------
    >>> pairs = ("CA", "GLY"), ("CA", "CA"), ("CL1", "LIG"), ("NA", "HEM")
    >>> [element_of_name(name, residue) for name, residue in pairs]
    ['C', 'CA', 'CL', 'N']
    """
    upper = name.upper()
    if upper.startswith(_ORGANIC):
        return upper[:2]
    in_first_column = upper[:1] not in "CHNOPS" or upper == residue_name.upper()
    return element_in_columns(f"{name if in_first_column else f' {name}':4}", residue_name)


def sound_elements(atoms: Atoms, residue: NDArray[np.int64], coordinates: NDArray[np.floating]) -> NDArray[np.str_]:
    """(N,) elements as a program says them, without its bad guesses.

    Parameters
    ----------
    atoms
        What the program says of N atoms.
    residue
        (N,) the residue of each.
    coordinates
        (N, 3), angstrom.
    """
    element = atoms.element
    found = element.copy()
    kinds, kind = distinct(element)
    doubtful = np.array([len(said) == 2 for said in kinds])
    for atom in np.flatnonzero(doubtful[kind]).tolist():
        symbol = element_of(str(element[atom]), str(atoms.name[atom]), str(atoms.residue_name[atom]))
        if symbol is None:
            others = np.flatnonzero(residue == residue[atom])
            far = np.linalg.norm(coordinates[others] - coordinates[atom], axis=1)
            near = others[(far < _SHORTEST_METAL) & (others != atom)]
            symbol = str(element[atom])[0] if (~atoms.is_hydrogen[near]).any() else str(element[atom])
        found[atom] = symbol
    return found
