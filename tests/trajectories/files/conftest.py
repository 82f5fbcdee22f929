"""A run of which every frame is known, and writers that lay it out as programs do."""

from dataclasses import dataclass

import biotite.structure
import biotite.structure.io.pdbx
import numpy as np
import pytest


@dataclass
class Known:
    """Noise first: (S, N, 3) x and x0 of each step, (N, 3) the end, and the structure."""

    structure: object
    levels: np.ndarray
    noisy: np.ndarray
    denoised: np.ndarray
    end: np.ndarray

    def pdb_lines(self, frame, element=True, names=None):
        """As BoltzGen and RFdiffusion print them: a number that is too long moves what stands behind it."""
        atoms = self.structure.atoms
        names = atoms.name if names is None else names
        for atom, (x, y, z) in enumerate(frame):
            line = (
                f"ATOM  {atom + 1:>5} {names[atom]:<4} {atoms.residue_name[atom]:>3} {atoms.chain[atom]:>1}"
                f"{int(atoms.number[atom]):>4}    {x:>8.3f}{y:>8.3f}{z:>8.3f}{1:>6.2f}{0:>6.2f}"
            )
            yield line + (f"          {atoms.element[atom]:>2}  " if element else "")

    def pdb(self, path, frames, opened=True, element=True):
        parts = []
        for number, frame in enumerate(frames, 1):
            parts += [f"MODEL     {number}"] if opened else []
            parts += [*self.pdb_lines(frame, element), "ENDMDL"]
        path.write_text("\n".join(parts) + "\n")

    def cif(self, path, frames):
        """By biotite, which is what writes RFdiffusion 3's."""
        atoms = self.structure.atoms
        array = biotite.structure.AtomArray(len(atoms))
        array.atom_name, array.element, array.res_name = atoms.name, atoms.element, atoms.residue_name
        array.res_id, array.chain_id = atoms.number.astype(int), atoms.chain
        stack = biotite.structure.stack([array] * len(frames))
        stack.coord = np.asarray(frames, np.float32)
        file = biotite.structure.io.pdbx.CIFFile()
        biotite.structure.io.pdbx.set_structure(file, stack)
        file.write(str(path))


@pytest.fixture(scope="session")
def make(fragment):
    """``make(levels)``: a run at these levels whose estimates come nearer to the end from step to step."""

    def run(levels, seed=0):
        rng = np.random.default_rng(seed)
        levels = np.asarray(levels)
        end = fragment.coordinates - fragment.coordinates.mean(axis=0)
        blur = np.minimum(levels, 3.0)[:, None, None]
        denoised = end + 0.3 * blur * rng.normal(size=(len(levels), *end.shape))
        noisy = end + levels[:, None, None] * rng.normal(size=(len(levels), *end.shape))
        return Known(fragment, levels, noisy.astype(np.float32), denoised.astype(np.float32), end)

    return run
