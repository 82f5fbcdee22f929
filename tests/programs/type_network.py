"""PyMOL's commands typed with a network of an example: what they print, and what comes of it."""

import argparse
from pathlib import Path

import numpy as np
from pymol import cmd
from toy import toy

import edmnoise as edm
import edmnoise_pymol

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
parser.add_argument("module")
given = parser.parse_args()

structure = toy().structure()
edm.write_frames(given.folder / "toy.cif", structure, structure.coordinates[None])
edmnoise_pymol.register(cmd)
cmd.load(str(given.folder / "toy.cif"), "toy")
network = f"denoiser={given.module}:denoiser"
for line in (
    f"edm_sample toy, {network}, steps=6, samples=3, name=mine",
    f"edm_error toy, {network} | kabsch, sigma=1, draws=2",
    f"edm_compare toy, {network}, sampler=boltz2, steps=6, samples=2",
    f"edm_sample toy and polymer, {network}, name=other",
):
    print(f"> {line}", flush=True)
    cmd._parser.parse(line)
ends = [cmd.get_coords(f"mine_{sample}", cmd.count_states(f"mine_{sample}")) for sample in (1, 2, 3)]
np.savez(given.folder / "typed.npz", ends=ends, names=cmd.get_names())
