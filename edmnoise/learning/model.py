"""D = c_skip x + c_out F(c_in x; c_noise), part by part: a network with its preconditioning, as a denoiser.

All of it is modulo translation: x is centred by the plain mean of its atoms, the network's overall mean is taken off
its atoms and off its residue and chain centres, and the mean of x is put back at the end.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..base.coordinates import CoordinatesLike, coordinates
from ..diffusion.denoisers.denoiser import Denoised
from ..diffusion.precondition import Preconditioner
from ..noise.sigma import check_sigma
from ..structure.structure import Structure
from .network import Layout, Network, Parts, Prediction


class Factors(NamedTuple):
    """EDM's four at the levels of a batch; the first three (B, 3), parts finest first."""

    c_skip: Tensor
    c_out: Tensor
    c_in: Tensor
    c_noise: Tensor


class Model(nn.Module):
    """A network of a structure with a rule of preconditioning, called as any network of a user is.

    It can be exported with `torch.export`, and is the same denoiser as a `.pt2`.

    Parameters
    ----------
    structure
        Atoms in residues in chains.
    preconditioner
        Shares of the noise and scales of the data.
    rule
        A name from `edmnoise.diffusion.names.RULES`.
    seed
        Of the weights that the network begins with.

    Raises
    ------
    EdmNoiseError
        For a rule that is not known, or gives a part c_out = 0 that noise moves.
    """

    shares: Tensor
    data: Tensor

    def __init__(self, structure: Structure, preconditioner: Preconditioner, rule: str, seed: int = 0) -> None:
        super().__init__()
        preconditioner.check_trainable(rule)
        shares, data = preconditioner.by_rule(rule)
        self.network = Network(structure, seed)
        self.register_buffer("shares", torch.tensor(shares, dtype=torch.float32), persistent=False)
        self.register_buffer("data", torch.tensor(data, dtype=torch.float32), persistent=False)
        self.sigma_data = preconditioner.scales.total
        self.float()  # whatever torch's default type is

    @property
    def layout(self) -> Layout:
        """Where atoms are held."""
        return self.network.layout

    def factors(self, sigma: Tensor) -> Factors:
        """c_skip, c_out, c_in of each part and c_noise at levels (B,), as `Preconditioner.coefficients`."""
        noise = sigma[:, None].square() * self.shares
        total = self.data + noise
        # A part without data and noise, as a single chain's own, is not to be scaled up from its rounding.
        inverse = torch.where(total > 0, total, torch.inf).reciprocal()
        return Factors(
            self.data * inverse,
            (self.data * noise * inverse).sqrt(),
            inverse.sqrt(),
            (sigma / self.sigma_data).log() / 4,
        )

    def estimate(self, held: Parts, sigma: Tensor) -> tuple[Prediction, Factors]:
        """D of the parts of x (in slots, centred) at levels (B,), as parts again, and the factors it was made with."""
        factors = self.factors(sigma)
        place = (held.residue + self.layout.of_chains(held.chain)) * (self.sigma_data**2 + sigma.square()).rsqrt()[
            :, None, None
        ]
        said = self.network(_times(held, factors.c_in), place, factors.c_noise)
        skip = _times(held, factors.c_skip)
        out = factors.c_out
        made = _times(said.atoms, out)
        rows = out[:, :, None, None]
        return (
            Prediction(
                Parts(*(a + b for a, b in zip(skip, made, strict=True))),
                (skip.residue + rows[:, 1] * said.residues[0], skip.chain + rows[:, 2] * said.residues[1]),
                skip.chain + rows[:, 2] * said.chains,
            ),
            factors,
        )

    def forward(self, x: Tensor, sigma: Tensor) -> dict[str, Tensor]:
        """Denoised atoms (B, N, 3), residues (B, R, 3) and chains (B, C, 3) of x (B, N, 3) at levels sigma (B,).

        As `edmnoise.diffusion.denoisers.inputs` asks of every network, so that an exported one is a denoiser too.
        """
        layout = self.layout
        mean = x.mean(dim=1, keepdim=True)
        found, _ = self.estimate(layout.split(layout.into_slots((x - mean).mT)), sigma)
        centres = found.atoms.residue + layout.of_chains(found.atoms.chain)
        atoms = found.atoms.atom + centres.transpose(0, 1)[..., None]
        residues = found.residues[0] + layout.of_chains(found.residues[1])
        return {
            "atoms": layout.out_of_slots(atoms).mT + mean,
            "residues": residues + mean,
            "chains": found.chains + mean,
        }


class NetworkDenoiser:
    """A model as samplers take it; it gives residue and chain centres too, for steering.

    Parameters
    ----------
    model
        Used as it is: who goes on training it gives a copy.
    about
        How it was trained, in a few words; "" where nobody says.
    """

    def __init__(self, model: Model, about: str = "") -> None:
        self.model, self.about = model, about

    def __repr__(self) -> str:
        residues, atoms = self.model.layout.filled.shape[0], self.model.layout.place.shape[0]
        weights = sum(parameter.numel() for parameter in self.model.parameters())
        return f"NetworkDenoiser({atoms:,} atoms, {residues:,} residues, {weights:,} weights)"

    @torch.inference_mode()
    def denoise(self, x: CoordinatesLike, sigma: float) -> Denoised:
        """Estimate E[x_0 | x]; see `Denoiser`. In float32, and given back as x came."""
        given = coordinates("x", x, ("samples", 3, self.model.layout.place.shape[0]), finite=False)
        levels = given.new_full((len(given),), check_sigma(sigma), dtype=torch.float32)
        found = self.model(given.float().mT, levels)
        return Denoised(*(found[name].mT.to(given.dtype) for name in ("atoms", "residues", "chains")))


def _times(parts: Parts, factors: Tensor) -> Parts:
    """Each part times its factor, (B, 3) finest first."""
    atom, residue, chain = factors[:, :, None, None].unbind(1)
    return Parts(parts.atom * atom, parts.residue * residue, parts.chain * chain)
