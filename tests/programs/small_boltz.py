"""Boltz-2's own diffusion and conditioning, small and of random weights: a denoiser of the toy."""
# ruff: noqa: E402

import copy
import functools

import torch
from boltz_parts import features
from stand_ins import stand_in
from toy import toy

stand_in("einx", "fairscale")

import boltz_denoiser
from boltz.data import const
from boltz.model.modules.diffusion_conditioning import DiffusionConditioning
from boltz.model.modules.diffusionv2 import AtomDiffusion
from boltz.model.modules.encodersv2 import RelativePositionEncoder
from conditioned import first_call
from small_parts import heard_first, shaken

SAMPLES, TOKEN_S, TOKEN_Z = 3, 16, 8
DEPTHS = {f"{part}_{size}": n for part in ("atom_encoder", "atom_decoder") for size, n in (("depth", 1), ("heads", 2))}
DEPTHS |= {"token_transformer_depth": 1, "token_transformer_heads": 2, "conditioning_transition_layers": 1}
OFF = dict.fromkeys(("fk_steering", "physical_guidance_update", "contact_guidance_update"), False)


@functools.cache
def built():
    """The sampler, and what its loop is given but for the number of samples."""
    known = toy()
    feats = features(known, const)
    atoms, tokens = feats["atom_to_token"].shape[1:]
    torch.manual_seed(0)
    feats |= {
        "ref_pos": torch.randn(1, atoms, 3),
        "ref_charge": torch.zeros(1, atoms),
        "ref_space_uid": feats["atom_to_token"].argmax(-1),
        "token_pad_mask": torch.ones(1, tokens),
        "entity_id": feats["asym_id"],
        "sym_id": torch.zeros_like(feats["asym_id"]),
    }
    sizes = {"token_s": TOKEN_S, "atom_s": 16, **DEPTHS}
    position = RelativePositionEncoder(TOKEN_Z)
    conditioner = DiffusionConditioning(token_z=TOKEN_Z, atom_z=8, atom_feature_dim=388, **sizes)
    module = AtomDiffusion({**sizes, "dim_fourier": 32}, alignment_reverse_diff=True)
    shaken(position, conditioner, module)
    with torch.inference_mode():  # as Lightning predicts
        s = torch.randn(2, 1, tokens, TOKEN_S)
        made = conditioner(s[0], torch.randn(1, tokens, tokens, TOKEN_Z), position(feats), feats)
    names = ("q", "c", "to_keys", "atom_enc_bias", "atom_dec_bias", "token_trans_bias")
    given = {"s_trunk": s[0], "s_inputs": s[1], "feats": feats, "atom_mask": feats["atom_pad_mask"]}
    given |= {"diffusion_conditioning": dict(zip(names, made, strict=True)), "steering_args": OFF}
    return module.eval(), given


def predict():
    """The program's own loop, as its model runs it."""
    module, given = built()
    torch.manual_seed(1)
    with torch.inference_mode():
        return module.sample(num_sampling_steps=3, multiplicity=SAMPLES, **given)


@functools.cache
def conditioned():
    return first_call(AtomDiffusion, "preconditioned_network_forward", predict)


def denoiser(structure):
    return boltz_denoiser.network(structure, *conditioned())


def called_first():
    """(3, N, 3) what the loop first gave its denoiser, the levels, and what it got, but for the padding."""
    given, made = heard_first(AtomDiffusion, "preconditioned_network_forward", predict)
    atoms = len(toy().name)
    return given["noised_atom_coords"][:, :atoms], torch.full((SAMPLES,), given["sigma"]), made[:, :atoms]


def itself(x, sigma):
    """What the program's module makes of (B, N, 3), with anything at all where it pads."""
    module, given = built()
    atoms = given["atom_mask"].shape[1]
    padding = 50 * torch.randn(len(x), atoms - x.shape[1], 3)
    condition = {key: copy.deepcopy(given[key]) for key in ("s_trunk", "s_inputs", "feats", "diffusion_conditioning")}
    padded = torch.cat([x, padding], dim=1)
    made = module.preconditioned_network_forward(padded, sigma, condition | {"multiplicity": len(x)})
    return made[:, : x.shape[1]]
