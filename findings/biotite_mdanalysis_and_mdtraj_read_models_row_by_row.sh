#!/bin/sh
# biotite, MDAnalysis and mdtraj give the atoms of later models of a PDB file the names of the first model's, row by
# row. Where a later model has its atoms in another order, coordinates change hands, and nothing is said.
#
# Source: biotite 1.6.0, PDBFile.get_structure and pdbx.get_structure; MDAnalysis 2.11.0, coordinates/PDB.py; mdtraj
# 1.11.0, formats/pdb/pdbfile.py. Each compares the number of atoms alone. PyMOL and gemmi go by names.
# Behaviour: models of two programs that are put into one file (a structure and its prediction, with the same atoms)
# differ by angstroms where they are the same. numpy 1.26.4, Python 3.11.
# Seen, two models of one alanine with the same coordinates, the second with its rows backwards: RMS distance between
# the two by name: biotite 2.2 A, also from mmCIF, MDAnalysis 2.2, mdtraj 2.2; gemmi 0.7.5 0.0.
# Exits with 1 where the behaviour has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q numpy==1.26.4 gemmi==0.7.5 biotite==1.6.0 MDAnalysis==2.11.0 mdtraj==1.11.0
cat > "$folder/models.py" <<'PY'
import sys

import gemmi
import MDAnalysis
import mdtraj
import numpy as np
from biotite.structure.io.pdb import PDBFile
from biotite.structure.io.pdbx import CIFFile, get_structure

PLACES = {
    "N": (0.0, 1.4, 0.0),
    "CA": (0.0, 0.0, 0.0),
    "C": (1.4, -0.6, 0.0),
    "O": (1.5, -1.8, 0.1),
    "CB": (-0.8, -0.7, 1.2),
}


def model(number, names):
    """One alanine whose atoms stand in this order."""
    chain, residue = gemmi.Chain("A"), gemmi.Residue()
    residue.name, residue.seqid, residue.label_seq = "ALA", gemmi.SeqId("1"), 1
    residue.entity_type, residue.subchain = gemmi.EntityType.Polymer, "A"
    for name in names:
        atom = gemmi.Atom()
        atom.name, atom.element, atom.pos = name, gemmi.Element(name[0]), gemmi.Position(*PLACES[name])
        residue.add_atom(atom)
    chain.add_residue(residue)
    made = gemmi.Model(number)
    made.add_chain(chain)
    return made


def by_gemmi(name):
    models = gemmi.read_structure(name)
    return [[each[0][0].find_atom(atom, "*").pos.tolist() for atom in PLACES] for each in models]


def apart(models, names=list(PLACES)):
    """RMS distance of the two models' atoms, angstrom, and whether the names are all there."""
    assert sorted(names) == sorted(PLACES)
    first, second = np.asarray(models)
    return float(np.sqrt(np.square(first - second).sum(axis=1).mean()))


structure = gemmi.Structure()
structure.add_model(model(1, PLACES))
structure.add_model(model(2, reversed(PLACES)))
structure.write_pdb("models.pdb")
structure.make_mmcif_document().write_file("models.cif")
stack, stack_of_cif = PDBFile.read("models.pdb").get_structure(), get_structure(CIFFile.read("models.cif"))
universe = MDAnalysis.Universe("models.pdb")
found = {
    "biotite": apart(stack.coord, stack.atom_name.tolist()),
    "biotite, mmCIF": apart(stack_of_cif.coord, stack_of_cif.atom_name.tolist()),
    "MDAnalysis": apart([universe.atoms.positions.copy() for _ in universe.trajectory], universe.atoms.names.tolist()),
    "mdtraj": apart(10 * mdtraj.load("models.pdb").xyz),
    "gemmi": apart(by_gemmi("models.pdb")),
}
print(
    "RMS distance between two equal models:", ", ".join(f"{name} {distance:.1f} A" for name, distance in found.items())
)
sys.exit(0 if found.pop("gemmi") == 0 and min(found.values()) > 2 else 1)
PY
cd "$folder"
"$folder/venv/bin/python" -W ignore models.py
