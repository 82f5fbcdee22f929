"""A chain is walked along its backbone by number and by bonds: gaps count, copies do not mix, ligands stand alone."""

import numpy as np
import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.noise.processes.polymer import BACKBONES, PIVOTS, walks
from edmnoise.structure.atoms import Atoms
from edmnoise.structure.files import read_structure
from edmnoise.structure.structure import Structure

ALPHAS = ((PIVOTS[0],), (PIVOTS[1],))
STEP = 3.8


def trace(numbers, chains="A", names="CA", hetero=False, positions=None):
    """One atom a residue, far from each other unless their places are given."""
    count = len(numbers)
    at = np.arange(count) * 100.0 if positions is None else np.asarray(positions, dtype=float)
    atoms = Atoms.make(
        [names] * count if isinstance(names, str) else names,
        ["C"] * count,
        ["ALA"] * count,
        numbers,
        [chains] * count if len(chains) == 1 else list(chains),
        [""] * count,
        [hetero] * count if isinstance(hetero, bool) else hetero,
    )
    return Structure.from_atoms(np.stack([at, 0 * at, 0 * at], axis=1), atoms)


def steps(structure, places=ALPHAS):
    """Where the atoms of each walk are along it, walk by walk."""
    walk = walks(structure, places)
    return [walk.step[walk.walk == k].tolist() for k in range(len(walk.length))], walk.length.tolist()


@pytest.mark.parametrize(
    ("numbers", "positions", "found", "length"),
    [
        ([1, 2, 3], None, [0, 1, 2], 3),
        ([5, 6, 9], None, [0, 1, 4], 5),  # two missing residues: three steps
        ([5, 6, 9], [0, STEP, 2 * STEP], [0, 1, 2], 3),  # bonded all the same: the numbers leave some out
        (["52", "52A", "52B", "53"], None, [0, 1, 2, 3], 4),  # insertion codes follow each other
        ([-1, 0, 1], None, [0, 1, 2], 3),
        ([3, 1, 2], None, [0, 1, 2], 3),  # by number, whatever the order of the file; but see copies
        ([1, 2_000_000_000], None, [0, 1_999_999_999], 2_000_000_000),
        ([7], None, [0], 1),
    ],
)
def test_missing_residues_are_steps_of_the_walk(numbers, positions, found, length):
    structure = trace(numbers, positions=positions)
    if structure.hierarchy.counts[2] == 1:
        assert steps(structure) == ([found], [length])


def test_each_chain_walks_alone():
    assert steps(trace([1, 2, 1, 2], "AABB")) == ([[0, 1], [0, 1]], [2, 2])


def test_copies_of_a_chain_walk_alone():
    assert steps(trace([1, 2, 1, 2])) == ([[0, 1], [0, 1]], [2, 2])


def test_a_hetero_residue_is_in_the_walk_where_it_is_bonded():
    """Selenomethionine is; a free amino acid that the chain's identifier also names is not."""
    bonded = trace([1, 2, 3], hetero=[False, True, False], positions=[0, STEP, 2 * STEP])
    assert steps(bonded) == ([[0, 1, 2]], [3])
    free = trace([1, 2, 301], hetero=[False, False, True])
    assert steps(free) == ([[0, 1], [0]], [2, 1])


def test_a_chain_of_both_kinds_is_two_walks():
    mixed = Structure.from_atoms(
        100.0 * np.arange(12).reshape(4, 3),
        Atoms.make(
            ["CA", "CA", "C4'", "C4'"],
            ["C"] * 4,
            ["ALA", "ALA", "DA", "DA"],
            [1, 2, 3, 4],
            ["A"] * 4,
            [""] * 4,
            [False] * 4,
        ),
    )
    assert steps(mixed) == ([[0, 1], [0, 1]], [2, 2])


def test_the_backbone_of_the_toxin(pymol_data):
    """Atoms of the chains A, C to H of 1TII; residues 189 to 195 of chain A, between A and C, are not there."""
    structure = read_structure(pymol_data / "demo" / "1tii.pdb", solvent=True)
    walk = walks(structure, BACKBONES)
    names, residue = structure.atoms.name, structure.residue_of_atoms
    for one, other, same in zip(walk.anchor[:-1], walk.anchor[1:], np.diff(walk.walk) == 0, strict=True):
        if same and names[one] in ("N", "CA", "C"):
            assert names[other] == {"N": "CA", "CA": "C", "C": "O"}[names[one]]
    backbone = np.isin(names, BACKBONES[0]) & ~structure.atoms.is_water
    assert walk.polymer[walk.walk].sum() == backbone.sum() == 2848
    # what rides, rides on its own residue's C-alpha; water is alone
    rides = np.flatnonzero(walk.anchor[walk.node] != np.arange(structure.n_atoms))
    on = walk.anchor[walk.node[rides]]
    assert (names[on] == "CA").all()
    assert (residue[on] == residue[rides]).all()
    assert (~walk.polymer).sum() == structure.atoms.is_water.sum()


def test_what_rides_has_the_first_place_of_its_residue_where_the_pivot_is_missing(fragment):
    kept = np.flatnonzero((fragment.atoms.name != "CA") | (fragment.atoms.number != "10"))
    structure = fragment.take(kept)
    walk = walks(structure, BACKBONES)
    mine = np.flatnonzero(structure.atoms.number == "10")
    riding = [i for i in mine if structure.atoms.name[i] not in BACKBONES[0]]
    assert riding
    assert {structure.atoms.name[walk.anchor[walk.node[i]]] for i in riding} == {"N"}
    assert walk.length[0] == 4 * 32
    assert sorted(walk.step[walk.node[mine[np.isin(structure.atoms.name[mine], BACKBONES[0])]]] % 4) == [0, 2, 3]


def test_nucleotides_walk_along_the_phosphates():
    """Three of DNA, the first without its phosphate, as chains begin; bases ride on the sugars' C4'."""
    backbone = ["P", "O5'", "C5'", "C4'", "C3'", "O3'"]
    names = [*backbone[1:], "N9", *backbone, "N1", *backbone, "N9"]
    residue = [1] * 6 + [2] * 7 + [3] * 7
    said = ["DA"] * 6 + ["DC"] * 7 + ["DG"] * 7
    structure = Structure.from_atoms(
        np.random.default_rng(0).normal(size=(20, 3)),
        Atoms.make(names, [name[0] for name in names], said, residue, ["B"] * 20, [""] * 20, [False] * 20),
    )
    walk = walks(structure, BACKBONES)
    assert structure.atoms.name[walk.anchor].tolist() == backbone[1:] + 2 * backbone
    assert walk.step.tolist() == list(range(1, 18))
    assert walk.length.tolist() == [18]
    bases = np.flatnonzero(np.char.startswith(structure.atoms.name, "N"))
    assert walk.node[bases].tolist() == [2, 8, 14]


def test_atoms_of_ligands_may_be_groups_of_their_own():
    """A ligand is a walk of one place for each of its groups."""
    names, residues = ["CA", "C1", "C2", "C3"], ["ALA", "LIG", "LIG", "LIG"]
    given = (
        np.eye(4, 3),
        Atoms.make(names, ["C"] * 4, residues, [1, 2, 2, 2], ["A"] * 4, [""] * 4, [False] + [True] * 3),
    )
    one = walks(Structure.from_atoms(*given), ALPHAS)
    assert (one.anchor.tolist(), one.node.tolist()) == ([0, 1], [0, 1, 1, 1])
    each = walks(Structure.from_atoms(*given, ligands="atom"), ALPHAS)
    assert each.anchor.tolist() == each.node.tolist() == [0, 1, 2, 3]


def test_where_there_is_no_polymer_a_walk_is_refused():
    water = Structure.from_atoms(
        np.eye(3), Atoms.make(["O"] * 3, ["O"] * 3, ["HOH"] * 3, [1, 2, 3], ["A"] * 3, [""] * 3, [True] * 3)
    )
    said = "harmonic noise walks along polymers, and among these 3 atoms is none: choose another process, or select a "
    with pytest.raises(EdmNoiseError) as refused:
        walks(water, ALPHAS, "harmonic")
    assert str(refused.value).startswith(said)
    assert walks(water, ALPHAS).anchor.tolist() == [0, 1, 2]
