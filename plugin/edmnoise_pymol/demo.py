"""python -m edmnoise_pymol.demo FOLDER: the main job on PyMOL's own 1TII, without a window; tables, pictures, files.

Every step is the command that a user would type; the line is printed before what it prints.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from edmnoise.base.errors import EdmNoiseError

FRAGMENT = "1tii and chain A and resi 4-35"
"""32 residues and 253 atoms of one chain: the size of the published experiment's peptide."""

_WEIGHTS = (("flat", "flat"), ("current", "8.2 1.6 1.3"), ("rebalanced", "1 4 4"))


def run(folder: str) -> None:
    """Write the whole demonstration into a folder, which is made if it is not there."""
    from pymol import cmd

    from edmnoise_pymol import register

    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise EdmNoiseError(f"cannot make the folder {folder}: {error.strerror}") from error
    register(cmd)
    do, inside = _typist(cmd), _paths(folder)
    cmd.feedback("disable", "all", "actions details results")
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")

    print(f"\n== The fragment {FRAGMENT}: the table that a study of noise weights starts with")
    do(f"edm_table {FRAGMENT}, file={inside('fragment_table.csv')}")
    print("\n== The same at z = 0 over 200 draws: what is left of the scatter")
    do(f"edm_table {FRAGMENT}, z=0, draws=200, file={inside('fragment_table_200.csv')}")

    print("\n== Frames at z = -1 for three weights; with translations removed, the lower rows are what is left")
    for name, weights in _WEIGHTS:
        do(f"edm_noise {FRAGMENT}, z=-1, weights={weights}, frames=10, name=fragment_{name}")
        do(f"edm_levels fragment_{name}, align=center")
        do(f"edm_save {inside(f'fragment_{name}.pdb')}, fragment_{name}")
        _picture(cmd, inside(f"fragment_{name}.png"), f"fragment_{name}", 0)
    do(f"edm_save {inside('fragment_current_residues.pdb')}, fragment_current, residue")
    do(f"edm_levels fragment_current, by=residue, file={inside('fragment_current_residues.csv')}")

    print("\n== All seven chains of 1TII at z = 0, coloured by residue in chain, then by chain")
    do("edm_noise 1tii, weights=current, frames=10, name=complex_current")
    _picture(cmd, inside("complex_reference.png"), "complex_current", 1)
    _picture(cmd, inside("complex_current.png"), "complex_current", 2)
    do("edm_color complex_current, level=chain")
    _picture(cmd, inside("complex_current_by_chain.png"), "complex_current", 2)
    do(f"edm_save {inside('complex_current.cif')}, complex_current")

    print("\n== Sampling: the five copies D-H of 1TII's subunit as five states, and what a sampler does with them")
    for chain in "DEFGH":
        cmd.create(f"copy_{chain}", f"1tii and chain {chain} and polymer", 1, 1, zoom=0)
    copies = " or ".join(f"copy_{chain}" for chain in "DEFGH")
    do(f"edm_sample {copies}, weights=current, steps=30, name=steps, file={inside('steps.png')}")
    do(f"edm_sample {copies}, sampler=boltz2, steps=50, samples=10, trajectory=0, name=ten, file={inside('ten.csv')}")
    do(f"edm_precondition copy_D, weights=current, file={inside('precondition.csv')}")
    for state in (22, 25, 32):
        _picture(cmd, inside(f"steps_{state}.png"), "steps", state)
    _picture(cmd, inside("ten.png"), "ten", 0)

    cmd.set("all_states", 0)
    cmd.frame(1)
    cmd.enable("all")
    cmd.save(inside("edmnoise.pse"))
    print(f"\n== Written to {folder}: {', '.join(sorted(os.listdir(folder)))}")


def _typist(cmd: Any) -> Callable[[str], None]:
    """A function that runs a line as if it had been typed, and raises where PyMOL would only print."""

    def do(line: str) -> None:
        command, _, rest = line.partition(" ")
        arguments = [part.strip() for part in rest.split(",")]
        named = dict(part.split("=", 1) for part in arguments if "=" in part)
        print(f"\nPyMOL> {line}")
        cmd.keyword[command][0](*[part for part in arguments if "=" not in part], **named, quiet=0, _self=cmd)

    return do


def _paths(folder: str) -> Callable[[str], str]:
    return lambda name: os.path.join(folder, name)


def _picture(cmd: Any, path: str, name: str, state: int) -> None:
    """Backbone trace of one state, or of all of them for state 0, in the object's colours on white."""
    cmd.disable("all")
    cmd.enable(name)
    cmd.hide("everything", name)
    cmd.show("ribbon", name)
    cmd.set("all_states", int(state == 0))
    cmd.frame(max(state, 1))
    if state < 2 or name == "steps":  # later frames keep the reference's view, so that pictures can be compared
        cmd.orient(name, state=1)
        cmd.zoom(name, -2, state=0 if state == 0 else 1)
    cmd.bg_color("white")
    cmd.set("ray_opaque_background", 1)
    cmd.set("ribbon_width", 4)
    cmd.png(path, width=800, height=600, ray=1, quiet=1)
    print(f"\n{path} drawn")


def main(arguments: Sequence[str]) -> int:
    """Run with one argument, the folder."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: python -m edmnoise_pymol.demo FOLDER", file=sys.stderr)
        return 2
    try:
        run(arguments[0])
    except EdmNoiseError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
