"""Noise that is forward only beside normal numbers, and beside what its authors do, transcribed to plain NumPy.

FrameDiff's code and FoldingDiff's are no packages that pip finds, so that their arithmetic is written down here anew:
angles of rotations looked up in a table of IGSO(3)'s distribution, composed with each residue's frame by SciPy as
rotation vectors, and applied to its atoms (as in se3_diffusion, without its scores); the backbone built from its
torsions atom by atom, one chain after another (NeRF, as in FoldingDiff). The latter places three atoms of a residue,
ours all.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

import numpy as np
import pymol
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from edmnoise.base.threads import mapped
from edmnoise.noise.processes.forward import ForwardNoise
from edmnoise.noise.processes.frames import RigidFrames
from edmnoise.noise.processes.torsions import TorsionNoise
from edmnoise.structure.files import read_structure
from edmnoise.structure.structure import Structure

from .harness import Result, compare, show

SIGMA, FRAMES = 4.8, 100
Array = NDArray[np.float64]

_RNG = np.random.default_rng(0)


def _normal(structure: Structure, parts: int = 1) -> object:
    drawn = torch.empty(FRAMES, structure.n_atoms, 3)
    return mapped(lambda part: part.normal_(generator=torch.Generator()), drawn.split(FRAMES // parts))


class NumpyFrames:
    """Translations, and rotations from a table of 1,000 angles that turn frames held as vectors, a frame at a time."""

    def __init__(self, structure: Structure, s: float) -> None:
        self.x = structure.coordinates.astype(np.float64)
        self.residue = structure.residue_of_atoms
        size = np.bincount(self.residue)
        self.centre = np.stack([np.bincount(self.residue, axis) / size for axis in self.x.T], axis=1)
        alpha = np.flatnonzero(structure.atoms.name == "CA")
        self.centre[self.residue[alpha]] = self.x[alpha]
        start = Rotation.random(len(self.centre), random_state=0)  # any frame of a residue takes as long
        self.frames = start.as_rotvec()
        arms = self.x - self.centre[self.residue]
        self.local = np.einsum("nji,nj->ni", start.as_matrix()[self.residue], arms)
        self.angle = np.linspace(0, np.pi, 1001)[1:]
        order = np.arange(1000)[:, None]
        series = (2 * order + 1) * np.exp(-order * (order + 1) * s**2 / 2) * np.sin((order + 0.5) * self.angle)
        density = (series / np.sin(self.angle / 2)).sum(axis=0) * (1 - np.cos(self.angle)) / np.pi
        self.distribution = np.cumsum(density) * np.pi / 1000

    def frame(self) -> Array:
        """One noised frame."""
        axis = _RNG.standard_normal((len(self.centre), 3))
        axis /= np.linalg.norm(axis, axis=-1, keepdims=True)
        angle = np.interp(_RNG.random(len(self.centre)), self.distribution, self.angle)
        turned_frame = Rotation.from_rotvec(self.frames) * Rotation.from_rotvec(axis * angle[:, None])
        rotation = Rotation.from_rotvec(turned_frame.as_rotvec()).as_matrix()
        moved = self.centre + SIGMA * _RNG.standard_normal(self.centre.shape)
        turned: Array = np.einsum("nij,nj->ni", rotation[self.residue], self.local) + moved[self.residue]
        return turned


class NumpyBackbone:
    """N, CA and C of each residue, placed one after another from lengths, angles and torsions (Parsons et al. 2005)."""

    def __init__(self, structure: Structure) -> None:
        atoms = structure.atoms
        backbone = np.isin(atoms.name, ["N", "CA", "C"]) & atoms.in_component
        self.chains = [
            structure.coordinates[backbone & (atoms.chain == chain)].astype(np.float64)
            for chain in np.unique(atoms.chain[backbone])
        ]

    def frame(self, turn: float) -> list[Array]:
        """One noised frame."""
        return [self._built(chain, turn) for chain in self.chains]

    def _built(self, chain: Array, turn: float) -> Array:
        step = np.diff(chain, axis=0)
        length = np.linalg.norm(step, axis=1)
        unit = step / length[:, None]
        angle = np.arccos(np.clip((-unit[:-1] * unit[1:]).sum(axis=1), -1, 1))
        normal = np.cross(unit[:-1], unit[1:])
        sine = (np.cross(normal[:-1], normal[1:]) * unit[1:-1]).sum(axis=1)
        torsion = np.arctan2(sine, (normal[:-1] * normal[1:]).sum(axis=1)) + turn * _RNG.standard_normal(len(chain) - 3)
        placed = list(chain[:3])
        for k, phi in enumerate(torsion):
            a, b, c = placed[-3:]
            bc = (c - b) / np.linalg.norm(c - b)
            n = np.cross(b - a, bc)
            n /= np.linalg.norm(n)
            r, theta = length[k + 2], angle[k + 1]
            local = r * np.array([-np.cos(theta), np.cos(phi) * np.sin(theta), np.sin(phi) * np.sin(theta)])
            placed.append(np.stack([bc, np.cross(n, bc), n]).T @ local + c)
        return np.array(placed)


def _first_frame(noise: ForwardNoise, mean: torch.Tensor, repeats: int = 15) -> float:
    """Milliseconds of one frame, as Live asks for it: at another level each time."""
    times = []
    for number in range(repeats):
        start = time.perf_counter()
        noise.frames(SIGMA + 0.01 * number, [0], mean=mean)
        times.append(time.perf_counter() - start)
    return 1e3 * median(times)


def run() -> list[Result]:
    """Each process beside filling the array with normal numbers, alone, and beside the transcription."""
    structure = read_structure(Path(pymol.__file__).parent / "data" / "demo" / "1tii.pdb", solvent=True)
    mean = torch.tensor(structure.coordinates)
    frames, torsions = RigidFrames(structure), TorsionNoise(structure)
    plain, chain = NumpyFrames(structure, frames.rotation(SIGMA)), NumpyBackbone(structure)
    size = f"{FRAMES} x {structure.n_atoms:,} atoms"
    threads = torch.get_num_threads()
    results = []
    for name, noise in (("frames", frames), ("torsions", torsions)):

        def ours(noise: ForwardNoise = noise) -> object:
            return noise.frames(SIGMA, FRAMES, mean=mean)

        def normal(parts: int) -> object:
            return _normal(structure, parts)

        results.append(compare(f"{name}, {size}; normal_, as many threads", ours, lambda: normal(10), 10, "at_most"))
        torch.set_num_threads(1)
        results.append(compare(f"{name}, {size}; normal_ (1 thread)", ours, lambda: normal(1), 10, "at_most"))
        torch.set_num_threads(threads)
        results.append(Result(f"{name}, 1 frame at a new level", _first_frame(noise, mean), 1.0, None, "at_most"))
    results.append(
        compare(
            f"frames, {size}; FrameDiff's in NumPy",
            lambda: frames.frames(SIGMA, FRAMES, mean=mean),
            lambda: [plain.frame() for _ in range(FRAMES)],
            5,
            repeats=3,
        )
    )
    results.append(
        compare(
            "torsions, 10 frames; FoldingDiff's in NumPy, backbone only",
            lambda: torsions.frames(SIGMA, 10, mean=mean),
            lambda: [chain.frame(torsions.turn * SIGMA) for _ in range(10)],
            5,
            repeats=3,
        )
    )
    return results


if __name__ == "__main__":
    print(show(run()))
