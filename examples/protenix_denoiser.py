"""Protenix's network as a denoiser of edmnoise: D(x; sigma) conditioned on one ``protenix pred`` (protenix 2.0.0).

Write your prediction into COMMAND, and give ``denoiser=protenix_denoiser:denoiser``.
"""

import functools
import shlex
from string import ascii_uppercase

import torch
from conditioned import first_call, rows_of, words
from protenix.model.modules.diffusion import DiffusionModule

COMMAND = "protenix pred --input complex.json --out_dir protenix"
CHAINS = [*ascii_uppercase, *(first + second for first in ascii_uppercase for second in ascii_uppercase)]
"""Names of chains in the order of the JSON file: those that Protenix gives, unless the file does (``id``)."""
AT_ONCE = 5
"""Samples in one call of the network: as many as Protenix makes at once."""


def denoiser(structure):
    """What edmnoise calls."""
    return network(structure, *conditioned())


@functools.cache
def conditioned():
    """Protenix's diffusion module and what it is conditioned on: minutes, but only once in a process."""
    from runner.batch_inference import protenix_cli

    command = shlex.split(COMMAND)[1:]
    return first_call(DiffusionModule, "forward", lambda: protenix_cli.main(command, standalone_mode=False))


def network(structure, module, given):
    """D(x; sigma) of the structure's atoms; Protenix pads none."""
    feats = given["input_feature_dict"]
    token = feats["atom_to_token_idx"]
    rows = rows_of(
        structure,
        chain=[CHAINS[k] for k in feats["asym_id"][token].tolist()],
        number=feats["residue_index"][token].tolist(),
        name=words(feats["ref_atom_name_chars"]),
    ).to(token.device)
    condition = given | {"inplace_safe": False}  # it will be asked again

    def part(x, sigma):
        told = {"x_noisy": torch.zeros_like(x).index_copy(1, rows, x), "t_hat_noise_level": sigma}
        return module(**condition | told)[:, rows]

    def denoised(x, sigma):
        x, sigma = (value.to(token.device) for value in (x, sigma))
        return torch.cat([part(*few) for few in zip(x.split(AT_ONCE), sigma.split(AT_ONCE), strict=True)])

    return denoised
