"""Residues move as rigid bodies, as far as the closed form says, and by the published schedules."""

import math

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.frames.displacement import measure_displacement, measures
from edmnoise.noise.process import ForwardOnly, NoClosedForm, NoiseChoice, statistics_of
from edmnoise.noise.processes.frames import FrameDiff, RFdiffusion, RigidFrames
from edmnoise.noise.theory.second_moments import SecondMoments
from edmnoise.structure.atoms import Atoms
from edmnoise.structure.files import read_structure
from edmnoise.structure.part import Part
from edmnoise.structure.structure import Structure

NAMES = ("frames", "frames turn=0.5", "framediff", "rfdiffusion")


@pytest.fixture(scope="module")
def protease(pymol_data):
    """1HPV with ligand and water: 2 chains of HIV protease."""
    return read_structure(pymol_data / "tut" / "1hpv.pdb", solvent=True)


def inside(structure, x):
    """Distances of all atoms of each residue from each other, one after another."""
    residue = structure.residue_of_atoms
    found = []
    for number in range(residue.max() + 1):
        own = x[..., residue == number, :]
        found.append((own[..., :, None, :] - own[..., None, :, :]).norm(dim=-1).flatten(-2))
    return torch.cat(found, -1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sigma", [0.1, 5.0, 60.0])
def test_residues_and_ligands_stay_rigid(protease, name, sigma):
    frames = NoiseChoice.parse(name).on(protease).frames(sigma, 3, 1, protease.coordinates)
    rest = inside(protease, torch.tensor(protease.coordinates).double())
    np.testing.assert_allclose(inside(protease, frames.double()), rest.expand(3, -1), atol=1e-4)


def test_pivots_move_by_sigma_and_are_the_alpha_carbons(protease):
    """C-alpha moves by sigma whatever the rotation is: 3 x 198 x 200 normal numbers, 4 standard errors."""
    alpha = protease.atoms.name == "CA"
    calm, wild = (
        RigidFrames(protease, turn).frames(3.0, 200, 2)[:, torch.from_numpy(alpha)].double() for turn in (0.0, 0.8)
    )
    np.testing.assert_allclose(calm, wild, atol=1e-5)
    count = calm.numel()
    assert calm.square().mean().sqrt() == pytest.approx(3.0, rel=4 / math.sqrt(2 * count))


def test_nucleotides_turn_about_c1(mda):
    structure = read_structure(mda("analysis/1k5i_c36.pdb.gz"))
    centre = torch.from_numpy(structure.atoms.name == "C1'")
    assert centre.sum() == 23
    moved = RigidFrames(structure, 100.0).frames(0.01, 2)
    assert moved[:, centre].abs().max() < 0.06
    assert moved[:, ~centre].abs().max() > 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sigma", [0.5, 4.8, 30.0])
def test_displacements_are_those_of_the_closed_form(fragment, name, sigma):
    """All measures of 400 frames, within 4 standard errors of their scatter."""
    process = NoiseChoice.parse(name).on(fragment)
    theory = statistics_of(process, sigma)
    moved = measure_displacement(fragment, process.blocks(sigma, 400, 4, fragment.coordinates))
    for measure in measures(fragment.hierarchy):
        squares = moved.by_frame[measure]
        wanted = sigma**2 * theory.displacement(measure.level, measure.relative_to).mean
        assert squares.mean() == pytest.approx(wanted, abs=4 * squares.std() / math.sqrt(400))


def test_a_part_has_the_closed_form_of_what_moves(fragment):
    """Every third atom held: whole residues turn, and what moves of them is measured."""
    part = Part.of(fragment, np.arange(253) % 3 > 0)
    process = NoiseChoice.parse("frames turn=0.3").on(part)
    theory = statistics_of(process, 2.0)
    moved = measure_displacement(part.structure, process.blocks(2.0, 400, 4, part.structure.coordinates))
    for measure in measures(part.structure.hierarchy):
        squares = moved.by_frame[measure]
        wanted = 4 * theory.displacement(measure.level, measure.relative_to).mean
        assert squares.mean() == pytest.approx(wanted, abs=4 * squares.std() / math.sqrt(400))


def test_second_moments_are_those_of_dense_algebra(nesting):
    """u^T M u for each group, whatever bodies cut the groups."""
    hierarchy = nesting(5, 4)
    rng = np.random.default_rng(1)
    atoms = hierarchy.counts[0]
    body = np.unique(rng.integers(0, 12, atoms), return_inverse=True)[1]
    own, common = rng.normal(size=(atoms, 4)), rng.normal(size=(atoms, 3))
    dense = (body[:, None] == body) * (own @ own.T) + common @ common.T
    known = SecondMoments(hierarchy, body, own, common)
    assert known.whole == 4
    for level in range(4):
        for top in (None, *range(level + 1, 5)):
            group = hierarchy.ancestors(0, level)
            around = np.zeros(atoms, dtype=int) if top == 4 else hierarchy.ancestors(0, top or 0)
            wanted = []
            for number in range(hierarchy.counts[level]):
                u = (group == number) / np.sum(group == number)
                if top is not None:
                    outer = around == around[group == number][0]
                    u = u - outer / outer.sum()
                wanted.append(u @ dense @ u)
            for over_atoms in (False, True):
                found = known.displacement(level, top, over_atoms)
                np.testing.assert_allclose(found.each, wanted, atol=1e-12)
                share = np.bincount(group) if over_atoms else np.ones(len(wanted))
                assert found.mean == pytest.approx(share @ wanted / share.sum())
                assert math.isnan(found.sd)
    with pytest.raises(EdmNoiseError, match="name a coarser one"):
        known.displacement(2, 1)


def test_framediff_and_rfdiffusion_follow_their_schedules():
    """Translation and rotation at one time of each, from the schedules as published."""
    process = FrameDiff.__new__(FrameDiff)
    for t in np.linspace(0.01, 1, 25):
        a = math.exp(-(0.1 * t + 9.95 * t**2))
        sigma = 10 * math.sqrt((1 - a) / a)
        assert process.rotation(sigma) == pytest.approx(math.log(t * math.exp(1.5) + (1 - t) * math.exp(0.1)))
    assert process.rotation(1e-9) == pytest.approx(0.1)
    assert process.rotation(1e6) == pytest.approx(1.5)
    process, left = RFdiffusion.__new__(RFdiffusion), 1.0
    for step in range(1, 51):
        left *= 1 - (0.04 + (step - 1) / 49 * 0.24)
        sigma, t = 4 * math.sqrt((1 - left) / left), step / 50
        assert process.rotation(sigma) == pytest.approx(0.02 + 1.5 * t + 0.5 * t**2)
    assert process.rotation(1e6) == pytest.approx(2.02)


def test_ligand_groups_of_atoms_turn_as_one(protease):
    """Groups of level 1 may be finer than residues; bodies are residues all the same."""
    fine = Structure.from_atoms(protease.coordinates, protease.atoms, ligands="atom")
    assert torch.equal(RigidFrames(fine).frames(2.0, 2), RigidFrames(protease).frames(2.0, 2))


def test_there_is_no_covariance_and_no_form_at_all_levels(fragment):
    for name in ("frames", "framediff", "rfdiffusion", "torsions"):
        process = NoiseChoice.parse(name).on(fragment)
        with pytest.raises(ForwardOnly, match=rf"^{name} noise is forward only .*; choose one of multiscale"):
            _ = process.covariance
        with pytest.raises(NoClosedForm):
            _ = process.statistics
        with pytest.raises(NoClosedForm):
            process.superposed(fragment.coordinates, 0)


def test_atoms_that_stand_alone_are_refused():
    trace = Atoms.make(["CA"] * 3, ["C"] * 3, ["GLY"] * 3, [1, 2, 3], ["A"] * 3, [""] * 3, [False] * 3)
    structure = Structure.from_atoms(4 * np.eye(3), trace)
    with pytest.raises(EdmNoiseError, match=r"^framediff noise turns residues, and each of these 3 has one atom: give"):
        FrameDiff.on(structure)


def test_a_negative_turn_is_refused(fragment):
    with pytest.raises(EdmNoiseError, match=r"^turn is -0.1 radians per angstrom: give 0 or more$"):
        NoiseChoice.parse("frames turn=-0.1").on(fragment)
