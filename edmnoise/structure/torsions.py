"""A bond turns if it closes no ring and neither end is the last heavy atom: what lies between such bonds is rigid.

Cut at the bonds that turn, a molecule is a tree of rigid groups, whatever it is: protein, nucleic acid, ligand. So that
it is one, bonds between residues that close a ring are opened: disulphides always, of others (cyclic peptides, cross-
links) the one that spans most residues. Rings within a residue (proline, sugars, bases, a porphyrin) stay rigid. The
order of bonds is not asked for, as in torsional diffusion (Jing et al., arXiv:2206.01729) and DiffDock (Corso et al.,
arXiv:2210.01776): amides turn, and peptide bonds with them.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..base.legible import Legible
from .bonds import Pairs, find_bonds, is_heavy
from .hierarchy import Index
from .structure import Structure

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, repr=False)
class RigidGroups(Legible):
    """Rigid groups of atoms, each hung on another one by a bond that turns.

    Attributes
    ----------
    group
        (N,) the group of each atom.
    parent
        (G,) the group that it hangs on; its own number for a root, which is in the middle of the longest path.
    bond
        (G, 2) the bond that it hangs by, as atoms of the parent and of its own; for a root one of its atoms, twice.
    molecule
        (G,) the molecule of each group: what bonds hold together.
    """

    group: Index
    parent: Index
    bond: Index
    molecule: Index

    @property
    def turning(self) -> Index:
        """The groups that hang on a bond that turns."""
        return np.flatnonzero(self.parent != np.arange(len(self.parent)))


_known: weakref.WeakKeyDictionary[Structure, RigidGroups] = weakref.WeakKeyDictionary()


def rigid_groups(structure: Structure) -> RigidGroups:
    """Cut a structure at the bonds that turn, by the rule of this module; kept as long as the structure is."""
    if structure not in _known:
        _known[structure] = _cut(structure)
    return _known[structure]


def _cut(structure: Structure) -> RigidGroups:
    count, bonds = structure.n_atoms, opened_bonds(structure)
    turns = _turning(structure, bonds)
    group = _pieces(bonds[~turns], count)
    joints = bonds[turns]
    ends = group[joints]
    groups = int(group.max()) + 1
    molecule = _pieces(ends, groups)
    parent = _hung(ends, groups, _middles(ends, groups, molecule))
    some = np.unique(group, return_index=True)[1]
    bond = np.stack([some, some], axis=1)
    for here, there in ((0, 1), (1, 0)):  # a bond is that of the end which hangs on the other
        hangs = parent[ends[:, there]] == ends[:, here]
        bond[ends[hangs, there]] = joints[hangs][:, [here, there]]
    return RigidGroups(group, parent, bond, molecule)


def opened_bonds(structure: Structure) -> Pairs:
    """(B, 2) covalent bonds, without those between residues that close a ring."""
    bonds, residue = find_bonds(structure), structure.residue_of_atoms
    sulphur = structure.atoms.of_element({"S": True}, False)
    ends = residue[bonds]
    inside = ends[:, 0] == ends[:, 1]
    links = np.flatnonzero(~inside & ~sulphur[bonds].all(axis=1))
    kept = links[_spanning(ends[links], int(residue.max()) + 1)]
    return bonds[np.sort(np.concatenate([np.flatnonzero(inside), kept]))]


def _spanning(ends: Pairs, count: int) -> Index:
    """Of bonds between residues, those of a spanning forest, the ones between near residues first."""
    from scipy.sparse.csgraph import minimum_spanning_tree

    span = np.abs(ends[:, 1] - ends[:, 0])
    pair = np.sort(ends, axis=1) @ np.array([count, 1])
    _, first = np.unique(pair, return_index=True)
    tree = minimum_spanning_tree(_graph(ends[first], count, span[first], both=False)).tocoo()
    kept = np.minimum(tree.row, tree.col).astype(np.int64) * count + np.maximum(tree.row, tree.col)
    return first[np.isin(pair[first], kept)]


def _turning(structure: Structure, bonds: Pairs) -> Mask:
    """(B,) whether a bond turns."""
    heavy = is_heavy(structure)
    neighbours = np.bincount(bonds[heavy[bonds].all(axis=1)].ravel(), minlength=structure.n_atoms)
    inner = heavy[bonds].all(axis=1) & (neighbours[bonds] > 1).all(axis=1)
    return inner & ~_in_rings(bonds, structure.n_atoms, structure.residue_of_atoms)


def _in_rings(bonds: Pairs, count: int, residue: Index) -> Mask:
    """(B,) whether a bond is in a ring; rings lie within residues.

    Each residue is spanned by trees. A bond that is in none of them closes a ring with the tree's bonds between its
    ends, which are found by climbing from both until they meet.
    """
    inside = residue[bonds[:, 0]] == residue[bonds[:, 1]]
    own = bonds[inside]
    roots = np.unique(_pieces(own, count), return_index=True)[1]
    parent = _hung(own, count, roots)
    depth = depths(parent)
    in_tree = (parent[own[:, 0]] == own[:, 1]) | (parent[own[:, 1]] == own[:, 0])
    ringed = np.zeros(count, dtype=np.bool_)  # whether the bond from an atom to its parent is in a ring
    ends = own[~in_tree].T.copy()
    while (apart := ends[0] != ends[1]).any():
        ends = ends[:, apart]
        deeper = (depth[ends[0]] < depth[ends[1]]).astype(np.int64)
        column = np.arange(ends.shape[1])
        climbing = ends[deeper, column]
        ringed[climbing] = True
        ends[deeper, column] = parent[climbing]
    lower = np.where(parent[own[:, 0]] == own[:, 1], own[:, 0], own[:, 1])
    found = np.zeros(len(bonds), dtype=np.bool_)
    found[inside] = ~in_tree | ringed[lower]
    return found


def _middles(ends: Pairs, count: int, tree: Index) -> Index:
    """Of each tree the node in the middle of its longest path, which ends farthest from what is farthest from any."""
    roots = np.unique(tree, return_index=True)[1]
    for _ in range(2):
        parent = _hung(ends, count, roots)
        depth = depths(parent)
        order = np.lexsort((-np.arange(count), depth, tree))
        roots = order[np.append(np.flatnonzero(np.diff(tree[order])), count - 1)]
    back = depth[roots] // 2
    middle = roots
    for _ in range(int(back.max(initial=0))):
        middle = np.where(back > 0, parent[middle], middle)
        back = back - 1
    return middle


def _hung(ends: Pairs, count: int, roots: Index) -> Index:
    """(count,) the parent of each node, on the way to the one root of its piece; a root's is itself."""
    from scipy.sparse.csgraph import breadth_first_order

    above = np.stack([np.full(len(roots), count), roots], axis=1)  # one more node, which the roots hang on
    found = breadth_first_order(_graph(np.concatenate([ends, above]), count + 1), count)[1][:count].astype(np.int64)
    found[roots] = roots
    return found


def depths(parent: Index) -> Index:
    """(count,) how many steps each node is below its root; twice as many are known after each turn."""
    depth, far = (parent != np.arange(len(parent))).astype(np.int64), parent
    while (far != far[far]).any() or (depth[far] > 0).any():
        depth, far = depth + depth[far], far[far]
    return depth


def _pieces(ends: Pairs, count: int) -> Index:
    """(count,) the number of the piece that each node is in, in the order in which pieces appear."""
    from scipy.sparse.csgraph import connected_components

    label = connected_components(_graph(ends, count), directed=False)[1]
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse.reshape(-1)]


def _graph(ends: Pairs, count: int, weights: NDArray[Any] | None = None, both: bool = True) -> csr_array:
    from scipy.sparse import csr_array

    there, back = np.sort(ends, axis=1).T
    ones = np.ones(len(ends), dtype=np.float64) if weights is None else weights.astype(np.float64)
    rows, columns = (np.r_[there, back], np.r_[back, there]) if both else (there, back)
    return csr_array((np.r_[ones, ones] if both else ones, (rows, columns)), shape=(count, count))
