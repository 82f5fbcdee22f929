"""Protenix's own diffusion module, small and of random weights: a denoiser of the toy."""
# ruff: noqa: E402

import functools
import os

import protenix_parts
import torch
from toy import toy

os.environ["LAYERNORM_TYPE"] = "torch"  # its own is compiled for a GPU
protenix_parts.stand_in_for_others()

import protenix_denoiser
from conditioned import first_call
from protenix.data import constants
from protenix.model.generator import InferenceNoiseScheduler, sample_diffusion
from protenix.model.modules.diffusion import DiffusionModule
from protenix.model.modules.embedders import RelativePositionEncoding
from protenix.model.modules.transformer import rearrange_qk_to_dense_trunk
from small_parts import heard_first, shaken

SIZES = {"c_atom": 16, "c_atompair": 4, "c_token": 32, "c_s": 16, "c_z": 8, "c_s_inputs": 12}
BLOCKS = {"n_blocks": 1, "n_heads": 2}
SAMPLES = 3


@functools.cache
def built():
    """The module, and what the sampler is given for it."""
    feats = protenix_parts.features(toy(), constants)
    atoms, tokens = len(feats["atom_to_token_idx"]), len(feats["asym_id"])
    torch.manual_seed(0)
    space = feats["atom_to_token_idx"].float()
    feats |= {
        "ref_pos": torch.randn(atoms, 3),
        "ref_charge": torch.zeros(atoms),
        "ref_mask": torch.ones(atoms),
        "entity_id": feats["asym_id"],
        "sym_id": torch.zeros_like(feats["asym_id"]),
        "token_index": torch.arange(tokens),
    }
    queries, keys, pad = rearrange_qk_to_dense_trunk(
        *(2 * [[feats["ref_pos"], space]]), dim_q=[-2, -1], dim_k=[-2, -1], n_queries=32, n_keys=128, compute_mask=True
    )
    feats["d_lm"] = queries[0][..., None, :] - keys[0][..., None, :, :]
    feats["v_lm"] = (queries[1][..., None].int() == keys[1][..., None, :].int())[..., None]
    feats["pad_info"] = pad
    feats = RelativePositionEncoding(c_z=SIZES["c_z"]).generate_relp(feats)
    module = DiffusionModule(**SIZES, atom_encoder=BLOCKS, transformer=BLOCKS, atom_decoder=BLOCKS).eval()
    shaken(module)
    s_inputs, s = (torch.randn(tokens, SIZES[size]) for size in ("c_s_inputs", "c_s"))
    named = ("ref_pos", "ref_charge", "ref_mask", "ref_element", "ref_atom_name_chars", "atom_to_token_idx")
    with torch.no_grad():
        pair = module.diffusion_conditioning.prepare_cache(feats["relp"], torch.randn(tokens, tokens, SIZES["c_z"]))
        p, c = module.atom_attention_encoder.prepare_cache(
            **{key: feats[key] for key in (*named, "d_lm", "v_lm", "pad_info")}, r_l=True, z=pair
        )
    given = {"input_feature_dict": feats, "s_inputs": s_inputs, "s_trunk": s, "z_trunk": None}
    return module, given | {"pair_z": pair, "p_lm": p, "c_l": c}


def predict():
    """The program's own loop, as its model runs it."""
    module, given = built()
    torch.manual_seed(1)
    with torch.no_grad():
        return sample_diffusion(
            module, **given, noise_schedule=InferenceNoiseScheduler()(3), N_sample=SAMPLES, inplace_safe=True
        )


@functools.cache
def conditioned():
    return first_call(DiffusionModule, "forward", predict)


def denoiser(structure):
    return protenix_denoiser.network(structure, *conditioned())


def called_first():
    """(3, N, 3) what the loop first gave its denoiser, the levels, and what it got."""
    given, made = heard_first(DiffusionModule, "forward", predict)
    return given["x_noisy"], given["t_hat_noise_level"], made


def itself(x, sigma):
    """What the program's module makes of (B, N, 3)."""
    module, given = built()
    return module(x, sigma, **given)
