#!/bin/sh
# Boltz-2 writes elements that it guesses from the names of atoms: a calcium ion that is given as SMILES is written as
# carbon, sodium and nickel as nitrogen.
#
# Source: boltz 2.2.1, boltz/data/write/mmcif.py and pdb.py: the name without its digits is looked up in
# const.ambiguous_atoms, which has exceptions by the code of the residue; without an entry the first letter is taken.
# Boltz-2's structures keep no element. torch 2.13.0, rdkit 2026.9.1, gemmi 0.6.5, Python 3.11.
# Behaviour: atoms of SMILES are named by element and number, of residues LIG1, LIG2, ..., which no exception is made
# for. So Na, Ca, Cr, Co, Ni, Cu, Sr, Pd, Cd, Sb, Cs, Ba, Os, Pb and some more get another element's symbol, and with
# it another radius, mass and colour in all that reads the file. Nothing is said. Given by code (ccd: CA) they are
# right.
# The command line itself is run, on a model of its own classes, small and of random weights.
# Seen: [Ca+2] C, [Na+] N, [Ni+2] N, [Mg+2] MG.
# Exits with 1 where the behaviour has changed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q torch==2.13.0 numpy==1.26.4 scipy==1.17.1 pytorch-lightning==2.5.0 \
    torchmetrics==1.9.0 hydra-core==1.3.2 omegaconf==2.3.1 rdkit==2026.9.1 pandas==3.0.6 requests==2.34.2 \
    einops==0.8.2 einx==0.3.0 fairscale==0.4.13 mashumaro==3.14 modelcif==1.2 click==8.5.1 pyyaml==6.0.4 \
    biopython==1.88 numba==0.68.1 gemmi==0.6.5 scikit-learn==1.9.1 chembl_structure_pipeline==1.2.4 dm-tree==0.1.10
"$folder/venv/bin/python" -m pip install -q --no-deps --ignore-requires-python boltz==2.2.1
cd "$folder"
venv/bin/python "$here/../tests/programs/tiny_boltz.py" tiny > /dev/null
cat > ions.yaml <<'YAML'
version: 1
sequences:
  - protein: {id: A, sequence: ACDEFGHIKLMN, msa: empty}
  - ligand: {id: B, smiles: "[Ca+2]"}
  - ligand: {id: C, smiles: "[Na+]"}
  - ligand: {id: D, smiles: "[Ni+2]"}
  - ligand: {id: E, smiles: "[Mg+2]"}
YAML
venv/bin/boltz predict ions.yaml --cache tiny/cache --out_dir out --accelerator cpu --no_kernels --num_workers 0 \
    --sampling_steps 3 --seed 3 > said 2>&1
cat > elements.py <<'PY'
import sys
from pathlib import Path

import gemmi

structure = gemmi.read_structure(str(next(Path("out").rglob("ions_model_0.cif"))))
found = {chain.name: chain[0][0].element.name.upper() for chain in structure[0] if chain.name != "A"}
given = {"B": "[Ca+2]", "C": "[Na+]", "D": "[Ni+2]", "E": "[Mg+2]"}
print(", ".join(f"{given[name]} {element}" for name, element in found.items()))
sys.exit(0 if found == {"B": "C", "C": "N", "D": "N", "E": "MG"} else 1)
PY
venv/bin/python elements.py
