"""Training: what it begins at and what it comes to, taken up again to the bit, stopped, killed and gone wrong."""

import json
import os
import resource
import signal
import subprocess
import sys
from contextlib import closing, contextmanager
from itertools import islice

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.precondition import Preconditioner
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.diffusion.samplers.sampler import sample
from edmnoise.learning import train
from edmnoise.learning.checkpoint import read_checkpoint, write_checkpoint
from edmnoise.learning.ensemble import Ensemble, part_variances
from edmnoise.learning.loss import losses
from edmnoise.learning.train import Progress, Trainer, Training, load_denoiser
from edmnoise.noise.process import NoiseChoice
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.noise.theory.scales import split
from edmnoise.noise.weights import Weights

FLAT, LEVELS = Weights.named("flat"), Weights.of(1, 4, 4)
WAIT = 60
"""Seconds that a process may take: a net."""


def run(trainer, steps=None, **options):
    """All steps, or some of them."""
    with closing(trainer.run(**options)) as running:
        return list(islice(running, steps))


def weights_of(trainer):
    return {name: value.detach().clone() for name, value in trainer.denoiser().model.named_parameters()}


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def squares(values, hierarchy):
    """Mean square of each part of (B, 3, N), and its standard error over the batch."""
    found = [part.double().square().mean(dim=(1, 2)) for part in split(values, hierarchy)]
    return [(float(each.mean()), float(each.std()) / len(each) ** 0.5) for each in found]


# What it errs by


@pytest.fixture(scope="module")
def normal(strands):
    """Nested normal data about one point: what `Preconditioner.error` is exact for."""
    fluctuations = NestedCovariance(strands.hierarchy, {"chain": 9.0, "residue": 4.0, "atom": 1.0})
    return Ensemble(strands, np.zeros((1, strands.n_atoms, 3)), fluctuations=fluctuations)


@pytest.mark.parametrize(
    ("weights", "rule"),
    [
        (FLAT, "finite"),
        (FLAT, "global"),
        *((LEVELS, rule) for rule in ("finite", "increment", "cumulative", "global")),
        *((NoiseChoice("harmonic"), rule) for rule in ("finite", "global")),
    ],
)
@pytest.mark.parametrize("sigma", [0.5, 4.0, 30.0])
def test_a_network_that_says_nothing_errs_as_the_rule_says(normal, weights, rule, sigma):
    trainer = Trainer(normal, Training(weights, rule))
    with torch.no_grad():
        for name in ("inside", "centres", "gates"):
            for parameter in getattr(trainer.model.network, name).parameters():
                parameter.zero_()
    generator = torch.Generator().manual_seed(5)
    y = normal.draw(600, generator)
    x = y + sigma * trainer.covariance.draw(torch.empty_like(y), generator)
    with torch.no_grad():
        levels = torch.full((len(x),), sigma)
        off = (trainer.model((x - x.mean(dim=2, keepdim=True)).mT, levels)["atoms"].mT - y).double()
    each = off.square().mean(dim=(1, 2))
    said = Preconditioner.of(weights, normal.structure, normal.scales).error(sigma, rule)
    assert abs(float(each.mean()) - said) < 3 * float(each.std()) / len(each) ** 0.5


@pytest.mark.parametrize("weights", [FLAT, LEVELS])
@pytest.mark.parametrize("sigma", [0.5, 8.0])
def test_the_error_is_the_least_one_and_the_distance_to_the_best(ensemble, noisy, weights, sigma):
    """E|D - y|^2 = E|D* - y|^2 + E|D - D*|^2 in each part, for a network that has learned nothing."""
    trainer = Trainer(ensemble, Training(weights))
    y, x = noisy(trainer.covariance, sigma, 400)
    found = trainer.denoiser().denoise(x, sigma).atoms
    best = ensemble.exact(trainer.covariance).denoise(x, sigma).atoms
    rows = [split(values.double(), ensemble.structure.hierarchy) for values in (found - y, best - y, found - best)]
    for error, least, distance in zip(*rows, strict=True):
        left = (error.square() - least.square() - distance.square()).mean(dim=(1, 2))
        assert abs(float(left.mean())) < 3 * float(left.std()) / len(left) ** 0.5


def test_the_loss_is_that_of_the_denoised_parts(ensemble, noisy):
    """With 1 / c_out^2 for each part, computed once more from what the model gives."""
    trainer = Trainer(ensemble, Training(LEVELS))
    y, x = noisy(trainer.covariance, 3.0, 16)
    sigma = torch.full((16,), 3.0)
    made = Preconditioner(ensemble.structure.hierarchy, LEVELS, ensemble.scales).coefficients(3.0)
    found = trainer.denoiser().denoise(x, 3.0)
    _, parts = losses(trainer.model, x, y, sigma)
    errors = squares(found.atoms - y, ensemble.structure.hierarchy)
    for said, (square, _), out in zip(parts.tolist(), errors, made.c_out, strict=True):
        assert said == pytest.approx(square / out**2, rel=1e-4)


def test_the_whole_loss_weighs_all_errors_alike(ensemble, noisy):
    """By EDM's lambda(sigma), whatever the rule; under the rule global it is that of the parts."""
    lots = [noisy(Trainer(ensemble, Training(LEVELS)).covariance, level, 8) for level in (0.5, 3.0, 40.0)]
    y, x = (torch.cat(both) for both in zip(*lots, strict=True))
    sigma = torch.tensor([0.5, 3.0, 40.0]).repeat_interleave(8)
    for rule in ("finite", "global"):
        model = Trainer(ensemble, Training(LEVELS, rule)).model
        with torch.no_grad():
            off = (model(x.mT, sigma)["atoms"].mT - y).double().square().mean(dim=(1, 2))
            loss, parts = losses(model, x, y, sigma, "whole")
            by_parts = losses(model, x, y, sigma, "parts")[0]
        data = ensemble.scales.total
        weight = (sigma.double().square() + data**2) / (sigma.double() * data).square()
        assert float(parts.sum()) == pytest.approx(float((weight * off).mean()), rel=1e-4)
        assert (float(loss) == pytest.approx(float(by_parts), rel=1e-2)) == (rule == "global")


def test_a_loss_is_known_by_its_checkpoint(ensemble, tmp_path):
    trainer = Trainer(ensemble, Training(steps=2, batch=2, loss="whole"))
    run(trainer, checkpoint=tmp_path / "whole.safetensors")
    assert Trainer.resumed(tmp_path / "whole.safetensors", ensemble).training.loss == "whole"
    with pytest.raises(EdmNoiseError, match="loss is 'mse': give parts or whole"):
        Training(loss="mse")


@pytest.fixture(scope="module")
def trained(ensemble):
    trainer = Trainer(ensemble, Training(LEVELS, steps=100, batch=8, seed=1))
    return trainer, run(trainer)


def test_a_few_steps_lower_the_error(ensemble, noisy, trained):
    """In every part and at every level, and never below the least."""
    trainer, steps = trained
    assert [one.step for one in steps] == list(range(1, 101))
    assert steps[-1].seconds_left == 0
    before = Trainer(ensemble, trainer.training)
    for sigma in (0.5, 4.0, 30.0):
        _, x = noisy(trainer.covariance, sigma, 256)
        best = ensemble.exact(trainer.covariance).denoise(x, sigma).atoms
        first, last = (
            squares(one.denoiser().denoise(x, sigma).atoms - best, ensemble.structure.hierarchy)
            for one in (before, trainer)
        )
        assert all(a[0] < 0.8 * b[0] for a, b in zip(last, first, strict=True))


def test_what_was_learned_is_no_mirror_of_itself(ensemble, noisy, trained):
    """Of data and of its mirror image, both as noisy, it takes the data for what it knows."""
    trainer, _ = trained
    y, x = noisy(trainer.covariance, 2.0, 64)
    model = trainer.denoiser()
    error, mirrored = (float((model.denoise(sign * x, 2.0).atoms - sign * y).square().mean()) for sign in (1, -1))
    assert mirrored > 1.1 * error


def test_a_single_chain_is_learned(strands):
    """It has no part of its own: nothing is divided by it, and the loss falls."""
    one = strands.take(np.flatnonzero(strands.atoms.chain == "D"))
    fluctuations = NestedCovariance(one.hierarchy, {"residue": 0.25, "atom": 0.04})
    data = Ensemble(one, one.coordinates[None].copy(), fluctuations=fluctuations)
    assert data.scales.chain == 0
    for rule in ("finite", "global"):
        steps = run(Trainer(data, Training(LEVELS, rule, steps=60, batch=8)))
        assert max(step.parts[2] for step in steps) < 1e-3
        assert sum(step.loss for step in steps[-10:]) < 0.7 * sum(step.loss for step in steps[:10])


def test_it_samples(ensemble, trained):
    """With residue and chain centres steering: finite, and nearer to the data than what it begins with."""
    trainer, _ = trained
    schedule, sampler = SamplerChoice("heun", 12, sigma_max=80.0, level_weights=(1, 1)).build()
    *_, last = sample(
        trainer.denoiser(), trainer.covariance, schedule, sampler, 4, hierarchy=ensemble.structure.hierarchy
    )
    size = [float(part.square().mean().sqrt()) for part in split(last.x, ensemble.structure.hierarchy)]
    assert size == pytest.approx(ensemble.scales.by_level, rel=0.4)


def test_noise_without_weights_is_trained_with_and_known_again(strands, tmp_path):
    """A rule that is made of weights is refused; a checkpoint says the noise."""
    data = Ensemble(strands, np.stack([strands.coordinates, 1.1 * strands.coordinates]))
    noise = NoiseChoice("harmonic")
    trainer = Trainer(data, Training(noise, steps=3, batch=2))
    run(trainer, checkpoint=tmp_path / "run.safetensors")
    assert trainer.model.shares.tolist() == pytest.approx(part_variances(trainer.covariance, strands.hierarchy))
    loaded = load_denoiser(tmp_path / "run.safetensors", strands)
    assert "harmonic" in loaded.about
    x = torch.randn(2, 3, strands.n_atoms)
    torch.testing.assert_close(loaded.denoise(x, 2.0), trainer.denoiser().denoise(x, 2.0), rtol=0, atol=0)
    with pytest.raises(EdmNoiseError, match="the rule increment is made of weights, and harmonic noise has none"):
        Trainer(data, Training(noise, "increment"))
    with pytest.raises(EdmNoiseError, match="frames noise is forward only"):
        Trainer(data, Training(NoiseChoice("frames")))


# Taken up again


def test_taken_up_again_to_the_bit(ensemble, tmp_path):
    """Stopped after 7 of 20 steps, and once more after 13."""
    how = Training(FLAT, steps=20, batch=4, seed=3)
    whole = Trainer(ensemble, how)
    losses = [one.loss for one in run(whole)]
    path, found = tmp_path / "run.safetensors", []
    found += [one.loss for one in run(Trainer(ensemble, how), 7, checkpoint=path)]
    found += [one.loss for one in run(Trainer.resumed(path, ensemble), 6, checkpoint=path)]
    last = Trainer.resumed(path, ensemble)
    assert last.step == 13
    found += [one.loss for one in run(last, checkpoint=path)]
    assert found == losses
    assert equal(weights_of(last), weights_of(whole))
    loaded = load_denoiser(path, ensemble.structure)
    assert equal(dict(loaded.model.named_parameters()), weights_of(whole))
    x = torch.randn(2, 3, ensemble.structure.n_atoms)
    torch.testing.assert_close(loaded.denoise(x, 2.0), whole.denoiser().denoise(x, 2.0), rtol=0, atol=0)


CHILD = """
import sys, torch
torch.set_num_threads(1)
sys.path.insert(0, {here!r})
from test_train import killed_ensemble, KILLED
from edmnoise.learning.train import Trainer
for one in Trainer(killed_ensemble(), KILLED).run({path!r}, every=0):
    print(one.step, flush=True)
"""
KILLED = Training(LEVELS, steps=400, batch=2)


def killed_ensemble():
    """Without PyMOL, in a process of its own."""
    from edmnoise.structure.atoms import Atoms
    from edmnoise.structure.structure import Structure

    rng = np.random.default_rng(0)
    names, numbers = ["N", "CA", "C", "O"] * 6, np.repeat(np.arange(6), 4)
    atoms = Atoms.make(
        names, ["N", "C", "C", "O"] * 6, ["GLY"] * 24, numbers, ["A"] * 12 + ["B"] * 12, [""] * 24, [False] * 24
    )
    places = rng.normal(scale=4, size=(2, 24, 3))
    return Ensemble(Structure.from_atoms(places[0], atoms), places)


def test_killed_and_taken_up_again(tmp_path):
    """SIGKILL at a step that nobody chose: what goes on from the file comes to the same network."""
    path = tmp_path / "run.safetensors"
    code = CHILD.format(here=os.path.dirname(__file__), path=str(path))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout:
            if int(line) >= 5:
                child.send_signal(signal.SIGKILL)
                break
        child.wait(WAIT)
    assert child.returncode == -signal.SIGKILL
    assert [file.name for file in tmp_path.iterdir() if not file.name.startswith(".")] == [path.name]
    resumed, whole = Trainer.resumed(path, killed_ensemble()), Trainer(killed_ensemble(), KILLED)
    assert 4 <= resumed.step < 400
    goal = resumed.step + 5
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the child: sums depend on how many share them
    run(resumed, 5)
    run(whole, goal)
    torch.set_num_threads(threads)
    assert equal(weights_of(resumed), weights_of(whole))


def test_a_training_reads_as_it_was_written():
    how = Training(NoiseChoice(weights=LEVELS), "global", minutes=2.5, batch=3, seed=9)
    again = Training.of(json.loads(json.dumps(how.facts())))
    assert again.facts() == how.facts()
    assert again.distribution.sigma(1.0) == how.distribution.sigma(1.0)


def test_adam_is_torch_s():
    generator = torch.Generator().manual_seed(0)
    mine = torch.randn(50, generator=generator)
    theirs = torch.nn.Parameter(mine.clone())
    gradient, reference = torch.zeros(50), torch.optim.Adam([theirs], lr=1e-2)
    ours = train.Adam(mine, gradient)
    for step in range(1, 30):
        gradient.copy_(torch.randn(50, generator=generator))
        theirs.grad = gradient.clone()
        ours.advance(step, 1e-2)
        reference.step()
    torch.testing.assert_close(mine, theirs.detach(), rtol=1e-5, atol=1e-6)


def test_minutes_become_steps(ensemble, monkeypatch):
    """At a pace of one second a step, by a clock that the test holds: 3 minutes are 180 steps."""
    ticks = iter(np.arange(0.0, 1e6, 0.5))
    monkeypatch.setattr(train.time, "monotonic", lambda: float(next(ticks)))
    monkeypatch.setattr(train, "WARM_UP", 10)
    trainer = Trainer(ensemble, Training(FLAT, minutes=0.25, batch=1))
    steps = run(trainer)
    assert steps[0].steps is None
    assert steps[0].seconds_left == 14.5
    assert len(steps) == steps[-1].steps == 30
    short = run(Trainer(ensemble, Training(FLAT, minutes=0.05, batch=1)))
    assert len(short) == 6


# What goes wrong


@contextmanager
def no_room():
    """A limit on the size of files stands for a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_a_loss_that_is_no_number_ends_it(ensemble, tmp_path):
    """The sentence names the step, and the file that is kept is the last good one."""
    path = tmp_path / "run.safetensors"
    trainer = Trainer(ensemble, Training(FLAT, steps=9, batch=2))
    steps = trainer.run(path, every=0)
    for _ in range(3):
        next(steps)
    with torch.no_grad():
        next(trainer.model.parameters()).fill_(float("nan"))
    with pytest.raises(
        EdmNoiseError, match=r"the loss is no longer finite in step 4: .*checkpoint of step 3 is kept at .*run"
    ):
        list(steps)
    kept = Trainer.resumed(path, ensemble)
    assert kept.step == 3
    assert all(bool(value.isfinite().all()) for value in kept.model.parameters())


def test_a_full_disk_ends_no_training(ensemble, tmp_path):
    """The file of before is kept whole, and the next one is written."""
    path = tmp_path / "run.safetensors"
    trainer = Trainer(ensemble, Training(FLAT, steps=4, batch=2))
    steps = trainer.run(path, every=0)
    next(steps)
    with no_room():
        full = next(steps)
    assert full.step == 2
    assert full.note.startswith("no checkpoint of step 2, the training goes on: cannot write")
    assert Trainer.resumed(path, ensemble).step == 1
    assert [one.note for one in steps] == ["", ""]
    assert Trainer.resumed(path, ensemble).step == 4
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_stopped_on_a_full_disk_is_said_to_who_stops(ensemble, tmp_path):
    path = tmp_path / "run.safetensors"
    steps = Trainer(ensemble, Training(FLAT, steps=4, batch=2)).run(path)
    next(steps)
    with no_room(), pytest.raises(EdmNoiseError, match="cannot write"):
        steps.close()
    assert Trainer.resumed(path, ensemble).step == 0


def test_where_there_can_be_no_checkpoint_nothing_begins(ensemble, tmp_path):
    trainer = Trainer(ensemble, Training(FLAT, steps=4))
    with pytest.raises(EdmNoiseError, match="there is no folder"):
        next(trainer.run(tmp_path / "none" / "run.safetensors"))
    assert trainer.step == 0


def test_without_the_package_it_is_said_how_to_get_it(ensemble, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(EdmNoiseError, match=r"pip install 'edmnoise\[learn\]'"):
        next(Trainer(ensemble, Training(FLAT, steps=4)).run(tmp_path / "run.safetensors"))


def test_other_files_and_other_atoms_are_refused(ensemble, tmp_path):
    path, structure = tmp_path / "run.safetensors", ensemble.structure
    run(Trainer(ensemble, Training(FLAT, steps=1)), checkpoint=path)
    fewer, moved = structure.take(np.arange(structure.n_atoms - 1)), structure.take(np.arange(structure.n_atoms)[::-1])
    with pytest.raises(
        EdmNoiseError,
        match=r"other atoms \(70 for 69\): the first that differs, number 70, is .* there, and missing here",
    ):
        load_denoiser(path, fewer)
    with pytest.raises(EdmNoiseError, match=r"other atoms \(70 for 68\): the first that differs, //?.*, is N \(N\) of"):
        load_denoiser(path, structure.take(np.arange(2, structure.n_atoms)))
    with pytest.raises(EdmNoiseError, match=r"the first that differs, /.*, is N \(N\) of .* there"):
        load_denoiser(path, moved)
    other = Ensemble(structure, ensemble.states.mT.numpy())
    with pytest.raises(EdmNoiseError, match="trained on other data"):
        Trainer.resumed(path, other)
    whole = path.read_bytes()
    for contents, sentence in (
        (whole[:-100], "cut off"),
        (b"junk", "is no checkpoint"),
        (whole.replace(b'"edmnoise network"', b'"edmnoise nothing"'), "is no checkpoint of edmnoise"),
        (whole.replace(rb"\"version\": 1", rb"\"version\": 9"), "has the version 9"),
    ):
        path.write_bytes(contents)
        with pytest.raises(EdmNoiseError, match=sentence):
            load_denoiser(path, structure)
    with pytest.raises(EdmNoiseError, match="cannot read"):
        load_denoiser(tmp_path / "none.safetensors", structure)


def test_what_is_not_contiguous_is_written_as_it_is(ensemble, tmp_path):
    """safetensors 0.8.0 writes a transposed NumPy array scrambled; a tensor it refuses."""
    path = tmp_path / "one.safetensors"
    turned = torch.arange(12.0).view(3, 4).T
    write_checkpoint(path, ensemble.structure, {"turned": turned, "column": turned[:, 1]}, {"step": 0})
    found = read_checkpoint(path, ensemble.structure)
    assert torch.equal(found.tensors["turned"], turned)
    assert torch.equal(found.tensors["column"], turned[:, 1])
    assert found.facts == {"version": 1, "step": 0}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"batch": 1.5}, "batch is 1.5"),
        ({"minutes": -1}, "minutes is -1"),
        ({"minutes": 1, "steps": 2}, "give one budget"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_wrong_trainings(given, sentence):
    with pytest.raises(EdmNoiseError, match=sentence):
        Training(FLAT, **given)


def test_a_device_that_is_not_there(ensemble):
    with pytest.raises(EdmNoiseError, match="device is 'cuda:99'"):
        Trainer(ensemble, Training(FLAT), "cuda:99")


def test_progress_is_one_line():
    assert repr(Progress(3, 10, 0.5, (0.1, 0.2, 0.2), 7.0)).startswith("Progress(step=3, steps=10, loss=0.5")
