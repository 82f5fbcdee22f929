"""F(c_in x; c_noise): a small network of residues that turns with its input and tells it from its mirror image.

A token is a residue (a group of level 1) with scalars s and vectors V. Atoms enter as vectors, sums over a residue's
atoms with weights that the atoms' embeddings give, and leave the same way. Each block adds

    attention   one softmax(q k^T) v on rows [scalars, flattened vectors]: a dot product of flattened vectors does not
                change when all of them turn, and a weighted sum of vectors turns with them;
    products    invariants V_a . V_b into an MLP with the noise level, whose gates scale V and V_a x V_b. Dot products
                alone cannot tell a molecule from its mirror image; a cross product of vectors is no mirrored vector.

There is no neighbour list, and nothing but dense products: the cost is linear in atoms, and quadratic in residues where
the attention is. Beside 250 residues, a step takes 1.1, 1.7 and 2.9 times as long a residue with 500, 1,000 and 2,000.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..structure.atoms import distinct
from ..structure.hierarchy import check_three
from ..structure.structure import Structure

SCALARS, VECTORS, BLOCKS, HEADS, FRAMES = 64, 24, 2, 4, 4
"""Of a token; how many blocks; heads of the attention; frames of a token in which its atoms have places."""

_HIDDEN = 128
"""Width of the layer inside each MLP."""

_SMALL = 1e-6
"""Keeps the norm of vectors from being divided by where they are all 0."""


class Parts(NamedTuple):
    """A quantity that is a vector for each atom, taken apart by plain means, finest first."""

    atom: Tensor  # (R, B, 3, A) atom in residue, in the slots of `Layout`
    residue: Tensor  # (B, R, 3) residue in chain
    chain: Tensor  # (B, C, 3) about the mean of all atoms


class Layout(nn.Module):
    """Atoms in slots (R, A), a row for each residue, as long as the largest; what sums over groups are in a product.

    Coordinates alone are held so, three numbers for an atom: a residue much larger than the others costs little.
    """

    slots: Tensor
    place: Tensor
    filled: Tensor
    share: Tensor
    chain: Tensor
    averaging: Tensor
    weight: Tensor

    def __init__(self, structure: Structure) -> None:
        super().__init__()
        hierarchy = structure.hierarchy
        check_three(hierarchy)
        residue, chain = hierarchy.ancestors(0, 1), hierarchy.ancestors(1, 2)
        sizes, chain_sizes = hierarchy.sizes(1), hierarchy.sizes(2)
        order = np.argsort(residue, kind="stable")
        first = np.cumsum(sizes) - sizes
        column = np.empty(len(residue), dtype=np.int64)
        column[order] = np.arange(len(residue)) - first[residue[order]]
        width = int(sizes.max())
        place = residue * width + column
        slots, filled = np.zeros(len(sizes) * width, dtype=np.int64), np.zeros(len(sizes) * width, dtype=np.float32)
        slots[place], filled[place] = np.arange(len(residue)), 1
        averaging = np.zeros((len(chain_sizes), len(sizes)), dtype=np.float32)
        averaging[chain, np.arange(len(sizes))] = sizes / chain_sizes[chain]
        filled = filled.reshape(len(sizes), width)
        for name, values in (
            ("slots", slots),
            ("place", place),
            ("filled", filled),
            ("share", filled / sizes[:, None].astype(np.float32)),
            ("chain", chain),
            ("averaging", averaging),
            ("weight", (chain_sizes / chain_sizes.sum()).astype(np.float32)),
        ):
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(values)), persistent=False)

    def into_slots(self, x: Tensor) -> Tensor:
        """(B, 3, N) -> (R, B, 3, A), 0 where no atom is."""
        held = x.index_select(2, self.slots).unflatten(2, self.filled.shape)
        return held.permute(2, 0, 1, 3) * self.filled[:, None, None]

    def out_of_slots(self, held: Tensor) -> Tensor:
        """(R, B, 3, A) -> (B, 3, N)."""
        return held.permute(1, 2, 0, 3).flatten(2).index_select(2, self.place)

    def split(self, held: Tensor) -> Parts:
        """A quantity in slots, by parts; its overall mean goes."""
        centres = torch.einsum("rbia,ra->rbi", held, self.share)
        inside = (held - centres[..., None]) * self.filled[:, None, None]
        return Parts(inside, *self.split_residues(centres.transpose(0, 1)))

    def split_residues(self, centres: Tensor) -> tuple[Tensor, Tensor]:
        """Residue in chain (B, R, 3) and chain (B, C, 3) of vectors for each residue (B, R, 3)."""
        chains = self.averaging @ centres
        return centres - self.of_chains(chains), self.centred(chains)

    def centred(self, chains: Tensor) -> Tensor:
        """Vectors of chains (B, C, 3) less the mean over all atoms."""
        return chains - torch.einsum("bci,c->bi", chains, self.weight)[:, None]

    def of_chains(self, chains: Tensor) -> Tensor:
        """Give each residue what its chain has: (B, C, ...) -> (B, R, ...)."""
        return chains.index_select(1, self.chain)


class Prediction(NamedTuple):
    """F: what the network says of the atoms, and apart from them of residue and of chain centres."""

    atoms: Parts
    residues: tuple[Tensor, Tensor]  # residue in chain (B, R, 3) and chain (B, C, 3)
    chains: Tensor  # (B, C, 3)


class Vectors(nn.Module):
    """Mixes the channels of vectors (B, R, 3, C), and nothing else: it turns with them."""

    def __init__(self, given: int, made: int, added: int | None = None) -> None:
        """``added`` is how many channels are added up, where others join what is made."""
        super().__init__()
        self.weight = nn.Parameter(torch.randn(made, given) / (added or given) ** 0.5)

    def forward(self, vectors: Tensor) -> Tensor:
        return functional.linear(vectors, self.weight)


class Block(nn.Module):
    """Attention among tokens, then products of each token's vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_one, self.norm_two = nn.LayerNorm(SCALARS), nn.LayerNorm(SCALARS)
        self.rows, self.row_vectors = nn.Linear(SCALARS, 3 * SCALARS), Vectors(VECTORS, 3 * VECTORS)
        self.back, self.back_vectors = nn.Linear(SCALARS, SCALARS), Vectors(VECTORS, VECTORS)
        self.pairs = Vectors(VECTORS, 2 * VECTORS)
        self.own, self.scaled, self.crossed = (Vectors(VECTORS, VECTORS, 3 * VECTORS) for _ in range(3))
        self.inner, self.at_level = nn.Linear(SCALARS + 2 * VECTORS, _HIDDEN), nn.Linear(SCALARS, _HIDDEN, bias=False)
        self.outer = nn.Linear(_HIDDEN, SCALARS + 3 * VECTORS)

    def forward(self, s: Tensor, v: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
        """s (B, R, SCALARS), v (B, R, 3, VECTORS), level (B, 1, SCALARS): both with what the block adds."""
        batch, tokens = s.shape[:2]
        rows = self.rows(self.norm_one(s)).view(batch, tokens, 3, HEADS, -1)
        turned = self.row_vectors(v * _size(v)).view(batch, tokens, 3, 3, HEADS, -1)  # axis, then q, k or v
        q, k, value = torch.cat([rows, *turned.unbind(2)], dim=-1).permute(2, 0, 3, 1, 4).unbind()
        found = functional.scaled_dot_product_attention(q, k, value).transpose(1, 2)
        s = s + self.back(found[..., : SCALARS // HEADS].flatten(2))
        heard = found[..., SCALARS // HEADS :].unflatten(3, (3, -1)).transpose(2, 3).flatten(3)
        v = v + self.back_vectors(heard)
        size, squares = _size(v), (v * v).sum(2)
        one, other = self.pairs(v * size).chunk(2, dim=3)
        invariants = (one * other).sum(2), squares * size.squeeze(2).square()
        known = self.inner(torch.cat([self.norm_two(s), *invariants], dim=-1)) + self.at_level(level)
        added, *gates = self.outer(functional.silu(known))[:, :, None].split([SCALARS, *3 * [VECTORS]], dim=-1)
        # v as it is and not only over its size: what is linear in the coordinates can stay so.
        own, scaled, crossed = gates
        moved = self.own(v * own) + self.scaled(v * (scaled * size)) + self.crossed(_crossed(one, other) * crossed)
        return s + added.squeeze(2), v + moved


class Network(nn.Module):
    """The network of a structure: what it says of coordinates of unit variance.

    Parameters
    ----------
    structure
        Its elements, atom and residue names, residues and chains become embeddings. Kinds are numbered as they first
        appear, so that a structure with the same atoms makes the same network.
    seed
        Of the weights that it begins with.
    """

    kinds: Tensor
    first: Tensor

    def __init__(self, structure: Structure, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._make(structure)

    def _make(self, structure: Structure) -> None:
        atoms, hierarchy = structure.atoms, structure.hierarchy
        self.layout = Layout(structure)
        columns = [atoms.element, atoms.name, atoms.residue_name]
        found = [distinct(column) for column in columns]
        numbers = [index for _, index in found] + [hierarchy.ancestors(0, 1), hierarchy.ancestors(0, 2)]
        counts = [len(kinds) for kinds, _ in found] + [*hierarchy.counts[1:]]
        self.embeddings = nn.ModuleList(nn.Embedding(count, SCALARS) for count in counts)
        self.register_buffer("kinds", torch.from_numpy(np.stack(numbers)), persistent=False)
        self.register_buffer("first", torch.from_numpy(structure.first_atoms), persistent=False)
        self.of_atom = nn.Sequential(
            nn.Linear(SCALARS, _HIDDEN), nn.SiLU(), nn.Linear(_HIDDEN, 2 * VECTORS + 3 * FRAMES)
        )
        self.own = nn.Parameter(torch.zeros(structure.n_atoms, 2 * VECTORS + 3 * FRAMES))
        self.of_level = nn.Sequential(nn.Linear(_WAVES, SCALARS), nn.SiLU(), nn.Linear(SCALARS, SCALARS))
        self.begin, self.begin_vectors = nn.Linear(VECTORS, SCALARS), Vectors(3, VECTORS)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.gates = nn.Linear(SCALARS, 2 * VECTORS + FRAMES + 1)
        self.inside, self.centres = Vectors(VECTORS, VECTORS + 2 * FRAMES), Vectors(VECTORS, 3)

    def forward(self, parts: Parts, place: Tensor, c_noise: Tensor) -> Prediction:
        """F.

        Parameters
        ----------
        parts
            The input's parts, each times its c_in.
        place
            (B, R, 3) the residues' centres, all by one factor: how far apart they are.
        c_noise
            (B,).
        """
        layout = self.layout
        encoding, decoding = self._of_atoms()
        level = self.of_level(_waves(c_noise))[:, None]
        tokens, batch = layout.filled.shape[0], c_noise.shape[0]  # `len` would fix the batch of an export
        inside = torch.bmm(parts.atom.flatten(1, 2), encoding).view(tokens, batch, 3, VECTORS).transpose(0, 1)
        outside = torch.stack([parts.residue, layout.of_chains(parts.chain), place], dim=3)
        v = inside + self.begin_vectors(outside)
        s = self.begin((v * v).sum(2).log1p()) + self._of_residues() + level
        for block in self.blocks:
            s, v = block(s, v, level)
        inner, outer, sizes, own = self.gates(s)[:, :, None].split([VECTORS, VECTORS, FRAMES, 1], dim=-1)
        vectors, pairs = self.inside(v * inner).split([VECTORS, 2 * FRAMES], dim=-1)
        centres, residues, chains = self.centres(v * outer).unbind(-1)
        inner = torch.cat([vectors, *(axes * sizes for axes in _frames(pairs))], dim=-1)
        atoms = torch.bmm(inner.transpose(0, 1).flatten(1, 2), decoding).view(tokens, batch, 3, -1)
        atoms = atoms + parts.atom * own.transpose(0, 1)
        held = layout.split(atoms)
        residue, chain = layout.split_residues(centres)
        return Prediction(
            Parts(held.atom, held.residue + residue, held.chain + chain),
            layout.split_residues(residues),
            layout.centred(layout.averaging @ chains),
        )

    def _of_atoms(self) -> tuple[Tensor, Tensor]:
        """Weights of atoms in their residue's vectors, (R, A, VECTORS), and of these in atoms, (R, VECTORS, A)."""
        known = sum(table(kind) for table, kind in zip(self.embeddings, self.kinds, strict=True))
        both = (self.of_atom(known) + self.own).index_select(0, self.layout.slots) * self.layout.filled.flatten()[
            :, None
        ]
        encoding, decoding = both.unflatten(0, self.layout.filled.shape).split([VECTORS, VECTORS + 3 * FRAMES], dim=2)
        return encoding, decoding.transpose(1, 2)

    def _of_residues(self) -> Tensor:
        """(R, SCALARS): name, place in the sequence, chain."""
        kinds = self.kinds[2:].index_select(1, self.first)
        return sum(table(kind) for table, kind in zip(list(self.embeddings)[2:], kinds, strict=True))


def _frames(pairs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Three axes at right angles, each (B, R, 3, F), of length 1 where the two vectors (B, R, 3, 2 F) say so."""
    one, other = pairs.chunk(2, dim=3)
    first = _unit(one)
    second = _unit(other - first * (first * other).sum(2, keepdim=True))
    return first, second, _crossed(first, second)


def _unit(vectors: Tensor) -> Tensor:
    return vectors * torch.rsqrt((vectors * vectors).sum(2, keepdim=True) + _SHORT)


_SHORT = 1e-3
"""Squared length below which a vector is not drawn out to 1: what has no direction does not get one."""

_WAVES = 17
"""c_noise itself, and as many waves of it."""


def _waves(c_noise: Tensor) -> Tensor:
    """(B,) -> (B, _WAVES): c_noise runs from -2 to 2 in training, and waves of these lengths tell its values apart."""
    turns = torch.arange(1, _WAVES // 2 + 1, device=c_noise.device, dtype=c_noise.dtype) * (torch.pi / 4)
    angles = c_noise[:, None] * turns
    return torch.cat([c_noise[:, None], angles.sin(), angles.cos()], dim=1)


def _size(vectors: Tensor) -> Tensor:
    """(B, R, 1, 1): one over the root of the mean square of vectors (B, R, 3, C)."""
    return torch.rsqrt((vectors * vectors).sum(dim=(2, 3), keepdim=True) / vectors.shape[3] + _SMALL)


def _crossed(one: Tensor, other: Tensor) -> Tensor:
    """Cross products along axis 2 of (B, R, 3, C): an eighth of the time of torch.linalg.cross where axes come last."""
    (a, b, c), (x, y, z) = one.unbind(2), other.unbind(2)
    return torch.stack([b * z - c * y, c * x - a * z, a * y - b * x], dim=2)
