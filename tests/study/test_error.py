"""Denoising errors: an error splits at the optimum, doing nothing has a closed form, all see the same draws."""

import math

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.denoisers.denoiser import Denoised
from edmnoise.diffusion.denoisers.elastic_network import ElasticNetwork
from edmnoise.diffusion.denoisers.held import held_states
from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.diffusion.precondition import part_shares
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.noise.theory.scales import split
from edmnoise.noise.weights import Weights
from edmnoise.structure.hierarchy import Hierarchy
from edmnoise.structure.part import Part
from edmnoise.structure.structure import Structure
from edmnoise.structure.superpose import superpose
from edmnoise.study.candidates import (
    EXACT,
    FLUCTUATING,
    NOTHING,
    Candidate,
    DoingNothing,
    fitted_fluctuations,
    references,
)
from edmnoise.study.error import denoising_error
from edmnoise.study.figures.error import error_figure
from edmnoise.study.targets import HeldTargets, Targets

FLAT, UNEVEN = Weights.named("flat"), Weights.of(chain=4, residue=2, atom=1)


@pytest.fixture(scope="module")
def small(toxin):
    """Residues 66 to 72 of 1TII's chains D, E, F: 3 chains, 21 residues."""
    number = toxin.atoms.number.astype(int)
    chosen = np.isin(toxin.atoms.chain, ["D", "E", "F"]) & (number >= 66) & (number <= 72)
    return Structure.from_atoms(toxin.coordinates[chosen], toxin.atoms.take(chosen))


@pytest.fixture(scope="module")
def ensemble(small):
    """Four states that fluctuate by what they were drawn with, and that covariance, angstrom^2."""
    motion = NestedCovariance(small.hierarchy, {"chain": 0.8, "residue": 0.3, "atom": 0.05})
    mean = torch.tensor(small.coordinates.T).double()
    return torch.stack([mean + motion.draw(torch.empty_like(mean), _generator(k)) for k in range(4)]), motion


def _generator(seed):
    return torch.Generator().manual_seed(seed)


class RandomLinear:
    """An untrained network: x mixed over atoms by random numbers that depend on sigma."""

    def __init__(self, atoms):
        self.mixing = torch.randn(atoms, atoms, generator=_generator(8)) / math.sqrt(atoms)

    def denoise(self, x, sigma):
        return Denoised(x / (1 + 0.3 * sigma) + x @ self.mixing * math.sin(sigma) + 0.2)


@pytest.mark.parametrize("moving", [False, True])
@pytest.mark.parametrize("gauge", ["translation", "rotation"])
def test_an_error_splits_at_the_optimum(small, ensemble, gauge, moving):
    """E |D - y|^2 = E |D* - y|^2 + E |D - D*|^2 in each part, 400 draws, within 3 standard errors of their difference;
    for a linear map that knows nothing, and for the exact denoiser of the first state alone."""
    states, motion = ensemble
    noise, weights = NestedCovariance(small.hierarchy, UNEVEN), (0.4, 0.3, 0.2, 0.1)
    own = motion if moving else None
    targets = Targets(states, "the states", weights, own, turned=gauge == "rotation")
    candidates = [
        Candidate("best", StatesDenoiser(states, noise, weights, gauge, own), "all"),
        Candidate("one", StatesDenoiser(states[:1], noise, None, gauge), "state 1"),
        Candidate("linear", RandomLinear(noise.atoms)),
    ]
    study = denoising_error(candidates, targets, noise, small.hierarchy, [0.7, 3.0, 9.0], 400, 5, "best")
    assert bool((study.apart[0] == 0).all())
    for which in (1, 2):
        off = study.squares[which] - study.squares[0] - study.apart[which]
        error = off.std(axis=-1, ddof=1) / math.sqrt(400)
        # The state's own noise is gone where the level is far below the states' distances: float32 is what is left.
        assert (abs(off.mean(axis=-1)) < 3 * error + 1e-6).all(), off.mean(axis=-1) / error


@pytest.fixture(scope="module")
def part(small):
    """Every second atom of three residues moves in each chain."""
    number = small.atoms.number.astype(int)
    return Part.of(small, (number >= 68) & (number <= 70) & (np.arange(small.n_atoms) % 2 == 0))


def test_given_held_atoms_it_errs_as_dense_conditioning_says(small, ensemble, part):
    """Each part of the exact denoiser's error is the trace of its posterior covariance, that of doing nothing the
    noise's; 300 draws at one level, within 3 standard errors. One chain among held atoms has a place of its own."""
    states, motion = ensemble
    noise = NestedCovariance(small.hierarchy, UNEVEN)
    k, c = (each.multiply(torch.eye(each.atoms).double()).numpy() for each in (noise, motion))
    m, f = part.moved, part.held
    left = c[np.ix_(m, m)] - c[np.ix_(m, f)] @ np.linalg.inv(c[np.ix_(f, f)]) @ c[np.ix_(f, m)]
    seen = left + 1.5**2 * k[np.ix_(m, m)]
    posterior = left - left @ np.linalg.inv(seen) @ left
    hierarchy, one = part.structure.hierarchy, states[:1]
    candidates = references(
        small.hierarchy, one, noise.restricted(m), "state 1", fluctuations=motion, gauge="fixed", part=part
    )
    targets = HeldTargets(part, one, "state 1", None, motion, "fixed")
    study = denoising_error(candidates, targets, noise.restricted(m), hierarchy, [1.5], 300, 2)
    assert study.reference == FLUCTUATING
    assert study.parts == [2, 1, 0]
    for name, expected in ((FLUCTUATING, posterior), (NOTHING, seen - left)):
        rms, error = study.rms(name)
        for level, project in enumerate(split(torch.eye(len(m)).double(), hierarchy)):
            mean = np.trace(project.numpy().T @ expected @ project.numpy()) / len(m)
            assert abs(rms[0, level] - math.sqrt(mean)) < 3 * error[0, level], (name, level)
    assert "held" in study.table().title


@pytest.mark.parametrize("own", ["groups", "network", "none"])
def test_given_held_atoms_an_error_splits_at_the_optimum(small, ensemble, part, own):
    """What is drawn is what the exact denoiser expects: states by their probabilities, turned and placed as the held
    atoms leave them, and what each does about its place."""
    states, motion = ensemble
    noise, weights = NestedCovariance(small.hierarchy, UNEVEN).restricted(part.moved), (0.4, 0.3, 0.2, 0.1)
    fluctuations = {"groups": motion, "network": ElasticNetwork.from_structure(small, "atom", 8.0, 9.0), "none": None}
    given = {"weights": weights, "motion": fluctuations[own]}
    candidates = [
        Candidate("best", held_states(part, states, noise, **given)),
        Candidate("one", held_states(part, states[:1], noise, None)),
        Candidate("linear", RandomLinear(noise.atoms)),
    ]
    targets = HeldTargets(part, states, weights=weights, fluctuations=fluctuations[own])
    study = denoising_error(candidates, targets, noise, part.structure.hierarchy, [0.7, 9.0], 300, 5, "best")
    for which in (1, 2):
        off = study.squares[which] - study.squares[0] - study.apart[which]
        error = off.std(axis=-1, ddof=1) / math.sqrt(300)
        assert (abs(off.mean(axis=-1)) < 3.5 * error + 1e-5).all(), off.mean(axis=-1) / error


def test_draws_that_are_not_turned_are_no_data_of_the_denoiser_that_takes_any_turn(small, ensemble):
    """What the law above asks for: with turns left out, the exact denoiser of any turn is no optimum."""
    states, _ = ensemble
    noise = NestedCovariance(small.hierarchy, FLAT)
    candidates = [
        Candidate("any turn", StatesDenoiser(states, noise)),
        Candidate("as turned", StatesDenoiser(states, noise, gauge="translation")),
    ]
    targets = Targets(states, turned=False)
    study = denoising_error(candidates, targets, noise, small.hierarchy, [9.0], 200, reference="any turn")
    (ratio,), (error,) = study.ratio("as turned")
    assert (ratio + 3 * error < 1).all()


@pytest.mark.parametrize("weights", [FLAT, UNEVEN], ids=lambda weights: weights.label)
def test_doing_nothing_errs_by_the_noise(small, weights):
    """Closed form of each part of centred noise, within 3 standard errors of 1,000 draws."""
    noise = NestedCovariance(small.hierarchy, weights)
    targets = Targets(torch.tensor(small.coordinates.T)[None])
    study = denoising_error([Candidate("x", DoingNothing())], targets, noise, small.hierarchy, [0.5, 8.0], 1000)
    expected = np.sqrt(part_shares(small.hierarchy, weights))
    rms, error = study.rms("x")
    for row, sigma in enumerate(study.sigmas):
        assert (abs(rms[row] - sigma * expected) < 3 * error[row]).all()


def test_a_single_chain_has_no_part_of_its_own(fragment):
    noise = NestedCovariance(fragment.hierarchy, UNEVEN)
    study = denoising_error(
        [Candidate("x", DoingNothing())], Targets(torch.tensor(fragment.coordinates.T)[None]), noise,
        fragment.hierarchy, [2.0], 4,
    )  # fmt: skip
    assert study.parts == [1, 0]
    assert study.rms("x")[0][0, 2] < 1e-6
    assert not any(column.name == "chain" for column in study.table().columns)


def test_draws_depend_on_seed_and_number_alone(small, ensemble, monkeypatch):
    """Alone, beside others, a few at a time or many: the same errors; another level or seed has other draws."""
    states, motion = ensemble
    noise = NestedCovariance(small.hierarchy, FLAT)
    targets, nothing = Targets(states, fluctuations=motion), Candidate("x", DoingNothing())
    other = Candidate("exact", StatesDenoiser(states, noise), "all")
    first = denoising_error([nothing], targets, noise, small.hierarchy, [1.0, 1.0], 10)
    monkeypatch.setattr("edmnoise.study.error._MOST", 3)
    told = []
    second = denoising_error(
        [other, nothing], targets, noise, small.hierarchy, [1.0, 1.0], 10, progress=lambda *done: told.append(done)
    )
    np.testing.assert_allclose(second.squares[1], first.squares[0], rtol=1e-6)
    assert told[0] == (3, 20)
    assert told[-1] == (20, 20)
    assert len(np.unique(first.squares.round(9))) == first.squares.size
    third = denoising_error([nothing], targets, noise, small.hierarchy, [1.0, 1.0], 10, seed=1)
    assert not np.isin(third.squares, first.squares).any()


def test_states_come_as_often_as_they_should(small, ensemble):
    """Probabilities .7, .3, 0, 0 in 400 draws, within 3 binomial errors; any turn, none preferred."""
    states, _ = ensemble
    targets = Targets(states, weights=(7, 3, 0, 0), turned=False)
    drawn = torch.stack([targets.draw(1, _generator(k))[0] for k in range(400)])
    nearest = (drawn[:, None] - targets.states).square().sum(dim=(2, 3)).argmin(dim=1)
    shares = torch.bincount(nearest, minlength=4) / 400
    assert shares[2:].tolist() == [0, 0]
    assert abs(shares[0] - 0.7) < 3 * math.sqrt(0.21 / 400)
    turned = torch.stack([Targets(states[:1]).draw(1, _generator(k))[0] for k in range(400)])
    size = targets.states[0].square().mean().sqrt()
    assert bool((turned.mean(dim=0).abs() < 6 * size * 3 / 20).all())


def test_references_say_what_they_know_and_fluctuations_are_fitted(small, ensemble):
    states, _ = ensemble
    noise = NestedCovariance(small.hierarchy, FLAT)
    found = references(small.hierarchy, states[:3], noise, "states 1-3")
    assert [(one.name, one.knows) for one in found] == [
        (EXACT, "states 1-3"),
        (FLUCTUATING, "states 1-3"),
        (NOTHING, "nothing"),
    ]
    assert [one.name for one in references(small.hierarchy, states[:1], noise, "state 1")] == [EXACT, NOTHING]
    study = denoising_error(found, Targets(states[3:], "state 4"), noise, small.hierarchy, [0.3, 30.0], 100)
    (ratio, _), (nothing, error) = study.ratio(FLUCTUATING), study.ratio(NOTHING)
    assert (nothing[0] + 3 * error[0] < 1).all()  # known states alone do worse than doing nothing on one held out
    assert (ratio[0, :2] < nothing[0, :2]).all()
    assert "the optimum of these alone" in str(study.table())


def test_fitted_fluctuations_are_as_large_as_the_way_to_the_nearest_state(small, ensemble):
    """Mean squares of parts by NumPy's own sums, of pairs superposed beforehand: 1 with 0, 2 with 3."""
    base, _ = ensemble
    motion = NestedCovariance(small.hierarchy, {"chain": 0.02, "residue": 0.1, "atom": 0.05})
    near = base[:2] + motion.draw(torch.empty_like(base[:2]), _generator(9))
    states = torch.stack([base[0], near[0], base[1], near[1]])
    fitted = fitted_fluctuations(small.hierarchy, states)
    moved = torch.empty_like(near)
    superpose(near, base[:2].clone(), out=moved)
    apart = (moved - base[:2]).numpy()
    apart -= apart.mean(axis=2, keepdims=True)
    groups = [small.hierarchy.ancestors(0, level) for level in (1, 2)]
    means = [
        np.stack([[np.bincount(g, axis) / np.bincount(g) for axis in one] for one in apart])[..., g] for g in groups
    ]
    squares = [float(np.square(part).mean()) for part in (apart - means[0], means[0] - means[1], means[1])]
    dense = fitted.multiply(torch.eye(fitted.atoms, dtype=torch.float64)).numpy()
    projections = [np.equal.outer(g, g) / np.bincount(g)[g] for g in groups]
    whole = np.full_like(dense, 1 / fitted.atoms)
    parts = (np.eye(fitted.atoms) - projections[0], projections[0] - projections[1], projections[1] - whole)
    np.testing.assert_allclose([np.trace(p @ dense) / fitted.atoms for p in parts], squares, rtol=1e-6)
    with pytest.raises(EdmNoiseError, match="1 state: fluctuations are fitted to two states or more"):
        fitted_fluctuations(small.hierarchy, states[:1])


def test_an_elastic_network_moves_states(small):
    network = ElasticNetwork.from_structure(small, cutoff=14)
    noise = NestedCovariance(small.hierarchy, FLAT)
    states = torch.tensor(small.coordinates.T)[None]
    found = references(small.hierarchy, states, noise, "state 1", fluctuations=network)
    study = denoising_error(found, Targets(states, fluctuations=network), noise, small.hierarchy, [0.5], 300)
    assert study.reference == FLUCTUATING  # the optimum of states that move
    ratio, error = study.ratio(EXACT)
    assert (ratio[0] - 3 * error[0] > 1).all()


def test_table_and_figure(small, ensemble, tmp_path):
    states, _ = ensemble
    noise = NestedCovariance(small.hierarchy, FLAT)
    found = [*references(small.hierarchy, states, noise, "states 1-4"), Candidate("linear", RandomLinear(noise.atoms))]
    study = denoising_error(found, Targets(states, "states 1-4"), noise, small.hierarchy, [0.5, 5.0], 10)
    table = study.table()
    assert len(table) == 8
    assert table["knows"][:4] == ["states 1-4", "states 1-4", "nothing", "-"]
    rms, error = study.rms("linear")
    assert table["chain"][3::4] == rms[:, 2].tolist()
    assert table["residue in chain, error"][3::4] == error[:, 1].tolist()
    np.testing.assert_allclose(np.square(table["all parts"][3::4]), np.square(rms).sum(axis=1))
    assert table["atom in residue over exact"][::4] == [1.0, 1.0]
    assert table["atom in residue from exact"][::4] == [0.0, 0.0]
    assert len(study.summary().rows()[0]) == len(study.summary().columns) == 10
    for one in (study, denoising_error([found[-1]], Targets(states), noise, small.hierarchy, [1.0], 2)):
        error_figure(one, tmp_path / "error.svg")
        assert (tmp_path / "error.svg").read_bytes().startswith(b"<?xml")


def test_an_optimum_that_errs_by_rounding_has_no_multiples(small):
    noise = NestedCovariance(small.hierarchy, FLAT)
    state = torch.tensor(small.coordinates.T)[None]
    known = Candidate(EXACT, StatesDenoiser(state, noise, gauge="translation"), "state 1")
    study = denoising_error(
        [known, Candidate("x", DoingNothing())], Targets(state, turned=False), noise, small.hierarchy, [1.0], 4
    )
    assert np.isnan(study.ratio("x")[0]).all()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"candidates": []}, "no candidates or no noise levels given: give at least one of each"),
        ({"sigmas": []}, "no candidates or no noise levels given"),
        ({"draws": 1}, "draws is 1: give 2 or more"),
        ({"reference": "best"}, "no candidate 'best' to compare with: the candidates are x$"),
        ({"candidates": [Candidate("x", DoingNothing())] * 2}, "2 candidates are called 'x': give each a name"),
        ({"targets": Targets(torch.zeros(1, 3, 5))}, "are of .*, 5 and .* atoms: give those of one structure"),
        ({"sigmas": [0.0]}, "sigma"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_what_cannot_be_compared(small, changed, sentence):
    given = {
        "candidates": [Candidate("x", DoingNothing())],
        "targets": Targets(torch.tensor(small.coordinates.T)[None]),
        "covariance": NestedCovariance(small.hierarchy, FLAT),
        "hierarchy": small.hierarchy,
        "sigmas": [1.0],
        "draws": 2,
    }
    with pytest.raises(EdmNoiseError, match=sentence):
        denoising_error(**{**given, **changed})


@pytest.mark.parametrize(
    ("atoms", "sentence"),
    [
        (lambda x: x[:, :2], r"wrong at 1 A has the shape \(2, 2, "),
        (lambda x: x / 0, "wrong at 1 A holds NaN or infinite coordinates"),
    ],
)
def test_an_estimate_that_is_none(small, atoms, sentence):
    class Wrong:
        def denoise(self, x, sigma):
            return Denoised(atoms(x))

    noise = NestedCovariance(small.hierarchy, FLAT)
    targets = Targets(torch.tensor(small.coordinates.T)[None])
    with pytest.raises(EdmNoiseError, match=sentence):
        denoising_error([Candidate("wrong", Wrong())], targets, noise, small.hierarchy, [1.0], 2)


def test_targets_that_are_none():
    with pytest.raises(EdmNoiseError, match=r"weights are \[1.0\]: give 2 finite numbers"):
        Targets(torch.zeros(2, 3, 4), weights=[1])
    with pytest.raises(EdmNoiseError, match="states hold NaN"):
        Targets(torch.full((2, 3, 4), math.nan))


def test_groups_of_another_depth(nesting):
    hierarchy = nesting(1, 2)
    assert isinstance(hierarchy, Hierarchy)
    noise = NestedCovariance(hierarchy, {"atom": 1.0})
    with pytest.raises(EdmNoiseError, match="2 levels"):
        denoising_error(
            [Candidate("x", DoingNothing())], Targets(torch.zeros(1, 3, noise.atoms)), noise, hierarchy, [1.0]
        )
