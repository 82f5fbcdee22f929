"""k-diffusion's samplers, given the same random numbers: also those of correlated noise, in whitened coordinates."""

import importlib
import importlib.util
import math
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import scipy.integrate  # noqa: F401 - k-diffusion imports these too: first here, outside of the stand-ins
import torch
import tqdm.auto  # noqa: F401

from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.diffusion.samplers.sampler import Churn, Sampler, sample
from edmnoise.diffusion.samplers.schedule import by_hand, karras, log_linear
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.structure.hierarchy import Hierarchy

HIERARCHY = Hierarchy(("atom", "residue", "chain"), (np.array([0, 0, 1, 2, 2, 2, 3, 1, 3]), np.array([0, 1, 1, 0])))
WHITE, COLOURED = (1.0, 0.0, 0.0), (0.3, 0.5, 0.2)
SCHEDULE = karras(12, 0.05, 60.0)
SIGMAS = torch.tensor(SCHEDULE.sigmas, dtype=torch.float64)
SHAPE = (2, 3, 9)
STATES = 3 * torch.randn(3, 3, 9, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def named(hierarchy, values):
    """Values of the levels, finest first, by their names."""
    return dict(zip(hierarchy.names, values, strict=True))


@pytest.fixture(scope="module")
def kdiffusion():
    """The module k_diffusion.sampling. Its package imports much that the samplers have no use for."""
    unused = {
        "PIL": {"Image": None},
        "safetensors": {},
        "torchdiffeq": {"odeint": None},
        "torchsde": {},
        "torchvision": {},
        "torchvision.transforms": {"functional": None},
    }
    spec = importlib.util.find_spec("k_diffusion")
    package = ModuleType("k_diffusion")
    package.__path__ = list(spec.submodule_search_locations)
    stand_ins = {name: ModuleType(name) for name in unused} | {"k_diffusion": package}
    for name, contents in unused.items():
        stand_ins[name].__dict__.update(contents)
    before = {name: sys.modules.get(name) for name in stand_ins}
    sys.modules.update(stand_ins)
    try:
        return importlib.import_module("k_diffusion.sampling")
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def nonlinear(covariance):
    """Three states that fluctuate, turned in any way: what goes wrong on the way is still seen at the end."""
    fluctuations = NestedCovariance(HIERARCHY, {"atom": 0.2, "residue": 0.4, "chain": 0.9})
    return StatesDenoiser(STATES, covariance, [0.5, 0.3, 0.2], "rotation", fluctuations)


def trajectory(denoiser, noise, schedule, sampler):
    """What the denoiser was asked in each step, and the end."""
    points = []
    for step in sample(denoiser, noise, schedule, sampler, SHAPE[0], dtype=torch.float64):
        points.append(step.noisy.clone())
    return torch.stack([*points, step.x])


class Case(SimpleNamespace):
    """One K; x = L z; random numbers in z, in k-diffusion's order: the start, then one batch for every step."""

    def __init__(self, variances, replayed):
        self.replayed, self.variances = replayed, variances
        self.k = NestedCovariance(HIERARCHY, named(HIERARCHY, variances))
        self.denoiser = nonlinear(self.k)
        generator = torch.Generator().manual_seed(11)
        self.start, *self.fresh = (
            torch.randn(SHAPE, generator=generator, dtype=torch.float64) for _ in range(SCHEDULE.steps + 1)
        )

    def theirs(self, function, **options):
        """In z, where their noise is isotropic; their global random numbers are ours."""

        def model(z, sigma):
            return self.k.whiten(self.denoiser.denoise(self.k.factor(z), float(sigma[0])).atoms)

        numbers, points = iter(self.fresh), []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch, "randn_like", lambda x: next(numbers))
            start = SIGMAS[0] * self.start
            z = function(model, start, SIGMAS, disable=True, callback=lambda step: points.append(step["x"]), **options)
        return self.k.factor(torch.stack([*points, z]))

    def ours(self, sampler, used):
        """In x; ``used`` are the steps (from 0) in which noise is drawn."""
        draws = [self.k.factor(z) for z in (self.start, *(self.fresh[k] for k in used))]
        noise = self.replayed(HIERARCHY, self.variances, draws)
        points = trajectory(self.denoiser, noise, SCHEDULE, sampler)
        assert next(noise.numbers, None) is None, "noise was left over"
        return points


@pytest.fixture(params=[WHITE, COLOURED], ids=["white", "coloured"])
def case(request, replayed):
    return Case(request.param, replayed)


def agree(ours, theirs):
    """Step by step, in every coordinate; the same operations in another order are all that is forgiven."""
    assert theirs[-1].std() > 1
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["euler", "heun"])
def test_without_churn(case, kdiffusion, name):
    agree(case.ours(Sampler(name), []), case.theirs(getattr(kdiffusion, f"sample_{name}")))


@pytest.mark.parametrize("name", ["euler", "heun"])
def test_with_churn_between_two_levels(case, kdiffusion, name):
    """Karras et al.: gamma = min(S_churn / steps, sqrt 2 - 1) for levels from S_tmin to S_tmax."""
    low, high, churn, noise = 0.1, 30.0, 4.0, 1.007
    theirs = case.theirs(getattr(kdiffusion, f"sample_{name}"), s_churn=churn, s_tmin=low, s_tmax=high, s_noise=noise)
    gamma = min(churn / SCHEDULE.steps, math.sqrt(2) - 1)
    sampler = Sampler(name, Churn(gamma, low, high, at="start"), noise_scale=noise)
    used = [k for k, sigma in enumerate(SCHEDULE.sigmas[:-1]) if low <= sigma <= high]
    assert 3 < len(used) < SCHEDULE.steps
    agree(case.ours(sampler, used), theirs)


def test_dpmpp_2m(case, kdiffusion):
    agree(case.ours(Sampler("dpmpp_2m"), []), case.theirs(kdiffusion.sample_dpmpp_2m))


@pytest.mark.parametrize(
    ("name", "function"), [("dpmpp_2m_sde", "sample_dpmpp_2m_sde"), ("ancestral", "sample_euler_ancestral")]
)
def test_noise_in_every_step_but_the_last(case, kdiffusion, name, function):
    steps = SCHEDULE.steps - 1
    numbers = iter(case.fresh[:steps])
    theirs = case.theirs(getattr(kdiffusion, function), noise_sampler=lambda sigma, target: next(numbers))
    agree(case.ours(Sampler(name), range(steps)), theirs)


def test_schedules(kdiffusion):
    """Theirs are float32."""
    theirs = kdiffusion.get_sigmas_karras(18, 0.002, 80.0).double()
    torch.testing.assert_close(torch.tensor(karras(18, 0.002, 80.0).sigmas).double(), theirs, rtol=3e-6, atol=0)
    theirs = kdiffusion.get_sigmas_exponential(18, 0.002, 80.0).double()
    torch.testing.assert_close(torch.tensor(log_linear(18, 0.002, 80.0).sigmas).double(), theirs, rtol=3e-6, atol=0)


def test_the_comparison_can_fail(case, kdiffusion):
    """One level of the twelve off by 0.1 % is seen at the end."""
    moved = list(SCHEDULE.sigmas)
    moved[6] *= 1.001
    noise = case.replayed(HIERARCHY, case.variances, [case.k.factor(case.start)])
    ours = trajectory(case.denoiser, noise, by_hand(moved), Sampler("heun"))
    assert (ours - case.theirs(kdiffusion.sample_heun))[-1].abs().max() > 1e-5
