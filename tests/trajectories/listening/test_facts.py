"""What run.json says of a run: paths into what a sampler was called with, and names as programs hold them."""

import numpy as np
import pytest
import torch

from edmnoise.trajectories.listening.facts import at, facts

ATOM = ["N", "CA", "CD1", "CL1"]
ELEMENT = ["N", "C", "C", "Cl"]
NUMBERS = np.array([7, 6, 6, 17])


def letters():
    """(4, 4) codes of the letters, 0 for none."""
    return np.array([[ord(letter) - 32 for letter in name.ljust(4)] for name in ATOM])


def one_hot(values, kinds):
    return torch.tensor(np.eye(kinds)[values])


class Sampler:
    share = 0.5

    def levels(self, steps, skip=0):
        return torch.linspace(2, 1, steps)[skip:]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("self.share", 0.5),
        ("feats.deep.1", "b"),
        ("self.gone?", None),
        ("self.share?", 0.5),
        ("feats.gone.0?", None),
        (["feats.gone", "self.share"], 0.5),
        (7, 7),
        ("kind", "levels"),
    ],
)
def test_paths(path, value):
    arguments = {"self": Sampler(), "feats": {"deep": ["a", "b"]}, "kind": "levels", "steps": 3}
    assert at(path, arguments) == value


def test_paths_that_call():
    arguments = {"self": Sampler(), "steps": 3, "kind": "levels", "module": Sampler}
    for path in ("self.levels(steps)", "self.{kind}(steps)", "module.levels(self, steps)"):
        assert at(path, arguments).tolist() == [2, 1.5, 1]


@pytest.mark.parametrize("path", ["self.gone", "gone", "feats.3", ["gone", "feats.gone"]])
def test_nothing_stands_there(path):
    with pytest.raises((LookupError, AttributeError)):
        at(path, {"self": Sampler(), "feats": ["a"]})


def test_settings_seed_and_calls(tmp_path):
    spec = {"settings": {"share": "self.share", "gone": "self.gone", "perhaps": "self.gone?"}, "seed": "seed"}
    spec |= {"calls_per_step": "self.share"}
    found = facts(spec, {"self": Sampler(), "seed": 11}, 4)
    assert found["settings"] == {"share": 0.5, "perhaps": None}
    assert list(found["unread"]) == ["settings.gone"]
    assert (found["seed"], found["calls_per_step"]) == (11, 2)
    assert facts(spec, {"self": Sampler(), "seed": None}, 4)["seed"] == torch.initial_seed()


@pytest.mark.parametrize(
    "way",
    [
        letters(),
        one_hot(letters(), 64),
        one_hot(letters(), 64)[None],
        one_hot(letters(), 64).reshape(4, 256),
        ATOM,
    ],
    ids=["codes", "one-hot", "of a batch", "in rows", "texts"],
)
def test_names_of_atoms(way):
    assert facts({"names": {"atom": "way"}}, {"way": way}, 4)["names"] == {"atom": ATOM}


def test_names_by_token():
    spec = {"token": "token", "residue": {"path": "number", "base": 1}, "chain": "chain", "element": "element"}
    spec["residue_name"] = {"path": "kind", "table": ["ALA", "UNK"]}
    arguments = {"token": torch.tensor([0, 0, 1, 2]), "number": np.array([0, 1, 0]), "chain": np.array([3, 3, 8])}
    arguments |= {"kind": one_hot([0, 0, 1], 2), "element": one_hot(NUMBERS, 128)}
    assert facts({"names": spec}, arguments, 4)["names"] == {
        "element": ELEMENT,
        "residue": [1, 1, 2, 1],
        "residue_name": ["ALA", "ALA", "ALA", "UNK"],
        "chain": ["A", "A", "A", "B"],
    }


def test_names_of_the_atoms_before_the_padding():
    spec = {"first": "atom", "atom": "atom", "element": "element", "residue": "residue"}
    arguments = {"atom": ATOM, "element": NUMBERS, "residue": np.arange(4)}
    assert facts({"names": spec}, arguments, 6)["names"] == {
        "atom": [*ATOM, "", ""],
        "element": [*ELEMENT, "", ""],
        "residue": [0, 1, 2, 3, 0, 0],
        "mask": [1, 1, 1, 1, 0, 0],
    }
    arguments["there"] = np.array([1, 1, 0, 1])
    names = facts({"names": spec | {"mask": "there"}}, arguments, 6)["names"]
    assert names["mask"] == [1, 1, 0, 1, 0, 0]
