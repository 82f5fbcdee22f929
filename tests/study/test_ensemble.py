"""A real ensemble: the five copies D to H of 1TII's subunit as five states, superposed here and sampled back."""

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.diffusion.samplers.sampler import Sampler, sample
from edmnoise.diffusion.samplers.schedule import karras
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.structure.structure import Structure
from edmnoise.structure.superpose import superpose

SAMPLES = 120
WEIGHTS = (0.4, 0.3, 0.15, 0.1, 0.05)


def named(hierarchy, values):
    """Values of the levels, finest first, by their names."""
    return dict(zip(hierarchy.names, values, strict=True))


@pytest.fixture(scope="module")
def ensemble(toxin):
    """The structure of copy D and (5, 3, N) coordinates of all five, each laid on D."""
    masks = [(toxin.atoms.chain == chain) & (toxin.atoms.name == "CA") for chain in "DEFGH"]
    first = Structure.from_atoms(toxin.coordinates[masks[0]], toxin.atoms.take(masks[0]))
    names = [toxin.atoms.residue_name[mask].tolist() for mask in masks]
    assert all(other == names[0] for other in names)
    states = torch.tensor(np.stack([toxin.coordinates[mask].T for mask in masks]))
    turned = superpose(states, states[0], out=states).rmsd
    assert 0.1 < float(turned[1:].min()) < float(turned.max()) < 1.5  # copies that differ as crystal neighbours do
    return first, states


@pytest.mark.parametrize(
    ("gauge", "sampler"),
    [
        ("fixed", Sampler("heun")),
        ("translation", Sampler("heun", center=True)),
        ("rotation", Sampler("heun", center=True, rotate=True)),
    ],
)
@pytest.mark.parametrize("levels", [(1.0, 0.0, 0.0), (0.3, 0.5, 0.2)], ids=["flat", "multiscale"])
def test_the_ensemble_is_sampled_back(ensemble, gauge, sampler, levels):
    """Each sample is one of the five to 0.02 A, and as often as its weight says (chi-square, p > 1e-4)."""
    structure, states = ensemble
    covariance = NestedCovariance(structure.hierarchy, named(structure.hierarchy, levels))
    model = StatesDenoiser(states, covariance, WEIGHTS, gauge)
    *_, last = sample(model, covariance, karras(30, 0.01, 2_000.0), sampler, SAMPLES, seed=3)
    apart = torch.stack([superpose(last.x, state).rmsd for state in states], dim=-1)
    nearest, which = apart.min(dim=-1)
    assert float(nearest.max()) < 0.02
    counts = torch.bincount(which, minlength=5).numpy()
    assert chisquare(counts, SAMPLES * np.array(WEIGHTS)).pvalue > 1e-4
