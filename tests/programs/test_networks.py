"""The examples' networks: Boltz-2's and Protenix's own modules, small and of random weights, as denoisers."""

import re

import numpy as np
import pytest

PROGRAMS = ("boltz", "protenix")
LEVELS = (0.05, 1.0, 30.0, 1000.0)
ATOMS = 146


def near(asked, name, level):
    """float32 of what is added, x times EDM's c_skip and the network times c_out, which is at most 16 A."""
    np.testing.assert_allclose(
        asked[f"{name}_made"], asked[f"{name}_wanted"], rtol=1e-6, atol=3e-6 * np.hypot(16, level)
    )


@pytest.fixture(scope="module", params=PROGRAMS)
def asked(request, written):
    with np.load(written(request.param, "drive_network.py", f"small_{request.param}") / "asked.npz") as held:
        return dict(held)


@pytest.fixture(scope="module", params=PROGRAMS)
def typed(request, written):
    folder = written(request.param, "type_network.py", f"small_{request.param}")
    with np.load(folder / "typed.npz") as held:
        return dict(held), (folder / "said").read_text().split("> edm_")[1:]


def test_what_the_loop_gets_is_what_edmnoise_gets(asked):
    """To the bit: all that conditions the network was there at the first call, and has not been changed since."""
    assert asked["loop_made"].tobytes() == asked["loop_wanted"].tobytes()
    assert abs(asked["loop_made"]).max() > 10


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", ["order", "turned", "shifted"])
def test_it_answers_as_the_module_does(asked, name, level):
    """Of atoms in another order, in more samples than a call takes; turned; and put where edmnoise puts estimates."""
    near(asked, f"{name}_{level}", level)


def test_gradients_pass(asked):
    """Although the conditioning was made in torch's inference mode, which has none."""
    assert asked["gradient_made"].any()
    np.testing.assert_allclose(asked["gradient_made"], asked["gradient_wanted"], rtol=1e-5, atol=1e-6)


def test_other_atoms_are_refused_by_the_first_that_differs(asked):
    assert asked["refusals"].tolist() == [
        "the network is of 146 atoms, the structure of 145: the structure has no B/3/SD, number 101 of the network",
        "the network is of 146 atoms, the structure of 147: the network has no C/1/H1, number 147 of the structure",
        "the network is of 146 atoms, the structure of 147: the structure has A/2/CA twice",
    ]


def test_a_run_that_never_comes_to_its_denoiser_is_told(asked):
    """As of a program that has printed what was wrong with its input and gone on."""
    assert asked["never_called"] == "the prediction ended and never called Linear.forward: see what it printed"
    assert asked["put_back"]


def test_an_untrained_one_is_near_identity_and_turns_with_nothing(asked):
    """Neither program's network is equivariant by construction."""
    moved, by_sigma, turning, mirror = asked["report"]
    assert moved < 0.06 < 1 < by_sigma  # of noise of .05 A
    assert min(turning, mirror) > 0.5


def test_pymol_samples_with_it(typed):
    held, (sampled, *_) = typed
    ends = held["ends"]
    assert ends.shape == (3, ATOMS, 3)
    assert np.isfinite(ends).all()
    assert (ends.std(axis=1) > 1).all()
    turning, mirror = re.search(r":denoiser: turning error (\S+) A .*, mirror error (\S+) A", sampled).groups()
    assert min(float(turning), float(mirror)) > 0.5


def test_pymol_measures_and_compares_it(typed):
    _, (_, error, compared, _) = typed
    assert ":denoiser  its training" in error
    assert "Error" not in error + compared
    assert "boltz2" in compared


def test_pymol_refuses_it_on_other_atoms_and_changes_nothing(typed):
    held, (*_, refused) = typed
    assert "the network is of 146 atoms, the structure of 142: the structure has no C/1/C1, number 143" in refused
    assert not [name for name in held["names"] if name.startswith("other")]
