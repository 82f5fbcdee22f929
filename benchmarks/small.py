"""The system "small": three strands of 1TII in two states with an elastic network: endless data, a known optimum."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pymol
import torch
from numpy.typing import NDArray

from edmnoise.diffusion.denoisers.elastic_network import ElasticNetwork
from edmnoise.learning.ensemble import Ensemble
from edmnoise.structure.files import read_structure
from edmnoise.structure.structure import Structure
from edmnoise.structure.superpose import move, superpose

WEIGHTS, RMS, CUTOFF = (0.6, 0.4), 0.3, 6.0
"""Probabilities of the states; of the fluctuations per coordinate, angstrom; reach of the network, angstrom."""

_ANGLE, _SHIFT = np.deg2rad(40.0), 5.0


def toxin() -> Structure:
    """1TII from PyMOL's own data, without its water."""
    data = Path(os.environ.get("PYMOL_DATA") or Path(pymol.__file__).parent / "data")
    return read_structure(data / "demo" / "1tii.pdb")


def small_system() -> Ensemble:
    """Residues 66 to 75 of 1TII's chains D, E and F: 3 chains, 30 residues, 195 atoms, states .6 and .4.

    In the second state chain F has the conformer of the copy G, is turned by 40 degrees about z through its centre and
    moved by 5 angstrom away from the other two. Both have an elastic network of the first one's atoms.
    """
    whole = toxin()
    number = whole.atoms.number.astype(int)
    strand = (number >= 66) & (number <= 75)
    chosen = strand & np.isin(whole.atoms.chain, ["D", "E", "F"])
    structure = Structure.from_atoms(whole.coordinates[chosen], whole.atoms.take(chosen))
    first = structure.coordinates.astype(np.float64)
    last = structure.atoms.chain == "F"
    second = first.copy()
    second[last] = _turned(_laid(whole.coordinates[strand & (whole.atoms.chain == "G")], first[last]), first[~last])
    network = ElasticNetwork.from_structure(structure, "atom", cutoff=CUTOFF)
    spring = float(network.variances().mean()) / RMS**2
    network = ElasticNetwork.from_structure(structure, "atom", cutoff=CUTOFF, spring=spring)
    return Ensemble(structure, np.stack([first, second]), WEIGHTS, network)


def _laid(copy: NDArray, place: NDArray) -> NDArray:
    """A copy (n, 3) superposed on a place."""
    mobile, target = (torch.from_numpy(x.astype(np.float64)).mT[None] for x in (copy, place))
    return move(superpose(mobile, target), mobile)[0].mT.numpy()


def _turned(strand: NDArray, others: NDArray) -> NDArray:
    centre = strand.mean(axis=0)
    away = centre - others.mean(axis=0)
    cos, sin = np.cos(_ANGLE), np.sin(_ANGLE)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    return (strand - centre) @ turn.T + centre + _SHIFT * away / np.linalg.norm(away)
