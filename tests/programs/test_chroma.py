"""Chroma's noise is that of Chroma's own classes: covariances with missing residues, determinants, densities."""

import math

import numpy as np
import pytest
import torch

from edmnoise.noise.process import NoiseChoice

NAMES = ["N", "CA", "C", "O"]
LAWS = ("chroma_gas", "chroma_globular", "chroma_globular complex=1")
FIRST, LAST, MISSING = 5, 24, range(10, 14)


@pytest.fixture(scope="module")
def backbone(toxin):
    """Residues 5 to 24 of the subunits D and E of 1TII."""
    number, chain = toxin.atoms.number.astype(int), toxin.atoms.chain
    kept = np.isin(toxin.atoms.name, NAMES) & np.isin(chain, ["D", "E"]) & (number >= FIRST) & (number <= LAST)
    return toxin.take(np.flatnonzero(kept))


@pytest.fixture(scope="module")
def chroma(backbone, written, tmp_path_factory):
    """What Chroma makes of it, without residues 10 to 13 of the first chain, which it draws and leaves out."""
    assert backbone.atoms.name.tolist() == 40 * NAMES
    numbers = range(FIRST, LAST + 1)
    chains = [*(-1 if number in MISSING else 1 for number in numbers), *(2 for _ in numbers)]
    file = tmp_path_factory.mktemp("chroma") / "backbone.npy"
    np.save(file, backbone.coordinates.reshape(-1, 4, 3))
    folder = written("generate-chroma", "write_chroma.py", "--backbone", file, "--chains", *chains)
    return {text: dict(np.load(folder / f"{text}.npz")) for text in LAWS}


@pytest.mark.parametrize("text", LAWS)
def test_the_covariance_of_what_is_there(text, backbone, chroma):
    there = ~((backbone.atoms.chain == "D") & np.isin(backbone.atoms.number.astype(int), MISSING))
    process = NoiseChoice.parse(text).on(backbone.take(np.flatnonzero(there)))
    own = process.covariance.multiply(torch.eye(there.sum(), dtype=torch.float64)).numpy()
    theirs = chroma[text]["covariance"][np.ix_(there, there)]
    assert process.published_sigma == pytest.approx(math.sqrt(np.trace(theirs) / there.sum()), rel=1e-6)
    assert abs(process.published_sigma**2 * own - theirs).max() <= 3e-6 * abs(theirs).max()


@pytest.mark.parametrize("text", LAWS)
def test_the_density_of_whole_chains(text, backbone, chroma):
    """Its exponent at the structure's own coordinates, and its determinant, of x, y and z together.

    What Chroma calls the covariance's is its root's (findings/): half of it, as a logarithm.
    """
    process = NoiseChoice.parse(text).on(backbone)
    x = torch.tensor(backbone.coordinates, dtype=torch.float64).T
    square, atoms = process.published_sigma**2, backbone.n_atoms
    assert float(process.covariance.inner(x, x).sum()) / square == pytest.approx(chroma[text]["square"], rel=1e-5)
    determinant = 3 * (float(process.covariance.logdet()) + atoms * math.log(square))
    assert determinant == pytest.approx(2 * float(chroma[text]["log_determinant"]), rel=1e-6)
