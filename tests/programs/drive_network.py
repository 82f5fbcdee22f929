"""The examples' networks of small_boltz and small_protenix, asked beside the program's own modules."""

import argparse
import importlib
from pathlib import Path

import numpy as np
import torch
from conditioned import first_call
from toy import toy

import edmnoise as edm
from edmnoise.diffusion.denoisers.learned import LearnedDenoiser

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
parser.add_argument("module")
given = parser.parse_args()
small = importlib.import_module(given.module)

LEVELS, SAMPLES = (0.05, 1.0, 30.0, 1000.0), 7
known = toy()
structure = known.structure()
rng = torch.Generator().manual_seed(2)
order = torch.randperm(structure.n_atoms, generator=rng)
ours, shuffled = (small.denoiser(one) for one in (structure, structure.take(order.numpy())))
turn = torch.linalg.qr(torch.randn(3, 3, generator=rng))[0]
saved = {}


def compare(name, made, wanted):
    saved[f"{name}_made"], saved[f"{name}_wanted"] = (value.detach().numpy() for value in (made, wanted))


with torch.no_grad():
    x, sigma, made = small.called_first()
    compare("loop", ours(x, sigma), made)
    for level in LEVELS:
        x = torch.tensor(known.coordinates).float() + level * torch.randn(SAMPLES, structure.n_atoms, 3, generator=rng)
        x -= x.mean(1, keepdim=True)
        sigma = torch.full((SAMPLES,), level)
        wanted = small.itself(x, sigma)
        compare(f"order_{level}", shuffled(x[:, order], sigma), wanted[:, order])
        compare(f"turned_{level}", ours(x @ turn, sigma), small.itself(x @ turn, sigma))
        learned = LearnedDenoiser(ours, structure)
        shift = torch.tensor([30.0, -20.0, 10.0])
        centred = wanted - wanted.mean(1, keepdim=True) + shift
        compare(f"shifted_{level}", learned.denoise((x + shift).mT, level).atoms.mT, centred)

x = x[:2].requires_grad_()
gradients = [torch.autograd.grad(asked(x, sigma[:2]).square().sum(), x)[0] for asked in (ours, small.itself)]
compare("gradient", *gradients)


def refusal(function, *given):
    try:
        function(*given)
    except edm.EdmNoiseError as error:
        return str(error)
    return "taken"


every = np.arange(structure.n_atoms)
others = structure.take(every[every != 100]), known.structure(extra=["H1"]), structure.take(np.append(every, 5))
method = torch.nn.Linear.forward
saved["refusals"] = np.array([refusal(small.denoiser, other) for other in others])
saved["never_called"] = refusal(first_call, torch.nn.Linear, "forward", lambda: torch.set_grad_enabled(False))
saved["put_back"] = torch.nn.Linear.forward is method and torch.is_grad_enabled()
report = learned.report
saved["report"] = np.array([report.moved, report.by_sigma, report.turning, report.mirror])
np.savez(given.folder / "asked.npz", **saved)
