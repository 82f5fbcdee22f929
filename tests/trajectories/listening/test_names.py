"""Names, settings and seeds as programs hold them: one-hot or numbers, of atoms or tokens, in a batch, padded."""

import sys
import types

import biotite.structure as struc
import numpy as np
import pytest
import torch

from edmnoise.trajectories.listening.facts import at, facts

ATOMS = ["N", "CA", "CL1", "N", "O5'", "ZN", ""]
ELEMENTS = ["N", "C", "Cl", "N", "O", "Zn", ""]
NUMBERS = [7, 6, 17, 7, 8, 30, 0]
TOKENS = [0, 0, 0, 1, 1, 2, 0]
RESIDUES = [4, 9, 0, 0]  # of tokens, of which the last is padding
TYPES = [1, 0, 2, 3]
CHAINS = [0, 0, 3, 0]
REAL = [1, 1, 1, 1, 1, 1, 0]
TABLE = ["ALA", "GLY", "ZN", "-"]

EXPECTED = {
    "atom": ATOMS,
    "element": ELEMENTS,
    "residue": [5, 5, 5, 10, 10, 1, 5],
    "residue_name": ["GLY", "GLY", "GLY", "ALA", "ALA", "ZN", "GLY"],
    "chain": ["A", "A", "A", "A", "A", "B", "A"],
    "mask": REAL,
}


def one_hot(values, width):
    return np.eye(width)[np.array(values)]


def characters(names):
    return np.array([[ord(letter) - 32 for letter in name.ljust(4)] for name in names])


NUMBERED = {
    "chars": characters(ATOMS),
    "element": np.array(NUMBERS),
    "token": np.array(TOKENS),
    "residue": np.array(RESIDUES),
    "type": np.array(TYPES),
    "chain": np.array(CHAINS),
    "mask": np.array(REAL),
}
ONE_HOT = NUMBERED | {
    "chars": one_hot(characters(ATOMS), 64),
    "element": one_hot(NUMBERS, 128),
    "token": one_hot(TOKENS, 4),
    "type": one_hot(TYPES, 4),
}
SPEC = {
    "atom": "feats.chars",
    "element": "feats.element",
    "token": "feats.token",
    "residue": {"path": "feats.residue", "base": 1},
    "residue_name": {"path": "feats.type", "table": TABLE},
    "chain": "feats.chain",
    "mask": "feats.mask",
}


def named(feats, spec=SPEC, atoms=7, **arguments):
    return facts({"names": spec}, {"feats": feats} | arguments, atoms)


@pytest.mark.parametrize("feats", [NUMBERED, ONE_HOT])
@pytest.mark.parametrize("batch", [0, 1, 2])
@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor, lambda x: torch.as_tensor(x).bfloat16()])
def test_names_from_features(feats, batch, kind):
    """Of a batch the first counts; the others may be anything."""
    for _ in range(batch):
        feats = {name: np.stack([value, np.zeros_like(value)][: 3 - batch]) for name, value in feats.items()}
    found = named({name: kind(value) for name, value in feats.items()})
    assert "unread" not in found
    assert found["names"] == EXPECTED


def test_elements_counted_from_others_and_atoms_that_are_all_real():
    spec = {"element": {"path": "feats.element", "offset": 1}, "mask": "feats.mask"}
    names = named({"element": np.array([0, 5, 200]), "mask": np.ones((1, 3))}, spec, 3)["names"]
    assert names == {"element": ["H", "C", ""]}


def test_names_of_atoms_need_no_tokens_and_letters_go_on():
    spec = {"residue": "feats.residue", "chain": "feats.chain"}
    names = named({"residue": np.arange(60), "chain": np.arange(60) * 2}, spec, 60)["names"]
    assert names["residue"] == list(range(60))
    assert [names["chain"][i] for i in (0, 25, 26, 51, 52)] == ["A", "Z", "AA", "AZ", "BA"]


@pytest.mark.parametrize(
    "table",
    [
        "tables_of_others:TYPES",
        "tables_of_others:Tables.by_name",
        "tables_of_others:Tables.by_number",
        "feats.own",
        TABLE,
    ],
)
def test_tables_of_residue_names(monkeypatch, table):
    module = types.ModuleType("tables_of_others")
    module.TYPES = TABLE
    module.Tables = types.SimpleNamespace(
        by_name={name: number for number, name in enumerate(TABLE)}, by_number=dict(enumerate(TABLE))
    )
    monkeypatch.setitem(sys.modules, "tables_of_others", module)
    spec = {"residue_name": {"path": "feats.type", "table": table}, "token": "feats.token"}
    names = named(NUMBERED | {"own": tuple(TABLE)}, spec)["names"]
    assert names["residue_name"] == EXPECTED["residue_name"]


def test_chains_that_programs_name():
    chains = [types.SimpleNamespace(chain_name=name) for name in "XYZW"]
    spec = {"chain": {"path": "feats.chain", "table": "record.0.chains", "attribute": "chain_name"}}
    record = [types.SimpleNamespace(chains=chains)]
    names = named({"chain": np.array([0, 3])}, spec, 2, record=record)["names"]
    assert names["chain"] == ["X", "W"]


def array_of_others(count):
    array = struc.AtomArray(count)
    array.coord = np.zeros((count, 3))
    array.atom_name[:], array.element[:] = ATOMS[:count], [symbol.upper() for symbol in ELEMENTS[:count]]
    array.res_id[:], array.res_name[:], array.chain_id[:] = range(3, 3 + count), "LIG", "B"
    return array


def test_names_from_an_array_of_biotite():
    spec = {"atom_array": "batch.atom_array.0", "mask": "batch.mask"}
    batch = {"atom_array": [array_of_others(6)], "mask": torch.tensor([REAL])}
    names = named(None, spec, batch=batch)["names"]
    assert names == {
        "atom": ATOMS,
        "element": ELEMENTS,
        "residue": [3, 4, 5, 6, 7, 8, 0],
        "residue_name": ["LIG"] * 6 + [""],
        "chain": ["B"] * 6 + [""],
        "mask": REAL,
    }
    assert named(None, spec, 6, batch=batch | {"mask": torch.ones(1, 6)})["names"]["atom"] == ATOMS[:6]
    wrong = named(None, spec, 5, batch=batch | {"mask": torch.ones(1, 5)})
    assert "names" not in wrong
    assert wrong["unread"]["names.atom"] == "ValueError: 6 names for 5 atoms, of which 5 are real"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"atom": "feats.nothing"}, "KeyError: 'nothing'"),
        ({"atom": "nothing.chars"}, "KeyError: 'nothing'"),
        ({"element": "feats.short"}, "the shape (3,) has no axis of 7"),
        ({"element": "feats.chars4"}, "is neither numbers nor one-hot"),
        ({"residue_name": {"path": "feats.type", "table": "no_such_module:x"}}, "ModuleNotFoundError"),
        ({"residue_name": {"path": "feats.type", "table": ["ALA"]}}, "KeyError"),
    ],
)
def test_names_that_cannot_be_read_are_left_out(change, said):
    feats = NUMBERED | {"short": np.arange(3), "chars4": np.zeros((7, 2, 2, 2))}
    found = named(feats, SPEC | change)
    (key,) = change
    assert found["names"] == {name: value for name, value in EXPECTED.items() if name != key}
    (error,) = found["unread"].values()
    assert said in error


def test_settings_of_a_sampler():
    class Sampler:
        gamma, levels = 0.8, torch.tensor([3.0, 1.0])

        def schedule(self, steps, scale=1.0):
            return np.arange(steps, dtype=float) * scale

    settings = {
        "gamma0": "self.gamma",
        "steps": ["steps", "self.steps", "feats.default.0"],
        "schedule": "self.schedule(feats.count, feats.scale)",
        "levels": "self.levels",
        "noise_scale": 1.003,
        "align": "feats.align",
        "step_scale": ["self.nothing", "nothing"],
        "net": "self",
    }
    arguments = {"self": Sampler(), "steps": None, "feats": {"default": [7], "count": 3, "scale": 2.0, "align": True}}
    found = facts({"settings": settings, "name": "feats.default.0", "preset": "boltz2"}, arguments, 3)
    assert found["settings"] == {
        "gamma0": 0.8,
        "steps": 7,
        "schedule": [0.0, 2.0, 4.0],
        "levels": [3.0, 1.0],
        "noise_scale": 1.003,
        "align": True,
    }
    assert found["unread"] == {
        "settings.step_scale": "LookupError: nothing stands at self.nothing or nothing",
        "settings.net": "ValueError: a Sampler is no number, text or list of numbers",
    }
    assert (found["name"], found["preset"], found["command"]) == ("7", "boltz2", sys.argv)


def test_the_seed_is_that_of_torch_and_stays_as_it_is():
    torch.manual_seed(31)
    state = torch.get_rng_state()
    assert facts({}, {}, 1)["seed"] == 31
    assert torch.equal(state, torch.get_rng_state())


def test_paths():
    value = {"a": [types.SimpleNamespace(b={"1": "c"})]}
    assert at("x.a.0.b.1", {"x": value}) == "c"
    assert at(3.5, {}) == 3.5
    with pytest.raises(IndexError):
        at("x.a.1", {"x": value})
