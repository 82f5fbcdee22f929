#!/bin/sh
# Boltz's PDB files (--output_format pdb) hold other coordinates than it predicted where the id of a chain is longer
# than one letter: all columns behind it move, and programs read the last digit of x as y, and that of y as z.
#
# Source: boltz 2.2.1, boltz/data/write/pdb.py, to_pdb, writes the id as it is into the one column that the format
# has. Ids such as L1 are valid input, and the mmCIF file of the same prediction has them. torch 2.13.0, gemmi 0.6.5,
# Python 3.11.
# Behaviour: nothing is said, neither by Boltz nor by what reads the file, PyMOL 3.2.0.1 among them: the chain is L,
# residue 2 is residue 12, y and z are digits from 0 to 9, and the B factor is 0. And every ligand of a PDB file is
# called LIG, whatever its code. Take the mmCIF file, or ids of one letter.
# The command line itself is run, twice, on a model of its own classes, small and of random weights.
# Seen: y of the first five atoms of chain L1: -5.78 16.28 -6.63 -16.38 -16.38 in the mmCIF file, 5 8 5 9 0 in the PDB
# file; up to 27.7 A apart; a chain B behind it 0.0005.
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
cat > pair.yaml <<'YAML'
version: 1
sequences:
  - protein: {id: L1, sequence: ACDEFGHIKLMN, msa: empty}
  - protein: {id: B, sequence: GGSGG, msa: empty}
YAML
for format in mmcif pdb; do
    venv/bin/boltz predict pair.yaml --cache tiny/cache --out_dir "$format" --output_format "$format" \
        --accelerator cpu --no_kernels --num_workers 0 --sampling_steps 30 --seed 3 > said 2>&1
done
cat > read.py <<'PY'
import sys
from pathlib import Path

import gemmi
import numpy as np

places = {}
for ending in ("cif", "pdb"):
    structure = gemmi.read_structure(str(next(Path().rglob(f"pair_model_0.{ending}"))))
    for number, chain in enumerate(structure[0]):
        places[ending, number] = np.array([atom.pos.tolist() for residue in chain for atom in residue])
        print(
            f"{ending}, chain {chain.name}: {chain[1].name} {chain[1].seqid}; y of five atoms",
            *places[ending, number][:5, 1].round(2),
        )
wrong, right = (np.abs(places["pdb", number] - places["cif", number]).max() for number in (0, 1))
print(f"the two files differ by up to {wrong:.1f} A in the first chain, {right:.4f} A in the second")
digits = np.isin(places["pdb", 0][:, 1:], np.arange(10)).all()
sys.exit(0 if wrong > 1 and right < 1e-3 and digits else 1)
PY
venv/bin/python read.py
