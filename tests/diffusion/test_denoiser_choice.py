"""A denoiser by name: the model that its own class makes of the same, and what is refused before any is made."""

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.denoisers.choice import DenoiserChoice
from edmnoise.diffusion.denoisers.elastic_network import ElasticNetwork
from edmnoise.diffusion.denoisers.states import GAUGES, StatesDenoiser
from edmnoise.diffusion.names import DENOISERS
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.noise.weights import Weights


@pytest.fixture(scope="module")
def known(fragment):
    rng = np.random.default_rng(5)
    first = fragment.coordinates
    states = np.stack([first, first + rng.normal(0, 1.5, first.shape)]).astype(np.float32)
    x = torch.tensor(states.mean(axis=0) + rng.normal(0, 2.0, first.shape)).mT[None]
    return states, NestedCovariance(fragment.hierarchy, Weights.of(chain=2, residue=3, atom=5)), x


POSES = {name: {"states": "rotation"}.get(name, name) for name in DENOISERS}


def test_every_gauge_of_known_states_has_a_name():
    assert sorted(POSES.values()) == sorted(GAUGES)


@pytest.mark.parametrize("name", DENOISERS)
@pytest.mark.parametrize("own", [None, "network", (0.0, 0.3, 0.2)])
def test_the_model_is_what_its_class_makes_of_the_same(fragment, known, name, own):
    states, noise, x = known
    model = DenoiserChoice(name, (1, 3), own).build(fragment, states, noise)
    motion = {
        None: lambda: None,
        "network": lambda: ElasticNetwork.from_structure(fragment),
        (0.0, 0.3, 0.2): lambda: NestedCovariance(fragment.hierarchy, {"atom": 0.04, "residue": 0.09}),
    }[own]()
    direct = StatesDenoiser(torch.tensor(states).mT, noise, (0.25, 0.75), POSES[name], motion, fragment.hierarchy)
    for found, expected in zip(model.denoise(x, 2.0), direct.denoise(x, 2.0), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"name": "magic"}, "no denoiser 'magic': the known ones are states, translation, fixed, kabsch"),
        ({"state_weights": (1, -1)}, r"state_weights are \[1, -1\]: give numbers, none negative, not all zero"),
        ({"state_weights": (0, 0)}, "not all zero"),
        ({"state_weights": (1, float("nan"))}, "give numbers"),
        ({"fluctuations": "springs"}, "fluctuations are 'springs': give network, or three numbers in angstrom"),
        ({"fluctuations": (1, 1)}, r"fluctuations are \[1, 1\]: give three numbers"),
        ({"fluctuations": (1, 1, 0)}, "the last above 0"),
        ({"fluctuations": (1, 1, float("inf"))}, "the last above 0"),
    ],
)
def test_a_choice_that_cannot_be_is_refused_before_a_structure_is_there(given, sentence):
    with pytest.raises(EdmNoiseError, match=sentence):
        DenoiserChoice(**given)


def test_probabilities_are_one_for_each_state(fragment, known):
    states, noise, _ = known
    choice = DenoiserChoice(state_weights=(1, 1, 1))
    with pytest.raises(EdmNoiseError, match="3 numbers for 2 states: give 2 numbers"):
        choice.build(fragment, states, noise)
    with pytest.raises(EdmNoiseError, match="3 numbers for 1 state of toxin: choosing needs several states"):
        choice.check(1, "toxin")
