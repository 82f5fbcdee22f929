"""Displacements against loops over residues in float64, and what each alignment removes."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from edmnoise.base.errors import EdmNoiseError
from edmnoise.frames.displacement import ALIGNMENTS, Measure, mean_squares, measure_displacement, measures
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.weights import Weights
from edmnoise.structure.atoms import Atoms
from edmnoise.structure.hierarchy import Hierarchy
from edmnoise.structure.structure import Structure
from edmnoise.structure.superpose import move, superpose

ATOM, RESIDUE, CHAIN = (Measure(level, False) for level in range(3))
ATOM_IN_RESIDUE, RESIDUE_IN_CHAIN = Measure(0, True), Measure(1, True)


def structure_of(hierarchy, seed=0, size=20.0):
    """Atoms at random places; their names do not matter."""
    count = hierarchy.counts[0]
    coordinates = size * np.random.default_rng(seed).standard_normal((count, 3))
    text = ["X"] * count
    atoms = Atoms.make(text, text, text, text, text, text, [False] * count)
    return Structure(coordinates.astype(np.float32), atoms, hierarchy)


def chain_of(*sizes):
    """One chain of residues of the given sizes."""
    residue = np.repeat(np.arange(len(sizes)), sizes)
    return structure_of(Hierarchy(("atom", "residue", "chain"), (residue, np.zeros(len(sizes), dtype=np.int64))))


def shaken(structure, frames, seed=0, sigma=3.0):
    """(S, N, 3) the structure with a shift, a small turn and noise of its own in every frame."""
    rng = np.random.default_rng(seed)
    turned = [structure.coordinates @ Rotation.random(random_state=seed + k).as_matrix() for k in range(frames)]
    moved = 0.7 * structure.coordinates + 0.3 * np.stack(turned) + 5 * rng.standard_normal((frames, 1, 3))
    return (moved + sigma * rng.standard_normal(moved.shape)).astype(np.float32)


# The slow and obvious computation


def aligned(frame, reference, align):
    frame, reference = frame.astype(np.float64), reference.astype(np.float64)
    if align == "none":
        return frame
    frame = frame - frame.mean(axis=0)
    if align == "superpose":
        u, _, v = np.linalg.svd(frame.T @ (reference - reference.mean(axis=0)))
        u[:, 2] *= np.sign(np.linalg.det(u @ v))
        frame = frame @ u @ v
    return frame + reference.mean(axis=0)


def by_loops(structure, frames, align="none"):
    """For each measure (S, groups): mean over x, y, z of the squared displacement."""
    hierarchy, reference = structure.hierarchy, structure.coordinates
    members = []
    for level in range(hierarchy.depth):
        groups = [[] for _ in range(hierarchy.counts[level])]
        for atom in range(hierarchy.counts[0]):
            holder = atom
            for k in range(level):
                holder = hierarchy.parents[k][holder]
            groups[holder].append(atom)
        members.append(groups)
    squares = {}
    for measure in measures(hierarchy):
        squares[measure] = np.zeros((len(frames), hierarchy.counts[measure.level]))
        for k, frame in enumerate(frames):
            moved = aligned(frame, reference, align) - reference
            for group, atoms in enumerate(members[measure.level]):
                vector = moved[atoms].mean(axis=0)
                if measure.relative:
                    around = hierarchy.parents[measure.level][group]
                    vector = vector - moved[members[measure.level + 1][around]].mean(axis=0)
                squares[measure][k, group] = (vector**2).mean()
    return squares


def assert_same(found, expected, rtol=1e-5, atol=1e-8):
    """All three summaries of (S, groups) squares, for every measure that was taken."""
    assert found.by_frame.keys() == found.by_group.keys() == found.largest.keys()
    for measure in found.by_frame:
        squares = expected[measure]
        np.testing.assert_allclose(found.by_frame[measure], squares.mean(axis=1), rtol, atol)
        np.testing.assert_allclose(found.by_group[measure], squares.mean(axis=0), rtol, atol)
        np.testing.assert_allclose(found.largest[measure], squares.max(axis=0), rtol, atol)


@settings(deadline=None, max_examples=30, derandomize=True)
@given(seed=st.integers(0, 2**31), depth=st.integers(2, 4), align=st.sampled_from(ALIGNMENTS))
def test_every_measure_is_what_loops_over_groups_give(nesting, seed, depth, align):
    structure = structure_of(nesting(seed, depth, largest=3), seed)
    if structure.n_atoms < 4 and align == "superpose":
        align = "center"  # the best rotation of three atoms or fewer is not unique, or nearly so
    frames = shaken(structure, 3, seed)
    found = measure_displacement(structure, [frames], align)
    assert (found.frames, found.align, found.hierarchy) == (3, align, structure.hierarchy)
    assert set(found.by_frame) == set(measures(structure.hierarchy))
    assert_same(found, by_loops(structure, frames, align), rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize("align", ALIGNMENTS)
def test_a_real_fragment_is_what_loops_give(fragment, align):
    frames = shaken(fragment, 4, seed=8)
    found = measure_displacement(fragment, [torch.from_numpy(frames)], align)
    assert_same(found, by_loops(fragment, frames, align))
    assert found.ambiguous == 0


def test_the_summaries_of_the_summaries(fragment):
    frames = shaken(fragment, 5)
    found, squares = measure_displacement(fragment, [frames]), by_loops(fragment, frames)
    sizes = {level: fragment.hierarchy.sizes(level) for level in range(3)}
    for measure, values in squares.items():
        assert found.rms(measure) == pytest.approx(math.sqrt(values.mean()), rel=1e-5)
        weighed = np.average(values.mean(axis=0), weights=sizes[measure.level])
        assert found.part(measure) == pytest.approx(math.sqrt(weighed), rel=1e-5)
    assert found.ratio == pytest.approx(math.sqrt(squares[RESIDUE].mean() / squares[ATOM].mean()), rel=1e-5)


@pytest.mark.parametrize("align", ALIGNMENTS)
def test_the_nested_parts_add_up_to_the_whole(toxin, align):
    found = measure_displacement(toxin, [shaken(toxin, 3)], align)
    parts = [found.part(measure) ** 2 for measure in (CHAIN, RESIDUE_IN_CHAIN, ATOM_IN_RESIDUE)]
    assert sum(parts) == pytest.approx(found.part(ATOM) ** 2, rel=1e-5)


# Alignment


@pytest.mark.parametrize("seed", range(5))
def test_superposition_undoes_a_rigid_motion(fragment, seed):
    turn = Rotation.random(6, random_state=seed).as_matrix()
    shift = 30 * np.random.default_rng(seed).standard_normal((6, 1, 3))
    frames = (fragment.coordinates @ turn + shift).astype(np.float32)
    superposed, centred = (measure_displacement(fragment, [frames], align) for align in ("superpose", "center"))
    for measure in measures(fragment.hierarchy):
        assert superposed.rms(measure) < 1e-5
        assert math.sqrt(superposed.largest[measure].max()) < 5e-5
    assert centred.rms(ATOM) > 1


def test_centring_undoes_a_shift_and_only_that(fragment):
    frames = shaken(fragment, 4)
    shifted = frames + np.float32(7) * np.ones((4, 1, 3), dtype=np.float32)
    assert_same(measure_displacement(fragment, [shifted], "center"), by_loops(fragment, frames, "center"), atol=1e-4)
    here, there = (measure_displacement(fragment, [x], "center") for x in (frames, shaken(fragment, 4, sigma=6.0)))
    assert here.rms(CHAIN) < 1e-5, "one chain: its centre is the whole structure's"
    assert there.rms(ATOM) > here.rms(ATOM)


def test_displacements_within_a_group_need_no_centring(toxin):
    frames = shaken(toxin, 2)
    plain, centred = (measure_displacement(toxin, [frames], align) for align in ("none", "center"))
    for measure in (ATOM_IN_RESIDUE, RESIDUE_IN_CHAIN):
        np.testing.assert_allclose(plain.by_group[measure], centred.by_group[measure], rtol=1e-4, atol=1e-8)
    assert centred.rms(CHAIN) < plain.rms(CHAIN)


def test_frames_that_can_be_turned_in_several_ways_are_counted():
    """Atoms on a line: every turn about it fits as well."""
    line = chain_of(2, 3, 2)
    straight = np.zeros((7, 3), dtype=np.float32)
    straight[:, 0] = np.arange(7)
    line = Structure(straight, line.atoms, line.hierarchy)
    frames = np.stack([straight + 1, straight[:, [1, 0, 2]], straight])
    found = measure_displacement(line, [frames[:2], frames[2:]], "superpose")
    assert found.ambiguous == 3
    assert found.rms(ATOM) < 1e-5
    assert measure_displacement(line, [frames]).ambiguous == 0


# Blocks


@pytest.mark.parametrize("align", ALIGNMENTS)
@pytest.mark.parametrize("size", [1, 4, 11])
def test_blocks_of_any_size_give_the_same(fragment, align, size):
    frames = shaken(fragment, 11)
    at_once = measure_displacement(fragment, [frames], align)
    pieces = measure_displacement(fragment, (frames[k : k + size] for k in range(0, 11, size)), align)
    assert pieces.frames == at_once.frames == 11
    for summary in ("by_frame", "by_group", "largest"):
        for measure, values in getattr(at_once, summary).items():
            np.testing.assert_allclose(getattr(pieces, summary)[measure], values, rtol=1e-6, atol=1e-9)


def test_a_block_that_is_written_over_has_been_measured(fragment):
    """What `MultiscaleNoise.blocks` gives: one piece of memory with the next frames in it."""
    frames = shaken(fragment, 6)
    kept = np.empty((2, *frames.shape[1:]), dtype=np.float32)

    def blocks():
        for start in range(0, 6, 2):
            kept[:] = frames[start : start + 2]
            yield kept

    assert_same(measure_displacement(fragment, blocks()), by_loops(fragment, frames))


@pytest.mark.parametrize("align", ALIGNMENTS)
@pytest.mark.parametrize("sizes", [(1,), (4, 3)])
@pytest.mark.parametrize("atoms_last", [False, True])
def test_frames_are_left_as_they_are(align, sizes, atoms_last):
    """Also one atom, and a view of atoms-last memory, whose transposes need no copy."""
    structure = chain_of(*sizes)
    frames = torch.from_numpy(shaken(structure, 3))
    if atoms_last:
        frames = frames.transpose(1, 2).contiguous().transpose(1, 2)
    before = frames.clone()
    measure_displacement(structure, [frames], align)
    assert torch.equal(frames, before)


def test_frames_of_other_kinds_are_measured_too(fragment):
    frames = shaken(fragment, 3)
    expected = by_loops(fragment, frames)
    read_only = frames.copy()
    read_only.setflags(write=False)
    apart = np.repeat(frames, 2, axis=1)[:, ::2]
    for given_frames in (read_only, apart, frames.astype(np.float64), torch.from_numpy(frames).requires_grad_()):
        assert_same(measure_displacement(fragment, [given_frames]), expected)


def test_only_the_measures_asked_for_are_taken(toxin):
    frames = shaken(toxin, 2)
    everything = measure_displacement(toxin, [frames])
    for only in ([CHAIN], [RESIDUE_IN_CHAIN], [ATOM_IN_RESIDUE, CHAIN]):
        some = measure_displacement(toxin, [frames], only=only)
        assert list(some.by_frame) == list(some.by_group) == list(some.largest) == only
        for measure in only:
            np.testing.assert_allclose(some.by_group[measure], everything.by_group[measure], rtol=1e-9)


# Small structures


@pytest.mark.parametrize("align", ALIGNMENTS)
@pytest.mark.parametrize("sizes", [(1,), (1, 1, 1), (5,), (2, 1)])
def test_small_structures(align, sizes):
    structure = chain_of(*sizes)
    frames = shaken(structure, 3)
    found = measure_displacement(structure, [frames], align)
    if align != "superpose" or sum(sizes) > 3:
        assert_same(found, by_loops(structure, frames, align), atol=1e-6)
    if len(sizes) == 1:
        assert found.rms(RESIDUE_IN_CHAIN) == 0
    if set(sizes) == {1}:
        assert found.rms(ATOM_IN_RESIDUE) == 0
        assert found.ratio == pytest.approx(1, rel=1e-6) or align != "none"


def test_one_atom_superposed_has_not_moved():
    structure = chain_of(1)
    found = measure_displacement(structure, [shaken(structure, 3)], "superpose")
    assert found.rms(ATOM) < 1e-5
    assert found.ambiguous == 3


def test_the_reference_itself_has_not_moved(fragment):
    found = measure_displacement(fragment, [fragment.coordinates[None]])
    assert all(found.rms(measure) == 0 for measure in measures(fragment.hierarchy))
    assert math.isnan(found.ratio)


def test_measures_are_listed_coarsest_first(fragment):
    labels = [measure.label(fragment.hierarchy) for measure in measures(fragment.hierarchy)]
    assert labels == ["chain", "residue", "atom", "residue in chain", "atom in residue"]
    assert [m.relative_to for m in measures(fragment.hierarchy)] == [None, None, None, 2, 1]


def test_far_frames_are_measured_to_float32_rounding(fragment):
    """A noise level of a million angstrom: nothing overflows, nothing is lost in sums."""
    frames = shaken(fragment, 2, sigma=1e6)
    assert_same(measure_displacement(fragment, [frames]), by_loops(fragment, frames), rtol=1e-4)


# Refusals


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("align", ALIGNMENTS)
def test_a_frame_that_is_not_finite_is_named(fragment, value, align):
    """Counted from 1 over all blocks, as PyMOL counts states."""
    frames = shaken(fragment, 7)
    frames[5, 100, 1] = value
    with pytest.raises(EdmNoiseError, match="frame 6 holds NaN or infinite coordinates: remove it"):
        measure_displacement(fragment, [frames[:3], frames[3:]], align)


def test_infinities_of_both_signs_do_not_hide_each_other(fragment):
    frames = shaken(fragment, 2)
    frames[1, 0, 0], frames[1, 1, 0] = math.inf, -math.inf
    with pytest.raises(EdmNoiseError, match="frame 2 holds NaN"):
        measure_displacement(fragment, [frames])


@pytest.mark.parametrize("shape", [(2, 252, 3), (253, 3), (2, 3, 253), (2, 253, 4)])
def test_frames_of_another_shape_are_refused(fragment, shape):
    sentence = r"frames have the shape \(.*\): give \(frames, 253, 3\)"
    with pytest.raises(EdmNoiseError, match=sentence):
        measure_displacement(fragment, [np.zeros(shape, dtype=np.float32)])


@pytest.mark.parametrize("blocks", [[], [np.empty((0, 253, 3), dtype=np.float32)]])
def test_no_frames_are_refused(fragment, blocks):
    with pytest.raises(EdmNoiseError, match="no frames to measure: give at least one"):
        measure_displacement(fragment, blocks)


@pytest.mark.parametrize("align", ["", "centre", "kabsch", None])
def test_an_unknown_alignment_is_refused(fragment, align):
    blocks = SimpleNamespace()  # refused before the frames are looked at
    with pytest.raises(EdmNoiseError, match=r"align is .*: give one of none, center, superpose"):
        measure_displacement(fragment, blocks, align)


# Where the reference lies among the frames


def scattered(structure, frames, seed, noisy=False, sigma=1.0, weights=(0, 0, 1)):
    """Frames of noise about a structure, which is a draw of it itself where it is to be noisy."""
    noise = MultiscaleNoise(structure.hierarchy, Weights.of(*weights))
    drawn = noise.frames(sigma, frames + 1, seed, torch.tensor(structure.coordinates)).numpy()
    reference = drawn[0] if noisy else structure.coordinates
    return replace(structure, coordinates=reference.copy()), drawn[1:]


@pytest.mark.parametrize("align", ["none", "superpose"])
def test_distances_are_those_of_all_pairs(fragment, align):
    """Brute force: every pair of frames, each laid on the reference, its chain's centre taken off."""
    reference, frames = scattered(fragment, 7, 0)
    if align == "superpose":
        given = torch.from_numpy(frames.transpose(0, 2, 1).copy())
        frames = move(superpose(given, torch.tensor(reference.coordinates.T)), given).numpy().transpose(0, 2, 1)
    inside = [x - x.mean(axis=0) for x in frames.astype(np.float64)]
    home = reference.coordinates - reference.coordinates.mean(axis=0, dtype=np.float64)
    found = measure_displacement(reference, [frames], align, place_reference=True).reference
    assert found.distance == pytest.approx(np.sqrt(np.mean([(x - home) ** 2 for x in inside])), rel=1e-4)
    pairs = [(a - b) ** 2 for i, a in enumerate(inside) for b in inside[:i]]
    assert found.among == pytest.approx(np.sqrt(np.mean(pairs)), rel=1e-4)
    assert measure_displacement(reference, [frames], align).reference is None
    assert measure_displacement(reference, [frames[:1]], align, place_reference=True).reference is None


@pytest.mark.parametrize("weights", [(0, 0, 1), (0, 1, 0), (8.2, 1.6, 1.3)])
@pytest.mark.parametrize("align", ["none", "superpose"])
@pytest.mark.parametrize("count", [2, 20])
def test_a_reference_among_its_own_noise_is_told_from_one_that_is_noise(fragment, weights, align, count):
    """In 100 ensembles: the ratio is 1/sqrt 2 or 1 on average, and each (of two frames nearly) is on its side."""
    for noisy, wanted in ((False, 0.5), (True, 1.0)):
        ratios, mistaken = [], 0
        for seed in range(100):
            reference, frames = scattered(fragment, count, seed, noisy, weights=weights)
            place = measure_displacement(
                reference, [frames], align, [Measure(0, False)], place_reference=True
            ).reference
            mistaken += place.is_one_of_them != noisy
            ratios.append((place.distance / place.among) ** 2)
        assert np.mean(ratios) == pytest.approx(wanted, rel=0.05)
        assert mistaken <= (5 if count == 2 else 0)


def test_frames_that_are_all_the_reference_are_not_doubted(fragment):
    place = measure_displacement(
        fragment, [np.repeat(fragment.coordinates[None], 3, 0)], place_reference=True
    ).reference
    assert not place.is_one_of_them


# What cannot move


def test_groups_alone_in_theirs_do_not_move(toxin):
    atoms, residues, chains = np.arange(7), [0, 0, 0, 1, 2, 2, 3], [0, 0, 1, 2]
    hierarchy = Hierarchy(("atom", "residue", "chain"), (np.array(residues), np.array(chains)))
    assert Measure(1, True).moves(hierarchy).tolist() == [True, True, False, False]
    assert Measure(0, True).moves(hierarchy).tolist() == [True, True, True, False, True, True, False]
    for level, count in enumerate((len(atoms), 4, 3)):
        assert Measure(level, False).moves(hierarchy).tolist() == [True] * count
    moved = np.random.default_rng(0).normal(size=(5, 3, 7)).astype(np.float32)
    shown = [Measure(1, True), Measure(0, True)]
    for measure, squares in mean_squares(torch.from_numpy(moved), hierarchy, shown).items():
        assert ((squares.amax(dim=0) > 1e-9).numpy() == measure.moves(hierarchy)).all()
