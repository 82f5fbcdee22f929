"""Makes what ``boltz predict`` needs, tiny: a Boltz-2 of random weights, the twenty amino acids, and two inputs.

Run by a Python that has all of boltz 2.2.1, with the folder to make.
"""

import pickle
import sys
from dataclasses import asdict
from pathlib import Path

import torch
from boltz.data import const
from boltz.main import Boltz2DiffusionParams, BoltzSteeringParams, MSAModuleArgs, PairformerArgsV2
from boltz.model.models.boltz2 import Boltz2
from omegaconf import OmegaConf
from rdkit import Chem, RDLogger
from rdkit.Chem import AllChem

INPUTS = {"first": ("ACDEFGHIKLMN", "PQRSTVWYAG"), "second": ("ACDEFGHIKLMN", "GGSGG")}

ATOMS = {"atom_encoder_depth": 1, "atom_encoder_heads": 2}
MODEL = {
    "atom_s": 16,
    "atom_z": 8,
    "token_s": 32,
    "token_z": 16,
    "num_bins": 64,
    "atom_feature_dim": 388,
    "training_args": OmegaConf.create(
        {"max_lr": 1e-3, "weight_decay": 0.0, "diffusion_multiplicity": 1, "recycling_steps": 0}
    ),
    "validation_args": {},
    "diffusion_loss_args": {},
    "embedder_args": ATOMS,
    "msa_args": asdict(MSAModuleArgs(use_paired_feature=True)),
    "pairformer_args": asdict(PairformerArgsV2()),
    "score_model_args": {
        "sigma_data": 16,
        "dim_fourier": 32,
        "token_transformer_depth": 1,
        "token_transformer_heads": 2,
        "atom_decoder_depth": 1,
        "atom_decoder_heads": 2,
        "conditioning_transition_layers": 1,
        **ATOMS,
    },
    "diffusion_process_args": asdict(Boltz2DiffusionParams()),
    "confidence_model_args": {
        "num_dist_bins": 64,
        "max_dist": 22,
        "pairformer_args": {"num_blocks": 1, "num_heads": 2, "dropout": 0.0},
        "confidence_args": {},
    },
    "alpha_pae": 1.0,
    "validate_structure": False,
    "steering_args": asdict(BoltzSteeringParams()),
}


def amino_acid(name):
    """As the program's dictionary of components has it; an unknown one is alanine."""
    letters = {residue: letter for letter, residue in const.prot_letter_to_token.items() if residue != "UNK"}
    mol = Chem.MolFromSequence(letters.get(name, "A"))
    if AllChem.EmbedMolecule(mol, randomSeed=1) != 0:
        raise RuntimeError(f"{name} has no conformer")
    for atom in mol.GetAtoms():
        atom.SetProp("name", atom.GetPDBResidueInfo().GetName().strip())
        atom.SetProp("leaving_atom", "0")
    return mol


def main(folder):
    cache, inputs = folder / "cache", folder / "inputs"
    (cache / "mols").mkdir(parents=True)
    inputs.mkdir()
    Chem.SetDefaultPickleProperties(Chem.PropertyPickleOptions.AllProps)
    RDLogger.DisableLog("rdApp.*")
    for name in const.canonical_tokens:
        (cache / "mols" / f"{name}.pkl").write_bytes(pickle.dumps(amino_acid(name)))
    for name in ("mols.tar", "boltz2_aff.ckpt"):  # else they would be downloaded
        (cache / name).touch()
    torch.manual_seed(0)
    weights = Boltz2(**MODEL).state_dict()
    checkpoint = {"state_dict": weights, "hyper_parameters": MODEL, "pytorch-lightning_version": "2.5.0"}
    torch.save(checkpoint, cache / "boltz2_conf.ckpt")
    for name, sequences in INPUTS.items():
        lines = ["version: 1", "sequences:"]
        for chain, sequence in zip("AB", sequences, strict=True):
            lines += ["  - protein:", f"      id: {chain}", f"      sequence: {sequence}", "      msa: empty"]
        (inputs / f"{name}.yaml").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
