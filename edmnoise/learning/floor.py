"""The loss of a training on fresh draws, part by part, beside that of the exact denoiser, which no network gets below.

With D* = E[y | x] and any D, E |D - y|^2 = E |D* - y|^2 + E |D - D*|^2 in each part and at each level; a loss
weighs both alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ..noise.theory.scales import split
from .loss import divisors, losses
from .train import Trainer


class Beside(NamedTuple):
    """The loss per coordinate in each part (3,), finest first: the network's, and the least one."""

    network: Tensor
    exact: Tensor


def loss_and_floor(trainer: Trainer, batches: int = 4, progress: Callable[[int, int], object] | None = None) -> Beside:
    """Both on the same draws, which no step has had: those of so many steps behind the last.

    Parameters
    ----------
    trainer
        Whose budget is spent, or will not be.
    batches
        Of draws, each as large as a step's.
    progress
        Told of the draws that are done and of how many there are; what it raises ends the work.
    """
    model = trainer.denoiser().model.cpu()
    exact, hierarchy = trainer.ensemble.exact(trainer.covariance), trainer.ensemble.structure.hierarchy
    found = torch.zeros(2, 3, dtype=torch.float64)
    with torch.inference_mode():
        for batch in range(batches):
            y, x, sigma = (drawn.cpu() for drawn in trainer.drawn(trainer.step + batch))
            found[0] += losses(model, x, y, sigma, trainer.training.loss)[1]
            best = torch.empty_like(x)
            for row, level in enumerate(sigma.tolist()):
                best[row] = exact.denoise(x[row : row + 1], level).atoms[0]
                if progress is not None:
                    progress(batch * len(x) + row + 1, batches * len(x))
            parts = [part.square().mean(dim=(1, 2)) for part in split((best - y).double(), hierarchy)]
            by = divisors(model, sigma, trainer.training.loss).square()
            found[1] += (torch.stack(parts, dim=1) / by).mean(dim=0)
    network, least = found / batches
    return Beside(network, least)
