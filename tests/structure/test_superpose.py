"""A rigid motion is undone, the fit is the best there is, and no frame harms another: laws, and five other programs."""

import re
import warnings
from dataclasses import fields

import biotite.structure as biotite
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pymol import cmd
from scipy.spatial.transform import Rotation

from edmnoise.base.errors import EdmNoiseError
from edmnoise.structure import moments
from edmnoise.structure.superpose import Superposition, move, superpose

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # mdtraj uses names that pyparsing gives up
    import mdtraj

SEEDS = range(10)
TOLERANCE = 1e-5  # angstrom


# Independent of the code under test: numpy, float64, one frame at a time.


def kabsch_rmsd(x, y, w=None):
    """The least RMSD of (N, 3) x on y under proper motions: the best rotation made, and the distance measured."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    w = np.full(len(x), 1 / len(x)) if w is None else np.asarray(w, np.float64) / float(sum(w))
    x, y = x - w @ x, y - w @ y
    u, _, v = np.linalg.svd((w[:, None] * x).T @ y)
    u[:, 2] *= np.sign(np.linalg.det(u @ v))
    return np.sqrt(w @ np.square(x @ u @ v - y).sum(1))


def distance(x, y, w=None):
    """Root mean square distance of (..., 3, N) tensors, in float64, without any fit."""
    square = (x.double() - y.double()).square().sum(-2)
    return (square.mean(-1) if w is None else square @ (w.double() / w.double().sum())).sqrt()


def turns(count, seed):
    return torch.from_numpy(Rotation.random(count, random_state=seed).as_matrix())


def cloud(atoms, seed, size=15.0):
    generator = torch.Generator().manual_seed(seed)
    return size * torch.randn(3, atoms, generator=generator, dtype=torch.float64)


def moved(shape, count, seed, offset=20.0, noise=0.0):
    """The shape (3, N) turned, shifted and disturbed at random: (count, 3, N) in float64, and the turns."""
    generator = torch.Generator().manual_seed(seed)
    rotation = turns(count, seed)
    shift = offset * torch.randn(count, 3, 1, generator=generator, dtype=torch.float64)
    frames = rotation @ shape + shift
    return frames + noise * torch.randn(frames.shape, generator=generator, dtype=torch.float64), rotation


def assert_proper(fit):
    """Rotations, not reflections, and nothing that is not a number."""
    eye = torch.eye(3, dtype=torch.float64).expand(len(fit), 3, 3)
    torch.testing.assert_close(fit.rotation @ fit.rotation.mT, eye, rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.linalg.det(fit.rotation), eye[:, 0, 0], rtol=0, atol=1e-12)
    assert fit.translation.isfinite().all()


def assert_same(one, other, atol=1e-9):
    for field in fields(Superposition):
        torch.testing.assert_close(
            getattr(one, field.name), getattr(other, field.name), rtol=0, atol=atol, equal_nan=True
        )


# Laws


@settings(deadline=None)
@given(seed=st.integers(0, 2**31), atoms=st.integers(3, 60), size=st.floats(0.5, 100))
def test_a_rigid_motion_is_undone(seed, atoms, size):
    shape = cloud(atoms, seed, size)
    frames, rotation = moved(shape, 4, seed)
    fit = superpose(frames, shape, out=frames)
    assert_proper(fit)
    assert fit.valid.all()
    assert not fit.ambiguous.any()
    torch.testing.assert_close(fit.rotation, rotation.mT, rtol=0, atol=1e-4)  # three atoms may be nearly in line
    torch.testing.assert_close(frames, shape.expand_as(frames), rtol=0, atol=1e-9 * size)
    assert (fit.rmsd < 1e-6 * size).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_float32_coordinates_come_back_to_their_rounding(seed):
    shape = cloud(300, seed).float()
    frames = moved(shape.double(), 5, seed)[0].float()
    fit = superpose(frames, shape, out=frames)
    assert (fit.rmsd < TOLERANCE).all()
    torch.testing.assert_close(frames, shape.expand_as(frames), rtol=0, atol=5e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_rmsd_is_the_distance_after_the_motion_and_no_small_turn_makes_it_less(seed):
    shape = cloud(50, seed).float()
    frames = moved(shape.double(), 6, seed, noise=2.0)[0].float()
    weights = torch.rand(50, generator=torch.Generator().manual_seed(seed))
    fit = superpose(frames, shape, weights)
    after = move(fit, frames.double())
    torch.testing.assert_close(distance(after, shape, weights), fit.rmsd, rtol=0, atol=TOLERANCE)
    centre = (after @ (weights / weights.sum()).double())[..., None]
    for nudge in (turn for axis in np.eye(3) * 0.01 for turn in (axis, -axis)):
        worse = torch.from_numpy(Rotation.from_rotvec(nudge).as_matrix()) @ (after - centre) + centre
        assert (distance(worse, shape, weights) > fit.rmsd).all()


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_in_place_into_an_array_and_by_hand_give_the_same(precision):
    shape = cloud(40, 1).to(precision)
    frames = moved(shape.double(), 7, 2, noise=1.0)[0].to(precision)
    given_frames = frames.clone()
    fit = superpose(frames, shape)
    assert torch.equal(frames, given_frames), "nothing is moved when not asked for"
    by_hand = fit.rotation @ frames.double() + fit.translation[..., None]
    by_move = move(fit, frames)
    assert by_move.dtype == precision
    torch.testing.assert_close(by_move.double(), by_hand, rtol=0, atol=2e-5)
    out = torch.full_like(frames, torch.nan)
    assert_same(superpose(frames, shape, out=out), fit)
    assert torch.equal(out, by_move)
    assert torch.equal(frames, given_frames)
    assert move(fit, given_frames, out=given_frames) is given_frames
    superpose(frames, shape, out=frames)
    assert torch.equal(frames, by_move)
    assert torch.equal(given_frames, by_move)


def test_the_reference_may_be_one_of_the_frames_that_are_moved():
    frames = moved(cloud(40, 3), 5, 4, noise=1.0)[0]
    reference = frames[2].clone()
    fit = superpose(frames, frames[2], out=frames)
    assert fit.rmsd[2] < 1e-9
    torch.testing.assert_close(frames[2], reference, rtol=0, atol=1e-9)
    torch.testing.assert_close(distance(frames, reference), fit.rmsd, rtol=0, atol=1e-9)


def test_atoms_first_arrays_are_moved_through_a_view():
    shape = cloud(40, 5).float()
    frames = moved(shape.double(), 6, 6, noise=1.0)[0].float()
    border = frames.mT.contiguous()
    assert_same(superpose(border.mT, shape.mT.contiguous().mT, out=border.mT), superpose(frames, shape, out=frames))
    torch.testing.assert_close(border.mT, frames, rtol=0, atol=2e-5)


def test_arrays_with_gaps_are_moved_through_a_view():
    whole = moved(cloud(80, 5), 12, 6, noise=1.0)[0]
    view, dense = whole[::2, :, ::2], whole[::2, :, ::2].clone()
    between = whole[1::2].clone()
    assert_same(superpose(view, dense[0], out=view), superpose(dense, dense[0].clone(), out=dense))
    torch.testing.assert_close(view, dense, rtol=0, atol=1e-12)
    assert torch.equal(whole[1::2], between)


@pytest.mark.parametrize("common", [True, False])
def test_work_in_blocks_changes_nothing(monkeypatch, common):
    shape = cloud(20, 7)
    frames = moved(shape, 11, 8, noise=3.0)[0]
    reference = shape if common else moved(shape, 11, 9)[0]
    at_once, out_at_once = frames.clone(), frames.mT.contiguous().mT
    whole = superpose(at_once, reference, out=at_once)
    monkeypatch.setattr(moments, "_BLOCK", 3 * 60)  # 11 frames as 3 + 3 + 3 + 2
    assert len(moments.blocks_of(frames)) == 4
    assert_same(superpose(frames, reference, out=out_at_once), whole)
    superpose(frames, reference, out=frames)
    torch.testing.assert_close(frames, at_once, rtol=0, atol=1e-9)
    torch.testing.assert_close(out_at_once, at_once, rtol=0, atol=1e-9)


def test_one_reference_a_frame():
    frames, references = moved(cloud(30, 1), 6, 2, noise=2.0)[0], moved(cloud(30, 1), 6, 3, noise=2.0)[0]
    weights = torch.arange(30)
    together = superpose(frames, references, weights)
    for k in range(6):
        alone = superpose(frames[k : k + 1], references[k], weights)
        assert_same(alone, Superposition(*(getattr(together, f.name)[k : k + 1] for f in fields(Superposition))))
        assert abs(kabsch_rmsd(frames[k].T, references[k].T, weights) - float(alone.rmsd)) < 1e-9


def test_no_gradient_passes_and_none_is_in_the_way():
    frames = moved(cloud(10, 1), 2, 2)[0].requires_grad_()
    fit = superpose(frames, cloud(10, 1).requires_grad_(), torch.ones(10, requires_grad=True))
    assert not fit.rotation.requires_grad
    assert not fit.rmsd.requires_grad
    assert not move(fit, frames).requires_grad


# Other programs


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("atoms", [3, 4, 200])
def test_weighted_fits_agree_with_scipy(seed, atoms):
    shape = cloud(atoms, seed).float()
    frames = moved(shape.double(), 4, seed + 1, noise=3.0)[0].float()
    weights = torch.rand(atoms, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 1e-3
    fit = superpose(frames, shape, weights)
    w = weights.numpy() / weights.sum().item()
    y = shape.numpy().T.astype(np.float64)
    for k, x in enumerate(frames.mT.numpy().astype(np.float64)):
        rotation, root_sum = Rotation.align_vectors(y - w @ y, x - w @ x, w)
        np.testing.assert_allclose(fit.rotation[k], rotation.as_matrix(), rtol=0, atol=1e-6)
        np.testing.assert_allclose(fit.translation[k], w @ y - rotation.apply(w @ x), rtol=0, atol=1e-4)
        np.testing.assert_allclose(fit.rmsd[k], root_sum, rtol=0, atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_unrelated_clouds_agree_with_numpy(seed):
    frames = torch.stack([cloud(30, seed + k) for k in range(100, 130)]).float()  # half of them fit better mirrored
    reference = cloud(30, seed).float()
    fit = superpose(frames, reference)
    assert_proper(fit)
    wanted = [kabsch_rmsd(x.T, reference.T) for x in frames]
    np.testing.assert_allclose(fit.rmsd, wanted, rtol=0, atol=1e-9)


@pytest.fixture(scope="module")
def trajectory(coordset):
    """A protein of 5,684 atoms as PyMOL ships it (N, 3), and noisy, turned and shifted copies (S, N, 3), float32."""
    cmd.reinitialize()
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "crystal")
    cmd.create("protein", "crystal", 1, 1)  # in the order that load_coordset takes
    native = coordset("protein", 1)
    copies = [native]
    for k, sigma in enumerate((0, 1e-3, 0.1, 1, 5, 20, 100)):
        clean = moved(torch.from_numpy(native.T).double(), 1, k, offset=50)[0]
        noise = np.random.default_rng(k).normal(0, sigma, native.shape)
        copies.append((clean[0].T.numpy() + noise).astype(np.float32))
    yield native, np.stack(copies)
    cmd.reinitialize()


@pytest.fixture
def ours(trajectory):
    """The reference, the frames as we move them, and the fit."""
    native, copies = trajectory
    reference, frames = torch.from_numpy(native.T.copy()), torch.from_numpy(copies).mT.contiguous()
    return reference, frames, superpose(frames, reference, out=frames)


def test_a_protein_agrees_with_numpy(trajectory, ours):
    native, copies = trajectory
    reference, frames, fit = ours
    np.testing.assert_allclose(fit.rmsd, [kabsch_rmsd(x, native) for x in copies], rtol=0, atol=1e-6)
    torch.testing.assert_close(distance(frames, reference), fit.rmsd, rtol=0, atol=TOLERANCE)
    assert fit.rmsd[0] < 1e-12
    assert fit.rmsd[1] < TOLERANCE


def test_a_protein_agrees_with_pymol(trajectory, ours, coordset):
    _, frames, fit = ours
    for k, x in enumerate(trajectory[1]):
        cmd.create("protein", "protein", 1, k + 1)
        cmd.load_coordset(x, "protein", k + 1)
    rmsd = cmd.intra_fit("protein", 1, pbc=0)  # PyMOL 3 unwraps crystals otherwise: it would move atoms apart
    assert rmsd[0] == -1  # the reference
    np.testing.assert_allclose(fit.rmsd[1:], rmsd[1:], rtol=0, atol=TOLERANCE)
    theirs = np.stack([coordset("protein", k + 1) for k in range(len(frames))])
    assert np.abs(frames.mT.numpy() - theirs)[:6].max() < 1e-3  # the noisiest two are turned by PyMOL less exactly


def test_a_protein_agrees_with_mdtraj(trajectory, ours):
    native, copies = trajectory
    _, frames, fit = ours
    topology = mdtraj.Topology()
    residue = topology.add_residue("X", topology.add_chain())
    for _ in native:
        topology.add_atom("C", mdtraj.element.carbon, residue)
    reference = mdtraj.Trajectory(native[None] / 10, topology)  # nanometres
    theirs = mdtraj.Trajectory(copies / 10, topology).superpose(reference).xyz.astype(np.float64) * 10
    rmsd = np.sqrt(np.square(theirs - native).sum(-1).mean(-1))
    np.testing.assert_allclose(fit.rmsd, rmsd, rtol=0, atol=3 * TOLERANCE)  # float32 nanometres are coarser than this
    assert np.abs(frames.mT.numpy() - theirs)[:6].max() < 2e-3


def test_a_protein_agrees_with_biotite(trajectory, ours):
    native, copies = trajectory
    _, frames, fit = ours
    theirs, _ = biotite.superimpose(native, copies)
    rmsd = np.sqrt(np.square(theirs.astype(np.float64) - native).sum(-1).mean(-1))
    np.testing.assert_allclose(fit.rmsd[2:], rmsd[2:], rtol=0, atol=TOLERANCE)
    assert np.abs(frames.mT.numpy() - theirs).max() < 1e-3


# Far away, tiny, huge


@pytest.mark.parametrize("offset", [1e3, 1e4, 1e5])
@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_far_from_the_origin_no_digits_are_lost(offset, noise):
    shape = cloud(500, 1).float()
    frames = moved(shape.double(), 8, 2, offset=offset, noise=noise)[0].float()
    fit = superpose(frames, shape)
    wanted = [kabsch_rmsd(x.T, shape.T) for x in frames.double().numpy()]
    np.testing.assert_allclose(fit.rmsd, wanted, rtol=0, atol=1e-6)
    back = superpose(shape[None], frames[0])
    np.testing.assert_allclose(back.rmsd, kabsch_rmsd(shape.T, frames[0].T), rtol=0, atol=1e-6)
    after = move(fit, frames)
    torch.testing.assert_close(after.double(), move(fit, frames.double()), rtol=0, atol=5e-5)
    torch.testing.assert_close(distance(after, shape), fit.rmsd, rtol=0, atol=TOLERANCE)


def test_an_atom_far_from_all_others_costs_no_digits():
    shape = cloud(100, 1)
    shape[:, 0] = 1e4
    fit = superpose(moved(shape, 5, 2)[0], shape)
    assert (fit.rmsd < 1e-9).all()


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1e6, 1e15])
def test_any_unit_of_length_will_do(scale):
    shape = cloud(30, 1)
    frames = moved(shape, 5, 2, noise=1.0)[0]
    small = superpose((frames * scale).float(), (shape * scale).float())
    torch.testing.assert_close(small.rmsd / scale, superpose(frames, shape).rmsd, rtol=1e-5, atol=0)
    assert not small.ambiguous.any()


# Degenerate sets


def line(atoms):
    return torch.linspace(-20, 30, atoms, dtype=torch.float64) * torch.tensor([[0.6], [0.0], [0.8]])


TETRAHEDRON = torch.tensor([[1.0, -1, -1, 1], [1, -1, 1, -1], [1, 1, -1, -1]], dtype=torch.float64) * 7
DEGENERATE = {
    "one atom": (cloud(1, 1), cloud(1, 2)),
    "two atoms": (cloud(2, 1), cloud(2, 2)),
    "a line": (line(12), line(12)),
    "a line and a body": (cloud(12, 1), line(12)),
    "a body and a line": (line(12), cloud(12, 1)),
    "a point and a body": (torch.full((3, 12), 4.0, dtype=torch.float64), cloud(12, 1)),
    "a body and a point": (cloud(12, 1), torch.full((3, 12), 4.0, dtype=torch.float64)),
    "a point and a point": (torch.ones(3, 12, dtype=torch.float64), torch.zeros(3, 12, dtype=torch.float64)),
    "mirror images that can be turned in many ways": (-TETRAHEDRON, TETRAHEDRON),
    "planar mirror images at right angles to the mirror": (
        torch.tensor([[1.0, -1, 0, 0, 0, 0], [0, 0, 1, -1, 0, 0], [0, 0, 0, 0, 2, -2]], dtype=torch.float64),
        torch.tensor([[-1.0, 1, 0, 0, 0, 0], [0, 0, -1, 1, 0, 0], [0, 0, 0, 0, -2, 2]], dtype=torch.float64),
    ),
}


@pytest.mark.parametrize("offset", [0.0, 30.0, 1e4])
@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", DEGENERATE)
def test_ambiguous_fits_are_proper_finite_best_and_flagged(name, precision, offset):
    shape, reference = DEGENERATE[name]
    frames = moved(shape, 50, 1, offset=offset)[0].to(precision)
    reference = moved(reference, 1, 2, offset=offset)[0][0].to(precision)
    fit = superpose(frames, reference)
    assert_proper(fit)
    assert fit.ambiguous.all()
    assert fit.valid.all()
    wanted = [kabsch_rmsd(x.T, reference.T) for x in frames]
    np.testing.assert_allclose(fit.rmsd, wanted, rtol=0, atol=1e-6)
    torch.testing.assert_close(
        distance(move(fit, frames.double()), reference), fit.rmsd, rtol=0, atol=1e-6 * (1 + offset / 100)
    )


@pytest.mark.parametrize("name", ["one atom", "a point and a body", "a body and a point", "a point and a point"])
def test_what_needs_no_turn_is_only_shifted(name):
    shape, reference = DEGENERATE[name]
    fit = superpose(shape[None], reference)
    torch.testing.assert_close(fit.rotation[0], torch.eye(3, dtype=torch.float64), rtol=0, atol=0)
    torch.testing.assert_close(fit.translation[0], reference.mean(-1) - shape.mean(-1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("offset", [0.0, 30.0, 1e4])
@pytest.mark.parametrize("atoms", [3, 4, 30])
def test_atoms_in_a_plane_have_one_rotation(atoms, offset):
    flat = cloud(atoms, 1) * torch.tensor([[1.0], [1.0], [0.0]])
    frames, rotation = moved(flat, 20, 2, offset=offset)
    fit = superpose(frames.float(), flat.float())
    assert_proper(fit)
    assert not fit.ambiguous.any()
    torch.testing.assert_close(fit.rotation, rotation.mT, rtol=0, atol=1e-6 * (1 + offset / 10))


def test_a_plane_turned_over_is_a_rotation_and_fits():
    flat = cloud(20, 1) * torch.tensor([[1.0], [1.0], [0.0]])
    fit = superpose(flat[None] * torch.tensor([[-1.0], [1.0], [1.0]]), flat)
    assert_proper(fit)
    assert not fit.ambiguous.any()
    assert fit.rmsd[0] < 1e-6
    torch.testing.assert_close(fit.rotation[0], torch.diag(torch.tensor([-1.0, 1, -1])).double(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mirror_image_is_turned_and_never_reflected(seed):
    shape = cloud(40, seed).float()
    mirrored = moved(-shape.double(), 5, seed)[0].float()
    fit = superpose(mirrored, shape)
    assert_proper(fit)
    assert not fit.ambiguous.any()
    assert (fit.rmsd > 1).all()
    np.testing.assert_allclose(fit.rmsd, [kabsch_rmsd(x.T, shape.T) for x in mirrored], rtol=0, atol=1e-6)


# Weights


def test_weight_zero_is_leaving_out():
    shape = cloud(30, 1).float()
    frames = moved(shape.double(), 6, 2, noise=2.0)[0].float()
    weights = torch.arange(30) % 3
    kept = weights > 0
    wanted = superpose(frames[..., kept], shape[..., kept], weights[kept])
    assert_same(superpose(frames, shape, weights), wanted)
    torch.testing.assert_close(move(wanted, frames)[..., kept], move(wanted, frames[..., kept]), rtol=0, atol=1e-5)
    spoilt, spoilt_shape = frames.clone(), shape.clone()
    spoilt[:, 1, ~kept] = torch.nan
    spoilt_shape[:, ~kept] = torch.inf
    assert_same(superpose(spoilt, spoilt_shape, weights, out=spoilt), wanted)
    torch.testing.assert_close(spoilt[..., kept], move(wanted, frames)[..., kept], rtol=0, atol=1e-5)


def test_only_the_ratio_of_weights_counts_and_a_mask_is_a_weight():
    shape = cloud(30, 1)
    frames = moved(shape, 6, 2, noise=2.0)[0]
    weights = torch.rand(30, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for scale in (1e-300, 1e-6, 1e308):
        assert_same(superpose(frames, shape, weights * scale), superpose(frames, shape, weights))
    assert_same(superpose(frames, shape, torch.full((30,), 1e-4)), superpose(frames, shape))
    mask = weights > 0.5
    assert_same(superpose(frames, shape, mask), superpose(frames[..., mask], shape[..., mask]))
    assert not torch.allclose(superpose(frames, shape, mask).rmsd, superpose(frames, shape).rmsd)


def test_weights_that_leave_two_atoms_make_a_fit_ambiguous():
    shape = cloud(30, 1)
    weights = torch.zeros(30)
    weights[[4, 9]] = 1
    fit = superpose(moved(shape, 6, 2)[0], shape, weights)
    assert_proper(fit)
    assert fit.ambiguous.all()
    assert (fit.rmsd < 1e-6).all()


def test_an_atom_with_almost_no_weight_beside_a_point_is_no_trouble():
    shape = torch.full((3, 12), 4.0, dtype=torch.float64)
    shape[:, 0] = 11.0
    weights = torch.ones(12, dtype=torch.float64)
    weights[0] = 1e-20
    fit = superpose(moved(shape, 200, 1)[0], shape, weights)  # mean squares less squared means: below 0 by rounding
    assert_proper(fit)
    assert fit.valid.all()
    assert fit.ambiguous.all()
    assert (fit.rmsd < 1e-6).all()


# Frames that are not numbers


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("atom", [0, 17, 29])
@pytest.mark.parametrize("in_reference", [False, True])
def test_a_bad_frame_harms_no_other(value, atom, in_reference):
    shape = cloud(30, 1).float()
    frames = moved(shape.double(), 7, 2, noise=1.0)[0].float()
    references = moved(shape.double(), 7, 3)[0].float() if in_reference else shape
    good = frames.clone()
    unharmed = superpose(good, references, out=good)
    (references if in_reference else frames)[3, 1, atom] = value
    given_frame = frames[3].clone()
    fit = superpose(frames, references, out=frames)
    others = torch.arange(7) != 3
    assert torch.equal(fit.valid, others)
    for field in fields(Superposition):
        mine, theirs = getattr(fit, field.name)[others], getattr(unharmed, field.name)[others]
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-9)
    torch.testing.assert_close(frames[others], good[others], rtol=0, atol=1e-5)
    torch.testing.assert_close(frames[3], given_frame, rtol=0, atol=0, equal_nan=True)
    assert torch.equal(fit.rotation[3], torch.eye(3, dtype=torch.float64))
    assert torch.equal(fit.translation[3], torch.zeros(3, dtype=torch.float64))
    assert fit.rmsd[3].isnan()
    assert not fit.ambiguous[3]


@pytest.mark.parametrize("in_reference", [False, True])
def test_numbers_too_large_to_square_are_not_fitted(in_reference):
    frames, references = moved(cloud(30, 1), 3, 2)[0], moved(cloud(30, 1), 3, 3)[0]
    (references if in_reference else frames)[1] *= 1e200
    fit = superpose(frames, references)
    assert_proper(fit)
    assert fit.valid.tolist() == [True, False, True]
    assert fit.rmsd.isnan().tolist() == [False, True, False]
    assert not fit.ambiguous.any()


def test_no_frame_at_all_is_no_error():
    empty = torch.empty(0, 3, 5)
    for reference in (cloud(5, 1), empty):
        fit = superpose(empty, reference, torch.ones(5), out=empty)
        assert fit.rotation.shape == (0, 3, 3)
        assert fit.translation.shape == (0, 3)
        assert fit.rmsd.shape == fit.ambiguous.shape == fit.valid.shape == (0,)
        assert move(fit, empty).shape == (0, 3, 5)
        assert repr(fit) == "Superposition(0 frames, 0 ambiguous, 0 invalid)"


def test_a_fit_says_what_it_is():
    frames = moved(TETRAHEDRON, 3, 1)[0]
    frames[1] *= 2
    frames[2, 0, 0] = torch.nan
    radius = 7 * 3**0.5
    assert repr(superpose(frames[1:], TETRAHEDRON)) == (
        f"Superposition(2 frames, RMSD {radius:.4g} to {radius:.4g} A, 0 ambiguous, 1 invalid)"
    )
    assert repr(superpose(-TETRAHEDRON[None], TETRAHEDRON)).endswith(" 1 ambiguous, 0 invalid)")


def test_arrays_tensors_and_lists_are_taken_alike():
    generator = torch.Generator().manual_seed(3)
    frames, reference = (torch.randn(*shape, generator=generator) for shape in ((4, 3, 6), (3, 6)))
    weights = torch.tensor([1.0, 2.0, 0.0, 1.0, 1.0, 3.0])
    wanted = superpose(frames, reference, weights)
    read_only = reference.numpy().copy()
    read_only.setflags(write=False)
    for alike in (
        (frames.numpy(), read_only, weights.numpy()),
        (frames.double().numpy()[::-1][::-1], reference.double().numpy(), weights.tolist()),
        (frames.tolist(), reference.tolist(), weights.int()),
        (frames.numpy(), reference.double(), weights.double()),
    ):
        found = superpose(*alike)
        torch.testing.assert_close(found.rotation, wanted.rotation, rtol=0, atol=1e-12)
        torch.testing.assert_close(found.rmsd, wanted.rmsd, rtol=0, atol=1e-12)
        torch.testing.assert_close(move(found, alike[0]).double(), move(wanted, frames).double(), rtol=0, atol=1e-5)
    mask = weights.numpy() > 1
    torch.testing.assert_close(superpose(frames, reference, mask).rmsd, superpose(frames, reference, weights > 1).rmsd)
    whole = superpose(torch.arange(9).reshape(1, 3, 3), [[1, 2, 3], [5, 4, 6], [7, 9, 8]])
    assert whole.rotation.dtype == torch.float64


# Errors


F = torch.zeros(5, 3, 8)
R = torch.zeros(3, 8)
SPOILT = R.index_put((torch.tensor([0, 1]), torch.tensor([5, 6])), torch.tensor([torch.nan, torch.inf]))
REFUSED = {
    "frames hold no numbers (NoneType of the type object): give an array, a tensor or lists of numbers": (None, R),
    "frames hold no numbers (Tensor of the type torch.bool): give an array, a tensor or lists of numbers": (F > 0, R),
    "frames have shape (0,): (frames, 3, atoms) with one atom or more is needed": ([], R),
    "frames have shape (5, 8, 3): (frames, 3, atoms) is needed, pass frames.mT": (F.mT, R),
    "frames have shape (3, 8): (frames, 3, atoms) is needed, pass frames[None] for a single frame": (R, R),
    "frames have shape (5, 4, 8): (frames, 3, atoms) with one atom or more is needed": (torch.zeros(5, 4, 8), R),
    "frames have shape (5, 3, 0): (frames, 3, atoms) with one atom or more is needed": (F[..., :0], R[:, :0]),
    "reference holds no numbers (str of the type <U4): give an array, a tensor or lists of numbers": (F, "best"),
    "reference has shape (3, 7): these frames need (3, 8) or (5, 3, 8)": (F, R[:, :7]),
    "reference has shape (4, 3, 8): these frames need (3, 8) or (5, 3, 8)": (F, F[:4]),
    "reference has shape (8, 3): these frames need (3, 8) or (5, 3, 8)": (F, R.T),
    "the reference is on meta and the frames on cpu: put both on one device": (F, R.to("meta")),
    "reference has NaN or infinite coordinates in 8 of 8 atoms: give them weight 0": (F, R / 0),
    "reference has NaN or infinite coordinates in 2 of 3 atoms: give them weight 0": (
        F,
        SPOILT,
        torch.arange(8) > 4,
    ),
    "weights hold no numbers (Tensor of the type torch.complex64): give an array, a tensor or lists of numbers": (
        F,
        R,
        torch.ones(8) * 1j,
    ),
    "weights have shape (7,): 8 atoms need (8,)": (F, R, torch.ones(7)),
    "weights have shape (5, 8): 8 atoms need (8,)": (F, R, torch.ones(5, 8)),
    "weight -1.0 of atom 0: weights must be finite and >= 0": (F, R, torch.arange(8) - 1.0),
    "weight nan of atom 2: weights must be finite and >= 0": (F, R, torch.tensor([1, 1, torch.nan, 1, 1, 1, 1, 1])),
    "weight inf of atom 3: weights must be finite and >= 0": (F, R, torch.tensor([1, 1, 1, torch.inf, 1, 1, 1, 1])),
    "all weights are 0: give at least one atom a weight above 0": (F, R, torch.zeros(8)),
    "out is a ndarray: give a tensor": (F, R, None, F.numpy()),
    "out is torch.float16 of shape (5, 3, 8): frames are torch.float32 of shape (5, 3, 8), out must be the same": (
        F,
        R,
        None,
        F.half(),
    ),
    "out is torch.float64 of shape (5, 3, 8): frames are torch.float32 of shape (5, 3, 8), out must be the same": (
        F,
        R,
        None,
        F.double(),
    ),
    "out is torch.float32 of shape (4, 3, 8): frames are torch.float32 of shape (5, 3, 8), out must be the same": (
        F,
        R,
        None,
        F[:4],
    ),
    "out is on meta and the frames on cpu: put both on one device": (F, R, None, F.to("meta")),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_superpose_refuses_in_one_sentence(sentence):
    frames, reference, weights, out = (*REFUSED[sentence], None, None)[:4]
    with pytest.raises(EdmNoiseError, match=f"^{re.escape(sentence)}$"):
        superpose(frames, reference, weights, out=out)


def test_move_refuses_in_one_sentence():
    fit = superpose(F, R)
    with pytest.raises(EdmNoiseError, match=r"^5 motions for 4 frames: give one motion a frame$"):
        move(fit, F[:4])
    with pytest.raises(EdmNoiseError, match=r"^frames have shape \(5, 8, 3\): .* pass frames\.mT$"):
        move(fit, F.mT)
    with pytest.raises(EdmNoiseError, match=r"^the fit is on cpu and the frames on meta: put both on one device$"):
        move(fit, F.to("meta"))
    with pytest.raises(EdmNoiseError, match=r"^out is torch\.float32 of shape \(5, 3, 7\)"):
        move(fit, F, out=F[..., :7])
    assert move(fit, F[..., :2]).shape == (5, 3, 2), "any number of atoms can be moved"
