"""A complex of two chains and a ligand, and a denoiser of it that turns with what it is given, for stub networks."""

from typing import NamedTuple

import numpy as np
import torch

SIDE_CHAINS = {"GLY": [], "ALA": ["CB"], "SER": ["CB", "OG"], "MET": ["CB", "CG", "SD", "CE"]}
LIGAND = ["C1", "CL1", "O2", "ZN"]
ELEMENTS = {"CL1": "CL", "ZN": "ZN"}


class Toy(NamedTuple):
    """N atoms; residue numbers are 1-based and start anew in each chain; a token is a residue or a ligand's atom."""

    coordinates: np.ndarray
    name: np.ndarray
    element: np.ndarray
    residue: np.ndarray
    residue_name: np.ndarray
    chain: np.ndarray
    token: np.ndarray

    def names(self, **other):
        """What a recorder may find out of it."""
        found = {key: getattr(self, key) for key in ("element", "residue", "residue_name", "chain")}
        return {f"names_{key}": np.asarray(value) for key, value in (found | {"atom": self.name} | other).items()}

    def structure(self, extra=()):
        """The atoms for edmnoise, and others of the last residue."""
        import edmnoise as edm

        columns = {key: getattr(self, key) for key in ("name", "element", "residue_name", "chain")}
        columns |= {
            "number": self.residue,
            "segment": np.full(len(self.name), ""),
            "hetero": self.residue_name == "LIG",
        }
        atoms = edm.Atoms.make(**columns)
        last = np.full(len(extra), len(atoms) - 1)
        taken = atoms.take(np.append(np.arange(len(atoms)), last))
        taken.name[len(atoms) :] = extra
        return edm.Structure.from_atoms(np.append(self.coordinates, self.coordinates[last] + 1, axis=0), taken)

    def of_tokens(self, values):
        """The values of each token's first atom."""
        return values[np.unique(self.token, return_index=True)[1]]

    def one_hot_names(self):
        """(N, 4, 64): the code of a character less 32; nothing is code 0."""
        codes = [[ord(letter) - 32 for letter in name.ljust(4)] for name in self.name]
        return torch.nn.functional.one_hot(torch.tensor(codes), 64)


def toy(seed=0, residues=(14, 10)):
    rng = np.random.default_rng(seed)
    rows, centre = [], np.zeros(3)
    for chain, length in zip("AB", residues, strict=True):
        centre = centre + np.array([0, 12, 0])
        for number in range(1, length + 1):
            centre = centre + 3.8 * _unit(rng)
            residue = list(SIDE_CHAINS)[rng.integers(len(SIDE_CHAINS))]
            rows += [(name, number, residue, chain, centre) for name in ["N", "CA", "C", "O", *SIDE_CHAINS[residue]]]
    rows += [(name, 1, "LIG", "C", centre + 6) for name in LIGAND]
    name, residue, residue_name, chain, centres = (np.array(column) for column in zip(*rows, strict=True))
    inside = residue_name != "LIG"
    new = np.append(True, (residue[1:] != residue[:-1]) | (chain[1:] != chain[:-1]) | ~inside[1:])
    element = np.array([ELEMENTS.get(atom, atom[0]) for atom in name])
    return Toy(centres + 1.5 * _unit(rng, len(rows)), name, element, residue, residue_name, chain, np.cumsum(new) - 1)


def _unit(rng, *shape):
    values = rng.normal(size=(*shape, 3))
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


def estimate(x, known):
    """(..., N, 3): known coordinates (M, 3) laid on x by superposition, a little bent; others at the centre."""
    count = len(known)
    y = torch.as_tensor(known, dtype=x.dtype) - torch.as_tensor(known, dtype=x.dtype).mean(dim=0)
    centre = x[..., :count, :].mean(dim=-2, keepdim=True)
    rest = x[..., :count, :] - centre
    u, _, vh = torch.linalg.svd(y.T @ rest)
    signs = torch.ones(u.shape[:-1], dtype=x.dtype)
    signs[..., -1] = torch.linalg.det(u @ vh)
    laid = y @ ((u * signs[..., None, :]) @ vh)
    estimates = centre.expand_as(x).clone()
    estimates[..., :count, :] = laid + centre + 0.4 * torch.tanh(rest.roll(1, dims=-2) / 8)
    return estimates
