"""Frames into PyMOL: one DCD file, beside a call a state and beside a multi-MODEL PDB file; exact in every bit.

And out of it again, without PyMOL's NumPy functions, beside `get_coords`.
"""

from __future__ import annotations

import os
import tempfile

import numpy as np
from pymol import cmd

from edmnoise_pymol.scene import arrays
from edmnoise_pymol.scene.frames import appended_frames

from .harness import Result, compare, show

FRAMES, ATOMS = 100, 30_000
BLOCKS = 13
"""Frames come from the noise eight of this size at a time."""


def _coordinates() -> np.ndarray:
    """(S, N, 3) float32 frames for the object ``mol``: copies of one that PyMOL ships, in one order everywhere."""
    cmd.reinitialize()
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "crystal")
    copies = []
    for copy in range(-(-ATOMS // cmd.count_atoms("crystal"))):
        cmd.alter("crystal", f"segi = 'C{copy}'")
        copies.append(f"copy_{copy}")
        cmd.create(copies[-1], "crystal", 1, 1, zoom=0)
    cmd.create("mol", f"({' or '.join(copies)}) and not solvent", 1, 1, zoom=0)
    cmd.remove(f"mol and index {ATOMS + 1}-")
    cmd.create("ordered", "mol", 1, 1, zoom=0)
    for name in ("crystal", "mol", *copies):
        cmd.delete(name)
    cmd.set_name("ordered", "mol")
    reference = cmd.get_coords("mol", 1)
    assert reference.shape == (ATOMS, 3)
    random = np.random.default_rng(0)
    return (reference + random.normal(0, 5, (FRAMES, ATOMS, 3))).astype(np.float32)


def _multi_model(path: str, frames: np.ndarray) -> None:
    """The usual way by hand: the reference's PDB lines, with other coordinates for each model."""
    lines = [line for line in cmd.get_pdbstr("mol", 1).splitlines() if line.startswith(("ATOM", "HETATM"))]
    ends = [(line[:30], line[54:]) for line in lines]
    with open(path, "w") as file:
        for number, frame in enumerate(frames, 1):
            file.write(f"MODEL     {number:4d}\n")
            rows = zip(ends, frame.tolist(), strict=True)
            file.writelines(f"{left}{x:8.3f}{y:8.3f}{z:8.3f}{right}\n" for (left, right), (x, y, z) in rows)
            file.write("ENDMDL\n")


def _reading(name: str) -> Result:
    """What a PyMOL whose NumPy functions fail pays to read all states of an object, beside one where they work."""
    last = cmd.count_states(name)

    def without() -> list[np.ndarray | None]:
        works, arrays._works = arrays._works, False
        try:
            return list(arrays.states(cmd, name, 2, last))
        finally:
            arrays._works = works

    def with_them() -> list[np.ndarray | None]:
        return [cmd.get_coords(name, state) for state in range(2, last + 1)]

    for one, other in zip(without(), with_them(), strict=True):
        np.testing.assert_array_equal(one, other)
    label = f"{last - 1} states of {ATOMS:,} atoms out of PyMOL without its NumPy functions; get_coords"
    return compare(label, without, with_them, 3.0, "at_most")


def run() -> list[Result]:
    """Each call adds the frames to an object of one state that has been made before."""
    frames = _coordinates()
    repeats, target = 5, 0
    for copy in range(2 * (repeats + 1) + 4):
        cmd.create(f"target_{copy}", "mol", 1, 1, zoom=0)

    def fresh() -> str:
        nonlocal target
        target += 1
        return f"target_{target - 1}"

    def ours() -> None:
        with appended_frames(cmd, fresh(), FRAMES) as append:
            for block in np.array_split(frames, BLOCKS):
                append(block)

    def a_call_a_state() -> None:
        name = fresh()
        for state, frame in enumerate(frames, 2):
            cmd.load_coordset(frame, name, state)

    def a_pdb_file() -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "frames.pdb")
            _multi_model(path, frames)
            cmd.load(path, fresh(), 0, quiet=1, zoom=0)

    size = f"{FRAMES} frames of {ATOMS:,} atoms into PyMOL"
    results = [compare(f"{size}; load_coordset a state", ours, a_call_a_state, 10, repeats=repeats)]
    for state, frame in enumerate(frames, 2):
        if not np.array_equal(cmd.get_coords("target_0", state), frame):
            raise AssertionError(f"state {state} is not the frame that was given")
    results.append(_reading("target_0"))
    for used in range(target):
        cmd.delete(f"target_{used}")
    results.append(compare(f"{size}; multi-MODEL PDB file", ours, a_pdb_file, 100, repeats=1))
    cmd.reinitialize()
    return results


if __name__ == "__main__":
    print(show(run()))
