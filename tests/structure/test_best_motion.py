"""The motion alone lays frames as near as superposition does, in the precision that it was given."""

import pytest
import torch
from scipy.spatial.transform import Rotation

from edmnoise.structure.best_motion import best_motion
from edmnoise.structure.superpose import superpose


@pytest.mark.parametrize(("atoms", "count"), [(1, 1), (4, 3), (253, 300), (70_000, 2)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_motion_alone_lays_frames_as_near_as_superposition_does(atoms, count, dtype):
    generator = torch.Generator().manual_seed(5)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    shape = torch.tensor([[45.0], [30.0], [15.0]]) * normal(3, atoms)  # a mirror image has one best turn then
    turns = torch.from_numpy(Rotation.random(count, random_state=6).as_matrix())
    frames = (turns @ shape + 100 * normal(count, 3, 1) + 3 * normal(count, 3, atoms)).to(dtype)
    frames[-1] *= -1  # a mirror image is turned, never reflected
    reference = (shape + 100).expand(count, 3, -1).to(dtype)
    rotation, translation = best_motion(frames, reference)
    assert rotation.dtype == translation.dtype == dtype
    torch.testing.assert_close(torch.linalg.det(rotation.double()), torch.ones(count).double(), rtol=0, atol=1e-6)
    wanted = superpose(frames, reference)
    apart = (rotation @ frames + translation).double() - reference.double()
    torch.testing.assert_close(apart.square().sum(-2).mean(-1).sqrt(), wanted.rmsd, rtol=0, atol=3e-4)
    if atoms > 3:
        atol = 1e-6 if dtype == torch.float32 else 1e-12
        torch.testing.assert_close(rotation.double(), wanted.rotation, rtol=0, atol=atol)


def test_frames_that_are_not_finite_have_no_motion():
    rotation, translation = best_motion(torch.full((2, 3, 4), torch.inf), torch.zeros(2, 3, 4))
    assert rotation.isnan().all()
    assert translation.isnan().all()
