"""The least loss is that of the exact denoiser, and a network's is greater by its distance from that."""

import pytest
import torch

from edmnoise.learning.floor import loss_and_floor
from edmnoise.learning.loss import losses
from edmnoise.learning.train import Trainer, Training
from edmnoise.noise.theory.scales import split
from edmnoise.noise.weights import Weights

LEVELS = Weights.of(1, 4, 4)


@pytest.fixture
def trainer(ensemble):
    return Trainer(ensemble, Training(LEVELS, steps=1, batch=32))


def exact(trainer, x, sigma):
    best = trainer.ensemble.exact(trainer.covariance)
    return torch.cat([best.denoise(x[k : k + 1], float(sigma[k])).atoms for k in range(len(x))])


def test_both_are_those_of_the_draws_behind_the_last_step(trainer):
    """The chain's own part once more by hand: of two chains whose common mean is 0, one's centre says the other's."""
    y, x, sigma = trainer.drawn(trainer.step)
    found = loss_and_floor(trainer, batches=1)
    assert found.network.tolist() == pytest.approx(losses(trainer.model, x, y, sigma)[1].tolist(), rel=1e-5)
    one = trainer.ensemble.structure.hierarchy.ancestors(0, 2) == 0
    centre = (exact(trainer, x, sigma) - y)[:, :, one].mean(dim=2)
    squares = centre.square().mean(dim=1) * one.mean() / (1 - one.mean())
    wanted = squares / trainer.model.factors(sigma).c_out[:, 2].square()
    assert float(found.exact[2]) == pytest.approx(float(wanted.mean()), rel=1e-4)


def test_a_network_s_loss_is_the_least_one_and_its_distance(trainer):
    """In each part, within 3 standard errors over draws: with that, none gets below."""
    terms = []
    for batch in range(8):
        y, x, sigma = trainer.drawn(batch)
        best = exact(trainer, x, sigma)
        found = trainer.model(x.mT, sigma)["atoms"].mT.detach()
        c_out = trainer.model.factors(sigma).c_out
        left = [
            (a.square() - b.square() - c.square()).mean(dim=(1, 2))
            for a, b, c in zip(
                *(
                    split(values.double(), trainer.ensemble.structure.hierarchy)
                    for values in (found - y, best - y, found - best)
                ),
                strict=True,
            )
        ]
        terms.append(torch.stack(left, dim=1) / c_out.square())
    rows = torch.cat(terms)
    assert bool((rows.mean(dim=0).abs() < 3 * rows.std(dim=0) / len(rows) ** 0.5).all())
    network, least = loss_and_floor(trainer)
    assert bool((least < network).all())


def test_it_tells_how_far_it_is_and_can_be_ended(trainer):
    told = []
    loss_and_floor(trainer, 2, lambda done, total: told.append((done, total)))
    assert told == [(k, 64) for k in range(1, 65)]

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loss_and_floor(trainer, 1, stop)
