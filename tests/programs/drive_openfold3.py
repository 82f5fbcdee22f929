"""The sampler of OpenFold 3, with its own denoiser around a stub network."""

import argparse

import biotite.structure
import numpy as np
import torch
from stand_ins import replace
from toy import estimate, toy

layers = ("layers.diffusion_conditioning", "layers.diffusion_transformer", "layers.sequence_local_atom_attention")
replace("openfold3.core.config", *(f"openfold3.core.model.{name}" for name in ("primitives", *layers)))

from openfold3.core.model.structure import diffusion_module as module  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("out")
parser.add_argument("--samples", type=int, default=3)
parser.add_argument("--records", type=int, default=1)
parser.add_argument("--steps", type=int, default=12)
parser.add_argument("--gamma", type=float, default=0.8)
parser.add_argument("--padding", type=int, default=0)
parser.add_argument("--pocket", action="store_true")
given = parser.parse_args()

known = toy()
atoms = len(known.name)
calls = []


class Inner(torch.nn.Module):
    """Stands in for the parts of the network, which are called in this order."""

    def diffusion_conditioning(self, t, **other):
        self.t = t
        return torch.zeros(1), torch.zeros(1)

    def atom_attn_enc(self, rl, **other):
        self.x = rl * torch.sqrt(self.t**2 + 256)
        return torch.zeros(1), None, None, None

    def atom_attn_dec(self, **other):
        """What makes the preconditioned estimate that of the toy."""
        total = self.t**2 + 256
        return (estimate(self.x, known.coordinates) - 256 / total * self.x) * torch.sqrt(total) / (16 * self.t)


class Part(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.forward = function


inner = Inner()
network = module.DiffusionModule.__new__(module.DiffusionModule)
torch.nn.Module.__init__(network)
network.sigma_data = 16
for name in ("diffusion_conditioning", "atom_attn_enc", "atom_attn_dec"):
    setattr(network, name, Part(getattr(inner, name)))
for name in ("layer_norm_s", "linear_s", "layer_norm_a"):
    setattr(network, name, torch.nn.Identity())
network.diffusion_transformer = Part(lambda a, **other: a)


def seen(_, given, named, result):
    calls.append((named["t"].item(), named["xl_noisy"].flatten(0, 1).numpy(), result.flatten(0, 1).numpy()))


network.register_forward_hook(seen, with_kwargs=True)

array = biotite.structure.AtomArray(atoms)
array.atom_name, array.element, array.res_id = known.name, known.element, known.residue
array.res_name, array.chain_id = known.residue_name, known.chain
mask = torch.cat([torch.ones(atoms), torch.zeros(given.padding)])
# The model gives its features an axis for samples.
batch = {
    "atom_mask": mask.expand(given.records, 1, -1),
    "token_mask": torch.ones(given.records, 1, known.token[-1] + 1),
    "atom_array": [array] * given.records,
    "query_id": ["toy"] * given.records,
    "seed": [7] * given.records,
}
if given.pocket:
    settings = {
        "enabled": True,
        "contact_distance": 4.0,
        "num_parents": 2,
        "candidates": 6,
        "start_frac": 0.4,
        "ligand_jitter": 0.5,
        "center_jitter": 1.0,
        "surface_jitter": 1.0,
        "vdw_buffer": 0.0,
        "diversity_rmsd": 0.0,
    }
    batch |= {f"pocket_sampling_{key}": torch.tensor([value]) for key, value in settings.items()}
    batch["atom_mask"] = mask[None]
    batch["pocket_sampling_ligand_atom_mask"] = torch.tensor(known.residue_name == "LIG")[None]
    batch["pocket_sampling_pocket_atom_mask"] = torch.tensor((known.chain == "A") & (known.residue < 4))[None]
    batch["pocket_sampling_vdw_radii"] = torch.full((atoms,), 1.7)

sampler = module.SampleDiffusion(
    gamma_0=given.gamma, gamma_min=1.0, noise_scale=1.003, step_scale=1.5, diffusion_module=network
)
schedule = module.create_noise_schedule(
    given.steps, sigma_data=16, s_max=160.0, s_min=4e-4, p=7, dtype=torch.float32, device="cpu"
)
torch.manual_seed(1)
with torch.no_grad():
    final = sampler(
        batch=batch,
        si_input=torch.zeros(1),
        si_trunk=torch.zeros(1),
        zij_trunk=torch.zeros(1),
        noise_schedule=schedule,
        no_rollout_samples=given.samples,
    )
np.savez(
    given.out,
    final=final.flatten(0, 1).numpy()[None],
    schedule=schedule.numpy(),
    sigma=np.array([call[0] for call in calls]),
    rows=np.array([len(call[1]) for call in calls]),
    x=np.concatenate([call[1] for call in calls]),
    x0=np.concatenate([call[2] for call in calls]),
    mask=mask.numpy(),
    **known.names(),
)
print(f"{len(calls)} calls")
