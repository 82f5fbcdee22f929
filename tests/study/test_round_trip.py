"""Round trips: what comes back of two states is within binomial errors of the closed forms; what each part moves."""

import math

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.denoisers.denoiser import Denoised
from edmnoise.diffusion.denoisers.held import held_states
from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.diffusion.samplers.sampler import Churn, Sampler
from edmnoise.diffusion.samplers.schedule import karras
from edmnoise.diffusion.two_states import KINDS, return_probability, state_distance
from edmnoise.frames.damage import Native, measure_damage
from edmnoise.frames.damage_measures import LDDT, RMSD
from edmnoise.frames.displacement import NESTED
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.structure.part import Part
from edmnoise.structure.structure import Structure
from edmnoise.structure.superpose import superpose
from edmnoise.study.figures.round_trip import round_trip_figure
from edmnoise.study.round_trip import round_trips
from edmnoise.study.samples import final_samples

AF3 = sigma_distribution("alphafold3")
SCHEDULE = karras(60, 0.01, 200.0)
SHARES = (0.4, 0.6)


@pytest.fixture(scope="module")
def pair(toxin):
    """Residues 66 to 70 of 1TII's chains D and E, one on the other: a structure, and two states (2, N, 3)."""
    number = toxin.atoms.number.astype(int)
    rows = [(toxin.atoms.chain == chain) & (number >= 66) & (number <= 70) for chain in "DE"]
    one, other = (torch.tensor(toxin.coordinates[row].T) for row in rows)
    moved = other[None].clone()
    superpose(moved, one, out=moved)
    structure = Structure.from_atoms(toxin.coordinates[rows[0]], toxin.atoms.take(rows[0]))
    return structure, torch.stack([one, moved[0]]).mT.numpy().copy()


@pytest.fixture(scope="module")
def noise(pair):
    return NestedCovariance(pair[0].hierarchy, {"atom": 0.5, "residue": 0.5, "chain": 0.0})


def made(pair, noise, solver, gauge="fixed", samples=400, **more):
    structure, states = pair
    model = StatesDenoiser(torch.from_numpy(states).mT, noise, SHARES, gauge)
    distance = state_distance(*torch.from_numpy(states).mT, noise, gauge)
    moves = gauge == "rotation"
    sampler = Sampler(solver, center=moves, rotate=moves, churn=more.pop("churn", Churn()))
    ratios = more.pop("ratios", (0.4, 0.8, 2.0))
    sigmas = [ratio * distance for ratio in ratios]
    return round_trips(structure, states, model, noise, SCHEDULE, sampler, sigmas, samples, seed=1, **more)


def off(study, number, kind):
    """By how many binomial errors each level's share is off a closed form."""
    expected = np.array([study.expected(number, kind, sigma) for sigma in study.sigmas])
    errors = np.sqrt(expected * (1 - expected) / study.samples)
    return (study.returned(number) - expected) / errors


@pytest.mark.parametrize(("solver", "kind"), [("heun", "flow"), ("ancestral", "stochastic")])
def test_what_comes_back_is_the_closed_form_of_its_kind(pair, noise, solver, kind):
    """Within 3.5 binomial errors at every level, for both states; and not the other kind's."""
    study = made(pair, noise, solver)
    assert study.pairs[0][0] == pytest.approx(3.822, abs=1e-3)
    both = np.concatenate([off(study, number, kind) for number in (0, 1)])
    assert np.abs(both).max() < 3.5
    other = next(name for name in KINDS if name != kind)
    wrong = np.concatenate([off(study, number, other) for number in (0, 1)])
    assert (wrong**2).sum() > (both**2).sum() + 30


def test_turned_at_random_it_is_so_too(pair, noise):
    """States at any place, turned in any way: the closed form is an approximation there, .02 aside."""
    study = made(pair, noise, "ancestral", "rotation", samples=150, left=[0], ratios=(0.4, 0.8))
    expected = [study.expected(0, "stochastic", sigma) for sigma in study.sigmas]
    np.testing.assert_allclose(study.returned(0), expected, atol=0.02 + 3 * 0.5 / math.sqrt(150))
    posterior = [trip.posterior for trip in study.trips[0]]
    np.testing.assert_allclose(posterior, expected, atol=0.02 + 3 * 0.3 / math.sqrt(150))


@pytest.fixture(scope="module")
def middle(pair):
    """Residues 67 to 69 move, the two at the ends are held."""
    number = pair[0].atoms.number.astype(int)
    return Part.of(pair[0], (number >= 67) & (number <= 69))


@pytest.mark.parametrize(("solver", "kind"), [("heun", "flow"), ("ancestral", "stochastic")])
def test_given_held_atoms_the_closed_form_is_that_of_the_moved_ones(pair, noise, middle, solver, kind):
    """Two states that lie on the held atoms of the one that is left; the sampler's own motions are off. RMSD is of the
    moved atoms, nothing superposed, and lDDT of the pairs that have one."""
    _, states = pair
    k = noise.restricted(middle.moved)
    parts = [middle.at(state) for state in states]
    models = [held_states(each, torch.from_numpy(states).mT, k, None, SHARES) for each in parts]
    far = state_distance(*models[0].states, k, "fixed")
    sampler = Sampler(solver, center=True, rotate=True)
    study = round_trips(middle, states, models, k, SCHEDULE, sampler, [0.5 * far, 1.5 * far], 300, seed=1)
    assert study.pairs[0] == (pytest.approx(far, rel=1e-6), pytest.approx(0.4))
    both = np.concatenate([off(study, number, kind) for number in (0, 1)])
    assert np.abs(both).max() < 3.5
    assert study.hierarchy.counts[0] == len(middle.moved)
    trip = study.trips[0][0]
    gone = models[0].states[1].T.numpy() - states[0][middle.moved]
    assert trip.rmsd[trip.nearest == 1].mean() == pytest.approx(np.sqrt((gone**2).sum(1).mean()), rel=1e-3)
    left = Native.of(parts[0].whole, among=middle.mask)
    there = middle.at(states[0]).filled(models[0].states[1].T.numpy().copy()[None])
    assert trip.lddt[trip.nearest == 1].mean() == pytest.approx(measure_damage(left, there).mean(LDDT), abs=2e-3)


def test_held_atoms_that_differ_settle_which_state_it_is(pair, noise, middle):
    """They fluctuate by .1 A and lie angstroms apart: every sample comes back, from any level and without a start."""
    structure, states = pair
    own = NestedCovariance(structure.hierarchy, {"atom": 0.01, "residue": 0.0, "chain": 0.0})
    far = states.copy()
    far[1, middle.held[: len(middle.held) // 2]] += 4
    k = noise.restricted(middle.moved)
    models = [held_states(middle.at(state), torch.from_numpy(far).mT, k, own) for state in far]
    study = round_trips(middle, far, models, k, SCHEDULE, Sampler("heun"), [1.0, 50.0], 8, seed=3)
    for number in (0, 1):
        assert study.returned(number).tolist() == [1, 1]
        assert [trip.posterior for trip in study.trips[number]] == pytest.approx([1, 1])
        assert study.without[number][0] == 1
    assert not study.known
    assert study.table(AF3)["return"] == [1] * 6


def test_churn_returns_less(pair, noise):
    still, churned = (
        made(pair, noise, "euler", samples=200, churn=churn, left=[0], ratios=(0.5,)).returned(0)[0]
        for churn in (Churn(), Churn(0.8, at="start"))
    )
    posterior = return_probability(1, 0.5, SHARES[0])
    assert still > posterior
    assert churned < posterior - 3 * 0.5 / math.sqrt(200)


def test_measures_are_those_of_the_samples(pair, noise):
    """Made again with the same seed: each row has numbers of its own, and begins at the state."""
    structure, states = pair
    study = made(pair, noise, "heun", samples=12, left=[1])
    model = StatesDenoiser(torch.from_numpy(states).mT, noise, SHARES, "fixed")
    rest = SCHEDULE.below(study.sigmas[1])
    frames = final_samples(model, noise, rest, Sampler("heun"), range(24, 36), 1, start=states[1])
    left = Structure.from_atoms(states[1], structure.atoms)
    damage = measure_damage(Native.of(left), frames)
    trip = study.trips[0][1]
    np.testing.assert_allclose(trip.rmsd, damage.by_frame[RMSD], atol=1e-5)
    np.testing.assert_allclose(trip.lddt, damage.by_frame[LDDT], atol=1e-6)
    nearest = np.abs(frames[:, None] - states).max(axis=(2, 3)).argmin(axis=1)
    np.testing.assert_array_equal(trip.nearest, nearest)
    # Two states: a mean square is the share that has gone over, times that of the other state.
    whole = superpose(torch.from_numpy(states[:1]).mT, torch.from_numpy(states[1].T.copy())).rmsd.item() ** 2 / 3
    for part in NESTED[:2]:
        gone = float((nearest == 0).mean())
        ends = study.whole[0].squares[part].mean() / (study.whole[0].nearest == 0).mean()
        assert trip.squares[part].mean() == pytest.approx(gone * ends, rel=1e-3)
    assert (trip.squares[NESTED[0]] + trip.squares[NESTED[1]]).max() < 1.5 * whole


def test_parts_of_two_states_have_one_level_of_no_return(pair, noise):
    study = made(pair, noise, "ancestral", samples=200, left=[0], ratios=(0.2, 0.4, 0.6, 1.0, 2.0))
    found = study.level_of_no_return(0)
    assert found["atom in residue"] == pytest.approx(found["state"], rel=1e-3)
    assert found["residue in chain"] == pytest.approx(found["state"], rel=1e-3)
    assert math.isnan(found["chain"])
    assert found["state"] == pytest.approx(study.no_return(0)["stochastic"], rel=0.25)


def test_fluctuations_are_forgotten_before_the_state(pair, noise):
    """Atoms that move by .3 A by themselves: what they were is lost far below the level at which the state is."""
    structure, states = pair
    own = NestedCovariance(structure.hierarchy, {"atom": 0.09, "residue": 0.0, "chain": 0.0})
    model = StatesDenoiser(torch.from_numpy(states).mT, noise, None, "fixed", own)
    sampler = Sampler("heun")
    study = round_trips(structure, states, model, noise, SCHEDULE, sampler, [0.1, 0.3, 1, 3, 10], 48, left=[0])
    assert not study.known
    found = study.level_of_no_return(0)
    assert found["atom in residue"] < 0.7 * found["state"]
    assert np.isfinite([trip.posterior for trip in study.trips[0]]).all()


@pytest.mark.parametrize(("solver", "share"), [("heun", 1.0), ("ancestral", math.sqrt(math.sqrt(2) - 1))])
def test_a_part_that_moves_by_itself_is_lost_where_its_noise_is_as_much(pair, noise, solver, share):
    """Atoms by .6 A, with .5 of the noise's variance: one in a residue of n loses 1/n of both."""
    structure, states = pair
    own = NestedCovariance(structure.hierarchy, {"atom": 0.36, "residue": 0.01, "chain": 0.0})
    model = StatesDenoiser(torch.from_numpy(states[:1]).mT, noise, None, "fixed", own)
    sigmas = np.geomspace(0.2, 3, 9).tolist()
    study = round_trips(structure, states[:1], model, noise, SCHEDULE, Sampler(solver), sigmas, 100)
    found = study.level_of_no_return(0)["atom in residue"]
    assert found == pytest.approx(share * 0.6 / math.sqrt(0.5), rel=0.05)


def test_one_state_and_a_network_without_states(pair, noise, tmp_path):
    """No return then, but what has moved; nothing moves where the model knows one place."""
    structure, states = pair

    class Known:
        def denoise(self, x, sigma):
            return Denoised(torch.from_numpy(states[:1]).mT.expand_as(x).clone())

    study = round_trips(structure, states[:1], Known(), noise, SCHEDULE, Sampler("euler"), [1.0, 4.0], 3)
    table = study.table(AF3)
    assert "return" not in [column.name for column in table.columns]
    assert max(table["RMSD"]) < 1e-4
    assert "nothing moves" in table.notes[1]
    round_trip_figure(study, AF3, tmp_path / "one.svg")
    assert "<svg" in (tmp_path / "one.svg").read_text()


def test_tables_hold_a_row_for_each_level_and_one_for_the_whole_schedule(pair, noise, tmp_path):
    study = made(pair, noise, "euler", samples=6)
    table = study.table(AF3)
    assert table["left"] == [1] * 4 + [2] * 4
    assert [s for s in table["sigma"] if s > 0] == pytest.approx(list(study.sigmas) * 2)
    assert table["flow"][3] == table["stochastic"][3] == pytest.approx(0.4)
    assert len(study.summary(AF3).columns) < len(table.columns)
    assert set(table.meta["no_return"]) == {"1", "2"}
    table.save(tmp_path / "return.json")
    round_trip_figure(study, AF3, tmp_path / "two.png")
    assert (tmp_path / "two.png").stat().st_size > 10_000


def test_a_state_without_probability_has_no_closed_form(pair, noise):
    structure, states = pair
    model = StatesDenoiser(torch.from_numpy(states).mT, noise, (1, 0), "fixed")
    study = round_trips(structure, states, model, noise, SCHEDULE, Sampler("euler"), [1.0], 4)
    assert not study.known
    assert study.returned(0)[0] == 1
    assert study.returned(1)[0] == 0
    study.table(AF3)


def test_it_tells_how_far_it_is(pair, noise):
    told = []
    made(pair, noise, "euler", samples=4, progress=told.append)
    assert (np.diff(told) >= 0).all()
    assert told[-1] == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ratios": (1e4,)}, "and the schedule goes from 200 to 0.01 A"),
        ({"ratios": ()}, "0 levels"),
        ({"samples": 1}, "samples is 1"),
        ({"left": [2]}, "state 3 is to be left, and there are 2"),
    ],
)
def test_refusals(pair, noise, change, sentence):
    with pytest.raises(EdmNoiseError, match=sentence):
        made(pair, noise, "euler", **{"samples": 4, **change})
