"""Noise of a padded batch has the law of each structure's own noise, costs no more memory, and minds no neighbour."""

from copy import copy

import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.frames.level_metrics import LevelMetrics, part_mean_squares
from edmnoise.noise.batch import MultiscaleNoiseLike, PaddedGroups
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.noise.theory.scales import split
from edmnoise.noise.weights import Weights

WEIGHTS = Weights.of(1, 4, 4)


def small():
    """Two rows: 2 chains of 3 residues and 7 atoms; 1 chain of 2 residues and 4 atoms."""
    residue = torch.tensor([[0, 0, 0, 1, 1, 2, 2], [0, 0, 0, 1, 0, 0, 0]])
    chain = torch.tensor([[0, 0, 1], [0, 0, 0]])
    mask = torch.tensor([[True] * 7, [True] * 4 + [False] * 3])
    return PaddedGroups(residue, chain, mask)


def dense(groups, row, weights=WEIGHTS):
    count = int(groups.mask[row].sum())
    residue = groups.residue[row, :count]
    chain = groups.chain[row][residue]
    same = lambda label: (label[:, None] == label).double()  # noqa: E731
    return weights.chain * same(chain) + weights.residue * same(residue) + weights.atom * torch.eye(count).double()


@pytest.mark.parametrize("how", ["generator", "seeds"])
def test_the_covariance_of_many_draws_is_the_dense_formula(how):
    groups, draws = small(), 20_000
    x = torch.empty(2, draws, 7, 3)
    given = {"seeds": range(2 * draws)} if how == "seeds" else {"generator": torch.Generator().manual_seed(1)}
    noise = MultiscaleNoiseLike(WEIGHTS)(x, groups, **given).double()
    for row, count in enumerate((7, 4)):
        assert not noise[row, :, count:].any()
        drawn = noise[row, :, :count].transpose(1, 2).flatten(0, 1)
        wanted = dense(groups, row)
        # Var of a product of two normal numbers with covariance k and variances 1 is 1 + k^2.
        error = ((1 + wanted**2) / len(drawn)).sqrt()
        assert ((drawn.T @ drawn / len(drawn) - wanted).abs() < 4.5 * error).all()


def test_the_dense_formula_is_that_of_the_structures_own_noise(fragment, toxin):
    own = NestedCovariance(fragment.hierarchy, WEIGHTS).multiply(torch.eye(fragment.n_atoms).double())
    torch.testing.assert_close(dense(PaddedGroups.of([toxin, fragment]), 1), own, rtol=0, atol=1e-12)


def test_with_a_seed_a_row_is_what_it_is_alone(fragment, toxin):
    """To the bit, however long its neighbours are and however much padding they bring."""
    draw, structures = MultiscaleNoiseLike(WEIGHTS), [toxin, fragment, toxin]
    groups = PaddedGroups.of(structures, atoms=5_600)
    batch = draw(torch.empty(3, 5_600, 3), groups, seeds=[5, 9, 6])
    assert not torch.equal(batch[0], batch[2])
    for row, (structure, seed) in enumerate(zip(structures, [5, 9, 6], strict=True)):
        alone = draw(torch.empty(1, structure.n_atoms, 3), PaddedGroups.of([structure]), seeds=[seed])
        assert torch.equal(batch[row, : structure.n_atoms], alone[0])
        assert not batch[row, structure.n_atoms :].any()


def test_the_global_generator_and_ones_own_give_the_same_numbers_again():
    groups, draw, x = small(), MultiscaleNoiseLike(WEIGHTS), torch.empty(2, 7, 3)
    torch.manual_seed(3)
    first = draw(x, groups)
    assert not torch.equal(first, draw(x, groups))
    torch.manual_seed(3)
    assert torch.equal(first, draw(x, groups))
    own = [draw(x, groups, generator=torch.Generator().manual_seed(4)) for _ in range(2)]
    assert torch.equal(*own)


def test_gradients_reach_weights_that_are_learned():
    groups, x = small(), torch.empty(2, 7, 3, dtype=torch.float64)

    def sums(weights):
        noise = MultiscaleNoiseLike(weights)(x, groups, seeds=[1, 2])
        return (noise * torch.arange(42.0).view(2, 7, 3)).sum()

    assert torch.autograd.gradcheck(sums, torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64, requires_grad=True))
    fixed = MultiscaleNoiseLike(Weights.of(2, 3, 5))(x, groups, seeds=[1, 2])
    learned = MultiscaleNoiseLike(torch.tensor([0.2, 0.3, 0.5]))(x, groups, seeds=[1, 2])
    torch.testing.assert_close(fixed, learned, rtol=1e-6, atol=1e-6)


def test_it_compiles_in_one_graph_and_keeps_its_law():
    """Several draws of each structure, too, whose groups are repeated within the graph."""
    groups, draw = small(), MultiscaleNoiseLike(WEIGHTS)
    compiled = torch.compile(lambda x: 2 * draw(x, groups), fullgraph=True, backend="aot_eager")
    torch.manual_seed(0)
    noise = compiled(torch.empty(2, 4_000, 7, 3)).double() / 2
    drawn = noise[0].transpose(1, 2).flatten(0, 1)
    wanted = dense(groups, 0)
    error = ((1 + wanted**2) / len(drawn)).sqrt()
    assert ((drawn.T @ drawn / len(drawn) - wanted).abs() < 4.5 * error).all()


def test_parts_of_a_padded_batch_are_those_of_each_structure(fragment, toxin):
    structures = fragment, toxin
    groups = PaddedGroups.of(structures, atoms=6_000)
    d = torch.randn(2, 6_000, 3, generator=torch.Generator().manual_seed(0))
    d[~groups.mask] = torch.nan
    found = part_mean_squares(d, groups)
    for row, structure in enumerate(structures):
        own = d[row, : structure.n_atoms].double()
        wanted = [part.square().mean() for part in split(own.T[None], structure.hierarchy)]
        torch.testing.assert_close(found[row], torch.stack(wanted).flatten(), rtol=1e-10, atol=0)
        assert float(found[row].sum()) == pytest.approx(float(own.square().mean()), rel=1e-10)


def test_metrics_average_squares_by_part_and_band():
    groups, metrics = small(), LevelMetrics(edges=[1.0])
    a, b = (torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(k)) for k in (1, 2))
    handed_on = copy(metrics)
    metrics.update(a, torch.tensor([0.5, 3.0]), groups)
    assert handed_on.compute() == {}  # as to a process that is spawned, which shares its memory
    metrics.update(b, torch.tensor([0.7, 9.0]), groups)
    low = (part_mean_squares(a, groups)[0] + part_mean_squares(b, groups)[0]) / 2
    assert metrics.compute()["residue in chain at sigma below 1 A"] == pytest.approx(float(low[1]) ** 0.5)
    assert len(metrics.compute()) == 6
    alone = metrics.all_reduced()  # no other processes: tests/programs/test_lightning.py has two
    metrics.reset()
    assert metrics.compute() == {}
    assert alone.compute()["residue in chain at sigma below 1 A"] == pytest.approx(float(low[1]) ** 0.5)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: MultiscaleNoiseLike((1, 4, 4)), "weights is (1, 4, 4): give Weights, or a tensor of three shares"),
        (lambda: MultiscaleNoiseLike(torch.ones(4)), "weights of the shape (4,): give (3,), chain residue atom"),
        (
            lambda: MultiscaleNoiseLike(WEIGHTS)(torch.empty(2, 6, 3), small()),
            "x of the shape (2, 6, 3) with groups of (2, 7): give (B, N, 3) or (B, S, N, 3)",
        ),
        (
            lambda: MultiscaleNoiseLike(WEIGHTS)(torch.empty(2, 7, 3), small(), seeds=[1]),
            "1 seeds for 2 rows: give one a row",
        ),
        (
            lambda: PaddedGroups(torch.tensor([[0, 3]]), torch.tensor([[0, 0]])),
            "residue holds numbers from 0 to 3: give numbers from 0 to 1, as chain has 2 columns",
        ),
        (lambda: PaddedGroups(torch.tensor([[0, 1]]).int(), torch.tensor([[0, 0]])), "residue is torch.int32: give"),
        (lambda: PaddedGroups(torch.tensor([0, 1]), torch.tensor([[0, 0]])), "residue of the shape (2,) and chain of"),
        (lambda: PaddedGroups.of([]), "no structures: give at least one"),
        (lambda: LevelMetrics(edges=[2, 1]), "edges are [2, 1]: give noise levels above 0, each above the one before"),
    ],
)
def test_wrong_input_is_told_in_a_sentence(call, says):
    with pytest.raises(EdmNoiseError) as error:
        call()
    assert str(error.value).startswith(says)
