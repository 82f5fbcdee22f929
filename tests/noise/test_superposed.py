"""First-order superposition: against dense algebra of the projection, and against real superposed frames."""

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.frames.displacement import Measure, measure_displacement
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.theory.superposed import rotation_defined, superposed_displacement
from edmnoise.noise.weights import Weights
from edmnoise.structure.atoms import Atoms
from edmnoise.structure.hierarchy import Hierarchy
from edmnoise.structure.structure import Structure

WEIGHTS = Weights.of(chain=0.2, residue=0.3, atom=0.5)
CASES = [(level, top) for level in range(3) for top in (None, *range(level + 1, 3))]


@pytest.fixture
def structure():
    """14 atoms in 5 residues in 2 chains, of unequal sizes and interleaved, at random places."""
    residue = [0, 0, 1, 0, 1, 2, 2, 2, 3, 4, 4, 3, 2, 4]
    chain = [(0, 0, 1, 1, 0)[r] for r in residue]
    size = len(residue)
    atoms = Atoms.make(
        [f"C{i}" for i in range(size)], ["C"] * size, ["GLY"] * size, residue, chain, [""] * size, [False] * size
    )
    return Structure.from_atoms(np.random.default_rng(3).normal(size=(size, 3)) * 8, atoms)


def dense_projection(positions):
    """(3N, 3N) projection that removes the translations and the infinitesimal rotations about the centroid."""
    positions = positions - positions.mean(axis=0)
    moves = [np.tile(axis, len(positions)) for axis in np.eye(3)]
    moves += [np.cross(axis, positions).ravel() for axis in np.eye(3)]
    basis = np.linalg.qr(np.stack(moves, axis=1))[0]
    return np.eye(3 * len(positions)) - basis @ basis.T


def averaging(hierarchy, level):
    """(groups, N) matrix that averages atoms over the groups of a level."""
    member = hierarchy.ancestors(0, level)[None] == np.arange(hierarchy.counts[level])[:, None]
    return member / member.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("level", "top"), CASES)
@pytest.mark.parametrize("over_atoms", [False, True])
def test_equals_the_dense_projection(structure, level, top, over_atoms):
    hierarchy = structure.hierarchy
    member = [hierarchy.ancestors(0, k) for k in range(3)]
    covariance = sum(w * (m[:, None] == m[None]) for w, m in zip(WEIGHTS.by_level, member, strict=True))
    projection = dense_projection(structure.coordinates.astype(float))
    left = projection @ np.kron(covariance, np.eye(3)) @ projection
    mean = averaging(hierarchy, level)
    if top is not None:
        mean = mean - averaging(hierarchy, top)[hierarchy.ancestors(level, top)]
    mean = np.kron(mean, np.eye(3))
    each = np.diag(mean @ left @ mean.T).reshape(-1, 3).mean(axis=1)
    share = hierarchy.sizes(level) / structure.n_atoms if over_atoms else np.full(len(each), 1 / len(each))

    expected = superposed_displacement(hierarchy, WEIGHTS, structure.coordinates, level, top, over_atoms)

    np.testing.assert_allclose(expected.each, each, rtol=1e-10, atol=1e-12)
    assert expected.mean == pytest.approx(share @ each, rel=1e-10)


def test_is_what_superposed_frames_show_at_a_small_level(structure):
    """The mean square of 4,000 frames, whichever the measure, scatters by less than 2 %: its root by 1 %."""
    process = MultiscaleNoise(structure.hierarchy, WEIGHTS)
    reference = torch.tensor(structure.coordinates)
    moved = measure_displacement(structure, process.blocks(0.02, 4000, 0, reference), align="superpose")
    for level, top in CASES:
        measure = Measure(level, top is not None)
        if measure.relative_to != top:
            continue
        expected = superposed_displacement(structure.hierarchy, WEIGHTS, structure.coordinates, level, top)
        assert moved.rms(measure) == pytest.approx(expected.rms(0.02), rel=0.025)


def test_removes_more_than_centring_does(structure):
    from edmnoise.noise.theory.statistics import NoiseStatistics

    theory = NoiseStatistics(structure.hierarchy, WEIGHTS)
    centred = theory.displacement(0, theory.whole).mean
    left = superposed_displacement(structure.hierarchy, WEIGHTS, structure.coordinates, 0).mean
    assert left < centred


def test_flat_noise_loses_six_of_its_degrees_of_freedom():
    """Independent atoms: 3N - 6 of 3N degrees of freedom are left, whatever the shape."""
    rng = np.random.default_rng(0)
    one_group = Hierarchy(("atom", "residue"), (np.zeros(20, dtype=np.int64),))
    expected = superposed_displacement(one_group, {"atom": 1.0}, rng.normal(size=(20, 3)), 0)
    assert expected.mean == pytest.approx(1 - 6 / 60, rel=1e-12)


@pytest.mark.parametrize(
    "coordinates", [np.zeros((4, 3)), np.outer(np.arange(4.0), [1, 2, 3]), np.outer(np.arange(4.0), [0, 0, 1]) + 1e3]
)
def test_atoms_on_a_line_are_refused(coordinates):
    group = Hierarchy(("atom", "residue"), (np.zeros(4, dtype=np.int64),))
    assert not rotation_defined(coordinates)
    with pytest.raises(EdmNoiseError, match="line"):
        superposed_displacement(group, (1.0, 0.0), coordinates, 0)
