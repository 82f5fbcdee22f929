"""Data to learn from: its scales are those of what is drawn, it is centred, and its best denoiser is the exact one."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.denoisers.elastic_network import ElasticNetwork
from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.learning.ensemble import Ensemble, part_variances
from edmnoise.noise.process import NoiseChoice
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.noise.theory.scales import measured_scales, split
from edmnoise.noise.weights import Weights

FRAMES = 2_000


@pytest.fixture
def networked(strands):
    network = ElasticNetwork.from_structure(strands, "atom", cutoff=8.0, spring=0.5)
    return Ensemble(strands, strands.coordinates[None].copy(), fluctuations=network)


@pytest.mark.parametrize("which", ["ensemble", "networked"])
def test_scales_are_those_of_what_is_drawn(which, request):
    """Nested fluctuations and those of an elastic network: within 4 standard errors of draws."""
    made = request.getfixturevalue(which)
    drawn = made.draw(FRAMES, torch.Generator().manual_seed(1)).double()
    assert float(drawn.mean(dim=2).abs().max()) < 1e-5
    for scale, part in zip(made.scales.by_level, split(drawn, made.structure.hierarchy), strict=True):
        squares = part.square().mean(dim=(1, 2))
        assert abs(float(squares.mean()) - scale**2) < 4 * float(squares.std()) / FRAMES**0.5


@pytest.mark.parametrize("kind", ["nested", "uneven", "atoms", "residues"])
def test_part_variances_are_dense_traces(strands, kind):
    """tr P C of each part's projection P, by matrices."""
    groups, count = strands.hierarchy, strands.n_atoms
    rng = np.random.default_rng(3)
    made = {
        "nested": lambda: NestedCovariance(groups, {"chain": 0.4, "residue": 0.2, "atom": 0.1}),
        "uneven": lambda: NestedCovariance(
            groups, {name: torch.from_numpy(rng.random(n)) for name, n in zip(groups.names, groups.counts, strict=True)}
        ),
        "atoms": lambda: ElasticNetwork.from_structure(strands, "atom", cutoff=8.0),
        "residues": lambda: ElasticNetwork.from_structure(strands, "residue", cutoff=25.0),
    }[kind]()
    matrix = made.multiply(torch.eye(count, dtype=torch.float64)).numpy()
    means = [np.eye(count)]
    for level in (1, 2):
        same = groups.ancestors(0, level)[:, None] == groups.ancestors(0, level)
        means.append(same / same.sum(axis=1, keepdims=True))
    means.append(np.full((count, count), 1 / count))
    wanted = [np.trace((a - b) @ matrix) / count for a, b in pairwise(means)]
    assert part_variances(made, groups) == pytest.approx(wanted, rel=1e-9)


def test_part_variances_take_a_few_rows_at_a_time(toxin):
    """No (N, N) identity: 3 GB at 20,000 atoms."""
    structure = toxin.take(np.arange(600))
    network = ElasticNetwork.from_structure(structure, "residue", cutoff=60.0)
    longest = []

    class Watched:
        def multiply(self, x):
            longest.append(len(x))
            return network.multiply(x)

    found = part_variances(Watched(), structure.hierarchy)
    assert max(longest) <= 256
    assert found == pytest.approx(part_variances(network, structure.hierarchy), rel=1e-9)


def test_fluctuations_have_their_covariance(networked):
    """Against the dense matrix: the mean over draws of x x^T, within 5 standard errors everywhere."""
    drawn = networked.draw(FRAMES, torch.Generator().manual_seed(2)).double() - networked.states
    rows = drawn.flatten(0, 1)
    atoms = rows.shape[1]
    centre = torch.eye(atoms, dtype=torch.float64) - 1 / atoms
    wanted = centre @ networked.fluctuations.multiply(torch.eye(atoms, dtype=torch.float64)) @ centre
    variance = wanted.diagonal()
    error = ((wanted**2 + variance[:, None] * variance) / len(rows)).sqrt()
    assert float(((rows.T @ rows / len(rows) - wanted) / error).abs().max()) < 5


def test_states_alone_are_drawn_by_their_weights(strands):
    states = np.stack([strands.coordinates + k for k in range(3)]) * np.array([1.0, 1.1, 1.2])[:, None, None]
    made = Ensemble(strands, states, [0.5, 0.2, 0.3], held_out=[1])
    assert made.weights.tolist() == pytest.approx([0.625, 0.375])
    assert len(made.held_out) == 1
    drawn = made.draw(FRAMES, torch.Generator().manual_seed(0)).double()
    near = torch.cdist(drawn.flatten(1), made.states.flatten(1))
    assert float(near.min(dim=1).values.max()) < 1e-3
    share = float((near.argmin(dim=1) == 0).double().mean())
    assert abs(share - 0.625) < 4 * (0.625 * 0.375 / FRAMES) ** 0.5
    whole = Ensemble(strands, states).scales
    assert whole.by_level == pytest.approx(measured_scales(strands, states).by_level, rel=1e-6)


@pytest.mark.parametrize("weights", [Weights.named("flat"), Weights.of(1, 4, 4)])
def test_the_exact_one_is_the_states_denoiser_moved(ensemble, noisy, weights):
    covariance = NoiseChoice.of(weights).on(ensemble.structure).covariance
    _, x = noisy(covariance, 2.0, 8)
    plain = StatesDenoiser(
        ensemble.states, covariance, [0.6, 0.4], "rotation", ensemble.fluctuations, ensemble.structure.hierarchy
    ).denoise(x, 2.0)
    moved = ensemble.exact(covariance).denoise(x + 5.0, 2.0)
    shift = moved.atoms - plain.atoms
    torch.testing.assert_close(moved.atoms.mean(dim=2), (x + 5.0).mean(dim=2), rtol=0, atol=1e-5)
    torch.testing.assert_close(shift, shift.mean(dim=2, keepdim=True).expand_as(shift), rtol=0, atol=1e-4)


def test_equal_data_have_one_digest(ensemble, strands):
    states, own = np.stack([strands.coordinates, 1.1 * strands.coordinates]), ensemble.fluctuations
    assert Ensemble(strands, states, fluctuations=own).digest == Ensemble(strands, states.copy(), [1, 1], own).digest
    made = (
        Ensemble(strands, states, fluctuations=own),
        Ensemble(strands, 1.01 * states, fluctuations=own),
        Ensemble(strands, states, [0.6, 0.4], own),
        Ensemble(strands, states, fluctuations=1.01 * own),
        Ensemble(strands, states),
    )
    assert len({one.digest for one in made}) == len(made)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"states": 1}, "one state without fluctuations"),
        ({"held_out": [3]}, "state 3 cannot be held out: the states are 0 to 1"),
        ({"held_out": [0, 1]}, "all 2 states are held out"),
        ({"held_out": [0]}, "one state without fluctuations"),
        ({"weights": [1, 2, 3]}, "give 2 finite numbers"),
        ({"weights": [1, -1]}, "none negative"),
        ({"weights": [1, 0], "held_out": [0]}, "have no weight"),
    ],
)
def test_refusals(strands, change, sentence):
    count = change.pop("states", 2)
    with pytest.raises(EdmNoiseError, match=sentence):
        Ensemble(strands, np.stack([strands.coordinates] * count), **change)


def test_states_of_other_atoms_are_refused(strands):
    with pytest.raises(EdmNoiseError, match="states have the shape"):
        Ensemble(strands, strands.coordinates[None, :-1].copy())
