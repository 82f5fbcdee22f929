"""1,000 frames of 3,000 atoms laid onto a reference: beside mdtraj, biotite and PyMOL, each on its own kind of data."""

from __future__ import annotations

import biotite.structure as biotite
import mdtraj
import numpy as np
import torch
from pymol import cmd

from edmnoise.structure.superpose import superpose

from .harness import Result, compare, show

FRAMES, ATOMS = 1000, 3000


def _coordinates() -> tuple[np.ndarray, np.ndarray]:
    """Atoms of a protein that PyMOL ships (N, 3), and turned, shifted copies with noise of 1 A (S, N, 3), float32.

    They are also the states of the PyMOL object ``protein``, the first of which is the reference.
    """
    cmd.reinitialize()
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "crystal")
    cmd.create("protein", f"crystal and index 1-{ATOMS}", 1, 1)
    cmd.delete("crystal")
    native = cmd.get_coordset("protein", 1)
    random = np.random.default_rng(0)
    turns, _ = np.linalg.qr(random.normal(size=(FRAMES, 3, 3)))
    turns *= np.linalg.det(turns)[:, None, None]
    frames = native @ turns + random.normal(0, 20, (FRAMES, 1, 3)) + random.normal(0, 1, (FRAMES, ATOMS, 3))
    frames = frames.astype(np.float32)
    for k, frame in enumerate(frames):
        cmd.load_coordset(frame, "protein", k + 2)
    return native, frames


def _trajectory(frames: np.ndarray) -> mdtraj.Trajectory:
    topology = mdtraj.Topology()
    residue = topology.add_residue("X", topology.add_chain())
    for _ in range(frames.shape[1]):
        topology.add_atom("C", mdtraj.element.carbon, residue)
    return mdtraj.Trajectory(frames / 10, topology)  # nanometres


def run() -> list[Result]:
    """Moving the frames onto the reference, and RMSDs alone, with two threads and with one."""
    native, copies = _coordinates()
    reference, border = torch.from_numpy(native.T.copy()), torch.from_numpy(copies.copy())
    frames = border.mT.contiguous()
    trajectory, target = _trajectory(copies), _trajectory(native[None])

    results = []
    threads = torch.get_num_threads()
    for count in (2, 1):
        torch.set_num_threads(count)
        parallel = count > 1

        def ours() -> object:
            return superpose(frames, reference, out=frames)

        def ours_border() -> object:
            return superpose(border.mT, reference, out=border.mT)

        def ours_rmsd() -> object:
            return superpose(frames, reference).rmsd

        def in_mdtraj(parallel: bool = parallel) -> object:
            return trajectory.superpose(target, parallel=parallel)

        def in_mdtraj_rmsd(parallel: bool = parallel) -> object:
            return mdtraj.rmsd(trajectory, target, parallel=parallel)

        def in_biotite() -> object:
            return biotite.superimpose(native, copies)

        def in_pymol() -> object:
            return cmd.intra_fit("protein", 1, pbc=0)

        def in_pymol_rmsd() -> object:
            return cmd.intra_rms("protein", 1)

        how = "2 threads" if parallel else "1 thread"
        results += [
            compare(f"superpose, in place; mdtraj superpose ({how})", ours, in_mdtraj, 8),
            compare(f"superpose, in place; biotite superimpose ({how})", ours, in_biotite, 15),
            compare(f"superpose, in place; PyMOL intra_fit ({how})", ours, in_pymol, 3),
            compare(f"the same, atoms first; mdtraj superpose ({how})", ours_border, in_mdtraj, None),
            compare(f"the same, atoms first; PyMOL intra_fit ({how})", ours_border, in_pymol, None),
            compare(f"RMSD alone; PyMOL intra_rms ({how})", ours_rmsd, in_pymol_rmsd, 3),
            compare(f"RMSD alone; mdtraj rmsd, float32 sums ({how})", ours_rmsd, in_mdtraj_rmsd, None),
        ]
    torch.set_num_threads(threads)
    cmd.reinitialize()
    return results


if __name__ == "__main__":
    print(show(run()))
