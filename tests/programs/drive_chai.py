"""Chai-1's own loop, with stubs in place of its exported networks and of all that is around the loop."""

import argparse
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from stand_ins import replace, stand_in
from toy import estimate, toy

stand_in("beartype", "jaxtyping", jaxtyped=lambda typechecker: lambda function: function)
kinds = SimpleNamespace(IDENTITY=None, ATOM=None)
limits = {
    "EncodingType": kinds,
    "FeatureType": kinds,
    "AVAILABLE_MODEL_SIZES": [256],
    "MAX_MSA_DEPTH": 1,
    "MAX_NUM_TEMPLATES": 1,
}
replace("chai_lab.data", "chai_lab.ranking", "chai_lab.utils.paths", "chai_lab.utils.plot", **limits)

from chai_lab import chai1 as module  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("out")
parser.add_argument("--samples", type=int, default=3)
parser.add_argument("--steps", type=int, default=12)
parser.add_argument("--padding", type=int, default=9)
given = parser.parse_args()

NUMBERS = {"C": 6, "N": 7, "O": 8, "S": 16, "CL": 17, "ZN": 30}

known = toy()
atoms, tokens = len(known.name), known.token[-1] + 1
total = atoms + given.padding
calls, written = [], []


class Exported:
    """Stands in for a network that was exported for crops of 256 tokens."""

    def __init__(self, name):
        self.name = name

    def forward_256(self, **given):
        if self.name == "feature_embedding.pt":
            shapes = dict.fromkeys(("TOKEN", "TOKEN_PAIR", "ATOM", "ATOM_PAIR", "TEMPLATES", "MSA"), (1, 1, 2))
            return {key: torch.zeros(shape) for key, shape in shapes.items()}
        if self.name == "bond_loss_input_proj.pt":
            return torch.zeros(1, 1, 2)
        if self.name == "diffusion_module.pt":
            x = given["atom_noised_coords"]
            wanted = estimate(x, known.coordinates)
            calls.append((given["noise_sigma"][0, 0].item(), x[0].numpy(), wanted[0].numpy()))
            return wanted[0]  # flat, or the loop would fail
        if self.name == "confidence_head.pt":
            return torch.zeros(1, tokens, tokens, 64), torch.zeros(1, tokens, tokens, 64), torch.zeros(1, total, 50)
        return (torch.zeros(1, 1),) * (2 if self.name == "trunk.pt" else 3)


def padded(values):
    values = torch.as_tensor(values)
    return torch.cat([values, values.new_zeros(given.padding, *values.shape[1:])])[None]


class Collate:
    def __init__(self, **given):
        pass

    def __call__(self, contexts):
        masks = {"token_exists_mask": torch.ones(1, tokens), "template_mask": torch.zeros(1, 1, 1)}
        inputs = {
            "atom_exists_mask": padded(torch.ones(atoms, dtype=torch.bool)),
            "atom_token_index": padded(torch.as_tensor(known.token)),
            "msa_mask": torch.zeros(1, 1, 256),
        }
        others = "block_atom_pair_q_idces block_atom_pair_kv_idces token_ref_atom_index atom_within_token_index"
        others += " block_atom_pair_mask token_asym_id token_residue_index token_backbone_frame_mask"
        others += " token_centre_atom_index token_backbone_frame_index token_entity_type"
        inputs |= dict.fromkeys(others.split(), torch.zeros(1))
        return {"features": {}, "inputs": inputs | {key: mask.bool() for key, mask in masks.items()}}


class TokenBondRestraint:
    def generate(self, batch):
        return SimpleNamespace(data=torch.zeros(1))


def save_to_cif(coords, **other):
    written.append(coords)


module.Collate, module.TokenBondRestraint = Collate, TokenBondRestraint
module.load_exported = lambda name, device: module.ModuleWrapper(Exported(name))
module.get_frames_and_mask = lambda *given: (None, None)
module.rank = lambda *given, **named: SimpleNamespace(aggregate_score=torch.zeros(()))
module.get_scores = lambda ranked: {}
module.save_to_cif = save_to_cif
numbers = [NUMBERS[element] for element in known.element]
chains = list(dict.fromkeys(known.chain))
structure = SimpleNamespace(
    num_tokens=tokens,
    report_bonds=lambda: None,
    atom_ref_name=list(known.name),
    atom_ref_element=torch.tensor(numbers),
    atom_exists_mask=torch.ones(atoms),
    atom_token_index=torch.as_tensor(known.token),
    token_residue_index=torch.as_tensor(known.of_tokens(known.residue) - 1),
    token_asym_id=torch.tensor([chains.index(chain) + 1 for chain in known.of_tokens(known.chain)]),
)
context = SimpleNamespace(
    structure_context=structure,
    template_context=SimpleNamespace(num_templates=0),
    msa_context=SimpleNamespace(depth=0, mask=torch.zeros(1)),
    chains=chains,
)
module.run_folding_on_context(
    context,
    output_dir=Path("chai"),
    num_trunk_recycles=1,
    num_diffn_timesteps=given.steps,
    num_diffn_samples=given.samples,
    seed=1,
    device=torch.device("cpu"),
    low_memory=False,
)
schedule = module.InferenceNoiseSchedule(s_max=module.DiffusionConfig.S_tmax).get_schedule("cpu", given.steps)
np.savez(
    given.out,
    final=np.concatenate([coordinates.numpy() for coordinates in written])[None],
    schedule=schedule.numpy(),
    sigma=np.array([call[0] for call in calls]),
    rows=np.array([len(call[1]) for call in calls]),
    x=np.concatenate([call[1] for call in calls]),
    x0=np.concatenate([call[2] for call in calls]),
    mask=padded(torch.ones(atoms))[0].numpy(),
    **known.names(),
)
print(f"{len(calls)} calls")
