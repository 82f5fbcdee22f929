#!/bin/sh
# Chroma's log density of its own prior counts half of the determinant: log_determinant, which is described as that of
# the covariance, is that of its root R, and log_prob takes half of it once more.
#
# Source: generate-chroma 1.0.0, chroma/layers/structure/mvn.py: BackboneMVNGlobular.log_determinant is the sum of
# 3 (N log a + log(1 - xi) - log(1 - B^2) / 2), of x = R z; log_prob has -1/2 log_determinant where log N(0, R R^T) has
# -log det R. BackboneMVNResidueGas.log_determinant is that of R, too. torch 2.13.0, Python 3.11.
# Behaviour: DiffusionChainCov.elbo subtracts log_determinant once, as it should. log_prob, and with it the probability
# of a structure by the probability flow, is too high by half of log det R: 53 for a chain of 20 residues. It grows
# with the chain, so that structures of different lengths do not compare. Sampling does not use it.
# The program's own class is run; the dense covariance is what its multiply_covariance makes of unit vectors.
# Seen: log density by the program -378.9, of the dense covariance -432.2; log determinant 106.5, dense 213.1.
# Exits with 1 where the behaviour has changed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q torch==2.13.0 numpy==1.26.4 tqdm==4.70.1
"$folder/venv/bin/python" -m pip install -q --no-deps generate-chroma==1.0.0
cat > "$folder/density.py" <<'PY'
import math
import sys

import torch
from stand_ins import replace

replace("chroma.data", "chroma.layers.structure.conditioners", "chroma.models", "chroma.utility")
from chroma.layers.structure.mvn import BackboneMVNGlobular

RESIDUES = 20
atoms, chains = 4 * RESIDUES, torch.ones(1, RESIDUES, dtype=torch.long)
law = BackboneMVNGlobular(covariance_model="globular")
torch.manual_seed(0)
x = law.sample(chains)
units = torch.zeros(atoms, atoms // 4, 4, 3)
units.view(atoms, atoms, 3)[:, :, 0] = torch.eye(atoms)
k = law.multiply_covariance(units, chains.expand(atoms, -1)).view(atoms, atoms, 3)[..., 0].double()
flat = x.view(atoms, 3).double()
determinant = 3 * float(torch.logdet(k))
square = float((flat * torch.linalg.solve(k, flat)).sum())
density = -(3 * atoms * math.log(2 * math.pi) + determinant + square) / 2
found = float(law.log_prob(x, chains)), float(law.log_determinant(chains))
print(f"log density by the program {found[0]:.1f}, of the dense covariance {density:.1f}")
print(f"log determinant by the program {found[1]:.1f}, of the dense covariance {determinant:.1f}")
halved = abs(2 * found[1] - determinant) < 0.01 * abs(determinant)
sys.exit(0 if halved and abs(found[0] - density - determinant / 4) < 1 else 1)
PY
PYTHONPATH="$here/../tests/programs" "$folder/venv/bin/python" "$folder/density.py"
