"""The sampler of alphafold3-pytorch, with a stub in place of its network."""

import argparse

import numpy as np
import torch
from lucidrains_parts import stand_in_for_others
from toy import estimate, toy

stand_in_for_others()

from alphafold3_pytorch import alphafold3 as module  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("out")
parser.add_argument("--samples", type=int, default=3)
parser.add_argument("--steps", type=int, default=12)
parser.add_argument("--churn", type=float, default=80)
parser.add_argument("--euler", action="store_true")
parser.add_argument("--scale", type=float, default=1.5)
parser.add_argument("--all-steps", action="store_true")
given = parser.parse_args()

known = toy()
calls = []


class Network(torch.nn.Module):
    """Answers with what makes the preconditioned estimate that of the toy."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def forward(self, x, times, **other):
        sigma, data = times[:, None, None], sampler.sigma_data
        total = sigma**2 + data**2
        x = x * torch.sqrt(total)
        wanted = estimate(x, known.coordinates)
        calls.append((times[0].item(), x.numpy(), wanted.numpy()))
        return (wanted - data**2 / total * x) * torch.sqrt(total) / (data * sigma)


sampler = module.ElucidatedAtomDiffusion(
    Network(),
    num_sample_steps=given.steps,
    sigma_data=16,
    S_churn=given.churn,
    step_scale=given.scale,
    karras_formulation=not given.euler,
)
torch.manual_seed(1)
final = sampler.sample(
    atom_mask=torch.ones(given.samples, len(known.name), dtype=torch.bool),
    use_tqdm_pbar=False,
    return_all_timesteps=given.all_steps,
)
np.savez(
    given.out,
    final=(final[-1] if given.all_steps else final).numpy()[None],
    schedule=sampler.sample_schedule().numpy(),
    sigma=np.array([call[0] for call in calls]),
    rows=np.array([len(call[1]) for call in calls]),
    x=np.concatenate([call[1] for call in calls]),
    x0=np.concatenate([call[2] for call in calls]),
    **known.names(),
)
print(f"{len(calls)} calls")
