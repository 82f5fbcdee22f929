"""What drivers of Protenix and OpenDDE share: stand-ins for what they import, and the toy as they have it."""

import gemmi
import torch
from stand_ins import stand_in


class GetPeriodicTable:
    """Of rdkit, which Protenix asks for the symbols of elements."""

    def GetElementSymbol(self, number):
        return gemmi.Element(number).name


def stand_in_for_others():
    stand_in("optree", "rdkit", GetPeriodicTable=GetPeriodicTable)


def features(known, constants):
    """``constants`` is the program's module of them."""
    one_hot = torch.nn.functional.one_hot
    kinds = [constants.STD_RESIDUES.get(name, 20) for name in known.of_tokens(known.residue_name)]
    elements = [symbol.upper() for symbol in constants.get_all_elems()]
    chains = list(dict.fromkeys(known.chain))
    return {
        "atom_to_token_idx": torch.as_tensor(known.token),
        "ref_atom_name_chars": known.one_hot_names().float(),
        "ref_element": one_hot(torch.tensor([elements.index(element) for element in known.element]), 128).float(),
        "residue_index": torch.as_tensor(known.of_tokens(known.residue)),
        "asym_id": torch.tensor([chains.index(chain) for chain in known.of_tokens(known.chain)]),
        "restype": one_hot(torch.tensor(kinds), 32).float(),
    }
