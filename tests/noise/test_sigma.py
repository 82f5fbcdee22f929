"""sigma(z) = sigma_data exp(P_mean + P_std z): published values, its inverse, and the share of training beyond it."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from edmnoise.base.errors import EdmNoiseError
from edmnoise.noise.sigma import DISTRIBUTIONS, Z_LIMIT, SigmaDistribution, check_sigma, sigma_distribution

NAMES = st.sampled_from(sorted(DISTRIBUTIONS))


def lognormal(distribution):
    """The same distribution, by scipy."""
    return scipy.stats.lognorm(distribution.p_std, scale=distribution.sigma_data * math.exp(distribution.p_mean))


@pytest.mark.parametrize(("z", "sigma"), [(0, "4.819"), (1, "21.60"), (-3, "0.0535")])
def test_published_values(z, sigma):
    digits = len(sigma.split(".")[1])
    assert f"{sigma_distribution('alphafold3').sigma(z):.{digits}f}" == sigma


def test_published_parameters():
    parameters = {name: (d.sigma_data, d.p_mean, d.p_std) for name, d in DISTRIBUTIONS.items()}
    assert parameters["alphafold3"] == parameters["boltz"] == (16, -1.2, 1.5)
    assert parameters["lucidrains"] == (16, -1.2, 1.2)
    assert parameters["wide"] == (16, -1.84, 2.8)
    assert all(d.name == name and d.source for name, d in DISTRIBUTIONS.items())


@given(NAMES, st.floats(-6, 6))
def test_z_is_the_inverse_of_sigma(name, z):
    distribution = sigma_distribution(name)
    assert distribution.z(distribution.sigma(z)) == pytest.approx(z, rel=1e-12, abs=1e-12)


@given(NAMES, st.floats(-6, 6))
def test_the_share_of_training_beyond_sigma_is_the_lognormals(name, z):
    distribution = sigma_distribution(name)
    sigma = distribution.sigma(z)
    assert distribution.share_above(sigma) == pytest.approx(lognormal(distribution).sf(sigma), rel=1e-9)
    assert distribution.share_above(sigma) == pytest.approx(scipy.stats.norm.sf(z), rel=1e-9)


def test_half_of_training_lies_beyond_the_median():
    distribution = sigma_distribution("alphafold3")
    assert distribution.share_above(lognormal(distribution).median()) == pytest.approx(0.5)


@pytest.mark.parametrize("z", [Z_LIMIT, -Z_LIMIT])
def test_the_limits_are_inside(z):
    sigma = SigmaDistribution(16, -1.2, 1.5).sigma(z)
    assert check_sigma(sigma) == sigma


@pytest.mark.parametrize("z", [12.001, -12.001, math.inf, -math.inf, math.nan])
def test_a_score_out_of_range_is_refused(z):
    with pytest.raises(EdmNoiseError, match=r"z is .*: give a number from -12 to 12 \(training: z ~ N\(0, 1\)\)"):
        sigma_distribution("alphafold3").sigma(z)


@pytest.mark.parametrize("sigma", [0, -0.0, -1, math.nan, math.inf, 1.1e9])
def test_a_noise_level_that_is_none_is_refused(sigma):
    for refusing in (check_sigma, sigma_distribution("wide").z, sigma_distribution("wide").share_above):
        with pytest.raises(EdmNoiseError, match=r"sigma is .* A: give a number above 0 and up to 1e9 angstrom"):
            refusing(sigma)


@pytest.mark.parametrize("sigma", [5e-324, 1e-9, 1, 1e9])
def test_a_noise_level_is_returned(sigma):
    assert check_sigma(sigma) == sigma


def test_an_unknown_distribution_is_refused_with_the_known_ones():
    with pytest.raises(EdmNoiseError) as error:
        sigma_distribution("af2")
    assert str(error.value) == f"no noise distribution 'af2': the known ones are {', '.join(DISTRIBUTIONS)}"
    assert "alphafold3, boltz" in str(error.value)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ((0, -1.2, 1.5), "sigma_data is 0: give a number above 0"),
        ((-16, -1.2, 1.5), "sigma_data is -16: give a number above 0"),
        ((math.nan, -1.2, 1.5), "sigma_data is nan: give a number above 0"),
        ((math.inf, -1.2, 1.5), "sigma_data is inf: give a number above 0"),
        ((16, math.nan, 1.5), "p_mean is nan: give a finite number"),
        ((16, math.inf, 1.5), "p_mean is inf: give a finite number"),
        ((16, -1.2, 0), "p_std is 0: give a number above 0"),
        ((16, -1.2, -1.5), "p_std is -1.5: give a number above 0"),
    ],
)
def test_parameters_that_make_no_distribution_are_refused(parameters, sentence):
    with pytest.raises(EdmNoiseError) as error:
        SigmaDistribution(*parameters)
    assert str(error.value) == sentence


# Arrays


@pytest.mark.parametrize("name", sorted(DISTRIBUTIONS))
def test_arrays_are_their_numbers_one_by_one(name):
    distribution = sigma_distribution(name)
    z = np.linspace(-12, 12, 50).reshape(5, 10)
    sigma = distribution.sigma(z)
    assert sigma.shape == z.shape
    assert sigma == pytest.approx(np.vectorize(distribution.sigma)(z), rel=1e-14)
    there = sigma[sigma <= 1e9]
    assert distribution.z(there) == pytest.approx(np.vectorize(distribution.z)(there), rel=1e-13, abs=1e-13)
    assert distribution.z(sigma) == pytest.approx(z, rel=1e-12, abs=1e-12)


def test_numbers_stay_floats_and_arrays_arrays():
    distribution = sigma_distribution("alphafold3")
    for number in (1, 1.0, np.float32(1), np.float64(1)):
        assert type(distribution.sigma(number)) is float
        assert type(distribution.z(number)) is float
    for array in (np.ones(3), np.ones(3, dtype=np.float32), np.ones((2, 1), dtype=int)):
        for found in (distribution.sigma(array), distribution.z(array)):
            assert found.dtype == np.float64
            assert found.shape == array.shape


def test_what_is_never_reached_and_what_is_not_there_stay_so():
    found = sigma_distribution("wide").z(np.array([math.inf, math.nan, 16.0]))
    assert found[0] == math.inf
    assert math.isnan(found[1])
    assert found[2] == sigma_distribution("wide").z(16.0)


@pytest.mark.parametrize("wrong", [12.001, -13, math.inf, math.nan])
def test_one_bad_score_of_an_array_is_refused_with_its_value(wrong):
    with pytest.raises(EdmNoiseError, match=f"^z is {float(wrong)}: give a number from -12 to 12"):
        sigma_distribution("wide").sigma(np.array([0.0, wrong, 1.0]))


@pytest.mark.parametrize("wrong", [0.0, -1.0, -math.inf])
def test_one_bad_level_of_an_array_is_refused_with_its_value(wrong):
    with pytest.raises(EdmNoiseError, match=f"^sigma is {wrong} A: give a number above 0"):
        sigma_distribution("wide").z(np.array([1.0, wrong]))


@pytest.mark.parametrize("wrong", ["1", None, [1.0], (1.0, 2.0)])
def test_what_is_neither_a_number_nor_an_array_is_refused(wrong):
    for ask, said in ((sigma_distribution("wide").sigma, "z is"), (sigma_distribution("wide").z, "sigma is")):
        with pytest.raises(EdmNoiseError, match=f"^{said} .*: give a number"):
            ask(wrong)
