"""Boltz-2's network as a denoiser of edmnoise: D(x; sigma) conditioned on one ``boltz predict`` (boltz 2.2.1).

Write your prediction into COMMAND, and give ``denoiser=boltz_denoiser:denoiser``.
"""

import functools
import shlex

import torch
from boltz.model.modules.diffusionv2 import AtomDiffusion
from conditioned import first_call, rows_of, words

COMMAND = "boltz predict complex.yaml --use_msa_server --out_dir boltz --num_workers 0"
AT_ONCE = 5
"""Samples in one call of the network: as many as Boltz makes at once."""


def denoiser(structure):
    """What edmnoise calls."""
    return network(structure, *conditioned())


@functools.cache
def conditioned():
    """Boltz's diffusion module and what it is conditioned on: minutes, but only once in a process."""
    from boltz.main import cli

    return first_call(
        AtomDiffusion,
        "preconditioned_network_forward",
        lambda: cli.main(shlex.split(COMMAND)[1:], standalone_mode=False),
    )


def network(structure, module, given):
    """D(x; sigma) of the structure's atoms; Boltz pads its own to a multiple of 32, and does not look at the rest."""
    condition = given["network_condition_kwargs"]
    feats = condition["feats"]
    mask = feats["atom_pad_mask"][0].bool()
    token = feats["atom_to_token"][0][mask].argmax(-1)
    chains = {chain.chain_id: chain.chain_name for chain in feats["record"][0].chains}
    rows = rows_of(
        structure,
        chain=[chains[k] for k in feats["asym_id"][0][token].tolist()],
        number=(feats["residue_index"][0][token] + 1).tolist(),
        name=words(feats["ref_atom_name_chars"][0][mask]),
    )
    rows = mask.nonzero()[:, 0][rows.to(mask.device)]
    module.to(mask.device)  # Lightning puts it back on the CPU when it is stopped

    def part(x, sigma):
        padded = x.new_zeros(len(x), len(mask), 3).index_copy(1, rows, x)
        made = module.preconditioned_network_forward(padded, sigma, condition | {"multiplicity": len(x)})
        return made[:, rows]

    def denoised(x, sigma):
        x, sigma = (value.to(mask.device) for value in (x, sigma))
        return torch.cat([part(*few) for few in zip(x.split(AT_ONCE), sigma.split(AT_ONCE), strict=True)])

    return denoised
