"""Linear noise processes beside torch's own normal numbers, and the programs that published them; time over size.

Chroma's own covariances are timed where it is installed: ``pip install --no-deps generate-chroma==1.0.0``. Its layers
are loaded without the rest of it, which needs more. The harmonic prior is its formula, P (D^(-1/2) z) of the
Laplacian's eigenvectors, which are ready.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module, util
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

import numpy as np
import pymol
import torch

from edmnoise.base.threads import mapped
from edmnoise.noise.process import PROCESSES, NoiseChoice, NoiseProcess
from edmnoise.structure.atoms import Atoms
from edmnoise.structure.files import read_structure
from edmnoise.structure.hierarchy import LEVELS, Hierarchy
from edmnoise.structure.structure import Structure

from .harness import Result, compare

FRAMES, SIGMA = 100, 4.8
LINEAR = [name for name, known in PROCESSES.items() if not known.forward_only]
_NAMES = ("N", "CA", "C", "O", "CB", "CG", "CD", "CE")


def _chains(atoms: int, per_residue: int = 8, chains: int = 10) -> Structure:
    """Proteins of equal residues: backbone and side chain, or C-alphas alone."""
    residue = np.arange(atoms) // per_residue
    count = int(residue[-1]) + 1
    chain = np.arange(count) * chains // count
    names = np.array(["CA"] if per_residue == 1 else _NAMES)[np.arange(atoms) % per_residue]
    numbers = np.arange(count) - np.searchsorted(chain, chain)
    told = names, np.full(atoms, "C"), np.full(atoms, "GLY"), numbers[residue], chain[residue], np.full(atoms, "")
    x = np.zeros((atoms, 3), dtype=np.float32)
    return Structure(x, Atoms.make(*told, np.zeros(atoms, dtype=bool)), Hierarchy(LEVELS, (residue, chain)))


def _numbers(structure: Structure) -> Callable[[], object]:
    """Normal numbers for as many frames, a part in each of our threads, as torch draws on one."""

    def draw() -> object:
        drawn = torch.empty(FRAMES, structure.n_atoms, 3)
        mapped(lambda part: part.normal_(generator=torch.Generator()), drawn.split(FRAMES // 10))
        return drawn

    return draw


def _frames(process: NoiseProcess, structure: Structure) -> Callable[[], object]:
    mean = torch.tensor(structure.coordinates)
    return lambda: process.frames(SIGMA, FRAMES, mean=mean)


def _time_per_atom(name: str, structures: list[Structure], repeats: int = 3) -> Result:
    """Nanoseconds per atom and frame over size; the time of the process itself is not in it."""
    made = [(NoiseChoice(name).on(structure), structure.n_atoms) for structure in structures]
    times: list[list[float]] = [[] for _ in made]
    for _ in range(repeats + 1):
        for (process, atoms), taken in zip(made, times, strict=True):
            frames = max(1, 2_000_000 // atoms)
            start = time.perf_counter()
            process.frames(SIGMA, frames)
            taken.append(1e9 * (time.perf_counter() - start) / (atoms * frames))
    per_atom = [median(taken[1:]) for taken in times]
    shown = " / ".join(f"{taken:.1f}" for taken in per_atom)
    return Result(
        f"{name}, ns an atom and frame, 1e4 / 1e5 / 1e6: {shown}", max(per_atom), min(per_atom), None, "at_most"
    )


def _chroma() -> Any:
    """The module of Chroma that holds its covariances; None where it is not installed."""
    found = util.find_spec("chroma")
    if found is None or not found.submodule_search_locations:
        return None
    import sys

    root = Path(next(iter(found.submodule_search_locations)))
    for name in ("chroma", "chroma.layers", "chroma.layers.structure"):
        shell = ModuleType(name)
        shell.__path__ = [str(root.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = shell
    return import_module("chroma.layers.structure.mvn")


def _beside_chroma(structure: Structure) -> list[Result]:
    """Frames of the backbone of 1TII."""
    program = _chroma()
    if program is None:
        print("Chroma is not installed: pip install --no-deps generate-chroma==1.0.0")
        return []
    backbone = structure.take(np.flatnonzero(np.isin(structure.atoms.name, _NAMES[:4]) & ~structure.atoms.is_water))
    chain = backbone.hierarchy.ancestors(1, 2) + 1
    maps = torch.tensor(np.broadcast_to(chain, (FRAMES, len(chain))).copy())
    results = []
    laws = {"chroma_globular": program.BackboneMVNGlobular("globular"), "chroma_gas": program.BackboneMVNResidueGas()}
    for name, law in laws.items():
        ours = _frames(NoiseChoice(name).on(backbone), backbone)

        def theirs(law: Any = law) -> object:
            with torch.no_grad():
                return law.sample(maps)

        target = 5 if name == "chroma_globular" else None
        size = f"{FRAMES} x {backbone.n_atoms:,} atoms"
        results.append(compare(f"{name}, {size}; Chroma's own", ours, theirs, target, repeats=3))
    return results


def _beside_the_eigenvectors() -> Result:
    """C-alphas of one chain."""
    alphas = _chains(5684, per_residue=1, chains=1)
    count = alphas.n_atoms
    angle = np.pi * np.arange(count) / count  # the path's eigenvectors are cosines; its values 2 - 2 cos
    vectors = np.cos(np.outer(np.arange(count) + 0.5, angle)) * np.sqrt(2 / count)
    roots = np.concatenate([[0.0], 1 / np.sqrt(3 / 3.8**2 * (2 - 2 * np.cos(angle[1:])))])
    p, root = torch.tensor(vectors, dtype=torch.float32), torch.tensor(roots, dtype=torch.float32)[:, None]

    def theirs() -> object:
        return p @ (root * torch.randn(FRAMES, count, 3))

    ours = _frames(NoiseChoice("harmonic").on(alphas), alphas)
    return compare(f"harmonic, {FRAMES} x {count:,} C-alphas; its eigenvectors", ours, theirs, 5, repeats=3)


def run() -> list[Result]:
    """All of it, with torch's threads as they are."""
    toxin = read_structure(Path(pymol.__file__).parent / "data" / "demo" / "1tii.pdb", solvent=True)
    size = f"{FRAMES} x {toxin.n_atoms:,} atoms"
    results = [
        compare(
            f"{name}, {size}; torch normal_, as many threads",
            _frames(NoiseChoice(name).on(toxin), toxin),
            _numbers(toxin),
            2,
            "at_most",
            15,
        )
        for name in LINEAR
    ]
    results += [*_beside_chroma(toxin), _beside_the_eigenvectors()]
    sizes = [_chains(atoms) for atoms in (10**4, 10**5, 10**6)]
    return results + [_time_per_atom(name, sizes) for name in LINEAR]
