"""The sampler of Boltz-1 or Boltz-2 (boltz or boltz-community) or of BoltzGen, with a stub in place of its network."""

import argparse
import importlib

import numpy as np
import torch
from boltz_parts import features
from stand_ins import stand_in
from toy import estimate, toy

stand_in("einx", "fairscale")

parser = argparse.ArgumentParser()
parser.add_argument("out")
parser.add_argument("--module", default="boltz.model.modules.diffusionv2")
parser.add_argument("--samples", type=int, default=3)
parser.add_argument("--parallel", type=int)
parser.add_argument("--records", type=int, default=1)
parser.add_argument("--steps", type=int, default=12)
parser.add_argument("--gammas", type=float, nargs="+", default=[0.8], help="a run each")
parser.add_argument("--noise-scale", type=float, default=1.003)
parser.add_argument("--steered", action="store_true")
parser.add_argument("--resampled", action="store_true")
given = parser.parse_args()

module = importlib.import_module(given.module)
const = importlib.import_module(given.module.split(".")[0] + ".data.const")
known = toy()
calls = []


class Network(torch.nn.Module):
    """Answers with what makes the preconditioned estimate that of the toy."""

    def __init__(self, **given):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def forward(self, r_noisy, times, **condition):
        sigma = 16 * torch.exp(4 * times)[:, None, None]
        x = r_noisy * torch.sqrt(sigma**2 + 256)
        wanted = estimate(x, known.coordinates)
        update = (wanted - 256 / (sigma**2 + 256) * x) * torch.sqrt(sigma**2 + 256) / (16 * sigma)
        calls.append((float(sigma[0]), x.numpy(), wanted.numpy()))
        if "diffusionv2" in given.module:
            return update
        return {"r_update": update, "token_a": torch.zeros(len(x), known.token[-1] + 1, 2)}


class Pull:
    """A potential in place of those that need the program's chemistry: towards the centre."""

    def compute_parameters(self, t):
        return {"guidance_weight": 0.02 * given.steered, "resampling_weight": 1.0, "guidance_interval": 1}

    def compute(self, x, feats, parameters):
        return 0.5 * (x - x.mean(dim=-2, keepdim=True)).square().sum(dim=(-1, -2)) / 100

    def compute_gradient(self, x, feats, parameters):
        return (x - x.mean(dim=-2, keepdim=True)) / 10


align, draw = module.weighted_rigid_align, torch.multinomial
estimates, lineages = [], []


def aligned(x, onto, weights, mask):
    estimates.append(onto.numpy().copy())  # the sampler goes on in the same memory
    return align(x, onto, weights, mask)


def drawn(weights, count, replacement):
    """Particles that go on, of each sample in turn."""
    chosen = draw(weights, count, replacement=replacement)
    lineages.append((len(estimates), chosen + weights.shape[1] * torch.arange(len(weights))[:, None]))
    return chosen


module.DiffusionModule, module.weighted_rigid_align, torch.multinomial = Network, aligned, drawn
feats = features(known, const, given.records)
scales = {"noise_scale": given.noise_scale, "step_scale": 1.5}
of_model = {"gamma_min": 1.0, "sigma_min": 4e-4, "num_sampling_steps": given.steps, "alignment_reverse_diff": True}
if given.module.startswith("boltzgen"):
    feats["id"] = [feats.pop("record")[0].id]
    # As it designs: what the model has not is given to each run.
    options = dict(scales)
    of_model |= {"noise_scale": None, "step_scale": None, "sampling_schedule": "dilated", "time_dilation": 2.667}
else:
    of_model |= scales
    module.get_potentials = lambda steering, boltz2: [Pull()]
    steering = {
        "fk_steering": given.resampled,
        "num_particles": 2,
        "fk_lambda": 4.0,
        "fk_resampling_interval": 3,
        "physical_guidance_update": given.steered,
        "contact_guidance_update": False,
        "num_gd_steps": 3,
    }
    options = {"steering_args": steering, "max_parallel_samples": given.parallel or given.samples}
model = module.AtomDiffusion({"token_s": 1}, **of_model).eval()
levels = model.sample_schedule_dilated if "time_dilation" in of_model else model.sample_schedule
torch.manual_seed(1)
runs = []
for model.gamma_0 in given.gammas:
    calls.clear()
    with torch.no_grad():
        result = model.sample(
            atom_mask=feats["atom_pad_mask"],
            num_sampling_steps=given.steps,
            multiplicity=given.samples,
            feats=feats,
            **options,
        )
    runs.append(
        {
            "final": result["sample_atom_coords"].numpy(),
            "sigma": np.array([call[0] for call in calls]),
            "rows": np.array([len(call[1]) for call in calls]),
            "x": np.concatenate([call[1] for call in calls]),
            "x0": np.concatenate([call[2] for call in calls]),
        }
    )
saved = {
    **{key: np.stack([run[key] for run in runs]) for key in runs[0]},
    "schedule": levels(given.steps).numpy(),
    "names_mask": feats["atom_pad_mask"][0].numpy(),
    **known.names(),
}
for step, onto in enumerate(estimates):
    saved[f"onto_{step}"] = onto
for step, chosen in lineages:
    saved[f"from_{step}"] = chosen.ravel().numpy()
np.savez(given.out, **saved)
print(f"{len(runs)} runs, {len(calls)} calls each")
