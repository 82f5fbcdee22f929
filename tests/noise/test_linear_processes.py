"""Chroma's and the harmonic noise are the published laws, at chains with breaks, missing atoms, water: dense formulas.

The oracles are written from the papers: matrices over all places of whole chains, of which the atoms that are there are
taken. What rides adds its own variance.
"""

import math

import numpy as np
import pytest
import scipy.linalg
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.frames.displacement import Measure, measure_displacement
from edmnoise.noise.held import HeldNoise
from edmnoise.noise.process import PROCESSES, NoiseChoice
from edmnoise.noise.processes.chroma import memory
from edmnoise.structure.atoms import Atoms
from edmnoise.structure.files import read_structure
from edmnoise.structure.part import Part
from edmnoise.structure.structure import Structure
from edmnoise.trajectories.sampling import run_sampler

STANDARD_ERRORS = 5
"""How far a sample moment may be from the truth. The seeds are fixed: a test that passes, passes always."""

A = 1.5587407701549267
BACKBONE = ("N", "CA", "C", "O")
LINEAR = ("chroma_gas", "chroma_globular", "chroma_globular complex=1", "harmonic", "harmonic com=9 spread=2")


@pytest.fixture(scope="module")
def broken(pymol_data):
    """Of 1TII residues 1 to 29 of chain A without 10 to 13 and the C-alpha of 20, 1 to 12 of D, and some water."""
    whole = read_structure(pymol_data / "demo" / "1tii.pdb", solvent=True)
    number, chain, water = whole.atoms.number.astype(int), whole.atoms.chain, whole.atoms.is_water
    kept = ((chain == "A") & (number < 30) & ~((number > 9) & (number < 14))) | ((chain == "D") & (number < 13))
    kept = (kept & ~water) | (water & (np.cumsum(water) <= 3))
    kept &= ~((number == 20) & (whole.atoms.name == "CA"))
    return whole.take(np.flatnonzero(kept))


def globular_block(n, xi):
    """R R^T of one chain, R = a R_center R_sum R_init of the supplement."""
    b = memory(np.array([float(n)]))[0]
    lag = np.subtract.outer(np.arange(n), np.arange(n))
    r_sum = np.where(lag >= 0, b ** np.maximum(lag, 0.0), 0.0)
    r_init = np.eye(n)
    r_init[0, 0] = 1 / math.sqrt(1 - b**2)
    r_center = np.eye(n) - np.full((n, n), xi / n)
    r = A * r_center @ r_sum @ r_init
    return r @ r.T


def harmonic_block(n, step, com):
    """J^+ of one chain, and the variance of its centre."""
    laplacian = np.diag([1.0] + [2.0] * (n - 2) + [1.0]) - np.diag(np.ones(n - 1), 1) - np.diag(np.ones(n - 1), -1)
    return np.linalg.pinv(3 / step**2 * laplacian) + com**2 / 3


def placed(structure, blocks, per_residue):
    """K of a structure's protein atoms on whole chains, one block after another, and of water, all by hand.

    ``blocks`` is for each chain its first residue number and its matrix.
    """
    atoms = structure.atoms
    whole = scipy.linalg.block_diag(*(block for _, block in blocks.values()))
    begin = dict(zip(blocks, np.cumsum([0, *(len(block) for _, block in blocks.values())]), strict=False))
    place, ride = np.empty(structure.n_atoms, dtype=int), np.empty(structure.n_atoms, dtype=bool)
    present = {(c, n, name) for c, n, name in zip(atoms.chain, atoms.number, atoms.name, strict=True)}
    for i, (chain, number, name, water) in enumerate(
        zip(atoms.chain, atoms.number, atoms.name, atoms.is_water, strict=True)
    ):
        if water:
            place[i], ride[i] = len(whole) + i, False
            continue
        names = BACKBONE if per_residue == 4 else ("CA",)
        pivot = "CA" if (chain, number, "CA") in present else "N"
        on = name if name in names else pivot if pivot in names else "CA"
        offset = per_residue * (int(number) - blocks[chain][0])
        place[i] = begin[chain] + offset + names.index(on)
        ride[i] = name not in names and not (name == pivot and pivot not in names)
    return whole, place, ride


def dense(structure, text):
    """The published covariance of the broken structure, not scaled."""
    choice = NoiseChoice.parse(text)
    knobs, atoms = dict(choice.knobs), structure.atoms
    if choice.process == "chroma_gas":
        same = np.equal.outer(structure.residue_of_atoms, structure.residue_of_atoms)
        anchor = (
            (atoms.name == "CA")
            | atoms.is_water
            | ((atoms.number == "20") & (atoms.chain == "A") & (atoms.name == "N"))
        )
        return same * knobs["residue"] ** 2 + np.diag(np.where(anchor, 0, knobs["spread"] ** 2))
    if choice.process == "chroma_globular":
        sizes = {"A": 4 * 29, "D": 4 * 12}
        n = np.array(list(sizes.values()), dtype=float)
        squares = 4 / 9 * n**0.8
        apart = 4 / 9 * n.sum() ** 0.8 - n @ squares / n.sum()
        centre = math.sqrt(2 * max(apart, 1)) if knobs["complex"] else 1.0
        xi = {c: 1 - centre * math.sqrt(1 - memory(np.array([float(m)]))[0] ** 2) for c, m in sizes.items()}
        first = {"A": 1, "D": 1}
        blocks = {c: (first[c], globular_block(m, xi[c])) for c, m in sizes.items()}
        alone, per_residue = (A * centre) ** 2, 4
    else:
        blocks = {
            "A": (1, harmonic_block(29, knobs["step"], knobs["com"])),
            "D": (1, harmonic_block(12, knobs["step"], knobs["com"])),
        }
        alone, per_residue = knobs["com"] ** 2 / 3, 1
    whole, place, ride = placed(structure, blocks, per_residue)
    extended = scipy.linalg.block_diag(whole, alone * np.eye(structure.n_atoms))
    return extended[np.ix_(place, place)] + np.diag(np.where(ride, knobs["spread"] ** 2, 0))


@pytest.fixture(params=LINEAR)
def law(request, broken):
    """A process on the broken structure, and its covariance as a matrix with the trace N."""
    k = dense(broken, request.param)
    return NoiseChoice.parse(request.param).on(broken), k


def test_every_linear_process_is_in_here():
    known = {name for name, process in PROCESSES.items() if not process.forward_only}
    assert known == {NoiseChoice.parse(text).process for text in LINEAR} | {"multiscale"}


def test_all_algebra_is_that_of_the_published_matrix(law, broken):
    process, published = law
    assert process.published_sigma == pytest.approx(math.sqrt(np.trace(published) / broken.n_atoms), rel=1e-12)
    k = published / process.published_sigma**2
    covariance, one = process.covariance, torch.eye(broken.n_atoms, dtype=torch.float64)
    inverse, ones = np.linalg.inv(k), np.ones(len(k))
    root, white = covariance.factor(one).T.numpy(), covariance.whiten(one).T.numpy()
    assert np.trace(covariance.multiply(one).numpy()) == pytest.approx(broken.n_atoms, rel=1e-12)
    for got, wanted in (
        (covariance.multiply(one).numpy(), k),
        (covariance.solve(one).numpy(), inverse),
        (root @ root.T, k),
        (white @ root, np.eye(len(k))),
        (covariance.inner(one[:5], one[:5]).numpy(), np.diag(inverse)[:5]),
        (covariance.gls_mean(one).numpy(), inverse @ ones / (ones @ inverse @ ones)),
        (covariance.precision().numpy(), ones @ inverse @ ones),
        (covariance.logdet().numpy(), np.linalg.slogdet(k)[1]),
    ):
        assert abs(got - wanted).max() <= 1e-10 * abs(wanted).max()
    some = np.arange(1, broken.n_atoms, 3)
    part = covariance.restricted(some).solve(torch.eye(len(some), dtype=torch.float64)).numpy()
    wanted = np.linalg.inv(k[np.ix_(some, some)])
    assert abs(part - wanted).max() <= 1e-10 * abs(wanted).max()


def test_draws_have_the_published_covariance(law, broken):
    """5,000 frames, x, y and z: entry by entry within 5 standard errors; axes are independent."""
    process, published = law
    k, frames = published / process.published_sigma**2, 5000
    x = process.frames(1.0, frames, 3).double().permute(2, 1, 0).contiguous().numpy()
    variance = np.outer(np.diag(k), np.diag(k))
    sample = sum(axis @ axis.T for axis in x) / (3 * frames)
    assert (abs(sample - k) < STANDARD_ERRORS * np.sqrt((k**2 + variance) / (3 * frames))).all()
    assert (abs(x[0] @ x[1].T / frames) < STANDARD_ERRORS * np.sqrt(variance / frames)).all()


@pytest.mark.parametrize("text", LINEAR)
def test_a_frame_depends_on_the_seed_and_its_number_alone(text, broken):
    process = NoiseChoice.parse(text).on(broken)
    whole = process.frames(2.0, 40, 3, broken.coordinates)
    for numbers in ([0], [39, 4], range(7, 20)):
        assert torch.equal(process.frames(2.0, numbers, 3, broken.coordinates), whole[list(numbers)])
    blocks = torch.cat([block.clone() for block in process.blocks(2.0, 40, 3, broken.coordinates)])
    assert torch.equal(blocks, whole)
    assert not torch.equal(process.frames(2.0, 40, 4, broken.coordinates), whole)
    scaled = process.frames([1.0, 4.0], [5, 5], 3)
    torch.testing.assert_close(4 * scaled[0], scaled[1], rtol=1e-5, atol=1e-4)


def averages(hierarchy, level):
    """(groups, N) means over the groups of a level, one group past the top."""
    group = np.zeros(hierarchy.counts[0], dtype=int) if level == hierarchy.depth else hierarchy.ancestors(0, level)
    member = group[None] == np.arange(group.max() + 1)[:, None]
    return member / member.sum(axis=1, keepdims=True)


def test_closed_forms_are_dense_algebra(law, broken):
    process, published = law
    k, hierarchy = published / process.published_sigma**2, broken.hierarchy
    for level in range(3):
        for top in (None, *range(level + 1, 4)):
            mean = averages(hierarchy, level)
            if top is not None:
                home = np.argmax(averages(hierarchy, top) @ (averages(hierarchy, level) > 0).T > 0, axis=0)
                mean = mean - averages(hierarchy, top)[home]
            moved = mean @ k @ mean.T
            size = np.ones(len(mean))
            for over_atoms in (False, True):
                size = hierarchy.sizes(level) if over_atoms else size
                found = process.statistics.displacement(level, top, over_atoms)
                np.testing.assert_allclose(found.each, np.diag(moved), atol=1e-12)
                share = size / size.sum()
                assert found.mean == pytest.approx(share @ np.diag(moved), rel=1e-10)
                sd = math.sqrt(2 / 3 * np.sum(np.outer(share, share) * moved**2))
                assert found.sd == pytest.approx(sd, rel=0.15)  # of 1,024 frames, heavy-tailed squares


def test_what_frames_show_is_expected(law, broken):
    """1,500 frames: all measures within 4 standard errors."""
    process, _ = law
    sigma, frames = 3.0, 1500
    for align in ("none", "center"):
        moved = measure_displacement(broken, process.blocks(sigma, frames, 1, broken.coordinates), align)
        for level in range(3):
            for relative in (False, True):
                if level == 2 and relative:
                    continue
                top = level + 1 if relative else None if align == "none" else 3
                expected = process.statistics.displacement(level, top)
                assert (
                    abs(moved.rms(Measure(level, relative)) - expected.rms(sigma))
                    < 4 * expected.rms_sd(frames, sigma) + 1e-6
                )


def test_superposed_frames_show_what_is_expected(law, broken):
    process, _ = law
    moved = measure_displacement(broken, process.blocks(0.01, 1500, 0, broken.coordinates), "superpose")
    for level, relative in ((0, False), (0, True), (1, False), (1, True), (2, False)):
        expected = process.superposed(broken.coordinates, level, level + 1 if relative else None)
        assert moved.rms(Measure(level, relative)) == pytest.approx(expected.rms(0.01), rel=0.03)


def test_closed_forms_with_held_atoms_are_those_of_the_moved_block(law, broken):
    """Every second atom moves, and all of chain D: the block of the matrix, in groups of what moves of them."""
    process, published = law
    mask = (np.arange(broken.n_atoms) % 2 == 0) | (broken.atoms.chain == "D")
    held = HeldNoise(process, Part.of(broken, mask))
    k = (published / process.published_sigma**2)[np.ix_(mask, mask)]
    hierarchy = held.part.structure.hierarchy
    assert torch.equal(held.frames(2.0, 3, 1), process.frames(2.0, 3, 1)[:, torch.from_numpy(mask)])
    for level in range(3):
        mean = averages(hierarchy, level)
        found = held.statistics.displacement(level)
        np.testing.assert_allclose(found.each, np.diag(mean @ k @ mean.T), atol=1e-12)
    assert held.superposed(broken.coordinates[mask], 1).mean < held.statistics.displacement(1, 3).mean


def test_the_residue_gas_is_the_papers_four_by_four():
    """At its own sigma: 100 11^T + diag(1, 0, 1, 1)."""
    atoms = Atoms.make(BACKBONE, ["N", "C", "C", "O"], ["GLY"] * 4, [1] * 4, ["A"] * 4, [""] * 4, [False] * 4)
    process = NoiseChoice.parse("chroma_gas").on(Structure.from_atoms(np.eye(4, 3), atoms))
    k = process.published_sigma**2 * process.covariance.multiply(torch.eye(4, dtype=torch.float64)).numpy()
    np.testing.assert_allclose(k, 100 + np.diag([1.0, 0, 1, 1]), rtol=1e-12)


@pytest.mark.parametrize("residues", [50, 100, 200, 400, 800])
def test_globules_have_the_radius_of_gyration_of_proteins(residues):
    """2 R^0.4 A of R residues (Tanner 2016), to 5 %, at the published sigma; centres within a."""
    names = np.tile(BACKBONE, residues)
    atoms = Atoms.make(
        names,
        [n[0] for n in names],
        ["GLY"] * len(names),
        np.repeat(np.arange(residues), 4),
        ["A"] * len(names),
        [""] * len(names),
        [False] * len(names),
    )
    process = NoiseChoice.parse("chroma_globular").on(Structure.from_atoms(np.zeros((len(names), 3)), atoms))
    inside = process.statistics.displacement(0, 2)
    radius = math.sqrt(3 * inside.mean) * process.published_sigma
    assert radius == pytest.approx(2 * residues**0.4, rel=0.05)
    assert process.statistics.displacement(2).rms(process.published_sigma) < A
    drawn = process.frames(process.published_sigma, 200).double()
    own = (drawn - drawn.mean(dim=1, keepdim=True)).square().sum(dim=2).mean(dim=1)
    assert own.mean().sqrt().item() == pytest.approx(radius, rel=0.1)


def test_steps_of_the_harmonic_chain_are_as_long_as_those_of_c_alphas(broken):
    """At its own sigma: 3.8 A, root mean square, and the root of the number of steps across a gap."""
    process = NoiseChoice.parse("harmonic").on(broken)
    alphas = np.flatnonzero((broken.atoms.name == "CA") & (broken.atoms.chain == "A") & ~broken.atoms.is_water)
    x = process.frames(process.published_sigma, 4000)[:, alphas]
    number = broken.atoms.number[alphas].astype(int)
    length = (x[:, 1:] - x[:, :-1]).square().sum(dim=2).mean(dim=0).sqrt()
    np.testing.assert_allclose(length, 3.8 * np.sqrt(np.diff(number)), rtol=0.05)


def test_without_a_variance_of_its_own_a_centre_stays_and_denoisers_are_refused(broken):
    process = NoiseChoice.parse("harmonic com=0").on(broken)
    whole = broken.take(np.flatnonzero((broken.atoms.chain == "D") & (broken.atoms.name == "CA")))
    alone = NoiseChoice.parse("harmonic com=0").on(whole)
    assert alone.frames(5.0, 20).mean(dim=1).abs().max() < 1e-5
    with pytest.raises(EdmNoiseError, match="the centres of its chains do not move; give com above 0"):
        StatesDenoiser(torch.zeros(1, 3, broken.n_atoms), process.covariance).log_density(
            torch.zeros(1, 3, broken.n_atoms), 1.0
        )


@pytest.mark.parametrize("text", LINEAR)
def test_the_likelihood_is_the_dense_one(text, broken):
    """Log density of noise that is known: N(0, sigma^2 K) in all three axes."""
    process = NoiseChoice.parse(text).on(broken)
    k = dense(broken, text) / process.published_sigma**2
    model = StatesDenoiser(torch.zeros(1, 3, broken.n_atoms), process.covariance, gauge="fixed")
    x = process.frames(2.0, 3).double().mT
    square = np.einsum("sai,ij,saj->s", x, np.linalg.inv(k), x) / 4
    wanted = -0.5 * (square + 3 * (np.linalg.slogdet(k)[1] + len(k) * math.log(2 * math.pi * 4)))
    np.testing.assert_allclose(model.log_density(x, 2.0), wanted, rtol=1e-9)


@pytest.mark.parametrize("text", LINEAR)
def test_exact_denoisers_sample_with_it(text, fragment):
    """Samples end at one of two equally likely states, and at both of them."""
    other = fragment.coordinates.copy()
    other[:120] += 4
    process = NoiseChoice.parse(text).on(fragment)
    states = np.stack([fragment.coordinates, other])
    model = StatesDenoiser(torch.tensor(states).mT, process.covariance, hierarchy=fragment.hierarchy)
    ran = run_sampler(fragment, model, process.covariance, *SamplerChoice("heun", steps=20).build(), samples=20)
    found = model.state_probabilities(torch.tensor(ran.final).mT, 0.1)
    assert found.max(dim=1).values.min() > 0.999
    assert abs(found[:, 0].sum().item() - 10) < STANDARD_ERRORS * math.sqrt(5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("harmonic step=0", "step is 0 A: give 0.001 or more"),
        ("harmonic com=-1", "com is -1 A: give 0 or more"),
        ("harmonic spread=-0.5", "spread is -0.5 A: give 0 or more"),
        ("chroma_gas residue=-10", "residue is -10 A: give 0.001 or more"),
        ("chroma_gas spread=-1", "spread is -1 A: give 0 or more"),
        ("chroma_globular complex=2", "complex is 2: give from 0 to 1"),
        ("chroma_globular spread=-1", "spread is -1 A: give 0 or more"),
    ],
)
def test_a_knob_out_of_its_range_is_one_sentence(text, said, fragment):
    with pytest.raises(EdmNoiseError) as refused:
        NoiseChoice.parse(text).on(fragment)
    assert str(refused.value) == said


@pytest.mark.parametrize("text", ["chroma_globular", "harmonic"])
def test_a_walk_needs_a_polymer(text, broken):
    water = broken.take(np.flatnonzero(broken.atoms.is_water))
    with pytest.raises(EdmNoiseError, match=f"^{text} noise walks along polymers, and among these 3 atoms is none"):
        NoiseChoice.parse(text).on(water)
    assert NoiseChoice.parse("chroma_gas").on(water).frames(1.0, 2).shape == (2, 3, 3)
