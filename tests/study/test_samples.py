"""Judging samples: what is known of them is found again, wherever they lie and however they are turned."""

import math

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.rotations import haar_rotations
from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.diffusion.samplers.sampler import Sampler, sample
from edmnoise.diffusion.samplers.schedule import karras
from edmnoise.frames.damage import Native, measure_damage
from edmnoise.frames.damage_measures import BOND_LENGTHS, CLASHES, FLIPPED, LDDT
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.noise.weights import Weights
from edmnoise.structure.part import Part
from edmnoise.study.samples import JUDGED, final_samples, judge_samples, share_error


@pytest.fixture(scope="module")
def states(fragment):
    """Two: as it is, and with its second half turned by a third of a turn about the first one's end."""
    first = fragment.coordinates.astype(np.float64)
    second, half = first.copy(), fragment.hierarchy.ancestors(0, 1) >= 16
    turn = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    pivot = first[half][0]
    second[half] = (first[half] - pivot) @ turn.T + pivot
    return np.stack([first, second]).astype(np.float32)


def placed(frames, seed=0):
    """Each turned at random and moved by some 50 A."""
    generator = torch.Generator().manual_seed(seed)
    turns = haar_rotations(len(frames), generator).numpy()
    shifts = 50 * torch.randn(len(frames), 1, 3, generator=generator).numpy()
    return (frames @ turns.transpose(0, 2, 1) + shifts).astype(np.float32)


def test_states_are_told_from_each_other_and_from_their_mirror_images(fragment, states):
    order = [0, 1, 1, 0, 1]
    image = states[order] * [1, 1, -1]
    study = judge_samples(fragment, states, {"as is": placed(states[order]), "mirrored": placed(image, 1)})
    found = study.sets["as is"]
    assert found.state.tolist() == order
    assert found.rmsd.max() < 1e-4
    assert not found.mirrored.any()
    assert found.measures[FLIPPED].tolist() == [0] * 5
    np.testing.assert_allclose(found.measures[LDDT], 1)
    other = study.sets["mirrored"]
    assert other.mirrored.all()
    assert other.rmsd.min() > 3
    assert other.state.tolist() == order
    np.testing.assert_allclose(other.measures[LDDT], 1)  # it cannot tell
    assert other.measures[FLIPPED].tolist() == [1] * 5
    table = study.table()
    assert table["mirror images"] == [0, 1]
    assert table["number"] == [5, 5]


def test_a_known_mixture(fragment, states):
    """300 of state 1, 100 of state 2, with noise of .1 A: shares, RMSD within 2 % of sqrt 3 x .1 less six of 3 N."""
    rng = np.random.default_rng(3)
    frames = np.concatenate([states[[0] * 300], states[[1] * 100]])
    frames = frames + rng.normal(0, 0.1, frames.shape)
    study = judge_samples(fragment, states, {"mixed": placed(frames)}, weights=(6, 4))
    table = study.by_state()
    assert table["share"] == [0.75, 0.25]
    assert table["probability"] == [0.6, 0.4]
    assert table["share, error"] == pytest.approx([math.sqrt(0.75 * 0.25 / 400)] * 2, rel=0.01)
    assert table["off by"] == pytest.approx([0.15 / math.sqrt(0.24 / 400), -0.15 / math.sqrt(0.24 / 400)])
    atoms = fragment.n_atoms
    expected = 0.1 * math.sqrt(3 * (1 - 6 / (3 * atoms)))
    assert study.sets["mixed"].rmsd.mean() == pytest.approx(expected, rel=0.02)
    # A bond's length is off by the difference of two atoms' noise along it: .1 sqrt 2 A to first order.
    assert study.sets["mixed"].measures[BOND_LENGTHS].mean() == pytest.approx(0.1 * math.sqrt(2), rel=0.05)


def test_measures_are_those_of_the_samples_own_state(fragment, states):
    rng = np.random.default_rng(5)
    frames = np.concatenate([states, states]) + rng.normal(0, 0.4, (4, *states.shape[1:])).astype(np.float32)
    study = judge_samples(fragment, states, {"x": placed(frames), "y": placed(frames[:1], 2)})
    direct = measure_damage(Native.of(fragment), placed(frames[[0, 2]], 3)).by_frame
    for measure in JUDGED:
        np.testing.assert_allclose(study.sets["x"].measures[measure][[0, 2]], direct[measure], rtol=1e-3, atol=2e-3)
    assert study.sets["y"].rmsd[0] == pytest.approx(study.sets["x"].rmsd[0], abs=1e-4)  # each sample is for itself
    assert "clashes" in str(study.summary())
    assert np.isnan(study.table()["RMSD, error"][1])
    assert len(study.summary().columns) == 11


def test_among_held_atoms_the_moved_ones_are_counted(fragment, states):
    """States that lie on the held first half; what has no moved atom dilutes nothing, and nothing is superposed."""
    moved = fragment.hierarchy.ancestors(0, 1) >= 16
    part = Part.of(fragment, moved)
    rng = np.random.default_rng(2)
    frames = (states[[0, 1, 1]] + rng.normal(0, 0.3, states[[0, 1, 1]].shape))[:, moved].astype(np.float32)
    study = judge_samples(part, placed(states), {"some": frames})
    found = study.sets["some"]
    assert found.state.tolist() == [0, 1, 1]
    expected = np.sqrt(np.square(frames - states[[0, 1, 1]][:, moved]).sum(axis=2).mean(axis=1))
    np.testing.assert_allclose(found.rmsd, expected, atol=1e-3)
    whole = measure_damage(Native.of(fragment), part.filled(frames[:1]))
    some = measure_damage(Native.of(fragment, among=moved), part.filled(frames[:1]))
    assert found.measures[LDDT][0] == pytest.approx(some.mean(LDDT), abs=1e-3)
    assert some.mean(LDDT) < whole.mean(LDDT)
    assert some.mean(BOND_LENGTHS) > 1.2 * whole.mean(BOND_LENGTHS)
    assert some.mean(CLASHES) > whole.mean(CLASHES) > 0
    assert "mirror images" not in [column.name for column in study.table().columns]


def test_the_states_themselves(fragment, states):
    own = [float(measure_damage(Native.of(fragment), states[:1]).mean(CLASHES))]
    study = judge_samples(fragment, states, {"x": states}, weights=(1, 0))
    assert study.themselves == pytest.approx(own[0])


def test_the_exact_sampler(fragment, states):
    """Its samples are the states, as often as they should be: 60 of them within 4 binomial errors, none mirrored."""
    noise = NestedCovariance(fragment.hierarchy, Weights.named("flat"))
    denoiser = StatesDenoiser(torch.from_numpy(states).mT, noise, (0.7, 0.3))
    schedule = karras(14, 0.01, 160.0)
    frames = final_samples(denoiser, noise, schedule, Sampler("heun"), 60, seed=2)
    study = judge_samples(fragment, states, {"exact": frames}, (0.7, 0.3))
    assert abs(study.by_state()["off by"][0]) < 4
    assert study.sets["exact"].rmsd.max() < 0.1
    assert not study.sets["exact"].mirrored.any()
    *_, last = sample(denoiser, noise, schedule, Sampler("heun"), range(3, 5), seed=2)
    np.testing.assert_allclose(frames[3:5], last.x.mT.numpy(), atol=1e-3)


def test_samples_are_made_some_at_a_time(fragment, states, monkeypatch):
    noise = NestedCovariance(fragment.hierarchy, Weights.named("flat"))
    denoiser = StatesDenoiser(torch.from_numpy(states).mT, noise)
    whole = final_samples(denoiser, noise, karras(3, 0.1, 160.0), Sampler("euler"), 5)
    monkeypatch.setattr("edmnoise.study.samples._COORDINATES", 2 * states[0].size)
    np.testing.assert_allclose(
        final_samples(denoiser, noise, karras(3, 0.1, 160.0), Sampler("euler"), 5), whole, atol=1e-3
    )


@pytest.mark.parametrize("count", [0, 3, 10])
def test_the_error_of_a_share(count):
    """Half of Wilson's interval at z = 1, whose ends p solve (share - p)^2 = p (1 - p) / n."""
    share, error = share_error(count, 10)
    middle = (share + 0.05) / 1.1
    for end in (middle - error, middle + error):
        assert (share - end) ** 2 == pytest.approx(end * (1 - end) / 10, abs=1e-12)
    assert error > 0


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"samples": {}}, "no states or no samples: give at least one of each"),
        ({"samples": {"mine": np.zeros((0, 253, 3))}}, "no samples of mine: give at least one"),
        ({"samples": {"mine": np.zeros((2, 3, 253))}}, r"samples of mine has the shape .*: give \(samples, 253, 3\)"),
        ({"samples": {"mine": np.full((2, 253, 3), np.nan)}}, "samples of mine holds NaN or infinite coordinates"),
        ({"weights": (1, -1)}, r"weights are \[1.0, -1.0\]: give 2 finite numbers, none negative"),
        ({"weights": (1,)}, "give 2 finite numbers"),
        ({"states": np.zeros((0, 253, 3))}, "no states or no samples"),
    ],
)
def test_what_cannot_be_judged(fragment, states, changed, sentence):
    given = {"structure": fragment, "states": states, "samples": {"mine": states}}
    with pytest.raises(EdmNoiseError, match=sentence):
        judge_samples(**{**given, **changed})
