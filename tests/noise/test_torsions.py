"""Torsions get a wrapped normal; bond lengths and angles, rings and the place of a molecule stay."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest, norm

from edmnoise.base.errors import EdmNoiseError
from edmnoise.noise.process import PROCESSES, NoiseChoice
from edmnoise.noise.processes.descent import Descent
from edmnoise.noise.processes.torsions import TorsionNoise
from edmnoise.noise.weights import Weights
from edmnoise.structure.atoms import Atoms
from edmnoise.structure.bonds import find_bonds
from edmnoise.structure.files import read_structure
from edmnoise.structure.structure import Structure

FILES = {
    "chains with breaks and water": ("pymol", "demo/1tii.pdb"),
    "a dimer with its ligand": ("pymol", "tut/1hpv.pdb"),
    "disulphides and hydrogens": ("mda", "nmr_neopetrosiamide.pdb"),
    "a nucleic acid": ("mda", "analysis/1k5i_c36.pdb.gz"),
    "a long chain": ("mda", "adk_open.pdb"),
}


@pytest.fixture(scope="module")
def read(pymol_data, mda):
    def find(name):
        where, file = FILES[name]
        return read_structure(pymol_data / file if where == "pymol" else mda(file), solvent=True)

    return find


def kept_bonds(structure):
    """All bonds but disulphides."""
    bonds = find_bonds(structure)
    return bonds[~(structure.atoms.name[bonds] == "SG").all(axis=1)]


def angles_at(bonds, count):
    """(A, 3) atoms that two bonds join, the middle one between."""
    beside = [[] for _ in range(count)]
    for i, j in bonds.tolist():
        beside[i].append(j)
        beside[j].append(i)
    return np.array([(i, k, j) for k, all_of in enumerate(beside) for i in all_of for j in all_of if i < j])


def lengths(x, bonds):
    return np.linalg.norm(x[..., bonds[:, 0], :] - x[..., bonds[:, 1], :], axis=-1)


def angles(x, triples):
    one, other = (x[..., triples[:, k], :] - x[..., triples[:, 1], :] for k in (0, 2))
    return np.arctan2(np.linalg.norm(np.cross(one, other), axis=-1), (one * other).sum(axis=-1))


def dihedrals(x, quads):
    p, q, r, s = (x[..., quads[:, k], :] for k in range(4))
    axis = (r - q) / np.linalg.norm(r - q, axis=-1, keepdims=True)
    one, other = np.cross(q - p, axis), np.cross(axis, s - r)
    return np.arctan2((np.cross(one, other) * axis).sum(axis=-1), (one * other).sum(axis=-1))


def named(structure, *names):
    """(Q, 4) atoms of torsions along a backbone or a side chain: "+N" is that of the next residue of the chain."""
    atoms = structure.atoms
    place = {
        (str(chain), int(number), str(name)): atom
        for atom, (chain, number, name) in enumerate(zip(atoms.chain, atoms.number, atoms.name, strict=True))
    }
    found = []
    for chain, number, name in place:
        if name == "CA":
            keys = [(chain, number + said.count("+"), said.strip("+")) for said in names]
            if all(key in place for key in keys):
                found.append([place[key] for key in keys])
    return np.array(found)


def wrapped_normal(sd):
    """Distribution of a normal angle of this standard deviation, wrapped to -pi to pi."""
    turns = 2 * math.pi * np.arange(-20, 21)[:, None]
    return lambda a: (norm.cdf((np.atleast_1d(a) + turns) / sd) - norm.cdf((turns - math.pi) / sd)).sum(axis=0)


@pytest.mark.parametrize("name", FILES)
def test_bond_lengths_and_angles_stay(name, read):
    structure = read(name)
    bonds, rest = kept_bonds(structure), structure.coordinates.astype(np.float64)
    triples = angles_at(bonds, structure.n_atoms)
    process = TorsionNoise(structure)
    for sigma in (1.0, 15.0, 60.0):
        x = process.frames(sigma, 2, 3, structure.coordinates).double().numpy()
        np.testing.assert_allclose(lengths(x, bonds), np.broadcast_to(lengths(rest, bonds), (2, len(bonds))), atol=1e-4)
        np.testing.assert_allclose(
            angles(x, triples), np.broadcast_to(angles(rest, triples), (2, len(triples))), atol=1e-4
        )


TORSIONS = {
    "phi": ("C", "+N", "+CA", "+C"),
    "psi": ("N", "CA", "C", "+N"),
    "omega": ("CA", "C", "+N", "+CA"),
    "chi1": ("N", "CA", "CB", "CG"),
}


@pytest.mark.parametrize("sd", [0.3, 1.5])
@pytest.mark.parametrize("torsion", TORSIONS)
def test_torsions_change_by_a_wrapped_normal(torsion, sd, read):
    """Of ADK's 214 residues in 20 frames, seed 5: Kolmogorov and Smirnov p above .001."""
    structure = read("a long chain")
    quads = named(structure, *TORSIONS[torsion])
    ringed = structure.atoms.residue_name[quads[:, 2]] == "PRO"
    before = dihedrals(structure.coordinates.astype(np.float64), quads)
    frames = TorsionNoise(structure, turn=0.1).frames(10 * sd, 20, 5, structure.coordinates).double().numpy()
    change = np.angle(np.exp(1j * (dihedrals(frames, quads) - before)))
    if torsion in ("phi", "chi1"):  # within proline's ring
        np.testing.assert_allclose(change[:, ringed], 0, atol=1e-4)
        change = change[:, ~ringed]
    assert change.size > 1500
    assert kstest(change.ravel(), wrapped_normal(sd)).pvalue > 1e-3
    assert kstest(change.ravel(), wrapped_normal(1.2 * sd)).pvalue < 1e-3


def test_peptide_bonds_stay_where_omega_is_0(fragment):
    quads = named(fragment, *TORSIONS["omega"])
    rest = fragment.coordinates.astype(np.float64)
    frames = NoiseChoice.parse("torsions turn=0.2 omega=0").on(fragment).frames(3.0, 4, 1, rest).double().numpy()
    change = np.angle(np.exp(1j * (dihedrals(frames, quads) - dihedrals(rest, quads))))
    np.testing.assert_allclose(change, 0, atol=1e-4)
    assert np.abs(frames - rest).max() > 2


def test_polymers_keep_their_centre_and_ligands_move_by_sigma(read):
    """1HPV: two chains, a ligand, and water, whose oxygen moves by sigma per coordinate within 4 standard errors."""
    structure = read("a dimer with its ligand")
    frames = TorsionNoise(structure).frames(2.0, 100, 8).double()
    for chain in ("A", "B"):
        own = torch.from_numpy((structure.atoms.chain == chain) & ~structure.atoms.hetero)
        np.testing.assert_allclose(frames[:, own].mean(dim=1), 0, atol=1e-4)
    ligand = frames[:, torch.from_numpy(structure.atoms.residue_name == "478")].mean(dim=1)
    assert ligand.square().mean().sqrt() == pytest.approx(2, rel=4 / math.sqrt(2 * 300))
    water = frames[:, torch.from_numpy(structure.atoms.is_water)]
    assert water.square().mean().sqrt() == pytest.approx(2, rel=4 / math.sqrt(2 * water.numel()))


def test_each_piece_of_a_broken_chain_stays(fragment):
    """Residues 4-14 and 25-35: what lies between is missing."""
    number = fragment.atoms.number.astype(int)
    chosen = (number <= 14) | (number >= 25)
    broken = Structure.from_atoms(fragment.coordinates[chosen], fragment.atoms.take(chosen))
    frames = TorsionNoise(broken).frames(20.0, 5).double()
    first = torch.from_numpy(number[chosen] <= 14)
    for piece in (first, ~first):
        np.testing.assert_allclose(frames[:, piece].mean(dim=1), 0, atol=1e-4)


@pytest.mark.parametrize("name", ["frames", "framediff", "torsions"])
def test_a_frame_is_the_same_whatever_is_drawn_with_it(name, read):
    """To the bit: alone, in other company, at another place, in blocks, on two threads; its level goes with it."""
    structure = read("a dimer with its ligand")
    process = NoiseChoice.parse(name).on(structure)
    mean = structure.coordinates
    levels = [1.0 + 0.5 * (k % 3) for k in range(21)]
    whole = process.frames(levels, len(levels), 7, mean)
    wanted = [19, 0, 7, 16]
    assert torch.equal(process.frames([levels[k] for k in wanted], wanted, 7, mean), whole[wanted])
    blocks = torch.cat([block.clone() for block in process.blocks(levels, len(levels), 7, mean)])
    assert torch.equal(blocks, whole)
    threads = torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            assert torch.equal(process.frames(levels, len(levels), 7, mean), whole)
    finally:
        torch.set_num_threads(threads)
    assert not torch.equal(process.frames(1.0, [0], 8, mean), whole[:1])
    displaced = process.frames(levels, len(levels), 7)
    np.testing.assert_allclose(displaced + torch.tensor(mean), whole, atol=1e-4)


def test_other_coordinates_are_noised_about_themselves(fragment):
    """A mean that is the structure turned by a half about z gives bonds as long, about that mean, in the same array."""
    process, other = TorsionNoise(fragment), fragment.coordinates.copy()
    process.frames(1.0, 1, 0, other)
    other *= np.float32([-1, -1, 1])
    frames = process.frames(1.0, 2, 0, other).double().numpy()
    bonds = kept_bonds(fragment)
    np.testing.assert_allclose(lengths(frames, bonds)[0], lengths(fragment.coordinates, bonds), atol=1e-4)
    np.testing.assert_allclose(frames.mean(axis=1), np.broadcast_to(other.mean(axis=0), (2, 3)), atol=1e-4)


@pytest.mark.parametrize("seed", range(7))
def test_products_along_a_forest_are_those_of_walking_down(seed):
    """Of matrices that do not commute, on trees deep and shallow, small and large."""
    rng = np.random.default_rng(seed)
    count = 20_000 if seed == 6 else int(rng.integers(1, 400))
    reach = (1, 2, 40)[seed % 3]
    parent = np.array([max(0, k - int(rng.integers(1, reach + 1))) if rng.random() < 0.98 else k for k in range(count)])
    own = np.linalg.qr(rng.normal(size=(count, 2, 2)))[0]
    wanted = own.copy()
    for node, above in enumerate(parent):
        if above != node:
            wanted[node] = wanted[above] @ own[node]
    shuffled = rng.permutation(count)  # node k is called shuffled[k] now
    called = np.argsort(shuffled)

    def times(left, right):
        right[...] = np.einsum("ijnl,jknl->iknl", left, right)

    descent = Descent(shuffled[parent[called]])
    nodes = called[descent.order]
    (found,) = np.moveaxis(
        descent.products(np.moveaxis(own[None, nodes], (0, 1), (3, 2)).copy(), times), (3, 2), (0, 1)
    )
    assert (nodes[descent.up] == parent[nodes]).all()
    np.testing.assert_allclose(found, wanted[nodes], atol=1e-12)


def test_what_cannot_turn_is_refused():
    trace = Atoms.make(["CA"] * 3, ["C"] * 3, ["GLY"] * 3, [1, 2, 3], ["A"] * 3, [""] * 3, [False] * 3)
    structure = Structure.from_atoms(3.8 * np.eye(3), trace)
    with pytest.raises(
        EdmNoiseError, match=r"^torsions noise needs bonds that turn, and these 3 atoms have none: give"
    ):
        NoiseChoice.parse("torsions").on(structure)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("torsions turn=-1", "turn is -1 radians per angstrom: give 0 or more"),
        ("torsions omega=-1", "omega is -1: give 0 (peptide bonds stay) or more (1: they turn as others do)"),
        ("torsions step=1", "noise process torsions has no 'step': the known ones are turn, omega"),
    ],
)
def test_wrong_knobs_are_one_sentence(given, said, fragment):
    with pytest.raises(EdmNoiseError) as refused:
        NoiseChoice.parse(given).on(fragment)
    assert str(refused.value) == said


@pytest.mark.parametrize("name", [name for name, known in PROCESSES.items() if known.forward_only])
def test_weights_are_refused(name):
    with pytest.raises(EdmNoiseError, match=f"^noise process {name} has no weights: leave weights away"):
        NoiseChoice(name, Weights.named("rebalanced"))
