"""Which noise moves atoms as far as my MD trajectory does?

Frames of any origin are measured as noise is. `edm.design` finds the noise of as large a displacement of residues in
their chain and of atoms in their residue. The trajectory is adenylate kinase on its way from closed to open, which
comes with MDAnalysisTests; give a structure and a trajectory of your own in its place.

Displacement of each residue in its chain, in the trajectory and under noise of the same mean square: the trajectory
moves two lids of the protein, and noise all residues alike.
"""

import importlib.util
import math
import sys
import warnings
from pathlib import Path

from matplotlib import pyplot as plt
from shown import finish

import edmnoise as edm

try:
    import MDAnalysis
except ImportError:
    sys.exit("trajectories are read by MDAnalysis here: pip install MDAnalysis MDAnalysisTests")

files = sys.argv[1:3]
if not files:
    tests = importlib.util.find_spec("MDAnalysisTests")
    if tests is None:
        sys.exit("no trajectory: give a structure and a trajectory, or pip install MDAnalysisTests")
    files = [str(Path(tests.origin).parent / "data" / name) for name in ("adk_open.pdb", "adk_dims.dcd")]
structure = edm.read_structure(files[0])
warnings.filterwarnings("ignore", module="MDAnalysis")  # they are about its next version
frames = MDAnalysis.Universe(*files).trajectory.timeseries(order="fac")  # (S, N, 3), angstrom
moved = edm.measure_displacement(structure, frames, align="superpose")
print(moved.table)

length = dict(zip(moved.table["displacement"], moved.table["measured"], strict=True))
made = edm.design(
    structure.hierarchy,
    residue=math.sqrt(3) * length["residue in chain"],  # in space
    atom=math.sqrt(3) * length["atom in residue"],
)
print(f"{made.weights}, sigma {made.sigma:.2f} A")
noise = edm.MultiscaleNoise(structure.hierarchy, made.weights)
noised = noise.frames(sigma=made.sigma, frames=len(frames), seed=0, mean=structure.coordinates)

figure, axis = plt.subplots()
for name, shown in {"noise": edm.measure_displacement(structure, noised), "trajectory": moved}.items():
    rows = edm.level_table(structure, shown, by="residue")
    axis.plot(rows["in chain"], color={"noise": "#8a8a94", "trajectory": "#3f51b5"}[name], label=name)
axis.set(title="Noise knows no lids", xlabel="residue", ylabel="residue in chain (Å)")
axis.legend()
finish(figure)
