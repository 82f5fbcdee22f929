#!/bin/sh
# ESM's ProteinChain.from_pdb leaves out every residue that stands in HETATM records, selenomethionine among them, and
# joins its neighbours in the sequence.
#
# Source: esm 3.4.3, esm/utils/structure/protein_chain.py, _from_atomarray: hetero atoms are filtered out first; the
# rule a few lines below, which puts the selenium of MSE where the sulphur of methionine is, never meets one of a
# standard file. torch 2.13.0, biotite 1.6.0, Python 3.11.
# Behaviour: sequence and coordinates are shorter, without a word, and what is computed of the sequence (embeddings, a
# mask for design, an RMSD by position against a model with MET) is of another protein. residue_index keeps the
# numbers, so the gap can be found there. Rename MSE to MET, SE to SD and HETATM to ATOM before.
# Seen: of ALA MSE GLY: "AG", residue_index 1 3; with MSE in ATOM records "AXG".
# Exits with 1 where the behaviour has changed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q torch==2.13.0 numpy==1.26.4 scipy==1.17.1 einops==0.8.2 biotite==1.6.0 \
    brotli==1.2.0 msgpack-numpy==0.4.8
"$folder/venv/bin/python" -m pip install -q --no-deps --ignore-requires-python esm==3.4.3
cat > "$folder/selenium.py" <<'PY'
import io
import sys

from stand_ins import stand_in

stand_in("cloudpathlib", "huggingface_hub", "zstd")
from esm.utils.structure.protein_chain import ProteinChain

SIDE_CHAINS = {"ALA": ["CB"], "MSE": ["CB", "CG", "SE", "CE"], "GLY": []}


def file(record):
    """A chain of three residues, the second in these records."""
    rows = [
        (number, name, atom)
        for number, name in enumerate(SIDE_CHAINS, 1)
        for atom in ["N", "CA", "C", "O", *SIDE_CHAINS[name]]
    ]
    lines = []
    for serial, (number, name, atom) in enumerate(rows, 1):
        element = "SE" if atom == "SE" else atom[0]
        padded = f"{atom:<4}" if len(element) == 2 else f" {atom:<3}"
        kind = record if name == "MSE" else "ATOM"
        place = f"{1.5 * serial:8.3f}{0:8.3f}{0:8.3f}"
        lines.append(f"{kind:<6}{serial:5d} {padded} {name} A{number:4d}    {place}{1:6.2f}{0:6.2f}{element:>12}")
    return io.StringIO("\n".join([*lines, "END", ""]))


read = {record: ProteinChain.from_pdb(file(record)) for record in ("HETATM", "ATOM")}
for record, chain in read.items():
    print(f"MSE in {record}: {chain.sequence}, residue_index {chain.residue_index.tolist()}")
sys.exit(0 if read["HETATM"].sequence == "AG" and read["ATOM"].sequence == "AXG" else 1)
PY
PYTHONPATH="$here/../tests/programs" "$folder/venv/bin/python" "$folder/selenium.py"
