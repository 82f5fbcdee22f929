"""A .cxc file is commands of ChimeraX: open the models, open their values as an attribute, colour by it.

Commands are those of https://www.rbvi.ucsf.edu/chimerax/docs/user/commands/: ``open`` (``coordsets true``: models are
frames of one), ``color byattribute``, ``key``, ``2dlabels``, ``coordset``, ``alias``, ``perframe``. Values stand in a
file of attributes (docs/user/formats/defattr.html): a tabulator, which atoms, a tabulator, the value.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ...base.errors import EdmNoiseError
from ...base.files import replacing
from ...base.shading import GREY, Shading
from ..atoms import Atoms
from ..structure import Structure
from .mmcif import MmcifLayout
from .valued import check_models, residue_rows
from .writing import Models, write_models

ATTRIBUTE = "edm_displacement"
"""The attribute's name in ChimeraX; where frames have values of their own, each one's is this with its number."""

_PLAIN = re.compile(r"[A-Za-z0-9_']+")
"""Names that mean themselves in ChimeraX: in others there are patterns, or what ends them."""

_PATTERN = re.compile(r"""[*?\[\]"\\]""")
"""What ChimeraX takes for a pattern, or for the end of a name, in the name of a file."""

_PAUSE = 10
"""Drawings of the picture for each frame that is played."""


def write_chimerax(
    path: str,
    structure: Structure,
    polymer: NDArray[np.bool_],
    models: Models,
    shading: Shading,
    remarks: Sequence[str],
    secondary: NDArray[np.str_] | None,
) -> int:
    """Write the commands, the models beside as mmCIF, and the values; parameters as in `write_view`."""
    stem = os.path.splitext(path)[0]
    if found := _PATTERN.search(os.path.basename(path)):
        raise EdmNoiseError(
            f"cannot write {path}: ChimeraX takes {found[0]!r} in a file's name for a pattern, rename it"
        )
    layout = MmcifLayout(f"{stem}_models.cif", structure, polymer, remarks, secondary)
    values = f"{stem}_values.defattr"
    with replacing(layout.path) as beside, replacing(values) as attributes, replacing(path) as script:
        count = write_models(beside, layout, models)
        check_models(shading, count)
        recipient, specs, rows = _recipients(structure.atoms, shading)
        for name, row in zip(_names(shading), shading.rows, strict=True):
            lines = _attribute(name, recipient, specs, row[rows].tolist())
            attributes.write("".join(lines).encode())
        lines = _commands(layout.path, values, recipient, shading, count, remarks)
        script.write("".join(f"{line}\n" for line in lines).encode())
    return count


def _names(shading: Shading) -> list[str]:
    return [f"{ATTRIBUTE}_{k}" for k in range(1, len(shading.rows) + 1)] if shading.by_model else [ATTRIBUTE]


def _recipients(atoms: Atoms, shading: Shading) -> tuple[str, list[str], NDArray[np.int64]]:
    """What has the attribute, what each is called, and the atom that has its value.

    Atoms without a name of their own go by their number in the file, which ChimeraX keeps as an attribute.
    """
    rows = residue_rows(atoms, shading)
    chains, numbers, names = atoms.chain.tolist(), atoms.number.tolist(), atoms.name.tolist()
    if rows is not None and all(_PLAIN.fullmatch(chain) for chain in set(chains)):
        return "residues", [f"/{chains[atom]}:{numbers[atom]}" for atom in rows.tolist()], rows
    called = [f"/{chain}:{number}@{name}" for chain, number, name in zip(chains, numbers, names, strict=True)]
    seen: dict[str, int] = {}
    for spec in called:
        seen[spec] = seen.get(spec, 0) + 1
    specs = [
        spec if seen[spec] == 1 and _PLAIN.fullmatch(chain) and _PLAIN.fullmatch(name) else f"@@serial_number={atom}"
        for atom, (spec, chain, name) in enumerate(zip(called, chains, names, strict=True), 1)
    ]
    return "atoms", specs, np.arange(len(atoms))


def _attribute(name: str, recipient: str, specs: Sequence[str], values: Sequence[float]) -> Iterator[str]:
    """An attribute's lines; who has no value gets none."""
    yield f"attribute: {name}\nmatch mode: 1-to-1\nrecipient: {recipient}\n"
    for spec, value in zip(specs, values, strict=True):
        if value == value:
            yield f"\t{spec}\t{value:.4f}\n"


def _commands(
    models: str, values: str, recipient: str, shading: Shading, count: int, remarks: Sequence[str]
) -> Iterator[str]:
    """The script's lines. ChimeraX runs them in the script's own folder."""
    yield from (f"# {line}" for remark in remarks for line in remark.splitlines())
    yield "# Open this file in a new session of ChimeraX; the molecule is its model 1."
    yield f'open "{os.path.basename(models)}" coordsets true'
    yield f'open "{os.path.basename(values)}"'
    high = shading.high + shading.is_flat  # of one colour; ChimeraX divides by the width
    look = f"palette {':'.join(shading.palette)} range {shading.low:.6f},{high:.6f} noValueColor {GREY}"
    attribute = f"color byattribute {recipient[0]}:{ATTRIBUTE}"
    if shading.by_model:
        yield "# Each frame has colours of its own: edm_frame 3 shows the third, edm_play all of them."
        yield f"alias edm_frame coordset #1 $1; {attribute}_$1 #1 {look}"
        yield f'alias edm_play perframe "edm_frame $$1" range 1,{count} interval {_PAUSE}'
        yield f"edm_frame {count}"
    else:
        yield f"{attribute} #1 {look}"
    steps = zip(shading.palette, shading.steps, strict=True)
    yield f"key {' '.join(f'{colour}:{step:.2f}' for colour, step in steps)} pos 0.3,0.08 size 0.4,0.03"
    title = re.sub(r"""["'\\;]""", "", shading.title)
    unit = f", {shading.unit}" if shading.unit else ""
    yield f'2dlabels create edm_title text "{title}{unit}" xpos 0.3 ypos 0.13 size 16'
    if count > 1 and not shading.by_model:
        yield "coordset slider #1"
    yield "view"
