"""An object's titles say how it was made: all of it, to all digits, after a session has been saved and loaded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edmnoise.noise.process import NoiseChoice
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.noise.weights import Weights
from edmnoise_pymol import edm_noise
from edmnoise_pymol.scene.titles import Provenance

POSITIVE = st.floats(1e-9, 1e9)
PARTS = st.floats(0, 1e3)


@given(sigma=POSITIVE, seed=st.integers(0, 2**62), parts=st.tuples(PARTS, PARTS, st.floats(1e-3, 1e3)))
def test_a_title_keeps_sigma_to_all_digits(sigma, seed, parts):
    """Closed forms, and the same draw again, need the number itself and not the one that is printed."""
    weights = Weights.of(*parts)
    made = Provenance(NoiseChoice(weights=weights), sigma, 0.0, seed, hydrogens=True, solvent=False)
    titles = made.titles(3)
    assert len(set(titles)) == 4
    for title in titles:
        read = Provenance.parse(title)
        assert read.sigma == sigma
        assert read.seed == seed
        assert read.noise.close_to(made.noise)
    assert Provenance.of(titles) == read


@pytest.mark.parametrize("asked", [{"z": 0.1234}, {"sigma": 1 / 3}], ids=str)
def test_an_object_keeps_sigma_to_all_digits_in_a_session(cmd, tmp_path, asked):
    cmd.fragment("ala")
    made = edm_noise("ala", **asked, frames=2)
    sigma = asked.get("sigma") or sigma_distribution("alphafold3").sigma(asked["z"])
    cmd.save(str(tmp_path / "made.pse"))
    cmd.reinitialize()
    cmd.load(str(tmp_path / "made.pse"))
    titles = [cmd.get_title(made.name, state) for state in (1, 2, 3)]
    assert Provenance.of(titles).sigma == sigma
