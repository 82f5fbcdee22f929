"""Trajectories as BoltzGen writes them: its alignment of frames, its PDB lines, its joining of models."""

import argparse
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from stand_ins import replace, stand_in
from toy import toy

stand_in("einx", "einops", "pytorch_lightning", "rdkit", "tqdm")
replace("boltzgen.data.data", "boltzgen.data.feature", "boltzgen.data.write.mmcif", "boltzgen.model.modules")

from boltzgen.data.write.pdb import to_pdb  # noqa: E402
from boltzgen.model.loss.diffusion import weighted_rigid_align  # noqa: E402
from boltzgen.task.predict.writer import DesignWriter  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
parser.add_argument("--steps", type=int, default=30)
given = parser.parse_args()

known = toy()
places = torch.tensor(known.coordinates - known.coordinates.mean(0), dtype=torch.float32)
torch.manual_seed(0)
levels = 2560 * torch.logspace(0, -4, given.steps)
x0 = places + 0.3 * levels.clamp(max=4.0)[:, None, None] * torch.randn(given.steps, *places.shape)
x = places + levels[:, None, None] * torch.randn(given.steps, *places.shape)


def aligned(frames):
    """Each onto the one before."""
    mask = torch.ones(1, len(places))
    made = [frames[0]]
    for frame in frames[1:]:
        made.append(weighted_rigid_align(frame[None], made[-1][None], mask, mask)[0])
    return made


def structure(frame, last):
    """As `Structure.from_feat` gives it; designed residues are guessed anew in each frame."""
    chains, residues, atoms = [], [], []
    for chain in dict.fromkeys(known.chain):
        numbers = dict.fromkeys(known.residue[known.chain == chain].tolist())
        kind = 3 if chain == "C" else 0
        chains.append({"asym_id": len(chains), "res_idx": len(residues), "res_num": len(numbers), "mol_type": kind})
        for number in numbers:
            held = np.flatnonzero((known.chain == chain) & (known.residue == number))
            guessed = known.residue_name[held[0]] if last or kind else "GLY"
            residues.append({"atom_idx": len(atoms), "atom_num": len(held), "name": guessed, "res_idx": number - 1})
            names = [known.name[at] if last or kind else f"X{at % 14}" for at in held.tolist()]
            atoms += [(name, place, True) for name, place in zip(names, frame[held].numpy(), strict=True)]
    rows = np.array(atoms, dtype=[("name", "U4"), ("coords", "f4", 3), ("is_present", "?")])
    return SimpleNamespace(chains=chains, residues=residues, atoms=rows, bonds=[])


for name, frames in (("traj", [*x, places, places]), ("x0_traj", list(x0))):
    laid = aligned(frames)
    models = [to_pdb(structure(frame, number == len(laid) - 1)) for number, frame in enumerate(laid)]
    text = DesignWriter.combine_pdb_models(None, models)
    (given.folder / f"design_{name}.pdb").write_text(text)
    np.save(given.folder / f"{name}.npy", torch.stack(laid).numpy())
np.savez(given.folder / "names.npz", **known.names())
