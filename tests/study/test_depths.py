"""What is about atoms in residues (in domains) in chains refuses other groups in one sentence; the rest takes any."""

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.denoisers.elastic_network import ElasticNetwork
from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.diffusion.precondition import Preconditioner, part_shares
from edmnoise.diffusion.samplers.sampler import Sampler, sample
from edmnoise.diffusion.samplers.schedule import karras
from edmnoise.frames.damage import Native, measure_damage
from edmnoise.frames.displacement import NESTED, measure_displacement
from edmnoise.noise.design.scramble import reference_lengths, scramble_table
from edmnoise.noise.design.solve import comparison, design
from edmnoise.noise.design.triangle import WeightMeasure
from edmnoise.noise.design.weight_map import weight_map
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.noise.theory.forms import LevelForms
from edmnoise.noise.theory.scales import Scales, measured_scales, split
from edmnoise.noise.theory.statistics import NoiseStatistics
from edmnoise.noise.theory.superposed import superposed_displacement
from edmnoise.noise.weights import Weights
from edmnoise.structure.atoms import Atoms
from edmnoise.structure.files import write_frames
from edmnoise.structure.hierarchy import Hierarchy
from edmnoise.structure.structure import Structure
from edmnoise.study.levels import level_table, z_table
from edmnoise.trajectories.sampling import run_sampler

ALPHAFOLD3, FLAT, SCHEDULE = sigma_distribution("alphafold3"), Weights.named("flat"), karras(3, 0.1, 10.0)
ATOM = np.arange(24)
DEPTHS = {
    2: (("atom", "residue"), [ATOM // 4]),
    4: (("atom", "residue", "pair", "chain"), [ATOM // d for d in (2, 6, 12)]),
}


@pytest.fixture(params=DEPTHS)
def structure(request):
    """24 atoms in two levels, or in four that are no structure's."""
    names, labels = DEPTHS[request.param]
    atoms = Atoms.make(["CA"] * 24, ["C"] * 24, ["GLY"] * 24, ATOM // 4, ["A"] * 24, [""] * 24, [False] * 24)
    places = np.random.default_rng(0).normal(size=(24, 3)) * 5
    return Structure(places.astype(np.float32), atoms, Hierarchy.from_labels(names, labels))


def model(structure, hierarchy=None):
    return StatesDenoiser(structure.coordinates.T[None], flat(structure), hierarchy=hierarchy)


def flat(structure):
    return NestedCovariance(structure.hierarchy, {"atom": 1.0})


def moved(structure):
    return measure_displacement(structure, [structure.coordinates[None] + 1])


NAMED = {
    "forms": lambda s: LevelForms.of(s.hierarchy),
    "design": lambda s: design(s.hierarchy, atom=1.0),
    "comparison": lambda s: comparison(s.hierarchy, [FLAT], 1.0),
    "reference lengths": reference_lengths,
    "scramble points": lambda s: scramble_table(s, [FLAT], [ALPHAFOLD3]),
    "map": lambda s: weight_map(s, WeightMeasure("ratio", "atom", ALPHAFOLD3, 1.4), 5),
    "data scales": measured_scales,
    "measured scales": measured_scales,
    "parts": lambda s: split(torch.tensor(s.coordinates.T), s.hierarchy),
    "shares of parts": lambda s: part_shares(s.hierarchy, FLAT),
    "preconditioner": lambda s: Preconditioner(s.hierarchy, FLAT, Scales(chain=1, residue=1, atom=1)),
    "denoiser with centres": lambda s: model(s, s.hierarchy),
    "sampler with centres": lambda s: next(
        sample(model(s), flat(s), SCHEDULE, Sampler(chain_weight=0.5), hierarchy=s.hierarchy)
    ),
    "run": lambda s: run_sampler(s, model(s), flat(s), SCHEDULE, Sampler()),
    "level table": lambda s: level_table(s, moved(s)),
    "level table by residue": lambda s: level_table(s, moved(s), by="residue"),
    "z table": lambda s: z_table(s, [FLAT], [0.0], ALPHAFOLD3),
    "residues in a file": lambda s: write_frames("nothing.pdb", s, [s.coordinates], "residue"),
}


@pytest.mark.parametrize("call", NAMED)
def test_the_levels_of_a_structure_are_asked_for(structure, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ", ".join(structure.hierarchy.names)
    said = (
        rf"^{structure.hierarchy.depth} levels \({names}\): give (three, )?atom, residue, chain(, with or without .*)?$"
    )
    with pytest.raises(EdmNoiseError, match=said):
        NAMED[call](structure)
    assert list(tmp_path.iterdir()) == []


ANY = {
    "noise": lambda s: MultiscaleNoise(s.hierarchy, {"atom": 0.5, "residue": 0.5}).frames(1.0, 2, mean=s.coordinates),
    "covariance": lambda s: flat(s).multiply(torch.tensor(s.coordinates.T)),
    "closed forms": lambda s: NoiseStatistics(s.hierarchy, {"residue": 1.0}).displacement(1),
    "superposed": lambda s: superposed_displacement(s.hierarchy, {"residue": 1.0}, s.coordinates, 1),
    "displacement": moved,
    "damage": lambda s: measure_damage(Native.of(s), [s.coordinates[None]]),
    "denoiser": lambda s: model(s).denoise(s.coordinates.T[None], 1.0),
    "sampler": lambda s: next(sample(model(s), flat(s), SCHEDULE, Sampler())),
    "network": lambda s: ElasticNetwork.from_structure(s, cutoff=30),
}


@pytest.mark.parametrize("call", ANY)
def test_any_depth_is_taken(structure, call):
    assert ANY[call](structure) is not None


@pytest.mark.parametrize("structure", [2], indirect=True)
def test_a_measure_of_a_level_that_is_not_there_is_refused(structure):
    with pytest.raises(EdmNoiseError, match=r"^no Measure\(level=1, relative=True\) in 2 levels \(atom, residue\)$"):
        measure_displacement(structure, [structure.coordinates[None]], only=NESTED)
