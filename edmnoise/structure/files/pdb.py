"""PDB files: an atom is a line of 80 columns.

1-6 ATOM or HETATM, 7-11 serial, 13-16 name, 17 alternate location, 18-20 residue name (18-21 where it has four
letters), 22 chain, 23-26 residue number, 27 insertion code, 31-54 x y z, 55-60 occupancy, 61-66 B factor,
73-76 segment, 77-78 element, 79-80 charge. A CONECT line names an atom and those it is bonded to by their serials,
twice for a double bond. A HELIX goes from chain, number and insertion code in 20, 22-25, 26 to those in 32, 34-37, 38,
a strand (SHEET) from 22, 23-26, 27 to 33, 34-37, 38.
"""

from __future__ import annotations

import os
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ..atoms import Atoms
from ..elements import ELEMENTS, element_in_columns
from ..structure import NO_BONDS, Structure
from .connections import conect_lines
from .digits import integers, thousandths
from .layout import COLUMNS, Bytes, Content, Layout, characters, decimals
from .records import Records, RecordSource, Text, distinct_bonds, each, residue_number
from .secondary import HELIX, STRAND, Element, in_elements, rank


class PdbSource(RecordSource):
    """The ATOM and HETATM lines of a PDB file, by columns as PyMOL reads them (a residue name is 18 to 21)."""

    def __init__(self, data: bytes) -> None:
        lines: list[bytes] = []
        self.conect: list[bytes] = []
        self.elements: list[Element] = []
        model: list[int] = []
        current, closed = -1, True
        for line in data.splitlines():
            if line.startswith((b"ATOM  ", b"HETATM")):
                current, closed = current + closed, False
                lines.append(line)
                model.append(current)
            elif line.startswith((b"MODEL ", b"END")):  # some programs part models by END alone
                closed = True
            elif line.startswith(b"CONECT"):
                self.conect.append(line)
            elif line.startswith((b"HELIX ", b"SHEET ")):
                self.elements += _element(line.decode("latin-1"))
        super().__init__(np.array(model, dtype=np.int64))
        self.table = np.array(lines, dtype="S80").view(np.uint8).reshape(-1, 80)
        _check_places(self.table)

    def records(self, model: int) -> Records:
        table = self.table[self.span(model)]

        def text(first: int, last: int) -> Text:
            return each(_column(table, first, last).tolist(), lambda said: said.decode("latin-1").strip())

        number = _column(table, 23, 27).tolist()
        residue_name, chain = text(18, 21), text(22, 22)
        numbers = each(number, lambda said: _number(said.decode("latin-1")))
        atoms = Atoms(
            name=text(13, 16),
            element=_elements(table, residue_name),
            residue_name=residue_name,
            number=numbers,
            chain=chain,
            segment=text(73, 76),
            hetero=table[:, 0] == ord("H"),
            occupancy=np.nan_to_num(_numbers(table, 55, 60, 1.0), nan=1.0, posinf=1.0, neginf=1.0),
            b_factor=np.nan_to_num(_numbers(table, 61, 66, 0.0), posinf=0.0, neginf=0.0),
            charge=each(_column(table, 79, 80).tolist(), _charge).astype(np.int64),
            secondary=in_elements(self.elements, chain, numbers),
        )
        return Records(atoms, text(17, 17))

    def bonds(self, records: Records) -> NDArray[np.int64]:
        if not self.conect:
            return NO_BONDS
        place: dict[bytes, int | None] = {}
        for record, serial in enumerate(_column(self.table[self.span(0)], 7, 11).tolist()):
            place[serial.strip()] = None if serial.strip() in place else record  # a serial used twice names nobody
        said: Counter[tuple[int, int]] = Counter()
        for line in self.conect:
            one, *others = (place.get(line[at : at + 5].strip()) for at in range(6, 31, 5))
            said.update((one, other) for other in others if one is not None and other is not None)
        return distinct_bonds((one, other, min(times, 3)) for (one, other), times in said.items())

    def coordinates(self, records: slice) -> NDArray[np.float64]:
        table = self.table[records]
        return np.stack([_numbers(table, first, first + 7, np.nan, finite=True) for first in (31, 39, 47)], axis=1)

    def other(self, model: int) -> int | None:
        here, there = self.table[self.span(model)], self.table[self.span(0)]
        named = [*range(12, 27), *range(72, 76)]
        differs = (here[:, named] != there[:, named]).any(axis=1)
        return int(np.argmax(differs)) if differs.any() else None


def _element(line: str) -> list[Element]:
    """The helix or strand of a line; none where it does not name two residues of a chain."""
    kind, begin, end = (HELIX, 19, 31) if line.startswith("HELIX") else (STRAND, 21, 32)
    chain, first, last = line[begin : begin + 1].strip(), line[begin + 1 : begin + 7], line[end + 1 : 38]
    if chain != line[end : end + 1].strip() or not all(re.fullmatch(r" *-?\d+ *\S? *", said) for said in (first, last)):
        return []
    return [Element(kind, chain, rank(first), rank(last))]


def _column(table: Bytes, first: int, last: int) -> NDArray[np.bytes_]:
    width = last - first + 1
    return np.ascontiguousarray(table[:, first - 1 : last]).view(f"S{width}")[:, 0]


def _check_places(table: Bytes) -> None:
    """Refuse lines in which a coordinate is longer than its eight columns, so that all behind it stand elsewhere."""
    field = table[:, 30:54]
    usual = (field[:, [4, 12, 20]] == ord(".")).all(axis=1) & ((field == ord(".")).sum(axis=1) == 3)
    for line in np.flatnonzero(~usual):
        text = table[line].tobytes().rstrip(b"\0").decode("latin-1")
        places = [found.span() for found in re.finditer(r"-?\d+\.\d{3}", text)][:3]
        fits = all(30 + 8 * axis <= start and end <= 38 + 8 * axis for axis, (start, end) in enumerate(places))
        if len(places) == 3 and not fits:
            raise EdmNoiseError(
                f"a coordinate does not fit its columns (31 to 54, eight each) in {text!r}: write it as mmCIF"
            )


def _numbers(table: Bytes, first: int, last: int, missing: float, finite: bool = False) -> NDArray[np.float64]:
    """The numbers of some columns, ``missing`` where they are blank; refused where they are none, or not finite."""
    said = _column(table, first, last)
    there = np.char.strip(said) != b""
    numbers = np.full(len(said), missing)
    try:
        numbers[there] = said[there].astype(np.float64)
    except ValueError:
        sound = np.array([_is_number(text) for text in said.tolist()])
    else:
        sound = np.isfinite(numbers) if finite else there
    if (there & ~sound).any():
        text = table[np.argmax(there & ~sound)].tobytes().rstrip(b"\0").decode("latin-1")
        raise EdmNoiseError(f"columns {first} to {last} of {text!r} are no number")
    return numbers


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(said: str) -> str:
    """Residue number and insertion code of columns 23 to 27; A000 and on are 10,000 and on (hybrid-36)."""
    if re.fullmatch(r"([A-Z][0-9A-Z]{3}|[a-z][0-9a-z]{3}).?", said):
        start = 10 if said[0].isupper() else -16
        return f"{int(said[:4], 36) - start * 36**3 + 10_000}{said[4:].strip()}"
    if not re.fullmatch(r" *[+-]?\d* *[^\d\s]?", said) or re.match(r"[A-Za-z] ", said):
        raise EdmNoiseError(
            f"columns 23 to 27 hold {said!r} and no residue number: where a chain identifier is longer than its column "
            "(22), write it as mmCIF"
        )
    return residue_number(said.replace(" ", ""))


def _charge(said: bytes) -> str:
    """A formal charge that stands there as "2+" or "-1"; 0 for anything else."""
    found = re.fullmatch(r"(\d)([+-])|([+-])(\d)", said.decode("latin-1").strip())
    return (found[2] or found[3]) + (found[1] or found[4]) if found else "0"


def _elements(table: Bytes, residue_name: Text) -> Text:
    """(N,) the element column where it holds a symbol, else a guess from where the name stands."""
    symbols = each(_column(table, 77, 78).tolist(), lambda said: said.decode("latin-1").strip().upper())
    names = _column(table, 13, 16)
    for atom in np.flatnonzero(~np.isin(symbols, list(ELEMENTS))):
        symbols[atom] = element_in_columns(names[atom].decode("latin-1").ljust(4), str(residue_name[atom]))
    return symbols


class PdbLayout(Layout):
    """Lines of the PDB format 3.3, with the segment where PyMOL and CHARMM have it; TER closes each polymer."""

    kind = "a PDB file"
    advice = "use a name ending in .cif"
    lowest = -999_999
    highest = 9_999_999

    def __init__(
        self, path: str | os.PathLike[str], rows: Structure, polymer: NDArray[np.bool_], remarks: Sequence[str] = ()
    ) -> None:
        super().__init__(path, rows, polymer, remarks)
        atoms = rows.atoms
        widths = {"atom name": 4, "residue name": 4, "chain": 1, "segment": 4, "element": 2}
        for what, width in widths.items():
            longest = max(getattr(atoms, COLUMNS[what]).tolist(), key=len)
            if len(longest) > width:
                limit = f"{what}s of at most {width} character{'s' * (width > 1)}"
                raise self.refusal(COLUMNS[what], longest, f"the {what} {longest!r}", limit)
        for text, (digits, _) in self.numbers.items():
            if not -999 <= int(digits) <= 9_999:
                limit = "residue numbers from -999 to 9999"
                raise self.refusal("number", text, f"the residue number {text}", limit)
        for what, values in {"occupancy": atoms.occupancy, "B factor": atoms.b_factor}.items():
            wide = np.char.str_len(decimals(values, 6)) > 6
            if wide.any():
                atom = int(np.argmax(wide))
                raise self.too_much(f"the {what} {values[atom]:.2f} at {rows.label(atom)}", f"{what}s of 6 characters")
        ends = np.isin(np.arange(len(atoms)), _last_of_each(rows.hierarchy.ancestors(0, 2), polymer))
        lines = len(atoms) + int(ends.sum())
        if lines > 99_999:
            what = f"{len(atoms):,} atoms and {lines - len(atoms):,} chain ends"
            raise self.too_much(what, "at most 99,999 of both together")
        self.places = np.arange(len(atoms)) + np.cumsum(ends) - ends  # the line of each atom
        self.table = np.empty((lines, 81), dtype=np.uint8)
        self.table[self.places] = self._atom_lines()
        stops = self.places[ends] + 1
        self.table[stops] = self.table[stops - 1]
        self.table[stops, 0:6] = np.frombuffer(b"TER   ", dtype=np.uint8)
        self.table[stops, 12:17] = self.table[stops, 27:80] = ord(" ")
        self.table[:, 6:11] = integers(np.arange(1, lines + 1), 2).view(np.uint8)[:, 3:]
        said = [line for remark in remarks for line in textwrap.wrap(remark, 69)]
        self.head = "".join(f"REMARK   6 {line}".ljust(80) + "\n" for line in said).encode("ascii", "replace")
        self.tail = conect_lines(rows, self.places + 1) + b"END".ljust(80) + b"\n"

    def _atom_lines(self) -> Bytes:
        atoms = self.rows.atoms
        lines = np.full((len(atoms), 81), ord(" "), dtype=np.uint8)
        lines[:, 80] = ord("\n")

        def put(first: int, last: int, texts: Iterable[str]) -> None:
            lines[:, first - 1 : last] = characters(texts, last - first + 1)

        numbers = [self.numbers[text] for text in atoms.number.tolist()]
        elements = [element.upper() for element in atoms.element.tolist()]
        put(1, 6, np.where(atoms.hetero, "HETATM", "ATOM"))
        put(13, 16, map(_name_field, atoms.name.tolist(), elements))
        put(18, 21, (name.rjust(3) for name in atoms.residue_name.tolist()))
        put(22, 22, atoms.chain)
        put(23, 26, (digits.rjust(4) for digits, _ in numbers))
        put(27, 27, (code for _, code in numbers))
        put(55, 60, np.char.rjust(decimals(atoms.occupancy, 6), 6))
        put(61, 66, np.char.rjust(decimals(atoms.b_factor, 6), 6))
        put(73, 76, atoms.segment)
        put(77, 78, (element.rjust(2) for element in elements))
        put(79, 80, map(_charge_field, atoms.charge.tolist()))
        return lines

    def model(self, number: int | None, xyz: NDArray[np.float64]) -> Iterable[Content]:
        words = thousandths(self.in_thousandths(number, xyz), 2)
        self.table[self.places, 30:54] = words.reshape(len(xyz), 6).view(np.uint8)
        if number is None:
            return [self.table.data]
        return [f"MODEL {number:8d}".ljust(80).encode() + b"\n", self.table.data, b"ENDMDL".ljust(80) + b"\n"]


def _last_of_each(chain: NDArray[np.int64], polymer: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The last atom of each chain's polymer."""
    backwards = np.flatnonzero(polymer)[::-1]
    return backwards[np.unique(chain[backwards], return_index=True)[1]]


def _charge_field(charge: int) -> str:
    """A formal charge as it stands in columns 79 and 80; beyond 9 there is no room."""
    return f"{abs(charge)}{'-' if charge < 0 else '+'}" if 0 < abs(charge) < 10 else ""


def _name_field(name: str, element: str) -> str:
    """An atom name as it stands in columns 13 to 16: its element's symbol right-aligned in the first two."""
    if len(name) < 4 and not (len(element) == 2 and name.upper().startswith(element)):
        return f" {name}"
    return name
