"""The sampler of RFdiffusion 3, with a stub in place of its network."""

import argparse

import numpy as np
import torch
from foundry_parts import features, stand_in_for_others
from toy import estimate, toy

stand_in_for_others()

from rfd3.model import inference_sampler as module  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("out")
parser.add_argument("--samples", type=int, default=3)
parser.add_argument("--steps", type=int, default=12)
parser.add_argument("--gamma", type=float, default=0.6)
parser.add_argument("--motif", type=int, default=0, help="residues of chain A that are held")
parser.add_argument("--realigned", action="store_true")
parser.add_argument("--guided", type=float, help="scale of classifier-free guidance")
parser.add_argument("--indexed", action="store_true", help="the unconditional call of guidance has all atoms")
parser.add_argument("--partial", type=float, help="the level to begin at")
given = parser.parse_args()

known = toy()
calls, others = [], []
held = torch.tensor((known.chain == "A") & (known.residue <= given.motif))
# The ligand stands for what the unconditional call of guidance leaves out.
indexed = torch.tensor((known.residue_name != "LIG") | given.indexed)


class Network(torch.nn.Module):
    def forward(self, X_noisy_L, t, f, **other):
        conditional = "ref_element" in f
        wanted = estimate(X_noisy_L, known.coordinates[: X_noisy_L.shape[1]]) * (1 if conditional else 0.9)
        (calls if conditional else others).append((t[0].item(), X_noisy_L.numpy(), wanted.numpy()))
        return {"X_L": wanted}


f = features(known)
f["is_motif_atom_with_fixed_coord"] = held
f["is_motif_atom_unindexed"] = ~indexed
if given.partial:
    f["partial_t"] = torch.full((len(known.name),), given.partial)
start = torch.tensor(known.coordinates - known.coordinates.mean(0), dtype=torch.float32)
if not given.partial:
    start = start * held[:, None]
sampler = module.ConditionalDiffusionSampler(
    num_timesteps=given.steps,
    gamma_0=given.gamma,
    allow_realignment=given.realigned,
    use_classifier_free_guidance=bool(given.guided),
    cfg_scale=given.guided or 1.0,
)
torch.manual_seed(1)
with torch.no_grad():
    result = sampler.sample_diffusion_like_af3(
        f=f,
        diffusion_module=Network(),
        diffusion_batch_size=given.samples,
        coord_atom_lvl_to_be_noised=start.expand(given.samples, -1, -1),
        initializer_outputs={},
        ref_initializer_outputs={},
        f_ref={"is_motif_atom_unindexed": f["is_motif_atom_unindexed"][indexed]},
    )
np.savez(
    given.out,
    final=result["X_L"].numpy()[None],
    schedule=sampler.sampler._construct_inference_noise_schedule("cpu", f.get("partial_t")).numpy(),
    sigma=np.array([call[0] for call in calls]),
    rows=np.array([len(call[1]) for call in calls]),
    x=np.concatenate([call[1] for call in calls]),
    x0=np.concatenate([call[2] for call in calls]),
    unconditional=np.concatenate([call[2] for call in others]) if others else np.zeros(0),
    held=held.numpy(),
    start=start.numpy(),
    **known.names(),
)
print(f"{len(calls)} calls, {len(others)} of other atoms")
