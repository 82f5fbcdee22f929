"""mmCIF files: a record is a row of the loop _atom_site. gemmi takes a file apart; writing needs nothing."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ... import __version__
from ...base.errors import EdmNoiseError
from ..atoms import Atoms, distinct
from ..components import component_of
from ..structure import Structure
from .connections import ORDERS, bond_categories
from .digits import integers, thousandths
from .layout import COLUMNS, Bytes, Content, Layout, characters, decimals
from .records import Records, RecordSource, Text, distinct_bonds, each, residue_number
from .secondary import HELIX, STRAND, Element, in_elements, rank, secondary_categories


class MmcifSource(RecordSource):
    """The _atom_site loop of the block that has one, with the columns that PyMOL takes."""

    def __init__(self, data: bytes) -> None:
        try:
            from gemmi import cif
        except ImportError as error:
            raise EdmNoiseError("mmCIF files need gemmi: pip install 'edmnoise[files]'") from error
        try:
            document = cif.read_string(data.decode("utf-8", "replace"))
        except (ValueError, RuntimeError) as error:
            raise EdmNoiseError(str(error)) from error
        self.cif = cif
        blocks = [block for block in document if block.find_values("_atom_site.Cartn_x")]
        if len(blocks) > 1:
            names = ", ".join(block.name for block in blocks)
            raise EdmNoiseError(f"it holds atoms in {len(blocks)} data blocks ({names}): keep one of them in a file")
        block = blocks[0] if blocks else cif.Block("empty")
        self.block = block
        self.columns = {tag: list(block.find_values(f"_atom_site.{tag}")) for tag in _READ}
        ranks: dict[str, int] = {}
        labels = self.columns["pdbx_PDB_model_num"] or ["1"] * len(self.columns["Cartn_x"])
        model = np.array([ranks.setdefault(label, len(ranks)) for label in labels], dtype=np.int64)
        if (np.diff(model) < 0).any():
            order = np.argsort(model, kind="stable")
            model = model[order]
            self.columns = {tag: [said[i] for i in order[: len(said)]] for tag, said in self.columns.items()}
        super().__init__(model)

    def records(self, model: int) -> Records:
        span = self.span(model)

        def text(*tags: str) -> Text:
            """The first of these columns that the file has."""
            said = next((self.columns[tag] for tag in tags if self.columns.get(tag)), None)
            return np.full(self.sizes[model], "") if said is None else each(said[span], self.cif.as_string)

        digits, codes = text("auth_seq_id", "label_seq_id"), text("pdbx_PDB_ins_code")
        atoms = Atoms(
            name=text("auth_atom_id", "label_atom_id"),
            element=text("type_symbol"),
            residue_name=text("auth_comp_id", "label_comp_id"),
            number=np.array([residue_number(n) + code for n, code in zip(digits, codes, strict=True)]),
            chain=text("auth_asym_id", "label_asym_id"),
            segment=text("label_asym_id"),
            hetero=text("group_PDB") == "HETATM",
            occupancy=self._numbers("occupancy", span, 1.0),
            b_factor=self._numbers("B_iso_or_equiv", span, 0.0),
            charge=self._numbers("pdbx_formal_charge", span, 0.0).astype(np.int64),
        )
        atoms = replace(atoms, secondary=self._secondary(atoms, text("label_seq_id")))
        return Records(atoms, text("label_alt_id"))

    def _secondary(self, atoms: Atoms, sequence: Text) -> NDArray[np.str_] | None:
        """(N,) helices and strands, by the numbers of the sequence (N,) or, without these, by the author's."""
        for names, chain, number in (("label", atoms.segment, sequence), ("auth", atoms.chain, atoms.number)):
            elements = self._elements(names)
            if elements and (number != "").any():
                return in_elements(elements, chain, number)
        return None

    def _elements(self, names: str) -> list[Element]:
        """Helices and strands whose ends are given by these names, in the order in which they begin."""
        ends = [f"{side}_{names}_{what}" for what in ("asym_id", "seq_id") for side in ("beg", "end")]
        optional = ["?conf_type_id", "?pdbx_beg_PDB_ins_code", "?pdbx_end_PDB_ins_code"]
        found = []
        for category, usual in (("struct_conf", "HELX"), ("struct_sheet_range", "STRN")):
            for row in self.block.find(f"_{category}.", [*ends, *optional]):
                said = [self.cif.as_string(row[at]) if row.has(at) else "" for at in range(len(ends) + len(optional))]
                chain, other, first, last, kind, *codes = said
                if names == "auth":
                    first, last = first + codes[0], last + codes[1]
                known = _ELEMENTS.get((kind or usual)[:4].upper())
                if known and chain == other and first and last:
                    found.append(Element(known, chain, rank(first), rank(last)))
        return sorted(found, key=lambda element: element.first)

    def bonds(self, records: Records) -> NDArray[np.int64]:
        """_pymol_bond, which holds all bonds; or _struct_conn (covalent, of atoms in the file) and _chem_comp_bond."""
        table = self.block.find("_pymol_bond.", ["atom_site_id_1", "atom_site_id_2", "order"])
        if table:
            place = {said: atom for atom, said in enumerate(self.columns["id"][: len(records.atoms)])}
            ends = ((place.get(row[0]), place.get(row[1]), row[2]) for row in table)
            return distinct_bonds(
                (one, other, int(order)) for one, other, order in ends if one is not None and other is not None
            )
        return distinct_bonds([*self._links(records), *self._component_bonds(records)])

    def _links(self, records: Records) -> Iterable[tuple[int, int, int]]:
        tags = ["conn_type_id", "?pdbx_value_order", "?ptnr1_symmetry", "?ptnr2_symmetry"]
        for end in "12":
            tags += [f"ptnr{end}_{what}" for what in ("label_asym_id", "auth_seq_id", "label_comp_id", "label_atom_id")]
            tags += [f"?pdbx_ptnr{end}_PDB_ins_code", f"?pdbx_ptnr{end}_label_alt_id"]
        rows = [
            [self.cif.as_string(row[at]) if row.has(at) else "" for at in range(len(tags))]
            for row in self.block.find("_struct_conn.", tags)
            if self.cif.as_string(row[0]) in _COVALENT
        ]
        if not rows:
            return
        count = len(records.atoms)
        atoms = records.atoms
        components, names = (
            [self.cif.as_string(said) for said in self.columns[tag][:count]] or fallback.tolist()
            for tag, fallback in (("label_comp_id", atoms.residue_name), ("label_atom_id", atoms.name))
        )
        keys = zip(
            atoms.segment.tolist(), atoms.number.tolist(), components, names, records.altloc.tolist(), strict=True
        )
        place = {key: atom for atom, key in reversed(list(enumerate(keys)))}
        for _, order, symmetry, other_symmetry, *partners in rows:
            one, other = (
                place.get((segment, residue_number(digits) + code, component, name, alt))
                for segment, digits, component, name, code, alt in (partners[:6], partners[6:])
            )
            if one is not None and other is not None and symmetry == other_symmetry:
                yield one, other, ORDERS.get(order.lower(), 1)

    def _component_bonds(self, records: Records) -> Iterable[tuple[int, int, int]]:
        table = self.block.find("_chem_comp_bond.", ["comp_id", "atom_id_1", "atom_id_2", "value_order"])
        bonds: dict[str, list[tuple[str, str, int]]] = {}
        for row in table:
            name, *ends, order = (self.cif.as_string(said) for said in row)
            if component_of(name) is None:
                bonds.setdefault(name, []).append((ends[0], ends[1], ORDERS.get(order.lower(), 1)))
        atoms = records.atoms
        residues: dict[tuple[str, str, str, str], dict[str, list[int]]] = {}
        for atom in np.flatnonzero(np.isin(atoms.residue_name, list(bonds))).tolist():
            key = (atoms.segment[atom], atoms.chain[atom], atoms.number[atom], atoms.residue_name[atom])
            residues.setdefault(key, {}).setdefault(atoms.name[atom], []).append(atom)
        for (*_, name), members in residues.items():
            for first, second, said in bonds[name]:
                pairs = zip(members.get(first, []), members.get(second, []), strict=False)
                yield from ((i, j, said) for i, j in pairs if records.altloc[i] == records.altloc[j])

    def coordinates(self, records: slice) -> NDArray[np.float64]:
        return np.stack([self._numbers(f"Cartn_{axis}", records, np.nan) for axis in "xyz"], axis=1)

    def other(self, model: int) -> int | None:
        here, there = self.span(model), self.span(0)
        differs = [
            next(i for i, (a, b) in enumerate(zip(said[here], said[there], strict=True)) if a != b)
            for tag, said in self.columns.items()
            if tag in _NAMING and said[here] != said[there]
        ]
        return min(differs, default=None)

    def _numbers(self, tag: str, records: slice, missing: float) -> NDArray[np.float64]:
        said = self.columns[tag][records]
        if not said:
            return np.full(records.stop - records.start, missing)
        try:
            values = np.array(said, dtype=np.float64)
            if np.isfinite(values).all():
                return values
        except ValueError:
            pass  # some are missing, or have their uncertainty in brackets
        numbers = {text: missing if self.cif.is_null(text) else self.cif.as_number(text, np.inf) for text in set(said)}
        for text, value in numbers.items():
            if not (np.isfinite(value) or self.cif.is_null(text)):
                raise EdmNoiseError(f"_atom_site.{tag} {text!r} is no number")
        return np.array([numbers[text] for text in said])


_NAMING = (
    "label_atom_id label_alt_id label_comp_id label_asym_id label_seq_id pdbx_PDB_ins_code auth_seq_id auth_comp_id "
    "auth_asym_id auth_atom_id"
).split()
_READ = [
    *_NAMING,
    *"id group_PDB type_symbol Cartn_x Cartn_y Cartn_z occupancy B_iso_or_equiv pdbx_formal_charge".split(),
    "pdbx_PDB_model_num",
]

_ELEMENTS = {"HELX": HELIX, "STRN": STRAND}
"""What _struct_conf.conf_type_id begins with; turns and bends are neither."""

_COVALENT = ("covale", "covale_base", "covale_phosphate", "covale_sugar", "disulf", "modres")
_MOST_ZEROS = 99


class MmcifLayout(Layout):
    """One loop, _atom_site, whose columns are padded to one width, and the bonds.

    label_asym_id is the segment, which PyMOL reads there; chains without one get a label of their own.
    label_seq_id counts the residues of a polymer. PyMOL joins the atoms of models by chain, residue and name, the
    residue number as it is spelled: where all these repeat (copies without chain identifiers, a ligand whose atoms are
    all called C), auth_seq_id has a zero more in front for each repeat, up to 99, and stays the number it was.
    """

    kind = "an mmCIF file"
    advice = "scale them down"
    lowest = -9_990_000_000
    highest = 9_990_000_000

    def __init__(
        self,
        path: str | os.PathLike[str],
        rows: Structure,
        polymer: NDArray[np.bool_],
        remarks: Sequence[str] = (),
        secondary: NDArray[np.str_] | None = None,
    ) -> None:
        super().__init__(path, rows, polymer, remarks)
        atoms = rows.atoms
        for what, column in COLUMNS.items():
            for text in sorted(set(getattr(atoms, column).tolist())):
                if _quote(text) is None:
                    limit = "no text in which spaces follow both kinds of quotation mark"
                    raise self.refusal(column, text, f"the {what} {text!r}", limit, "rename it")
        numbers = [self.numbers[text] for text in atoms.number.tolist()]
        names, residues, chains = _quoted(atoms.name), _quoted(atoms.residue_name), chain_labels(rows)
        columns: dict[str, Iterable[str] | int] = {
            "group_PDB": np.where(atoms.hetero, "HETATM", "ATOM"),
            "id": 12,
            "type_symbol": _quoted(np.char.upper(atoms.element), "?"),
            "label_atom_id": names,
            "label_alt_id": ["."] * len(atoms),
            "label_comp_id": residues,
            "label_asym_id": _quoted(chains),
            "label_entity_id": ["?"] * len(atoms),
            "label_seq_id": _sequence_numbers(rows, polymer),
            "pdbx_PDB_ins_code": [_quote(code, "?") or "" for _, code in numbers],
            "Cartn_x": 12,
            "Cartn_y": 12,
            "Cartn_z": 12,
            "occupancy": decimals(atoms.occupancy),
            "B_iso_or_equiv": decimals(atoms.b_factor),
            "pdbx_formal_charge": np.where(atoms.charge == 0, "?", atoms.charge.astype(np.str_)),
            "auth_seq_id": _spelled(atoms, [digits for digits, _ in numbers]),
            "auth_comp_id": residues,
            "auth_asym_id": _quoted(atoms.chain),
            "auth_atom_id": names,
            "pdbx_PDB_model_num": 8,
        }
        self.start: dict[str, int] = {}
        fields: list[Bytes] = []
        for tag, content in columns.items():
            self.start[tag] = sum(field.shape[1] for field in fields)
            if isinstance(content, int):
                fields.append(np.zeros((len(atoms), content), dtype=np.uint8))
            else:
                fields.append(characters(content))
            fields.append(np.full((len(atoms), 1), ord(" "), dtype=np.uint8))
        self.table = np.concatenate(fields, axis=1)
        self.table[:, -1] = ord("\n")
        block = re.sub(r"[^A-Za-z0-9_.-]", "_", os.path.basename(self.path).rsplit(".", 1)[0]) or "frames"
        tags = "".join(f"_atom_site.{tag}\n" for tag in columns)
        bonds = bond_categories(rows, chains.tolist(), lambda text: _quote(text) or "?")
        folds = ""
        if secondary is not None:
            said = {tag: [*content] for tag, content in columns.items() if not isinstance(content, int)}
            folds = secondary_categories(secondary, rows.first_atoms, said)
        self.head = (
            f"data_{block}\n#\n_entry.id {_quote(block)}\n#\n{_software(remarks)}{bonds}{folds}loop_\n{tags}"
        ).encode()
        self.tail = b"#\n"

    def model(self, number: int | None, xyz: NDArray[np.float64]) -> Iterable[Content]:
        count, number = len(xyz), number or 1
        words = thousandths(self.in_thousandths(number, xyz), 3).view(np.uint8)
        for axis, place in enumerate("xyz"):
            self._put(f"Cartn_{place}", words[:, axis])
        self._put("id", integers(np.arange(count) + (number - 1) * count + 1, 3).view(np.uint8))
        self._put("pdbx_PDB_model_num", integers(np.array([number]), 2).view(np.uint8))
        return [self.table.data]

    def _put(self, tag: str, text: Bytes) -> None:
        start = self.start[tag]
        self.table[:, start : start + text.shape[-1]] = text


def _spelled(atoms: Atoms, digits: list[str]) -> list[str]:
    """Residue numbers with zeros in front, so that chain, residue and name tell atoms apart."""
    key = np.zeros(len(atoms), dtype=np.int64)
    for column in (atoms.chain, atoms.residue_name, atoms.number, atoms.name):
        kinds, kind = distinct(column)
        key = np.unique(key * len(kinds) + kind, return_inverse=True)[1].reshape(-1)
    order = np.argsort(key, kind="stable")
    first = np.searchsorted(key[order], key[order])
    repeat = np.empty(len(atoms), dtype=np.int64)
    repeat[order] = np.minimum(np.arange(len(atoms)) - first, _MOST_ZEROS)
    spelled = list(digits)
    for atom in np.flatnonzero(repeat).tolist():
        sign = "-" * digits[atom].startswith("-")
        spelled[atom] = sign + "0" * int(repeat[atom]) + digits[atom].removeprefix("-")
    return spelled


def _software(remarks: Sequence[str]) -> str:
    if not remarks:
        return ""
    said = " ".join(remarks).replace("\n", " ").encode("ascii", "replace").decode()
    items = {"pdbx_ordinal": "1", "name": "edmnoise", "classification": "other", "version": __version__}
    lines = [f"_software.{tag} {text}\n" for tag, text in items.items()]
    return "".join([*lines, f"_software.description\n;{said}\n;\n#\n"])


def _quote(text: str, empty: str = ".") -> str | None:
    """A text as a value of a CIF loop; None where no quotation marks can hold it."""
    if not text:
        return empty
    reserved = text in (".", "?") or re.match(r"(data_|save_|loop_$|stop_$|global_$)", text, re.IGNORECASE)
    if not reserved and not re.search(r"""^[_#$;\[\]]|[\s'"]""", text):
        return text
    return next((mark + text + mark for mark in "\"'" if not re.search(mark + r"\s", text)), None)


def _quoted(texts: Text, empty: str = ".") -> list[str]:
    values = {text: _quote(text, empty) or empty for text in set(texts.tolist())}
    return [values[text] for text in texts.tolist()]


def chain_labels(rows: Structure) -> Text:
    """(N,) label_asym_id: the segment; for atoms without one a label of the chain that no other chain has."""
    atoms = rows.atoms
    chain = rows.hierarchy.ancestors(0, 2)
    first = np.unique(chain, return_index=True)[1]
    used = set(atoms.segment.tolist())
    labels: list[str] = []
    for atom in first.tolist():
        label = str(atoms.segment[atom])
        if not label:
            wanted = str(atoms.chain[atom]) or "A"
            candidates = (wanted + str(copy) * (copy > 1) for copy in range(1, len(first) + len(used) + 1))
            label = next(name for name in candidates if name not in used)
            used.add(label)
        labels.append(label)
    return np.array(labels)[chain]


def _sequence_numbers(rows: Structure, polymer: NDArray[np.bool_]) -> list[str]:
    """label_seq_id: 1, 2, 3, ... for the residues of each chain's polymer, "." elsewhere."""
    residue = rows.hierarchy.ancestors(0, 1)
    chain = rows.hierarchy.parents[1]
    in_sequence = np.zeros(len(chain), dtype=np.bool_)
    in_sequence[residue] = polymer
    so_far: Counter[int] = Counter()
    numbers: list[str] = []
    for group, counted in zip(chain.tolist(), in_sequence.tolist(), strict=True):
        so_far[group] += counted
        numbers.append(str(so_far[group]) if counted else ".")
    return [numbers[group] for group in residue.tolist()]
