"""The sampler of RF3, with a stub in place of its network."""

import argparse

import numpy as np
import torch
from foundry_parts import features, stand_in_for_others
from toy import estimate, toy

stand_in_for_others()

from rf3.diffusion_samplers import inference_sampler as module  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("out")
parser.add_argument("--samples", type=int, default=3)
parser.add_argument("--steps", type=int, default=12)
parser.add_argument("--gamma", type=float, default=0.8)
parser.add_argument("--partial", type=int, help="so many steps are left out at the start")
given = parser.parse_args()

known = toy()
calls = []


class Network(torch.nn.Module):
    def forward(self, X_noisy_L, t, f, **other):
        wanted = estimate(X_noisy_L, known.coordinates)
        calls.append((t[0].item(), X_noisy_L.numpy(), wanted.numpy()))
        return wanted


settings = {
    "num_timesteps": given.steps,
    "min_t": 0,
    "max_t": 1,
    "sigma_data": 16,
    "s_min": 4e-4,
    "s_max": 160,
    "p": 7,
    "gamma_0": given.gamma,
    "gamma_min": 1.0,
    "noise_scale": 1.003,
    "step_scale": 1.5,
    "solver": "af3",
}
if given.partial:
    sampler = module.SamplePartialDiffusion(given.partial, **settings)
else:
    sampler = module.SampleDiffusion(**settings)
start = torch.tensor(known.coordinates - known.coordinates.mean(0), dtype=torch.float32) * bool(given.partial)
torch.manual_seed(1)
with torch.no_grad():
    result = sampler.sample_diffusion_like_af3(
        S_inputs_I=torch.zeros(known.token[-1] + 1, 4),
        S_trunk_I=None,
        Z_trunk_II=None,
        f=features(known),
        diffusion_module=Network(),
        diffusion_batch_size=given.samples,
        coord_atom_lvl_to_be_noised=start.expand(given.samples, -1, -1),
    )
np.savez(
    given.out,
    final=result["X_L"].numpy()[None],
    schedule=sampler._construct_inference_noise_schedule(torch.device("cpu")).numpy(),
    sigma=np.array([call[0] for call in calls]),
    rows=np.array([len(call[1]) for call in calls]),
    x=np.concatenate([call[1] for call in calls]),
    x0=np.concatenate([call[2] for call in calls]),
    **known.names(),
)
print(f"{len(calls)} calls")
