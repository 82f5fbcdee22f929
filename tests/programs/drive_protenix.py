"""The sampler of Protenix or OpenDDE, with a stub in place of its network."""

import argparse
import importlib

import numpy as np
import protenix_parts
import torch
from toy import estimate, toy

protenix_parts.stand_in_for_others()

parser = argparse.ArgumentParser()
parser.add_argument("out")
parser.add_argument("--program", default="protenix")
parser.add_argument("--samples", type=int, default=3)
parser.add_argument("--chunk", type=int)
parser.add_argument("--steps", type=int, default=12)
parser.add_argument("--gammas", type=float, nargs="+", default=[0.8], help="a run each")
parser.add_argument("--guided", type=float, nargs=2, help="rho and mu of guidance")
given = parser.parse_args()

generator = importlib.import_module(f"{given.program}.model.generator")
constants = importlib.import_module(f"{given.program}.data.constants")
# By name, as the programs' models do.
sample_diffusion = generator.sample_diffusion
known = toy()
calls = []


class Network(torch.nn.Module):
    def forward(self, x_noisy, t_hat_noise_level, input_feature_dict, **condition):
        wanted = estimate(x_noisy, known.coordinates)
        calls.append((float(t_hat_noise_level.ravel()[0]), x_noisy.detach().numpy(), wanted.detach().numpy()))
        return wanted


guidance = None
if given.guided:
    rho, mu = given.guided
    config = importlib.import_module(f"{given.program}.tfg.config")
    potentials = importlib.import_module(f"{given.program}.tfg.potentials")

    class Pull(potentials.Potential):
        """A potential in place of those that need the program's chemistry: towards the centre."""

        def _eval(self, coords, feats, params, need_grad):
            away = coords - coords.mean(dim=-2, keepdim=True)
            energy = away.square().sum(dim=(-1, -2)) / 200
            return (energy, away / 100) if need_grad else energy

    guidance = {"enable": True, "rho": rho, "mu": mu, "terms": {"Pull": {"interval": 1, "weight": 1.0}}}
    guidance["steps"] = {"tfg_inner": 2, "projection_outer": 0}
    potentials.register(Pull)

torch.manual_seed(1)
np.random.seed(1)  # noqa: NPY002, where Protenix takes rotations from
schedule = generator.InferenceNoiseScheduler(s_max=160.0, s_min=4e-4, rho=7, sigma_data=16.0)(given.steps)
runs = []
for gamma in given.gammas:
    calls.clear()
    with torch.no_grad():
        final = sample_diffusion(
            denoise_net=Network(),
            input_feature_dict=protenix_parts.features(known, constants),
            s_inputs=torch.zeros(known.token[-1] + 1, 4),
            **dict.fromkeys(("s_trunk", "z_trunk", "pair_z", "p_lm", "c_l")),
            noise_schedule=schedule,
            N_sample=given.samples,
            gamma0=gamma,
            noise_scale_lambda=0.88,
            diffusion_chunk_size=given.chunk,
            guidance_configs=guidance,
        )
    runs.append(
        {
            "final": final.numpy(),
            "sigma": np.array([call[0] for call in calls]),
            "rows": np.array([len(call[1]) for call in calls]),
            "x": np.concatenate([call[1] for call in calls]),
            "x0": np.concatenate([call[2] for call in calls]),
        }
    )
np.savez(
    given.out,
    **{key: np.stack([run[key] for run in runs]) for key in runs[0]},
    schedule=schedule.numpy(),
    **known.names(),
)
print(f"{len(runs)} runs, {len(calls)} calls each")
