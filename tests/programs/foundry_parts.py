"""What the drivers of RF3 and RFdiffusion 3, which come together, share."""

import torch
from stand_ins import replace, stand_in

NUMBERS = {"C": 6, "N": 7, "O": 8, "S": 16, "CL": 17, "ZN": 30}
RESIDUES = "ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL UNK".split()


class Env:
    """Of environs: nothing is set."""

    def read_env(self):
        pass

    def bool(self, name, default):
        return default


def one_process(function):
    """Of lightning: what the first process does alone."""
    return function


one_process.rank = 0


def stand_in_for_others():
    stand_in("beartype", "jaxtyping", "omegaconf")
    stand_in("lightning", rank_zero_only=one_process)
    stand_in("lightning_utilities", rank_prefixed_message=lambda message, rank: message)
    stand_in("environs", Env=Env)
    stand_in("pydantic", __version__="2")
    replace("rfd3.inference.symmetry.symmetry_utils")


def features(known):
    """As they are when the sampler is called: the trunk has laid the letters of a name in one row before."""
    one_hot = torch.nn.functional.one_hot
    chains = list(dict.fromkeys(known.chain))
    kinds = [RESIDUES.index(name) if name in RESIDUES else 20 for name in known.of_tokens(known.residue_name)]
    return {
        "ref_element": one_hot(torch.tensor([NUMBERS[element] for element in known.element]), 128).float(),
        "ref_atom_name_chars": known.one_hot_names().float().flatten(1),
        "atom_to_token_map": torch.as_tensor(known.token),
        "residue_index": torch.as_tensor(known.of_tokens(known.residue) - 1),
        "asym_id": torch.tensor([chains.index(chain) for chain in known.of_tokens(known.chain)]),
        "restype": one_hot(torch.tensor(kinds), 32).float(),
    }
