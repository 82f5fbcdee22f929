#!/bin/sh
# RF3's, RFdiffusion 3's and alphafold3-pytorch's "uniform" random rotations are not: some orientations are favoured.
#
# Source: rc-foundry 0.2.0, foundry/utils/rotation_augmentation.py, uniform_random_rotation (of RF3 in every sampling step,
# of RFdiffusion 3 where it realigns); alphafold3-pytorch 0.8.3, alphafold3_pytorch/alphafold3.py,
# CentreRandomAugmentation._random_rotation_matrix. torch 2.13.0, Python 3.11.
# Behaviour: both multiply turns about z, y and x by angles that are uniform in [0, 2 pi). Uniform rotations, which
# AlphaFold 3's Algorithm 19 calls for, need the sine of the middle angle to be uniform. Under uniform rotations the square
# of each of the nine numbers of the matrix is 1/3 on average; here from 1/4 to 1/2, by its place: x axes are turned to the
# poles too often. Boltz, OpenFold 3, Chai-1 and ESMFold2 take random quaternions and Protenix SciPy's rotations, which are
# uniform. So a sample is noised alike in all directions, but turned by a law that knows the axes of the box.
# Seen: means of squares, by rows: foundry 0.25 0.38 0.37 / 0.25 0.38 0.37 / 0.50 0.25 0.25, alphafold3-pytorch alike, and
# SciPy 0.33 or 0.34 throughout.
# Exits with 1 where the behaviour has changed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q torch==2.13.0 numpy==1.26.4 einops==0.8.2 scipy==1.17.1 tqdm packaging
for package in rc-foundry==0.2.0 alphafold3-pytorch==0.8.3; do
    "$folder/venv/bin/python" -m pip install -q --no-deps --ignore-requires-python "$package"
done
cat > "$folder/turn.py" <<'PY'
import sys

import foundry_parts
import lucidrains_parts
import torch
from scipy.spatial.transform import Rotation

foundry_parts.stand_in_for_others()
lucidrains_parts.stand_in_for_others()
from alphafold3_pytorch import alphafold3
from foundry.utils.rotation_augmentation import uniform_random_rotation

DRAWS = 20_000
torch.manual_seed(0)
found = {
    "foundry": uniform_random_rotation((DRAWS,)),
    "alphafold3-pytorch": alphafold3.CentreRandomAugmentation()._random_rotation_matrix(DRAWS),
    "SciPy": torch.tensor(Rotation.random(DRAWS, random_state=0).as_matrix()),
}
squares = {name: turns.double().square().mean(0) for name, turns in found.items()}
for name, means in squares.items():
    print(name, " / ".join(" ".join(f"{mean:.2f}" for mean in row) for row in means.tolist()))
told = torch.tensor([[2, 3, 3], [2, 3, 3], [4, 2, 2]]) / 8
as_told = (
    all(abs(squares[name] - told).max() < 0.02 for name in ("foundry", "alphafold3-pytorch"))
    and abs(squares["SciPy"] - 1 / 3).max() < 0.02
)
sys.exit(0 if as_told else 1)
PY
PYTHONPATH="$here/../tests/programs" "$folder/venv/bin/python" "$folder/turn.py"
