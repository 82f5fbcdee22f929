"""A small complex to learn: residues 66 to 70 of the subunits D and E of 1TII, in two states that fluctuate."""

import numpy as np
import pytest
import torch

from edmnoise.learning.ensemble import Ensemble
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.structure.structure import Structure


@pytest.fixture(scope="session")
def strands(toxin):
    """2 chains, 10 residues, 65 atoms."""
    number = toxin.atoms.number.astype(int)
    chosen = np.isin(toxin.atoms.chain, ["D", "E"]) & (number >= 66) & (number <= 70)
    return Structure.from_atoms(toxin.coordinates[chosen], toxin.atoms.take(chosen))


@pytest.fixture(scope="session")
def ensemble(strands):
    """The second state has chain E 4 angstrom further away; both fluctuate at every level."""
    moved = strands.coordinates + np.where(strands.atoms.chain == "E", 4.0, 0.0)[:, None].astype(np.float32)
    fluctuations = NestedCovariance(strands.hierarchy, {"chain": 0.25, "residue": 0.09, "atom": 0.04})
    return Ensemble(strands, np.stack([strands.coordinates, moved]), [0.6, 0.4], fluctuations)


@pytest.fixture
def noisy(ensemble):
    """Draw data and noisy data (B, 3, N), both centred, at one level of a noise."""

    def draw(covariance, sigma, count, seed=0):
        generator = torch.Generator().manual_seed(seed)
        y = ensemble.draw(count, generator)
        x = y + sigma * covariance.draw(torch.empty_like(y), generator)
        return y, x - x.mean(dim=2, keepdim=True)

    return draw
