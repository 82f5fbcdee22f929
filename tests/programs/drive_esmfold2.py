"""The sampler of ESMFold2, with its own denoiser around a stub network."""

import argparse

import numpy as np
import torch
from stand_ins import replace, stand_in
from toy import estimate, toy

stand_in("transformers")
others = ("conformers", "experimental", "hf_adapter", "hf_checkpoint", "model", "prepare_input", "processor")
replace("esm.models.esmc", "esm.utils", *(f"esm.models.esmfold2.{name}" for name in others))

from esm.models.esmfold2 import layers as module  # noqa: E402
from esm.models.esmfold2.config import EsmFold2StructureHeadConfig  # noqa: E402

NUMBERS = {"C": 6, "N": 7, "O": 8, "S": 16, "CL": 17, "ZN": 30}

parser = argparse.ArgumentParser()
parser.add_argument("out")
parser.add_argument("--samples", type=int, default=3)
parser.add_argument("--records", type=int, default=1)
parser.add_argument("--steps", type=int, default=20)
parser.add_argument("--noise", type=float, help="noise scale; as in the program's own configuration without it")
parser.add_argument("--padding", type=int, default=0)
parser.add_argument("--uncut", action="store_true")
given = parser.parse_args()

known = toy()
atoms = len(known.name)
calls = []


class Part(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.forward = function


class Inner:
    """Stands in for the parts of the network, which are called in this order."""

    def conditioning(self, t_hat, **other):
        self.t = t_hat[:, None, None]
        return torch.zeros(1), None

    def atom_encoder(self, r_l, **other):
        self.x = r_l * torch.sqrt(self.t**2 + 256)
        return torch.zeros(1), None, None, None, None

    def atom_decoder(self, **other):
        """What makes the preconditioned estimate that of the toy."""
        total = self.t**2 + 256
        return (estimate(self.x, known.coordinates) - 256 / total * self.x) * torch.sqrt(total) / (16 * self.t), None


def bare(kind):
    made = kind.__new__(kind)
    torch.nn.Module.__init__(made)
    return made


inner = Inner()
network = bare(module.DiffusionModule)
network.sigma_data = 16.0
for name in ("conditioning", "atom_encoder", "atom_decoder"):
    setattr(network, name, Part(getattr(inner, name)))
for name in ("s_step_norm", "s_to_token", "token_norm"):
    setattr(network, name, torch.nn.Identity())
network.token_transformer = Part(lambda a, *given, **named: (a, None))


def seen(_, given, named, result):
    calls.append((named["t_hat"][0].item(), named["x_noisy"].numpy(), result["x_denoised"].numpy()))


network.register_forward_hook(seen, with_kwargs=True)
head = bare(module.DiffusionStructureHead)
head.diffusion_module = network
head.sigma_data = 16.0
defaults = EsmFold2StructureHeadConfig()
for name in ("gamma_0", "gamma_min", "noise_scale", "step_scale"):
    setattr(head, name, getattr(defaults, name))
for name in ("s_max", "s_min", "p", "num_steps"):
    setattr(head, f"inference_{name}", getattr(defaults, f"inference_{name}"))


def batched(values):
    values = torch.as_tensor(values)
    return values.expand(given.records, *values.shape)


def padded(values):
    return batched(torch.cat([values, values.new_zeros(given.padding, *values.shape[1:])]))


one_hot = torch.nn.functional.one_hot
chains = list(dict.fromkeys(known.chain))
tokens = len(known.of_tokens(known.chain))
torch.manual_seed(1)
result = head.sample(
    z_trunk=None,
    s_inputs=torch.zeros(given.records, tokens, 1),
    s_trunk=None,
    relative_position_encoding=None,
    ref_pos=None,
    ref_charge=None,
    ref_mask=padded(torch.ones(atoms)),
    ref_element=padded(one_hot(torch.tensor([NUMBERS[element] for element in known.element]), 128).float()),
    ref_atom_name_chars=padded(known.one_hot_names().float()),
    ref_space_uid=None,
    tok_idx=padded(torch.as_tensor(known.token)),
    asym_id=batched([chains.index(chain) for chain in known.of_tokens(known.chain)]),
    residue_index=batched(known.of_tokens(known.residue) - 1),
    entity_id=None,
    token_index=batched(torch.arange(tokens)),
    sym_id=None,
    num_diffusion_samples=given.samples,
    num_sampling_steps=given.steps,
    noise_scale=given.noise,
    **({"max_inference_sigma": None} if given.uncut else {}),
)
np.savez(
    given.out,
    final=result["sample_atom_coords"].numpy()[None],
    schedule=head.inference_noise_schedule(given.steps).numpy(),
    sigma=np.array([call[0] for call in calls]),
    rows=np.array([len(call[1]) for call in calls]),
    x=np.concatenate([call[1] for call in calls]),
    x0=np.concatenate([call[2] for call in calls]),
    mask=padded(torch.ones(atoms))[0].numpy(),
    **known.names(),
)
print(f"{len(calls)} calls")
