"""Structures with everything awkward in them, and other programs' ways of reading a file."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edmnoise.structure.atoms import Atoms
from edmnoise.structure.structure import Structure

AWKWARD = """
    N    N  GLY  1   A _ 0 | CA   C  GLY  1   A _ 0 | HG11 H  GLY  1  A _ 0 | 1HB H GLY 1 A _ 0
    N    N  ALA  1A  A _ 0 | CA   C  ALA  1A  A _ 0
    P    P  DA   -5  B _ 0 | O5'  O  DA   -5  B _ 0 | HO5' H  DA   -5 B _ 0 | C1* C DA -5 B _ 0 | H5'' H DA -5 B _ 0
    N    N  GLY  1   _ _ 0 | CA   C  GLY  1   _ _ 0 | N    N  ALA  2  _ _ 0 | CA  C ALA  2 _ _ 0
    N    N  GLY  1   _ _ 0 | CA   C  GLY  1   _ _ 0 | N    N  ALA  2  _ _ 0 | CA  C ALA  2 _ _ 0
    CA   CA CA   300 A _ 1 | C    C  LIG  301 A _ 1 | C    C  LIG  301 A _ 1 | C  C LIG 301 A _ 1
    FE   FE HEM  302 A _ 1 | O    O  HOH  1   _ _ 1 | O    O  HOH  1   _ _ 1 | O  O HOH 2   _ _ 1
    CL   CL CL   303 A X 1 | N    N  GLY  9   A X 0 | CA   C  GLY  9   A X 0 | C  C GLY 9   A X 0
"""
"""Name, element, residue, number, chain, segment, hetero; _ is blank. Two copies of one chain without identifier."""


@pytest.fixture(scope="session")
def atoms_of():
    """Atoms from rows as in AWKWARD."""

    def make(text):
        rows = [row.split() for line in text.strip().splitlines() for row in line.split("|")]
        *columns, hetero = ([said.replace("_", "") for said in column] for column in zip(*rows, strict=True))
        return Atoms.make(*columns, [said == "1" for said in hetero])

    return make


@pytest.fixture(scope="session")
def awkward(atoms_of):
    atoms = atoms_of(AWKWARD)
    return Structure.from_atoms(np.random.default_rng(0).normal(0, 20, (len(atoms), 3)), atoms)


@pytest.fixture(scope="session")
def mdanalysis_data():
    """The folder of MDAnalysis' test structures."""
    import MDAnalysisTests

    return Path(MDAnalysisTests.__file__).parent / "data"


def seen(columns, coordinates):
    """What a program sees: atoms as lists in the file's order, frames (S, N, 3)."""
    names = ("name", "element", "residue_name", "number", "chain", "hetero")
    return SimpleNamespace(**dict(zip(names, map(list, columns), strict=True)), frames=np.array(coordinates))


@pytest.fixture
def seen_by_pymol(cmd):
    """Reads a file with PyMOL, each state for itself where asked."""

    def read(path, discrete=0):
        cmd.delete("all")
        cmd.load(str(path), "seen", discrete=discrete)
        states = []
        for state in range(1, cmd.count_states("seen") + 1):
            rows = []
            cmd.iterate_state(
                state,
                "seen",
                "rows.append((rank, name, elem, resn, resi, chain, type == 'HETATM', (x, y, z)))",
                space={"rows": rows},
            )
            states.append(sorted(rows))
        _, *columns, _ = zip(*states[0], strict=True)
        return seen(columns, [[row[-1] for row in rows] for rows in states])

    return read


@pytest.fixture
def seen_by_gemmi():
    """Reads a file with gemmi; it groups atoms by residue, their serial numbers bring the order back."""
    import gemmi

    def read(path):
        models = []
        for model in gemmi.read_structure(str(path), merge_chain_parts=False):
            rows = [
                (
                    atom.serial,
                    atom.name,
                    atom.element.name.upper(),
                    residue.name,
                    str(residue.seqid),
                    chain.name,
                    residue.het_flag == "H",
                    atom.pos.tolist(),
                )
                for chain in model
                for residue in chain
                for atom in residue
            ]
            models.append(sorted(rows))
        _, *columns, _ = zip(*models[0], strict=True)
        return seen(columns, [[row[-1] for row in rows] for rows in models])

    return read


@pytest.fixture
def seen_by_biotite():
    """Reads a file with biotite."""
    import biotite.structure.io.pdb as pdb
    import biotite.structure.io.pdbx as pdbx

    def read(path):
        if path.suffix in (".pdb", ".ent"):
            stack = pdb.PDBFile.read(str(path)).get_structure()
        else:
            stack = pdbx.get_structure(pdbx.CIFFile.read(str(path)))
        number = [f"{number}{code}" for number, code in zip(stack.res_id, stack.ins_code, strict=True)]
        chain = ["" if said == "." else said for said in stack.chain_id]
        columns = (stack.atom_name, stack.element, stack.res_name, number, chain, stack.hetero)
        return seen((np.asarray(column).tolist() for column in columns), stack.coord)

    return read
