"""The sampler: what its switches may change, whom a sample depends on, what it asks and when it stops."""

import itertools
import math

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.rotations import haar_rotations, quaternion_to_matrix
from edmnoise.base.seeds import NOISE, reseed
from edmnoise.diffusion.denoisers.denoiser import Denoised
from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.diffusion.likelihood import LIKELIHOOD
from edmnoise.diffusion.samplers.presets import sampler_preset
from edmnoise.diffusion.samplers.sampler import ALIGNMENTS, AUGMENTATION, SAMPLING, Churn, Frame, Sampler, sample
from edmnoise.diffusion.samplers.schedule import by_hand, karras
from edmnoise.diffusion.samplers.solvers import SOLVERS
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.structure.hierarchy import Hierarchy
from edmnoise.structure.superpose import superpose

HIERARCHY = Hierarchy(("atom", "residue", "chain"), (np.array([0, 0, 1, 2, 2, 2, 3, 1, 3]), np.array([0, 1, 1, 0])))
K = NestedCovariance(HIERARCHY, {"atom": 0.3, "residue": 0.5, "chain": 0.2})
STATES = 3 * torch.randn(3, 3, 9, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
SCHEDULE = karras(10, 0.05, 60.0)
CHURN = Churn(0.4, above=0.5)


def equivariant():
    """It knows nothing of place and direction, and its states fluctuate: samples keep what happened on the way."""
    return StatesDenoiser(
        STATES, K, [0.5, 0.3, 0.2], "rotation", NestedCovariance(HIERARCHY, {"atom": 0.2, "residue": 0.4, "chain": 0.9})
    )


def run(sampler, samples=3, denoiser=None, covariance=K, schedule=SCHEDULE, dtype=torch.float64, **more):
    *_, last = sample(denoiser or equivariant(), covariance, schedule, sampler, samples, dtype=dtype, **more)
    return last.x


def apart(x, y):
    """Largest RMSD, angstrom, of two batches after the best motion."""
    return float(superpose(x, y).rmsd.max())


# Streams of random numbers


class Kept(NestedCovariance):
    """Flat noise that keeps what is drawn of it: the numbers of its generators as they are."""

    def __init__(self):
        super().__init__(HIERARCHY, {"atom": 1.0})
        self.drawn = []

    def draw(self, out, generator):
        self.drawn.append(super().draw(out, generator).clone())
        return out


def test_noise_and_motions_come_from_streams_of_their_own():
    """No rotation and no shift of a run is made of numbers that its noise was made of."""
    noise, sampler = Kept(), Sampler("euler", CHURN, rotate=True, translate=1.0)
    steps = sample(equivariant(), noise, SCHEDULE, sampler, 1, seed=4, dtype=torch.float64)
    frames = [(step.frame.rotation[0].clone(), step.frame.shift[0].clone()) for step in steps]
    numbers = torch.cat([drawn.flatten() for drawn in noise.drawn])
    turns = quaternion_to_matrix(numbers.unfold(0, 4, 1))
    assert len(numbers) > 27, "churn has drawn noise too"
    turned, moved = torch.eye(3).double(), torch.zeros(3, 1).double()
    for rotation, place in frames:
        turn = rotation @ turned.mT
        assert (turns - turn).abs().amax((1, 2)).min() > 1e-2
        assert (numbers - (place - turn @ moved)).abs().min() > 1e-5
        turned, moved = rotation, place


def test_noise_does_not_depend_on_how_many_motions_there_are():
    starts = []
    for steps in (4, 9):
        noise = Kept()
        next(sample(equivariant(), noise, karras(steps, 0.05, 60.0), Sampler(rotate=True), seed=4))
        starts.append(noise.drawn[0])
    assert torch.equal(*starts)


def test_frames_of_noise_and_samples_come_from_streams_of_their_own():
    """With one seed and number: who noises a structure and then samples from there draws other numbers."""
    frame = MultiscaleNoise(HIERARCHY, {"atom": 1.0}).frames(1.0, [2], seed=4)
    noise = Kept()
    next(sample(equivariant(), noise, SCHEDULE, Sampler(), range(2, 3), seed=4))
    assert not set(frame.flatten().tolist()) & set(noise.drawn[0].flatten().tolist())
    assert len({NOISE, SAMPLING, AUGMENTATION, LIKELIHOOD}) == 4


# AlphaFold 3's step, said again from its supplement


def test_algorithm_18_with_boltz_alignment(replayed):
    """Centre, rotate, translate; noise up to (1 + gamma) s where the next level is above gamma_min; denoise; lay the
    noisy structure onto the denoised one; x + eta (s' - t)(x - D) / t. Loops over samples, rows of atoms, numpy."""
    gamma_0, gamma_min, noise_scale, step_scale = 0.8, 1.0, 1.003, 1.5
    schedule = karras(12, 4e-4, 160.0, 7.0, 16.0)
    generator = torch.Generator().manual_seed(8)
    draws = [torch.randn(2, 3, 9, generator=generator, dtype=torch.float64) for _ in range(13)]
    denoiser = equivariant()
    generators = [reseed(torch.Generator(), 21, k, AUGMENTATION) for k in range(2)]
    motion = [iter(torch.randn(12, 7, generator=g, dtype=torch.float64)) for g in generators]
    numbers = iter(draws)

    x = [schedule.sigmas[0] * row.numpy().T for row in next(numbers)]
    oracle = []
    for s, target in itertools.pairwise(schedule.sigmas):
        gamma = gamma_0 if target > gamma_min else 0.0
        t = (1 + gamma) * s
        noise = [row.numpy().T for row in next(numbers)] if gamma else [0.0, 0.0]
        for k in range(2):
            quaternion, shift = next(motion[k]).split([4, 3])
            turn, shift = quaternion_to_matrix(quaternion).numpy(), shift.numpy()
            x[k] = (x[k] - x[k].mean(axis=0)) @ turn.T + shift
            x[k] = x[k] + noise_scale * math.sqrt(t**2 - s**2) * noise[k]
            denoised = denoiser.denoise(torch.tensor(x[k].T[None]), t).atoms[0].numpy().T
            x[k] = kabsch(x[k], denoised)
            x[k] = x[k] + step_scale * (target - t) * (x[k] - denoised) / t
        oracle.append(np.stack(x))

    sampler = Sampler(
        "euler",
        Churn(gamma_0, gamma_min),
        noise_scale,
        step_scale,
        center=True,
        rotate=True,
        translate=1.0,
        align="noisy",
    )
    noise = replayed(HIERARCHY, (0.3, 0.5, 0.2), draws)
    steps = sample(denoiser, noise, schedule, sampler, 2, seed=21, dtype=torch.float64)
    for step, expected in zip(steps, oracle, strict=True):
        np.testing.assert_allclose(step.x.mT.numpy(), expected, rtol=0, atol=1e-5)


def kabsch(moving, fixed):
    """Rows of atoms; the proper rotation about the centres that lays one onto the other best."""
    a, b = moving - moving.mean(axis=0), fixed - fixed.mean(axis=0)
    u, _, vh = np.linalg.svd(b.T @ a)
    u[:, 2] *= np.sign(np.linalg.det(u @ vh))
    return a @ (u @ vh).T + fixed.mean(axis=0)


def test_its_preset_is_that_sampler():
    expected = Sampler("euler", Churn(0.8, 1.0), 1.003, 1.5, center=True, rotate=True, translate=1.0, align="noisy")
    assert sampler_preset("boltz2").sampler(200) == expected


# A sample depends on the seed and its number


@pytest.mark.parametrize("solver", ["heun", "dpmpp_2m_sde"])
def test_numbers_of_a_sample_are_its_own(solver):
    """The random numbers are the same bits in any batch. Products of matrices and singular values may be summed in
    another order for another batch, so that coordinates are the same up to float64 rounding, over all steps."""
    sampler = Sampler(solver, CHURN, center=True, rotate=True, translate=1.0, align="noisy")
    whole = run(sampler, 5, seed=4)
    for part in (range(3, 5), range(2, 3), range(5)):
        torch.testing.assert_close(run(sampler, part, seed=4), whole[part.start : part.stop], rtol=0, atol=1e-9)
    assert apart(whole[:1], whole[1:2]) > 0.1
    assert apart(run(sampler, 1, seed=5), whole[:1]) > 0.1


class Halving:
    """Element by element, so that no batch changes a sum."""

    def __init__(self):
        self.asked = []

    def denoise(self, x, sigma):
        self.asked.append(sigma)
        return Denoised(0.5 * x)


def test_where_nothing_is_summed_samples_are_the_same_bits():
    for name in SOLVERS:
        sampler = Sampler(name, CHURN)
        whole = run(sampler, 5, Halving(), dtype=torch.float32)
        assert torch.equal(run(sampler, range(3, 5), Halving(), dtype=torch.float32), whole[3:]), name


def test_the_global_generator_is_left_alone():
    state = torch.get_rng_state()
    run(Sampler("ancestral", CHURN, rotate=True, translate=1.0))
    assert torch.equal(state, torch.get_rng_state())


def test_a_run_repeats_itself():
    sampler = sampler_preset("boltz1").sampler(16)
    assert torch.equal(run(sampler, 2, seed=9), run(sampler, 2, seed=9))


# Switches


SWITCHES = [
    {"center": True},
    {"translate": 3.0},
    {"center": True, "translate": 1.0},
]


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
@pytest.mark.parametrize("solver", ["euler", "heun", "dpmpp_2m"])
def test_centring_and_shifting_only_move_the_sample(switches, solver):
    """The noise points the same way in both."""
    ours, plain = run(Sampler(solver, CHURN, **switches)), run(Sampler(solver, CHURN))
    assert apart(ours, plain) < 1e-5
    assert (ours - plain).abs().max() > 0.01, "it was not moved at all"


@pytest.mark.parametrize("solver", sorted(SOLVERS.keys() - {"ancestral", "dpmpp_2m_sde"}))
def test_rotating_only_moves_the_sample(solver):
    """Where no noise is drawn on the way. A multistep solver must turn what it remembers too."""
    everything = Sampler(solver, center=True, rotate=True, translate=1.0)
    ours, plain = run(everything), run(Sampler(solver))
    assert apart(ours, plain) < 1e-9 * 60
    assert (ours - plain).abs().max() > 0.5, "it was not moved at all"


def test_a_denoiser_that_is_not_equivariant_is_changed_by_rotation():
    """So that the test above can fail."""
    fixed = StatesDenoiser(STATES, K, gauge="fixed")
    ours = run(Sampler("heun", rotate=True), denoiser=fixed, schedule=karras(16, 3.0, 60.0, grid="closed"))
    plain = run(Sampler("heun"), denoiser=fixed, schedule=karras(16, 3.0, 60.0, grid="closed"))
    assert apart(ours, plain) > 0.1


@pytest.mark.parametrize("solver", ["euler", "heun"])
def test_the_two_alignments_differ_by_a_motion(solver):
    """To lay the noisy onto the denoised, or the denoised onto the noisy; no noise is drawn on the way, which would
    point in other directions. Either is another step than none is."""
    ours, theirs, none = (run(Sampler(solver, align=align)) for align in ("noisy", "denoised", "none"))
    assert apart(ours, theirs) < 1e-6
    assert apart(ours, none) > 1e-3


def test_without_switches_all_start_from_the_covariance():
    """x is sigma_max L z before the first call: 400 samples, variance of the mean within 4 sigma."""
    steps = sample(Halving(), K, SCHEDULE, Sampler("euler"), 400, dtype=torch.float64)
    means = next(steps).noisy.mean(dim=2) / SCHEDULE.sigmas[0]
    expected = float(K.multiply(torch.ones(9, dtype=torch.float64)).sum()) / 81
    assert float(means.var()) == pytest.approx(expected, rel=4 * math.sqrt(2 / 1200))


def test_frame_undoes_all_motions():
    """Seen at rest, a run with every switch is the run without them: the denoised and x of every step."""
    moving = Sampler("heun", center=True, rotate=True, translate=2.0)
    pairs = zip(
        sample(equivariant(), K, SCHEDULE, moving, 2, dtype=torch.float64),
        sample(equivariant(), K, SCHEDULE, Sampler("heun"), 2, dtype=torch.float64),
        strict=True,
    )
    for ours, plain in pairs:
        torch.testing.assert_close(ours.at_rest(ours.x), plain.x, rtol=0, atol=1e-6)
        torch.testing.assert_close(ours.at_rest(ours.denoised), plain.denoised, rtol=0, atol=1e-6)


@pytest.mark.parametrize("weights", [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.3, 0.6)])
def test_level_weights_change_nothing_for_an_exact_denoiser(weights):
    """Its residues and chains are the means of its atoms."""
    denoiser = StatesDenoiser(STATES, K, [0.5, 0.3, 0.2], "rotation", hierarchy=HIERARCHY)
    residue, chain = weights
    ours = run(Sampler("heun", residue_weight=residue, chain_weight=chain), denoiser=denoiser, hierarchy=HIERARCHY)
    torch.testing.assert_close(ours, run(Sampler("heun"), denoiser=denoiser), rtol=0, atol=1e-9)


class Contradicting:
    """Atoms at the origin, residues at 1, chains at 2."""

    def denoise(self, x, sigma):
        residues, chains = x.new_ones(len(x), 3, 4), x.new_full((len(x), 3, 2), 2.0)
        return Denoised(torch.zeros_like(x), residues, chains)


@pytest.mark.parametrize(
    ("weights", "place"), [((0, 0), 0.0), ((1, 0), 1.0), ((0, 1), 2.0), ((1, 1), 2.0), ((0.5, 0), 0.5)]
)
def test_level_weights_put_groups_where_the_model_has_them(weights, place):
    sampler = Sampler("euler", residue_weight=weights[0], chain_weight=weights[1])
    x = run(sampler, denoiser=Contradicting(), hierarchy=HIERARCHY)
    torch.testing.assert_close(x, torch.full_like(x, place), rtol=0, atol=1e-12)


# What is asked, and when


def test_a_start_is_asked_about_at_the_churned_level():
    """Partial diffusion from 3 A with gamma 0.8: the first call is at 5.4 A, about the start and its noise."""
    start = 100 + STATES[:2]
    denoiser = Halving()
    steps = sample(
        denoiser, K, by_hand([3.0, 1.5, 0.0]), Sampler("euler", Churn(0.8, 1.0)), 2, start=start, dtype=torch.float64
    )
    first = next(steps)
    assert (first.sigma, first.sigma_hat, first.target) == (3.0, pytest.approx(5.4), 1.5)
    assert denoiser.asked == [pytest.approx(5.4)]
    assert 1 < float((first.noisy - start).std()) < 10
    assert next(steps).sigma_hat == 1.5  # the next level, 0, is not above 1
    assert torch.equal(start, 100 + STATES[:2])


def test_the_start_is_what_noise_is_added_to():
    """With D = x / 2 throughout all is linear: what the start adds is the same for any noise."""
    start = STATES.clone()
    ours = run(Sampler("heun", CHURN), denoiser=Halving(), start=start)
    without = run(Sampler("heun", CHURN), denoiser=Halving())
    ratio = (ours - without) / start
    torch.testing.assert_close(ratio, ratio.mean().expand_as(ratio), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(
    ("solver", "calls"),
    [
        ("euler", 10),
        ("heun", 19),
        ("midpoint", 20),
        ("chai", 19),
        ("dpmpp_2m", 10),
        ("dpmpp_2m_sde", 10),
        ("ancestral", 10),
    ],
)
def test_calls_of_the_denoiser(solver, calls):
    denoiser = Halving()
    run(Sampler(solver, CHURN), denoiser=denoiser)
    assert len(denoiser.asked) == calls


def test_steps_say_what_they_did():
    steps = [
        (s.number, s.steps, s.sigma, s.sigma_hat, s.target)
        for s in sample(Halving(), K, by_hand([9.0, 3.0, 1.0, 0.0]), Sampler("euler", Churn(0.5, 1.0)))
    ]
    assert steps == [(1, 3, 9.0, 13.5, 3.0), (2, 3, 3.0, 3.0, 1.0), (3, 3, 1.0, 1.0, 0.0)]


def test_churn_compares_the_level_that_it_says():
    assert [Churn(0.5, 1.0, 5.0).of(s, t) for s, t in ((9, 6), (6, 5), (5, 1.1), (1.1, 1.0))] == [0, 0.5, 0.5, 0]
    assert [Churn(0.5, 1.0, 5.0, "start").of(s, t) for s, t in ((6, 5), (5, 1), (1.0, 0.5))] == [0, 0.5, 0]


@pytest.mark.parametrize("solver", sorted(SOLVERS))
@pytest.mark.parametrize("align", ALIGNMENTS)
def test_the_record_of_a_step_holds(solver, align):
    """noisy and denoised are what was there at sigma_hat, though x has gone on: Euler's step is made from them."""
    sampler = Sampler(solver, CHURN, rotate=True, align=align)
    denoiser = equivariant()
    for step in sample(denoiser, K, SCHEDULE, sampler, 2, dtype=torch.float64):
        again = denoiser.denoise(step.noisy, step.sigma_hat).atoms
        if align == "none":
            torch.testing.assert_close(step.denoised, again, rtol=0, atol=1e-12)
        elif align == "denoised":
            assert apart(step.denoised, again) < 1e-6
        if solver == "euler":
            share = (step.sigma_hat - step.target) / step.sigma_hat
            torch.testing.assert_close(step.x, torch.lerp(step.noisy, step.denoised, share), rtol=0, atol=1e-11)


def test_a_run_that_is_stopped_asks_no_more():
    denoiser = Halving()
    steps = sample(denoiser, K, SCHEDULE, Sampler("euler"))
    assert denoiser.asked == []
    next(steps)
    next(steps)
    steps.close()
    assert denoiser.asked == list(SCHEDULE.sigmas[:2])
    assert next(steps, None) is None


@pytest.mark.parametrize("name", sorted(SOLVERS))
def test_coordinates_stay_in_their_precision(name):
    steps = list(sample(Halving(), K, SCHEDULE, Sampler(name, center=True, rotate=True), 2))
    assert {t.dtype for step in steps for t in (step.x, step.noisy, step.denoised)} == {torch.float32}


# What goes wrong


class Failing:
    """Right until it is asked at a low level."""

    def __init__(self, failure):
        self.failure = failure

    def denoise(self, x, sigma):
        estimate = 0.5 * x
        return Denoised(estimate if sigma > 2 else self.failure(estimate))


def with_one(value):
    def spoil(estimate):
        estimate[1, 2, 3] = value
        return estimate

    return spoil


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (with_one(math.nan), r"NaN or infinite coordinates in step 3, at sigma 1 A"),
        (with_one(-math.inf), r"NaN or infinite coordinates in step 3, at sigma 1 A"),
        (lambda estimate: estimate[:, :, :-1], r"the shape \(2, 3, 8\) for \(2, 3, 9\) in step 3, at sigma 1 A"),
        (lambda estimate: estimate.mT, r"the shape \(2, 9, 3\) for \(2, 3, 9\) in step 3, at sigma 1 A"),
        (lambda estimate: estimate[:1], r"the shape \(1, 3, 9\)"),
    ],
)
@pytest.mark.parametrize("sampler", [Sampler("euler"), Sampler("dpmpp_2m"), Sampler("euler", align="noisy")])
def test_a_denoiser_that_fails_is_named_with_step_and_level(failure, sentence, sampler):
    steps = sample(Failing(failure), K, by_hand([9.0, 3.0, 1.0, 0.0]), sampler, 2)
    next(steps)
    next(steps)
    with pytest.raises(EdmNoiseError, match=sentence):
        next(steps)


def test_a_failure_at_the_second_point_names_it():
    """Heun asks about the level after the step too."""
    steps = sample(Failing(with_one(math.nan)), K, by_hand([9.0, 3.0, 1.0, 0.0]), Sampler("heun"), 2)
    next(steps)
    with pytest.raises(EdmNoiseError, match="in step 2, at sigma 1 A"):
        next(steps)


def test_a_step_that_overflows_is_not_the_denoisers_fault():
    steps = sample(Failing(None), K, by_hand([9.0, 3.0]), Sampler("euler", step_scale=1e38), 2)
    with pytest.raises(EdmNoiseError, match="the coordinates became NaN or infinite in step 1, at sigma 9 A"):
        list(steps)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Churn(-0.1), "churn is -0.1"),
        (lambda: Churn(math.nan), "churn is nan"),
        (lambda: Churn(0.1, at="end"), "churn is taken at 'end'"),
        (lambda: Sampler("runge"), "no solver 'runge'"),
        (lambda: Sampler(align="best"), "align is 'best'.*none, denoised, noisy"),
        (lambda: Sampler(noise_scale=-1.0), "noise_scale is -1"),
        (lambda: Sampler(step_scale=math.inf), "step_scale is inf"),
        (lambda: Sampler(translate=math.nan), "translate is nan"),
        (lambda: Sampler("dpmpp_2m", step_scale=1.5), "step_scale is 1.5 with dpmpp_2m"),
        (lambda: Sampler(residue_weight=1.1), "residue_weight is 1.1"),
        (lambda: Sampler(chain_weight=math.nan), "chain_weight is nan"),
        (lambda: run(Sampler(), 0), "samples is 0"),
        (lambda: run(Sampler(), range(3, 3)), "samples is 0"),
        (lambda: run(Sampler(), seed=-1), "seed is -1"),
        (lambda: run(Sampler(residue_weight=1.0)), "give hierarchy"),
        (lambda: run(Sampler(), start=torch.zeros(2, 3, 9)), r"start has the shape \(2, 3, 9\)"),
        (lambda: run(Sampler(), start=torch.zeros(9, 3)), r"start has the shape \(9, 3\)"),
        (lambda: run(Sampler(), start=torch.full((3, 3, 9), math.nan)), "start.*NaN"),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(EdmNoiseError, match=sentence):
        make()


def test_motions_that_were_rounded_are_undone():
    """200 rotations in float32 are 1e-5 from orthogonal, which their transpose would make .02 A of at 2,560 A."""
    generator = torch.Generator().manual_seed(4)
    x = 2560 * torch.randn(2, 3, 40, generator=generator, dtype=torch.float64)
    moved, frame = x, Frame(2, "cpu")
    for _ in range(200):
        turn, shift = haar_rotations(2, generator).float(), torch.randn(2, 3, 1, generator=generator)
        moved = turn.double() @ moved + shift.double()
        frame.then(turn, shift)
    torch.testing.assert_close(frame.undone(moved), x, rtol=0, atol=1e-8)
