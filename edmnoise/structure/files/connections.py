"""Bonds as files state them: those that a reader cannot know from the names of residues.

A PDB file has CONECT lines, which name an atom and its neighbours, each as often as the order of its bond, once from
either side. mmCIF has _chem_comp_bond for the bonds within a component and _struct_conn for those between residues.
PyMOL's own _pymol_bond, of all bonds, comes along where there are ligands: without it PyMOL asks the network for every
component that _chem_comp_bond leaves out, and cannot tell atoms of one name apart. It does not sort the atoms then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..bonds import COVALENT_RADII, find_bonds, radii_of
from ..structure import Structure

ORDERS = {"sing": 1, "doub": 2, "trip": 3, "arom": 4, "delo": 4}
"""What mmCIF calls the orders of bonds."""

_SAID = {1: "SING", 2: "DOUB", 3: "TRIP", 4: "AROM"}
_LINKS = ({"C", "N"}, {"O3'", "P"}, {"O3*", "P"})
"""Names of the atoms of the bonds that make polymers of residues."""


def telling_bonds(rows: Structure) -> NDArray[np.int64]:
    """(B, 3) of a structure's bonds those that a reader cannot know: of ligands, modified residues, disulphides."""
    bonds, name, residue = rows.bonds, rows.atoms.name, rows.residue_of_atoms
    told = _foreign(rows, bonds)
    apart = np.flatnonzero(~told & (residue[bonds[:, 0]] != residue[bonds[:, 1]]))
    told[[at for at in apart.tolist() if {*name[bonds[at, :2]].tolist()} not in _LINKS]] = True
    return bonds[told]


def _foreign(rows: Structure, bonds: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(B,) which bonds have an end that is no polymer's and no water's."""
    known = rows.atoms.in_component | rows.atoms.is_water
    return ~known[bonds[:, :2]].all(axis=1)


def conect_lines(rows: Structure, serials: NDArray[np.int64]) -> bytes:
    """CONECT lines of the telling bonds, atoms named by their serials (N,)."""
    partners: dict[int, list[int]] = defaultdict(list)
    for one, other, order in telling_bonds(rows).tolist():
        first, second = int(serials[one]), int(serials[other])
        partners[first] += [second] * max(order, 1)
        partners[second] += [first] * max(order, 1)
    lines = [
        f"CONECT{serial:5d}{''.join(f'{partner:5d}' for partner in found[at : at + 4])}".ljust(80) + "\n"
        for serial, found in sorted(partners.items())
        for at in range(0, len(found), 4)
    ]
    return "".join(lines).encode()


def bond_categories(rows: Structure, chains: Sequence[str], quote: Callable[[str], str]) -> str:
    """_chem_comp_bond, _struct_conn and _pymol_bond of a structure.

    Parameters
    ----------
    rows
        The structure.
    chains
        (N,) label_asym_id of each atom.
    quote
        Makes a text a value.
    """
    atoms, residue = rows.atoms, rows.residue_of_atoms
    telling = telling_bonds(rows)
    inside = residue[telling[:, 0]] == residue[telling[:, 1]]
    components: dict[tuple[str, str, str], int] = {}
    for one, other, order in telling[inside].tolist():
        key = (str(atoms.residue_name[one]), str(atoms.name[one]), str(atoms.name[other]))
        if key[1] != key[2] and key[:1] + key[:0:-1] not in components:
            components.setdefault(key, order)
    metal = radii_of(rows, COVALENT_RADII) == 0
    sulphur = np.char.upper(atoms.element) == "S"

    def partner(atom: int) -> list[str]:
        digits = atoms.number[atom].rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        code = atoms.number[atom][len(digits) :]
        texts = (chains[atom], atoms.residue_name[atom], atoms.name[atom], atoms.chain[atom], digits)
        return [*(quote(str(text)) for text in texts), quote(str(code)) if code else "?", "1_555"]

    links: list[list[str]] = []
    for one, other, order in telling[~inside].tolist():
        ends = [one, other]
        kind = "disulf" if sulphur[ends].all() else "metalc" if metal[ends].any() or order == 0 else "covale"
        links.append([f"{kind}{len(links) + 1}", kind, *partner(one), *partner(other), _SAID.get(order, "?").lower()])
    end = "label_asym_id label_comp_id label_atom_id auth_asym_id auth_seq_id PDB_ins_code symmetry".split()
    link_tags = [f"{'pdbx_' * what.startswith('PDB')}ptnr{number}_{what}" for number in "12" for what in end]
    own = _all_bonds(rows) if _foreign(rows, telling).any() else rows.bonds[:0]
    own_rows = ([str(one + 1), str(other + 1), str(order)] for one, other, order in own.tolist())
    return "".join(
        [
            loop(
                "chem_comp_bond",
                ["comp_id", "atom_id_1", "atom_id_2", "value_order", "pdbx_aromatic_flag"],
                (
                    [*map(quote, key), _SAID.get(order, "SING"), "Y" if order == 4 else "N"]
                    for key, order in components.items()
                ),
            ),
            loop("struct_conn", ["id", "conn_type_id", *link_tags, "pdbx_value_order"], links),
            loop(
                "pymol_bond",
                ["atom_site_id_1", "atom_site_id_2", "order"],
                own_rows,
            ),
        ]
    )


def _all_bonds(rows: Structure) -> NDArray[np.int64]:
    """The bonds that a structure holds, with those that chemistry says where it holds no polymer's."""
    if (~_foreign(rows, rows.bonds)).any():
        return rows.bonds
    said = np.column_stack([found := find_bonds(rows), np.ones(len(found), dtype=np.int64)])
    return np.concatenate([rows.bonds, said[~_among(said, rows.bonds, rows.n_atoms)]])


def _among(bonds: NDArray[np.int64], others: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    ends = (np.sort(pairs[:, :2], axis=1) @ np.array([count, 1]) for pairs in (bonds, others))
    return np.isin(*ends)


def loop(category: str, tags: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A loop of an mmCIF file, "" without rows."""
    lines = [" ".join(row) + "\n" for row in rows]
    return "".join(["loop_\n", *(f"_{category}.{tag}\n" for tag in tags), *lines, "#\n"]) if lines else ""
