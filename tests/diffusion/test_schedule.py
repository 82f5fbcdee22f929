"""Schedules: five meanings of "n steps", where they end, and what they refuse."""

import math

import numpy as np
import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.samplers.presets import sampler_preset
from edmnoise.diffusion.samplers.schedule import GRIDS, Schedule, by_hand, karras, log_linear
from edmnoise.noise.sigma import sigma_distribution


@pytest.mark.parametrize(
    ("grid", "steps", "first", "last"),
    [
        ("then_zero", 10, 80.0, 0.0),
        ("closed", 10, 80.0, 0.002),
        ("closed_zero", 10, 80.0, 0.0),
        ("linspace", 9, 80.0, 0.002),
        ("midpoint", 9, None, None),
    ],
)
def test_steps_and_ends_of_each_grid(grid, steps, first, last):
    for schedule in (karras(10, 0.002, 80.0, grid=grid), log_linear(10, 0.002, 80.0, grid=grid)):
        assert schedule.steps == steps == len(schedule.sigmas) - 1
        if first is None:  # half a step inside both ends
            assert 0.002 < schedule.sigmas[-1] < schedule.sigmas[0] < 80
        else:
            assert schedule.sigmas[0] == pytest.approx(first, rel=1e-12)
            assert schedule.sigmas[-1] == pytest.approx(last, rel=1e-12)


@pytest.mark.parametrize("rho", [1.0, 3.0, 7.0, 8.0])
def test_equal_steps_in_the_root_of_sigma(rho):
    """Karras et al. 2022, equation 5, read backward: sigma^(1/rho) is evenly spaced between the ends."""
    sigmas = np.array(karras(18, 0.002, 80.0, rho).sigmas[:-1])
    np.testing.assert_allclose(sigmas ** (1 / rho), np.linspace(80 ** (1 / rho), 0.002 ** (1 / rho), 18), rtol=1e-10)


def test_values_of_the_formula():
    """n = 3, rho 7: the middle level is the seventh power of the mean of the seventh roots."""
    middle = (0.5 * (80 ** (1 / 7) + 0.002 ** (1 / 7))) ** 7
    assert karras(3, 0.002, 80.0).sigmas == pytest.approx((80.0, middle, 0.002, 0.0), rel=1e-12)
    assert middle == pytest.approx(2.5152, abs=1e-4)  # worked out by hand from 1.8702 and 0.4116
    halves = [
        (0.75 * 80 ** (1 / 7) + 0.25 * 0.002 ** (1 / 7)) ** 7,
        (0.25 * 80 ** (1 / 7) + 0.75 * 0.002 ** (1 / 7)) ** 7,
    ]
    assert karras(2, 0.002, 80.0, grid="midpoint").sigmas == pytest.approx(halves, rel=1e-12)


def test_the_unit_of_the_levels():
    """AlphaFold 3 counts levels in sigma_data = 16 A."""
    scaled, plain = karras(20, 4e-4, 160.0, scale=16.0), karras(20, 4e-4 * 16, 160.0 * 16)
    assert scaled.sigmas == pytest.approx(plain.sigmas, rel=1e-12)


@pytest.mark.parametrize("grid", GRIDS)
def test_a_large_rho_is_log_linear(grid):
    """With an error that falls like 1 / rho."""
    limit = np.array(log_linear(30, 0.01, 100.0, grid).sigmas)
    inside = limit > 0

    def error(rho):
        return np.abs(
            np.array(karras(30, 0.01, 100.0, rho, grid=grid).sigmas) / np.where(inside, limit, 1) - inside
        ).max()

    assert error(1e5) < 2e-4
    assert error(1e4) / error(1e5) == pytest.approx(10, rel=0.02)


@pytest.mark.parametrize(
    ("name", "steps", "start", "last_but_one", "end"),
    [
        # published: AlphaFold 3 and OpenFold 3 end at 0.0064 A, Chai-1 with 199 steps at 0.007 A, the others at 0
        ("alphafold3", 200, 2560.0, None, 0.0064),
        ("openfold3", 200, 2560.0, None, 0.0064),
        ("boltz1", 200, 2560.0, 0.0064, 0.0),
        ("boltz2", 200, 2560.0, 0.0016, 0.0),
        ("protenix", 200, 2560.0, None, 0.0),
        ("chai1", 199, None, None, 0.007),
    ],
)
def test_published_conventions(name, steps, start, last_but_one, end):
    known = sampler_preset(name)
    schedule = known.schedule(known.steps)
    assert schedule.steps == steps
    assert schedule.sigmas[-1] == pytest.approx(end, rel=0.03)
    if start is not None:
        assert schedule.sigmas[0] == pytest.approx(start, rel=1e-12)
    if last_but_one is not None:
        assert schedule.sigmas[-2] == pytest.approx(last_but_one, rel=1e-12)


def test_protenix_is_alphafold3_but_for_its_end():
    ours, theirs = (sampler_preset(name).schedule(200).sigmas for name in ("alphafold3", "protenix"))
    assert ours[:-1] == theirs[:-1]
    assert (ours[-1], theirs[-1]) == (pytest.approx(0.0064), 0.0)


def test_levels_by_hand():
    assert by_hand([3, 2, 0.5]) == Schedule((3.0, 2.0, 0.5))
    assert by_hand(np.array([[3.0], [0.0]], dtype=np.float32)).sigmas == (3.0, 0.0)


def test_one_step():
    assert karras(1, 0.1, 10.0).sigmas == pytest.approx((10.0, 0.0))
    assert karras(1, 0.1, 10.0, grid="closed").sigmas == pytest.approx((10.0, 0.1))


def test_table_and_words():
    af3 = sigma_distribution("alphafold3")
    table = by_hand([af3.sigma(1.0), af3.sigma(-1.0), 0.0]).table(af3)
    by_name = {column.name: column.values for column in table.columns}
    assert by_name["step"] == [0, 1, 2]
    assert by_name["z"][:2] == pytest.approx([1.0, -1.0])
    assert math.isnan(by_name["z"][2])
    assert repr(karras(200, 0.1, 10.0)) == "Schedule(200 steps: 10, 9.83, 9.67, ..., 0.1, 0 A)"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: karras(0, 0.1, 10.0), "steps is 0"),
        (lambda: karras(-3, 0.1, 10.0, grid="closed"), "steps is -3"),
        (lambda: karras(2.5, 0.1, 10.0), "steps is 2.5: give a whole number"),
        (lambda: karras(1, 0.1, 10.0, grid="linspace"), "from 2"),
        (lambda: log_linear(1, 0.1, 10.0, grid="midpoint"), "from 2"),
        (lambda: karras(5, 10.0, 10.0), "0 < sigma_min < sigma_max"),
        (lambda: karras(5, 0.0, 10.0), "0 < sigma_min < sigma_max"),
        (lambda: log_linear(5, 20.0, 10.0), "0 < sigma_min < sigma_max"),
        (lambda: karras(5, math.nan, 10.0), "0 < sigma_min < sigma_max"),
        (lambda: karras(5, 0.1, math.inf), "0 < sigma_min < sigma_max"),
        (lambda: karras(5, 0.1, math.nan), "0 < sigma_min < sigma_max"),
        (lambda: karras(5, 0.1, 10.0, rho=0.0), "rho is 0"),
        (lambda: karras(5, 0.1, 10.0, rho=math.nan), "rho is nan"),
        (lambda: karras(5, 0.1, 10.0, scale=0.0), "scale is 0"),
        (lambda: karras(5, 0.1, 10.0, scale=math.nan), "scale is nan"),
        (lambda: karras(5, 0.1, 10.0, grid="dilated"), "no grid 'dilated'.*then_zero, closed"),
        (lambda: by_hand([1.0]), "two or more"),
        (lambda: by_hand([]), "two or more"),
        (lambda: by_hand([1.0, 2.0]), "each below the one before"),
        (lambda: by_hand([2.0, 1.0, 1.0]), "each below the one before"),
        (lambda: by_hand([2.0, math.nan, 0.0]), "each below the one before"),
        (lambda: by_hand([math.nan, 1.0]), "each below the one before"),
        (lambda: by_hand([math.inf, 1.0]), "noise levels are inf"),
        (lambda: by_hand([2.0, 1.0, -0.5]), "none negative"),
        (lambda: karras(5, 0.1, 10.0).below(10.5), "sigma_max is 10.5 A and the schedule goes from 10 to 0.1 A"),
        (lambda: karras(5, 0.1, 10.0).below(0.1), "above its last and not above its first"),
        (lambda: karras(5, 0.1, 10.0).below(math.nan), "sigma_max is nan"),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(EdmNoiseError, match=sentence):
        make()


def test_the_rest_of_a_schedule_is_its_levels_below_one():
    whole = karras(200, 4e-4, 160.0, scale=16.0, grid="linspace")  # RFdiffusion 3's
    for sigma in (2000.0, 8.0, 0.5):
        rest = whole.below(sigma)
        kept = [level for level in whole.sigmas if level <= sigma]  # what the program does with partial_t
        assert rest.sigmas == (sigma, *kept)
    assert whole.below(whole.sigmas[0]) == whole
    level = whole.sigmas[120]
    assert whole.below(level).sigmas == whole.sigmas[120:]
    assert whole.below(round(level, 2)).sigmas[1:] == whole.sigmas[121:]  # as it is printed and typed
    assert karras(5, 0.1, 10.0).below(3.0).sigmas[-1] == 0
