"""The network of `edmnoise.learning` as one writes it down first: gathers, index_add, a softmax spelled out.

It takes the weights of ours and gives the same to rounding: only what is done in another way is here.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from edmnoise.learning.ensemble import Ensemble
from edmnoise.learning.model import Model
from edmnoise.learning.network import FRAMES, HEADS, SCALARS, VECTORS, Block, _waves
from edmnoise.learning.train import AVERAGE, CLIP, RATE, Trainer, Training

Sums = tuple[Tensor, Tensor, Tensor]
"""Atom in residue (B, N, 3), residue in chain (B, R, 3) and chain (B, C, 3)."""


class Plain(nn.Module):
    """The model's own parameters in other operations; ``forward`` as of `Model`."""

    def __init__(self, model: Model, ensemble: Ensemble) -> None:
        super().__init__()
        self.model, hierarchy = model, ensemble.structure.hierarchy
        for name, index in (
            ("residue", hierarchy.ancestors(0, 1)),
            ("chain", hierarchy.ancestors(1, 2)),
            ("size", hierarchy.sizes(1).astype(np.float32)),
        ):
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(index)), persistent=False)
        self.tokens, self.chains = hierarchy.counts[1], hierarchy.counts[2]

    def means(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Residues' and chains' means of (B, N, 3), by atoms."""
        residues = values.new_zeros(len(values), self.tokens, 3).index_add(1, self.residue, values)
        return residues / self.size[:, None], self.of_residues(residues / self.size[:, None])

    def of_residues(self, centres: Tensor) -> Tensor:
        """Chains' means, by atoms, of what residues have."""
        sums = centres.new_zeros(len(centres), self.chains, 3).index_add(1, self.chain, centres * self.size[:, None])
        return sums / self.size.new_zeros(self.chains).index_add(0, self.chain, self.size)[:, None]

    def centred(self, chains: Tensor) -> Tensor:
        atoms = self.size.new_zeros(self.chains).index_add(0, self.chain, self.size)
        return chains - (chains * atoms[:, None]).sum(dim=1, keepdim=True) / atoms.sum()

    def split(self, x: Tensor) -> Sums:
        residues, chains = self.means(x)
        return x - residues[:, self.residue], residues - chains[:, self.chain], self.centred(chains)

    def whole(self, parts: Sums) -> Tensor:
        return parts[0] + (parts[1] + parts[2][:, self.chain])[:, self.residue]

    def estimate(self, x: Tensor, sigma: Tensor) -> tuple[Sums, tuple[Tensor, Tensor], Tensor]:
        """D of (B, N, 3): its parts, those of the residues' head, and the chains' head."""
        factors = self.model.factors(sigma)
        parts = self.split(x)

        def times(factor: Tensor, given: Sums) -> Sums:
            atom, residue, chain = (f[:, None, None] * part for f, part in zip(factor.unbind(1), given, strict=True))
            return atom, residue, chain

        place = (parts[1] + parts[2][:, self.chain]) / (self.model.sigma_data**2 + sigma**2).sqrt()[:, None, None]
        atoms, residues, chains = self.network(times(factors.c_in, parts), place, factors.c_noise)
        skip = times(factors.c_skip, parts)
        made = times(factors.c_out, atoms)
        _, residue, chain = times(factors.c_out, (atoms[0], *residues))
        _, _, own = times(factors.c_out, (atoms[0], residues[0], chains))
        return (
            (skip[0] + made[0], skip[1] + made[1], skip[2] + made[2]),
            (skip[1] + residue, skip[2] + chain),
            skip[2] + own,
        )

    def network(self, parts: Sums, place: Tensor, c_noise: Tensor) -> tuple[Sums, tuple[Tensor, Tensor], Tensor]:
        network = self.model.network
        known = sum(table(kind) for table, kind in zip(network.embeddings, network.kinds, strict=True))
        encoding, decoding = (network.of_atom(known) + network.own).split([VECTORS, VECTORS + 3 * FRAMES], dim=1)
        given = parts[0][:, :, None] * encoding[..., None]  # (B, N, C, 3)
        inside = given.new_zeros(len(given), self.tokens, VECTORS, 3).index_add(1, self.residue, given)
        outside = torch.stack([parts[1], parts[2][:, self.chain], place], dim=2)
        v = inside + _mixed(outside, network.begin_vectors.weight)
        level = network.of_level(_waves(c_noise))[:, None]
        said = network._of_residues().expand(len(v), -1, -1)
        s = network.begin(v.square().sum(-1).log1p()) + said + level.expand_as(said)
        for block in network.blocks:
            s, v = _block(block, s, v, level)
        one, two, sizes, own = network.gates(s).split([VECTORS, VECTORS, FRAMES, 1], dim=-1)
        vectors, pairs = _mixed(v * one[..., None], network.inside.weight).split([VECTORS, 2 * FRAMES], dim=2)
        centres, residues, chains = _mixed(v * two[..., None], network.centres.weight).unbind(2)
        frames = [axes * sizes[..., None] for axes in _frames(pairs)]
        inner = torch.cat([vectors, *frames], dim=2)[:, self.residue]  # (B, N, C, 3)
        atoms = (inner * decoding[..., None]).sum(dim=2) + parts[0] * own[:, self.residue]
        held = self.split(atoms)
        residue = centres - self.of_residues(centres)[:, self.chain]
        chain = self.centred(self.of_residues(centres))
        own_chain = self.of_residues(residues)
        return (
            (held[0], held[1] + residue, held[2] + chain),
            (residues - own_chain[:, self.chain], self.centred(own_chain)),
            self.centred(self.of_residues(chains)),
        )

    def forward(self, x: Tensor, sigma: Tensor) -> dict[str, Tensor]:
        mean = x.mean(dim=1, keepdim=True)
        atoms, residues, chains = self.estimate(x - mean, sigma)
        return {
            "atoms": self.whole(atoms) + mean,
            "residues": residues[0] + residues[1][:, self.chain] + mean,
            "chains": chains + mean,
        }

    def loss(self, x: Tensor, y: Tensor, sigma: Tensor) -> Tensor:
        """That of `edmnoise.learning.train.losses`."""
        clean = self.split(y.mT)
        atoms, residues, chains = self.estimate(x.mT, sigma)
        weight = self.model.factors(sigma).c_out.square().clamp(min=1e-6).reciprocal()
        residue_atoms = self.size
        chain_atoms = self.size.new_zeros(self.chains).index_add(0, self.chain, self.size)

        def error(made: Tensor, wanted: Tensor, sizes: Tensor | float, part: int) -> Tensor:
            off = (made - wanted).square().sum(dim=2) * sizes
            return (off.sum(dim=1) * weight[:, part]).mean() / (3 * self.size.sum())

        return (
            error(atoms[0], clean[0], 1.0, 0)
            + error(atoms[1], clean[1], residue_atoms, 1)
            + error(atoms[2], clean[2], chain_atoms, 2)
            + error(residues[0], clean[1], residue_atoms, 1)
            + error(residues[1], clean[2], chain_atoms, 2)
            + error(chains, clean[2], chain_atoms, 2)
        )


class PlainTrainer:
    """A step as it is written first, on the same draws."""

    def __init__(self, ensemble: Ensemble, training: Training) -> None:
        self.ours = Trainer(ensemble, training)
        self.model = copy.deepcopy(self.ours.model)
        for parameter in self.model.parameters():
            parameter.grad = None
        self.plain = Plain(self.model, ensemble)
        self.average = [parameter.detach().clone() for parameter in self.model.parameters()]
        self.adam = torch.optim.Adam(self.model.parameters(), RATE)
        self.step = 0

    def advance(self) -> None:
        """One step."""
        y, x, sigma = self.ours.drawn(self.step)
        self.adam.zero_grad()
        loss = self.plain.loss(x, y, sigma)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.adam.step()
        with torch.no_grad():
            for kept, parameter in zip(self.average, self.model.parameters(), strict=True):
                kept.mul_(AVERAGE).add_(parameter, alpha=1 - AVERAGE)
        self.step += 1


def doubled(model: Model) -> Model:
    """In float64, with the shares of atoms in groups as exact as that."""
    made = copy.deepcopy(model).double()
    layout = made.layout
    sizes, member = layout.filled.sum(dim=1), (layout.averaging > 0).double()
    layout.share.copy_(layout.filled / sizes[:, None])
    layout.averaging.copy_(member * sizes / (member @ sizes)[:, None])
    layout.weight.copy_(member @ sizes / sizes.sum())
    return made


def _mixed(vectors: Tensor, weight: Tensor) -> Tensor:
    """Channels of vectors (B, R, C, 3) mixed."""
    return torch.einsum("brcx,dc->brdx", vectors, weight)


def _frames(pairs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Three axes at right angles, (B, R, F, 3) each, of two vectors (B, R, 2 F, 3)."""
    one, other = pairs.chunk(2, dim=2)
    first = one / (one.square().sum(-1, keepdim=True) + 1e-3).sqrt()
    other = other - first * (first * other).sum(-1, keepdim=True)
    second = other / (other.square().sum(-1, keepdim=True) + 1e-3).sqrt()
    return first, second, torch.linalg.cross(first, second)


def _normed(vectors: Tensor) -> Tensor:
    return vectors / (vectors.square().sum(-1).mean(-1) + 1e-6).sqrt()[..., None, None]


def _block(block: Block, s: Tensor, v: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
    batch, tokens = s.shape[:2]
    rows = block.rows(block.norm_one(s)).view(batch, tokens, 3, HEADS, -1)
    turned = _mixed(_normed(v), block.row_vectors.weight).view(batch, tokens, 3, HEADS, -1, 3)
    q, k, value = rows.unbind(2)
    q3, k3, value3 = turned.unbind(2)
    scores = torch.einsum("bihc,bjhc->bhij", q, k) + torch.einsum("bihcx,bjhcx->bhij", q3, k3)
    shares = torch.softmax(scores / (SCALARS // HEADS + 3 * VECTORS // HEADS) ** 0.5, dim=-1)
    s = s + block.back(torch.einsum("bhij,bjhc->bihc", shares, value).flatten(2))
    v = v + _mixed(torch.einsum("bhij,bjhcx->bihcx", shares, value3).flatten(2, 3), block.back_vectors.weight)
    normed = _normed(v)
    one, other = _mixed(normed, block.pairs.weight).chunk(2, dim=2)
    invariants = torch.cat([(one * other).sum(-1), normed.square().sum(-1)], dim=-1)
    known = torch.cat([block.norm_two(s), invariants, level.expand_as(s)], dim=-1)
    weight = torch.cat([block.inner.weight, block.at_level.weight], dim=1)
    hidden = functional.silu(functional.linear(known, weight, block.inner.bias))
    added, gates = block.outer(hidden).split([SCALARS, 3 * VECTORS], dim=-1)
    products = torch.cat([v, normed, torch.linalg.cross(one, other, dim=3)], dim=2)
    weight = torch.cat([block.own.weight, block.scaled.weight, block.crossed.weight], dim=1)
    return s + added, v + _mixed(products * gates[..., None], weight)
