#!/bin/sh
# ESM's superposition may reflect: the RMSD of a protein to its mirror image is 0, its GDT-TS 1, and align() turns a
# protein into its mirror image where that lies nearer; also with also_check_reflection=False, which is rmsd's
# default.
#
# Source: esm 3.4.3, esm/utils/structure/protein_structure.py, compute_alignment_tensors: the rotation is U V^T of the
# singular value decomposition, without the sign that keeps its determinant at +1. It is behind rmsd, gdt_ts and align
# of ProteinChain. What rotations reach is said by SciPy's align_vectors. torch 2.13.0, scipy 1.17.1, Python 3.11.
# Behaviour: a sample of the wrong hand counts as perfect. Short pieces, such as the motifs and loops that designs are
# judged by, are reflected about every second time where they differ, and their RMSD is too low. Superpose with
# biotite, which esm installs.
# The program's own class is run, on backbones that are built from usual bond lengths and angles.
# Seen: of 46 residues, to their mirror image: RMSD 0.00 A, where rotations reach 10.21, and GDT-TS 1.00; align makes
# its 18 right-handed turns the 25 of the other. Of 200 pairs of loops of 5 residues 92 reflected, with 1.55 A for
# 1.79 A.
# Exits with 1 where the behaviour has changed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q torch==2.13.0 numpy==1.26.4 scipy==1.17.1 einops==0.8.2 biotite==1.6.0 \
    brotli==1.2.0 msgpack-numpy==0.4.8
"$folder/venv/bin/python" -m pip install -q --no-deps --ignore-requires-python esm==3.4.3
cat > "$folder/mirror.py" <<'PY'
import sys

import numpy as np
from scipy.spatial.transform import Rotation
from stand_ins import stand_in

stand_in("cloudpathlib", "huggingface_hub", "zstd")

from esm.utils.structure.protein_chain import ProteinChain


def grown(turns):
    """(L, 3, 3): N, CA and C of a chain with these phi and psi, degrees, of usual bond lengths and angles."""
    atoms = [np.zeros(3), np.array([1.46, 0, 0]), np.array([2.0, 1.42, 0])]
    for phi, psi in turns:
        for length, angle, dihedral in ((1.33, 117, psi), (1.46, 122, 180), (1.52, 111, phi)):
            a, b, c = atoms[-3:]
            along = (c - b) / np.linalg.norm(c - b)
            normal = np.cross(b - a, along)
            normal /= np.linalg.norm(normal)
            frame = np.stack([along, np.cross(normal, along), normal])
            angle, dihedral = np.radians([angle, dihedral])
            place = [-np.cos(angle), np.sin(angle) * np.cos(dihedral), np.sin(angle) * np.sin(dihedral)]
            atoms.append(c + length * np.array(place) @ frame)
    return np.reshape(atoms, (-1, 3, 3))


def rmsd(mobile, target):
    """Angstrom, after the best proper rotation."""
    mobile, target = (x.reshape(-1, 3) - x.reshape(-1, 3).mean(axis=0) for x in (mobile, target))
    return Rotation.align_vectors(target, mobile)[1] / np.sqrt(len(target))


def handedness(coordinates):
    """How many turns of four CA in sequence are right-handed."""
    step = np.diff(coordinates[:, 1], axis=0)
    return int((np.einsum("ij,ij->i", np.cross(step[:-2], step[1:-1]), step[2:]) > 0).sum())


def chain(coordinates):
    return ProteinChain.from_backbone_atom_coordinates(coordinates.astype(np.float32))


helix, strand, loop = [(-60, -45)] * 12, [(-120, 130)] * 6, [(-70, 150), (60, 40), (-90, 0)]
known = grown(helix + loop + strand + loop + strand + loop + helix)
mirrored = known * [-1, 1, 1]
native = chain(known)
told = chain(mirrored).rmsd(native)
gdt = chain(mirrored).gdt_ts(native)
laid = chain(mirrored).align(native).atom37_positions[:, :3]
print(f"mirror image: rmsd {told:.2f} A (best rotation {rmsd(mirrored, known):.2f}), GDT-TS {gdt:.2f}")
hands = [handedness(coordinates) for coordinates in (known, mirrored, laid)]
print("right-handed turns: native {}, its mirror image {}, after align {}".format(*hands))
rng = np.random.default_rng(0)
turns = rng.choice([(-60, -45), (-120, 130), (-70, 150)], size=(200, 2, 4))
pairs = [[grown(half) for half in pair] for pair in turns]
both = np.array([(chain(one).rmsd(chain(other)), rmsd(one, other)) for one, other in pairs])
lower = both[:, 0] < both[:, 1] - 0.05
means = both[lower].mean(axis=0)
print(f"loops of 5 residues: {lower.sum()} of 200 pairs reflected, with {means[0]:.2f} A for {means[1]:.2f} A")
as_told = told < 0.01 and gdt == 1 and rmsd(mirrored, known) > 8 and hands[2] == hands[0] != hands[1]
sys.exit(0 if as_told and lower.sum() > 10 and (both[:, 0] < both[:, 1] + 0.01).all() else 1)
PY
PYTHONPATH="$here/../tests/programs" "$folder/venv/bin/python" "$folder/mirror.py"
