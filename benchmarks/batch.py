"""Multiscale noise of a padded batch beside torch.randn_like of the same tensor: time and memory."""

from __future__ import annotations

import torch

from edmnoise.noise.batch import MultiscaleNoiseLike, PaddedGroups
from edmnoise.noise.weights import Weights

from .harness import Result, compare, show
from .sampler import peak

ROWS, ATOMS, RESIDUES, CHAINS = 16, 4_096, 520, 4


def run() -> list[Result]:
    """16 structures of 4,096 atoms in residues of 8, a tenth of the last ones padding."""
    residue = (torch.arange(ATOMS) * RESIDUES // ATOMS).repeat(ROWS, 1)
    chain = (torch.arange(RESIDUES) * CHAINS // RESIDUES).repeat(ROWS, 1)
    mask = torch.arange(ATOMS) < torch.linspace(0.9 * ATOMS, ATOMS, ROWS)[:, None]
    x, noise_like = torch.zeros(ROWS, ATOMS, 3), MultiscaleNoiseLike(Weights.named("rebalanced"))
    groups, seeds = PaddedGroups(residue, chain, mask), list(range(ROWS))
    plain = lambda: torch.randn_like(x)  # noqa: E731
    ours, theirs = peak(lambda: noise_like(x, groups)), peak(plain)
    print(f"batch: {ours:.1f} MiB of tensors at most, torch.randn_like {theirs:.1f}: {ours / theirs:.2f} x")
    size, threads = f"noise of {ROWS} x {ATOMS:,}", torch.get_num_threads()
    torch.set_num_threads(1)
    results = [
        compare(f"{size}; randn_like", lambda: noise_like(x, groups), plain, 1.3, "at_most", 51),
        compare(
            f"{size}, a seed a row; randn_like", lambda: noise_like(x, groups, seeds=seeds), plain, None, "at_most", 51
        ),
        compare("its groups; randn_like", lambda: PaddedGroups(residue, chain, mask), plain, None, "at_most", 51),
    ]
    torch.set_num_threads(threads)
    return results


if __name__ == "__main__":
    print(show(run()))
