"""Chroma's noise of its backbones, by its own classes: covariances, log determinants and log densities."""

import argparse
from pathlib import Path

import numpy as np
import torch
from stand_ins import replace

replace("chroma.data", "chroma.layers.structure.conditioners", "chroma.models", "chroma.utility")

from chroma.layers.structure import mvn  # noqa: E402, after what stands in for its imports

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
parser.add_argument("--chains", nargs="+", type=int, help="of each residue; negative where it is missing")
parser.add_argument("--backbone", type=Path, help="(residues, 4, 3) coordinates whose density is asked for")
given = parser.parse_args()

LAWS = {
    "chroma_gas": mvn.BackboneMVNResidueGas(),
    "chroma_globular": mvn.BackboneMVNGlobular(covariance_model="globular"),
    "chroma_globular complex=1": mvn.BackboneMVNGlobular(covariance_model="globular", complex_scaling=True),
}
chains, x = torch.tensor([given.chains]), torch.from_numpy(np.load(given.backbone))[None]
atoms = 4 * chains.shape[1]
units = torch.zeros(atoms, atoms // 4, 4, 3)
units.view(atoms, atoms, 3)[:, :, 0] = torch.eye(atoms)
for name, law in LAWS.items():
    with torch.no_grad():
        np.savez(
            given.folder / f"{name}.npz",
            covariance=law.multiply_covariance(units, chains.expand(atoms, -1)).view(atoms, atoms, 3)[..., 0],
            log_determinant=law.log_determinant(chains)[0],
            square=(x * law.multiply_inverse_covariance(x, chains)).sum(),
        )
