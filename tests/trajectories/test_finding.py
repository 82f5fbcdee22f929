"""The denoiser of a model that nobody described is found by what its calls are given and give back."""

from itertools import pairwise

import numpy as np
import pytest
import torch

import edmnoise as edm

LEVELS = edm.karras(8, 0.05, 160.0).sigmas
ATOMS = 30


class Net(torch.nn.Module):
    """A network within a denoiser: coordinates of one size at all levels, and a fourth of the level's logarithm."""

    def __init__(self):
        super().__init__()
        self.known = torch.nn.Parameter(8 * torch.randn(ATOMS, 3, generator=torch.Generator().manual_seed(0)))

    def forward(self, r_noisy, times, features=None):
        return (torch.tanh(r_noisy) + self.known / 16) / 4 + 0 * times.mean()


class Preconditioned(torch.nn.Module):
    """Karras et al.: scaling happens in a method that is no forward."""

    def __init__(self):
        super().__init__()
        self.net = Net()

    def preconditioned_network_forward(self, noised_atom_coords, sigma, network_condition_kwargs):
        total = sigma**2 + 64
        scaled = noised_atom_coords / total**0.5
        made = self.net(scaled, times=torch.full(noised_atom_coords.shape[:1], sigma).log() / 4)
        return 64 / total * noised_atom_coords + sigma * 8 / total**0.5 * made

    def augment(self, coords):
        turn = torch.linalg.qr(torch.randn(3, 3))[0]
        return (coords - coords.mean(dim=1, keepdim=True)) @ turn + 1.0

    def step(self, x, x0, sigma, target):
        return x + (target - sigma) / sigma * (x - x0)

    def sample(self, samples):
        x = LEVELS[0] * torch.randn(samples, ATOMS, 3)
        for sigma, target in pairwise(LEVELS):
            x = self.augment(x)
            x0 = self.preconditioned_network_forward(x, sigma, network_condition_kwargs={})
            x = self.step(x, x0, sigma, target)
        return x


class Exact(torch.nn.Module):
    """Of one known structure, no scaling inside, dictionaries out."""

    def __init__(self):
        super().__init__()
        self.known = torch.nn.Parameter(8 * torch.randn(ATOMS, 3, generator=torch.Generator().manual_seed(0)))

    def forward(self, batch, x_noisy, mask, t):
        share = 1 / (1 + t.reshape(-1, 1, 1) ** 2)
        return {"s": x_noisy.mean(), "X_L": share * x_noisy + (1 - share) * self.known}


class Guided(torch.nn.Module):
    """A floor above: what it gives is what the loop goes on with."""

    def __init__(self):
        super().__init__()
        self.inner = Exact()

    def forward(self, x, level):
        return self.inner({}, x, None, level.expand(len(x)))["X_L"] * 1.01

    def sample(self, samples):
        """Heun's method: the second call is at the next level."""
        x = LEVELS[0] * torch.randn(samples, ATOMS, 3)
        for sigma, target in pairwise(LEVELS):
            slope = (x - self(x, torch.tensor([sigma]))) / sigma
            ahead = x + (target - sigma) * slope
            if target:
                slope = (slope + (ahead - self(ahead, torch.tensor([target]))) / target) / 2
            x = x + (target - sigma) * slope
        return x


class Positional(torch.nn.Module):
    """Arguments without names, atoms last, chunks within each step, a tuple out."""

    def __init__(self):
        super().__init__()
        self.inner = Exact()

    def denoise(self, *given):
        x, sigma = given
        return 0.5, self.inner({}, x.mT, None, sigma)["X_L"].mT

    def sample(self, samples):
        x = LEVELS[0] * torch.randn(samples, 3, ATOMS)
        for sigma, target in pairwise(LEVELS):
            x0 = torch.cat([self.denoise(rows, torch.tensor(sigma))[1] for rows in x.split(2)])
            x = x0 + target / sigma * (x - x0)
        return x


def listened(model, samples=4):
    torch.manual_seed(1)
    with edm.find_denoiser(model) as found:
        model.sample(samples)
    return found


def test_scaling_inside_is_one_floor_down():
    found = listened(Preconditioned())
    assert found.code == ("edm.record(model, 'preconditioned_network_forward', x='noised_atom_coords', sigma='sigma')")
    assert found.candidates[0].levels == (LEVELS[0], LEVELS[-2])
    assert [(one.owner, one.method) for one in found.scaled] == [("model.net", "forward")]
    assert (
        "model.net.forward is given coordinates that are scaled already (8 calls): the denoiser is what calls"
        in str(found)
    )
    assert found.moving == ("model.augment",)


def test_a_step_is_no_denoiser():
    found = listened(Preconditioned())
    assert len(found.candidates) == 1
    assert all(one.method not in ("step", "sample") for one in found.candidates)


def test_of_two_floors_the_upper_one_comes_first():
    found = listened(Guided())
    assert [one.code for one in found.candidates] == [
        "edm.record(model, 'forward', x='x', sigma='level')",
        "edm.record(model.inner, 'forward', x='x_noisy', sigma='t', out='X_L')",
    ]
    assert {one.calls for one in found.candidates} == {2 * 8 - 1}


def test_arguments_without_names():
    found = listened(Positional())
    assert found.code == "edm.record(model, 'denoise', x=0, sigma=1, out=1)"
    assert found.candidates[0].calls == 16


def test_an_object_that_holds_modules():
    class Program:
        def __init__(self):
            self.model = Preconditioned()

        def sample(self, samples):
            return self.model.sample(samples)

    assert listened(Program()).candidates[0].owner == "model.model"


@pytest.mark.parametrize("make", [Preconditioned, Guided, Positional])
def test_nothing_is_changed(make):
    """Results and random numbers to the bit, and the classes afterwards."""
    model = make()
    before = dict(vars(make))
    torch.manual_seed(1)
    plain, state = model.sample(3), torch.get_rng_state()
    torch.manual_seed(1)
    with edm.find_denoiser(model):
        heard = model.sample(3)
    assert torch.equal(plain, heard)
    assert torch.equal(state, torch.get_rng_state())
    assert dict(vars(make)) == before
    plain.sum().backward()


@pytest.mark.parametrize("make", [Preconditioned, Guided, Positional])
def test_the_call_that_is_printed_records_the_run(make, tmp_path):
    model = make()
    code = listened(model).code
    recording = code.removesuffix(")") + f", path={str(tmp_path / 'run.trace')!r})"
    with torch.no_grad(), eval(recording, {"edm": edm, "model": model}) as recorder:
        recorder.final(model.sample(4))
    trace = edm.open_trace(tmp_path / "run.trace")
    assert (trace.samples, trace.atoms, trace.ended) == (4, ATOMS, True)
    assert trace.sigmas[0] == pytest.approx(LEVELS[0])
    assert np.isfinite(trace.frames("denoised", 3)).all()


def test_nothing_was_found():
    with edm.find_denoiser(Exact()) as found:
        pass
    assert str(found).startswith("No denoiser was found among 1 methods: none took coordinates")
    with pytest.raises(edm.EdmNoiseError, match="No denoiser was found"):
        _ = found.code


def test_a_run_that_fails_gives_its_methods_back():
    forward, model = Exact.forward, Exact()
    with pytest.raises(AttributeError), edm.find_denoiser(model):
        model({}, torch.zeros(1, ATOMS, 3), None, "no level")
    assert Exact.forward is forward


def test_what_has_no_methods():
    with pytest.raises(edm.EdmNoiseError, match="Linear has no method written in Python"):
        edm.find_denoiser(torch.nn.Linear(3, 3)).__enter__()
