#!/bin/sh
# mdtraj's compute_rg with masses weights the distances, but takes them from the mean of the coordinates, not from the
# centre of mass: the result is no radius of gyration, and always too large.
#
# Source: mdtraj 1.11.0, mdtraj/geometry/rg.py, _compute_rg_xyz: mu = xyz.mean(1), and weights = masses / masses.sum()
# are used for the squares alone. numpy 1.26.4, Python 3.11.
# Behaviour: with masses the square is too large by that of the distance between the two centres. For a protein
# without hydrogens that is little; where mass lies at one end (a metal, iodine or selenium in a ligand, a protein of
# which only one part has its hydrogens) it is not. MDAnalysis's radius_of_gyration is about the centre of mass.
# Seen, of a platinum atom at the end of a chain of nine carbons: mdtraj 5.02 A, about the centre of mass 3.63 A,
# MDAnalysis 2.11.0 the same; without masses mdtraj agrees with the definition.
# Exits with 1 where the behaviour has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q mdtraj==1.11.0 MDAnalysis==2.11.0 numpy==1.26.4
cat > "$folder/gyration.py" <<'PY'
import sys

import MDAnalysis
import mdtraj
import numpy as np
from mdtraj.core.element import carbon, platinum

topology = mdtraj.Topology()
residue = topology.add_residue("LIG", topology.add_chain())
for number, element in enumerate([platinum] + [carbon] * 9):
    topology.add_atom(f"{element.symbol}{number}", element, residue)
masses = np.array([atom.element.mass for atom in topology.atoms])
places = np.array([[1.27 * number, 0.44 * (-1) ** number, 0] for number in range(10)])  # angstrom
trajectory = mdtraj.Trajectory(places[None] / 10, topology)


def gyration(weights):
    centre = np.average(places, axis=0, weights=weights)
    return np.sqrt(np.average(np.square(places - centre).sum(axis=1), weights=weights))


universe = MDAnalysis.Universe.empty(len(masses), trajectory=True)
universe.add_TopologyAttr("masses", masses)
universe.atoms.positions = places
weighted, plain = (10 * float(mdtraj.compute_rg(trajectory, masses=given)[0]) for given in (masses, None))
other = universe.atoms.radius_of_gyration()
print(f"with masses: mdtraj {weighted:.2f} A, MDAnalysis {other:.2f}, about the centre of mass {gyration(masses):.2f}")
print(f"without: mdtraj {plain:.2f} A, about the mean {gyration(None):.2f}")
centres = np.average(places, axis=0, weights=masses) - places.mean(axis=0)
as_told = (
    weighted > 1.2 * gyration(masses)
    and abs(weighted**2 - gyration(masses) ** 2 - centres @ centres) < 1e-3
    and abs(plain - gyration(None)) < 1e-3
    and abs(other - gyration(masses)) < 1e-3
)
sys.exit(0 if as_told else 1)
PY
"$folder/venv/bin/python" "$folder/gyration.py" 2> "$folder/said"
