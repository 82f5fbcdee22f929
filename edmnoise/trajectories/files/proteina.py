"""RFD4-Proteina: ``trajectories/<id>_trajectory_x1.xtc``, and a CIF of its CA atoms beside it.

Noise first, in flow time, of which the file does not tell the steps. The CIF may hold other atoms than the run.
"""

from __future__ import annotations

import os

from ...base.errors import EdmNoiseError
from ...structure.files import read_structure
from ...structure.files.xtc import read_xtc
from ...structure.structure import Structure
from ..trace import Trace
from .content import are_noisy
from .levels import wanted_levels
from .made import Asked, made_trace
from .plain import several

_END = "_trajectory_x1.xtc"


def read_proteina(path: str, asked: Asked) -> Trace | None:
    """None where the file is none of Proteina's."""
    if not path.endswith(_END):
        return None
    frames = several(path, read_xtc(path))
    kind = asked.kind or ("noisy" if are_noisy(frames[0]) else "denoised")
    repairs = [f"the frames begin with {'noise' if kind == 'noisy' else 'a structure'}: they are taken for {kind} ones"]
    structure = asked.structure
    if structure is None:
        structure, named = _named(path, frames.shape[1])
        repairs.append(named)
    end = kind == "noisy"
    levels, said = wanted_levels(asked.schedule, len(frames), end)
    steps = len(frames) - end
    final = frames[-1:] if end else None
    held = {kind: [frames[:steps]]}
    return made_trace(path, "RFD4-Proteina", held, levels[:steps], said, repairs, final, structure)


def _named(path: str, atoms: int) -> tuple[Structure | None, str]:
    """The structure file of the same name that has as many atoms, and what is to be said of it."""
    folder, name = os.path.split(path)
    for file in sorted(os.listdir(folder or ".")):
        if file.startswith(name.removesuffix(_END)) and file.endswith((".cif", ".cif.gz", ".pdb")):
            try:
                found = read_structure(os.path.join(folder, file), solvent=True)
            except EdmNoiseError:
                continue
            if found.n_atoms == atoms:
                return found, f"atoms are named by {file}"
    return None, f"no structure of {atoms:,} atoms lies beside it: give one for their names"
