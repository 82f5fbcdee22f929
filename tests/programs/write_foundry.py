"""Trajectories as RF3 and RFdiffusion 3 write them, of their own samplers' scaling and out of their own code.

atomworks, which they write CIF files with, is a large package; biotite, which it writes them with itself, is at hand.
"""

import argparse
from pathlib import Path
from types import SimpleNamespace

import biotite.structure
import biotite.structure.io.pdbx
import numpy as np
import torch
from foundry_parts import stand_in_for_others
from stand_ins import replace, stand_in
from toy import toy

stand_in_for_others()


def to_cif_file(array, path, **others):
    file = biotite.structure.io.pdbx.CIFFile()
    biotite.structure.io.pdbx.set_structure(file, array)
    file.write(f"{path}.cif")


stand_in("atomworks", to_cif_file=to_cif_file)
stand_in("toolz", "yaml")
replace("foundry.inference_engines", "rfd3.constants", "rfd3.inference", "rfd3.model", "rfd3.utils.inference")

from rf3.utils.io import dump_trajectories  # noqa: E402
from rfd3.engine import RFD3InferenceEngine  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
parser.add_argument("--steps", type=int, default=30)
given = parser.parse_args()

known = toy()
places = torch.tensor(known.coordinates - known.coordinates.mean(0), dtype=torch.float32)
atoms = biotite.structure.AtomArray(len(places))
atoms.atom_name, atoms.element, atoms.res_name = known.name, known.element, known.residue_name
atoms.res_id, atoms.chain_id = known.residue, known.chain

torch.manual_seed(0)
between = 16 * (160 ** (1 / 7) + torch.linspace(0, 1, given.steps + 1) * (4e-4 ** (1 / 7) - 160 ** (1 / 7))) ** 7


def run(gamma):
    """Levels, what the network would be given and what it would give, (steps, 2, N, 3)."""
    t = between[:-1] * (1 + gamma * (between[1:] > 1))
    x = places + t[:, None, None, None] * torch.randn(given.steps, 2, *places.shape)
    return t, x, places + 0.3 * t.clamp(max=4.0)[:, None, None, None] * torch.randn(given.steps, 2, *places.shape)


def scaled(t, x):
    return list(16 * x / torch.sqrt(t[:, None, None, None] ** 2 + 256))


t, x, x0 = run(0.6)
network = {"X_noisy_L_traj": scaled(t, x), "X_denoised_L_traj": list(x0)}
trainer = SimpleNamespace(
    fabric=SimpleNamespace(to_device=lambda given: given),
    validation_step=lambda **others: {
        "network_output": network,
        "predicted_atom_array_stack": [atoms, atoms],
        "prediction_metadata": {0: {}, 1: {}},
    },
)
engine = SimpleNamespace(
    trainer=trainer, dump_trajectories=True, dump_prediction_metadata_json=False, align_trajectory_structures=False
)
for output in RFD3InferenceEngine._model_forward(engine, {"example_id": "design", "atom_array": atoms}):
    output.dump(out_dir=given.folder)
np.savez(given.folder / "rfd3.npz", t=t, x=x, x0=x0)

t, x, x0 = run(0.8)
dump_trajectories([*x0.clone()], atoms, given.folder / "fold_denoised", file_type="cif")
dump_trajectories(scaled(t, x), atoms, given.folder / "fold_noisy", file_type="cif")
np.savez(given.folder / "rf3.npz", t=t, x=x, x0=x0)
