"""The same measurement on every structure of a folder?

A sweep is a file that names structures and settings. It uses all cores, goes on where it was interrupted, and writes
tables. Here the folder is filled with the chains of 1TII.

Displacement of residues in their chain, root mean square per coordinate, for each structure and three weights: it
depends on the weights, and hardly on the structure.
"""

import csv
import subprocess
import sys
from pathlib import Path

from matplotlib import pyplot as plt
from shown import COLOURS, cut, finish, given

import edmnoise as edm

whole = given()
folder = Path("structures")
folder.mkdir(exist_ok=True)
for chain in sorted(set(whole.atoms.chain.tolist())):
    part = cut(whole, chain)
    edm.write_frames(folder / f"{chain}.pdb", part, part.coordinates[None])
Path("study.toml").write_text(
    f"""
structures = ["structures/*.pdb"]
measures = ["levels"]
weights = {list(COLOURS)}
z = [0]
draws = 4
"""
)
subprocess.run([sys.executable, "-m", "edmnoise", "sweep", "study.toml", "--processes", "1"], check=True)

with open("study/levels.csv", newline="") as file:
    rows = list(csv.DictReader(file))
figure, axis = plt.subplots()
print("residue in chain (A) of each chain")
for place, (weights, colour) in enumerate(COLOURS.items()):
    shown = [row for row in rows if row["weights"] == weights]
    names = [Path(row["structure"]).stem for row in shown]
    lengths = [float(row["residue in chain (A)"]) for row in shown]
    print(f"{weights:10}", *(f"{name} {length:.2f}" for name, length in zip(names, lengths, strict=True)))
    axis.bar([k + 0.27 * (place - 1) for k in range(len(names))], lengths, 0.24, color=colour, label=weights)
axis.set_xticks(range(len(names)), names)
axis.set(title=f"σ = {float(rows[0]['sigma (A)']):.1f} Å", xlabel="chain", ylabel="residue in chain (Å)")
axis.set_ylim(top=4.4)
axis.legend(ncols=3, loc="upper center")
finish(figure)
