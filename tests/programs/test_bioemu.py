"""Rotations of rigid frames are from the law that BioEmu, whose code descends from FrameDiff's, draws its own from."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.stats import kstest

from edmnoise.noise.igso3 import angle_density, rotations

SCALES = (0.05, 0.2, 0.5, 0.9, 1.5)


@pytest.fixture(scope="module")
def bioemu(written):
    return np.load(written("bioemu", "write_bioemu.py", "--scales", *SCALES) / "igso3.npz")


@pytest.mark.parametrize("s", SCALES)
def test_angles_are_from_its_law(s, bioemu):
    """Its series has 1e-7 added below the line; 32,000 of our angles, by Kolmogorov and Smirnov, against its table."""
    row = SCALES.index(s)
    own = angle_density(bioemu["angles"], s)
    assert abs(own - bioemu["densities"][row]).max() < 1e-5 * own.max()
    normal = np.random.default_rng(1).normal(size=(3, 2000, 16)).astype(np.float32)
    made = rotations(normal, (s,) * 16).astype(np.float64).reshape(3, 3, -1)
    angle = Rotation.from_matrix(made.transpose(2, 0, 1)).magnitude()
    assert kstest(angle, lambda a: np.interp(a, bioemu["table_angles"], bioemu["table"][row])).pvalue > 1e-3
