"""sum over parts of |D(x; sigma) - y|^2 / c_out^2, of atoms and of the centres that a network gives besides.

``parts`` divides each part by its own c_out^2, by the rule of preconditioning: a network that says nothing has a loss
of 1 in each. ``whole`` divides all by EDM's single one, and so weighs errors by (sigma^2 + sigma_data^2) /
(sigma sigma_data)^2 whatever the rule (Karras et al. 2022, table 1; AlphaFold 3 has sigma + sigma_data in the place of
the product).
"""

from __future__ import annotations

import torch
from torch import Tensor

from .model import Factors, Model

_FLOOR = 1e-3
"""Least c_out that a loss is divided by, angstrom: a part that nothing moves, as a single chain's own, has 0."""


def losses(model: Model, x: Tensor, y: Tensor, sigma: Tensor, loss: str = "parts") -> tuple[Tensor, Tensor]:
    """What is made small, and of it the atoms' own share by part (3,), finest first.

    Parameters
    ----------
    x, y
        (B, 3, N) noisy and clean coordinates, centred.
    sigma
        (B,) levels of x.
    loss
        A name from `edmnoise.diffusion.names.LOSSES`.
    """
    layout = model.layout
    clean = layout.split(layout.into_slots(y))
    found, factors = model.estimate(layout.split(layout.into_slots(x)), sigma)
    weight = _divisor(model, sigma, factors, loss).square().reciprocal()
    residues, chains = _per_atom(model)

    def error(made: Tensor, wanted: Tensor, share: Tensor, part: int) -> Tensor:
        return ((made - wanted).square().sum(dim=2) @ share @ weight[:, part]) / (3 * len(x))

    inside = (found.atoms.atom - clean.atom).square().sum(dim=(0, 2, 3)) @ weight[:, 0]
    atoms = torch.stack(
        [
            inside / (3 * len(x) * layout.place.shape[0]),
            error(found.atoms.residue, clean.residue, residues, 1),
            error(found.atoms.chain, clean.chain, chains, 2),
        ]
    )
    heads = (
        error(found.residues[0], clean.residue, residues, 1)
        + error(found.residues[1], clean.chain, chains, 2)
        + error(found.chains, clean.chain, chains, 2)
    )
    return atoms.sum() + heads, atoms.detach()


def divisors(model: Model, sigma: Tensor, loss: str) -> Tensor:
    """Root (B, 3) of what a square error at levels (B,) is divided by, angstrom, by part: never 0."""
    return _divisor(model, sigma, model.factors(sigma), loss)


def _divisor(model: Model, sigma: Tensor, factors: Factors, loss: str) -> Tensor:
    if loss == "whole":
        c_out = sigma * model.sigma_data * (sigma.square() + model.sigma_data**2).rsqrt()
        return c_out[:, None].expand_as(factors.c_out)
    return factors.c_out.clamp(min=_FLOOR)


def _per_atom(model: Model) -> tuple[Tensor, Tensor]:
    """Share of all atoms in each residue (R,) and chain (C,)."""
    layout = model.layout
    return layout.filled.sum(dim=1) / layout.place.shape[0], layout.weight
