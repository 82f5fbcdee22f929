"""What drivers of Boltz and BoltzGen share: the toy as their featurizers have it."""

from types import SimpleNamespace

import numpy as np
import torch

PAD_TO, ELEMENTS, TOKENS = 32, 128, 33
NUMBERS = {"C": 6, "N": 7, "O": 8, "S": 16, "CL": 17, "ZN": 30}


def features(known, const, records=1):
    """Of a batch of equal records; ``const`` is the program's module of constants."""
    atoms = len(known.name)
    padded = -(-atoms // PAD_TO) * PAD_TO

    def batched(values):
        return torch.as_tensor(values)[None].repeat(records, *[1] * np.ndim(values))

    def padding(values):
        values = torch.as_tensor(values)
        return torch.cat([values, values.new_zeros(padded - atoms, *values.shape[1:])])

    one_hot = torch.nn.functional.one_hot
    kinds = [const.token_ids.get(name, const.token_ids["UNK"]) for name in known.of_tokens(known.residue_name)]
    token = torch.as_tensor(known.token)
    chains = list(dict.fromkeys(known.chain))
    asym = np.array([chains.index(chain) for chain in known.of_tokens(known.chain)])
    ligand = known.of_tokens(known.residue_name) == "LIG"
    element = torch.tensor([NUMBERS[element] for element in known.element])
    record = SimpleNamespace(id="toy", chains=[SimpleNamespace(chain_id=i, chain_name=c) for i, c in enumerate(chains)])
    return {
        "ref_atom_name_chars": batched(padding(known.one_hot_names())),
        "ref_element": batched(padding(one_hot(element, ELEMENTS))),
        "atom_to_token": batched(padding(one_hot(token))),
        "atom_pad_mask": batched(padding(torch.ones(atoms))),
        "token_index": batched(torch.arange(len(asym))),
        "residue_index": batched(known.of_tokens(known.residue) - 1),
        "asym_id": batched(asym),
        "mol_type": batched(np.where(ligand, 3, 0)),
        "res_type": batched(one_hot(torch.tensor(kinds), TOKENS)),
        "record": [record] * records,
    }
