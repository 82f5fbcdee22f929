"""K is its dense self to rounding, L L^T = K; what cancels elsewhere does not here; what has no inverse says so."""

import math
from fractions import Fraction

import numpy as np
import pytest
import scipy.stats
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.noise.covariance import cross
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.noise.weights import PRESETS, Weights
from edmnoise.structure.hierarchy import Hierarchy

EXACT = 1e-12
"""Largest error, relative to the largest number of a result."""

STANDARD_ERRORS = 5
"""How far a sample moment may be from the truth. The seeds are fixed: a test that passes, passes always."""

INVERSES = {
    "solve": lambda k, x: k.solve(x),
    "whiten": lambda k, x: k.whiten(x),
    "inner": lambda k, x: k.inner(x, x),
    "gls_mean": lambda k, x: k.gls_mean(x),
    "logdet": lambda k, x: k.logdet(),
    "precision": lambda k, x: k.precision(),
}
"""What a singular covariance refuses."""

MAPS = {
    "multiply": NestedCovariance.multiply,
    "factor": NestedCovariance.factor,
    "solve": NestedCovariance.solve,
    "whiten": NestedCovariance.whiten,
}
"""What takes (..., N) to (..., N)."""


def named(hierarchy, values):
    """Values of the levels, finest first, by their names."""
    return dict(zip(hierarchy.names, values, strict=True))


def some_variances(hierarchy, kind, seed):
    """A variance for each level: numbers, one per group, one per group with zeros, or levels that do not vary."""
    rng = np.random.default_rng(seed)
    variances = [float(rng.uniform(0.1, 2))] if seed % 2 else [torch.tensor(rng.uniform(0.1, 2, hierarchy.counts[0]))]
    for count in hierarchy.counts[1:]:
        each = rng.uniform(0.1, 2, count)
        if kind == "numbers" or kind == "levels off":
            variances.append(0.0 if kind == "levels off" and rng.random() < 0.5 else float(each[0]))
        else:
            variances.append(torch.tensor(each if kind == "per group" else each * (rng.random(count) < 0.5)))
    return variances


@pytest.fixture(scope="module")
def matrix_of(memberships):
    """Make K = sum of S diag(w) S^T, (N, N), from a number or a vector for each level."""

    def make(hierarchy, variances):
        levels = zip(memberships(hierarchy), variances, strict=True)
        return sum(s @ np.diag(np.broadcast_to(w, s.shape[1])) @ s.T for s, w in levels)

    return make


@pytest.fixture(scope="module", params=["numbers", "per group", "groups off", "levels off"])
def cases(request, nesting, matrix_of):
    """Twelve covariances of two to five levels, each with the same as a matrix."""
    made = []
    for seed in range(12):
        hierarchy = nesting(100 + seed, 2 + seed % 4)
        variances = some_variances(hierarchy, request.param, seed)
        made.append((NestedCovariance(hierarchy, named(hierarchy, variances)), matrix_of(hierarchy, variances)))
    return made


@pytest.fixture(scope="module")
def uneven():
    """Seven atoms, interleaved, in residues of 1, 2 and 4 atoms in chains of 1 and 2 residues."""
    return Hierarchy(("atom", "residue", "chain"), (np.array([2, 0, 1, 2, 1, 2, 2]), np.array([1, 0, 0])))


def normal(covariance, *front, seed=0):
    """(..., N) normal numbers in float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*front, covariance.atoms, generator=generator, dtype=torch.float64)


def matrix(covariance, name):
    """The matrix of a map along the atoms."""
    return MAPS[name](covariance, torch.eye(covariance.atoms, dtype=torch.float64)).T.numpy()


def close(got, wanted, error=EXACT):
    """Equal, but for rounding of the largest number."""
    got, wanted = np.asarray(got, dtype=np.float64), np.asarray(wanted, dtype=np.float64)
    assert got.shape == wanted.shape
    assert abs(got - wanted).max() <= error * abs(wanted).max()


# The matrix


def test_multiply_is_the_matrix(cases):
    for covariance, k in cases:
        close(matrix(covariance, "multiply"), k)


def test_solve_is_the_inverse(cases):
    for covariance, k in cases:
        close(matrix(covariance, "solve"), np.linalg.inv(k))


def test_the_factor_is_a_square_root_and_whiten_its_inverse(cases):
    for covariance, k in cases:
        root, white = matrix(covariance, "factor"), matrix(covariance, "whiten")
        close(root @ root.T, k)
        close(white @ root, np.eye(len(k)))
        close(root @ white, np.eye(len(k)))


def test_the_factor_is_a_product_over_the_levels(nesting, memberships):
    """L = sqrt(w_a) prod (1 + beta b b^T), group by group, the finest level leftmost."""
    for seed in range(8):
        hierarchy = nesting(seed, 2 + seed % 4)
        atoms, *above = np.random.default_rng(seed).uniform(0.1, 2, hierarchy.depth)
        b = np.full(hierarchy.counts[0], atoms**-0.5)
        root = np.eye(len(b)) * atoms**0.5
        for w, membership in zip(above, memberships(hierarchy)[1:], strict=True):
            level = np.eye(len(b))
            for group in membership.T:
                own = b * group
                grown = np.sqrt(1 + w * own @ own)
                level += (grown - 1) / (own @ own) * np.outer(own, own)
                b = np.where(group > 0, b / grown, b)
            root = root @ level
        close(matrix(NestedCovariance(hierarchy, named(hierarchy, (atoms, *above))), "factor"), root)


def test_inner_is_of_the_inverse(cases):
    for covariance, k in cases:
        x, y, inverse = normal(covariance, 5, 3), normal(covariance, 5, 3, seed=1), np.linalg.inv(k)
        close(covariance.inner(x, y), np.einsum("bin,nm,bim->bi", x, inverse, y))
        close(covariance.inner(x, x), np.einsum("bin,nm,bim->bi", x, inverse, x))
        assert torch.equal(covariance.inner(x, y), covariance.inner(y, x))
        assert (covariance.inner(x, x) > 0).all()


def test_shapes_of_inner_broadcast(cases):
    for covariance, k in cases:
        x, y = normal(covariance, 5, 1, 3), normal(covariance, 4, 3, seed=1)
        close(covariance.inner(x, y), np.einsum("bkin,nm,cim->bci", x, np.linalg.inv(k), y))
        close(covariance.inner(x[0, 0, 0], y), covariance.inner(y, x[0, 0, 0]))


def test_cross_is_all_inner_products_of_axes(cases):
    for covariance, k in cases:
        x, y = normal(covariance, 5, 3), normal(covariance, 4, 3, seed=1)
        wanted = np.einsum("bin,nm,cjm->bcij", x, np.linalg.inv(k), y)
        close(cross(covariance.whiten(x), covariance.whiten(y)), wanted)


def test_logdet(cases):
    for covariance, k in cases:
        sign, logarithm = np.linalg.slogdet(k)
        assert sign == 1
        assert covariance.logdet().item() == pytest.approx(logarithm, abs=EXACT * len(k))


def test_gls_mean_is_the_likeliest_translation(cases):
    """Nothing common is left in x - mean; the mean of a translation is the translation."""
    for covariance, k in cases:
        x, one = normal(covariance, 5, 3), np.ones(len(k))
        total = one @ np.linalg.solve(k, one)
        assert covariance.precision().item() == pytest.approx(total, rel=EXACT)
        close(covariance.gls_mean(x), x.numpy() @ np.linalg.solve(k, one) / total, 1e-11)
        left = x - covariance.gls_mean(x)[..., None]
        assert abs(covariance.inner(left, torch.ones_like(left))).max() < EXACT * total * 10
        close(covariance.gls_mean(torch.full_like(x, 7.5)), np.full((5, 3), 7.5))


# Trees of their own kind


def test_sums_and_multiples_are_those_of_the_matrices(nesting, matrix_of):
    for seed in range(12):
        hierarchy = nesting(seed, 2 + seed % 4)
        first, second = (some_variances(hierarchy, kind, seed) for kind in ("groups off", "levels off"))
        c, k = matrix_of(hierarchy, first), matrix_of(hierarchy, second)
        for scale in (2.5, np.float64(2.5), torch.tensor(2.5)):
            total = NestedCovariance(hierarchy, named(hierarchy, first)) + scale * NestedCovariance(
                hierarchy, named(hierarchy, second)
            )
            close(matrix(total, "multiply"), c + 2.5 * k)
            close(matrix(total * 3, "solve"), np.linalg.inv(3 * (c + 2.5 * k)))


@pytest.mark.parametrize("sigma", [0.3, 4.8, 160.0])
@pytest.mark.parametrize("kind", ["per group", "groups off", "levels off"])
def test_the_filter_is_c_over_c_plus_noise(nesting, matrix_of, sigma, kind):
    for seed in range(12):
        hierarchy = nesting(seed, 2 + seed % 4)
        data, weights = some_variances(hierarchy, kind, seed), [1 / hierarchy.depth] * hierarchy.depth
        c, k = (
            NestedCovariance(hierarchy, named(hierarchy, data)),
            sigma**2 * NestedCovariance(hierarchy, named(hierarchy, weights)),
        )
        m, x, truth = c + k, normal(c, 4, 3), matrix_of(hierarchy, data)
        wanted = x.numpy() @ np.linalg.solve(truth + sigma**2 * matrix_of(hierarchy, weights), truth)
        close(m.filter(c, x), wanted)
        close(c.multiply(m.solve(x)), wanted)
        close(m.filter(c, x) + m.filter(k, x), x)
        close(m.filter(m, x), x)


def test_a_covariance_of_some_atoms_is_that_block_of_the_matrix(cases):
    rng = np.random.default_rng(5)
    for covariance, k in cases:
        for count in {1, (len(k) + 1) // 2, len(k)}:
            atoms = np.sort(rng.choice(len(k), count, replace=False))
            some = covariance.restricted(atoms)
            close(matrix(some, "multiply"), k[np.ix_(atoms, atoms)])
            close(matrix(some, "solve"), np.linalg.inv(k[np.ix_(atoms, atoms)]))


@pytest.mark.parametrize("atoms", [[], [2, 1], [1, 1], [-1, 2], [0, 7], [0.0, 1.0], [[0, 1]]])
def test_atoms_that_are_none_of_it_are_refused(uneven, atoms):
    with pytest.raises(EdmNoiseError, match=r"^atoms are .*: give different whole numbers from 0 to 6, ascending$"):
        NestedCovariance(uneven, {"atom": 1.0}).restricted(np.array(atoms))


def test_flat_noise_is_independent(uneven):
    """A multiple of 1, and a diagonal: nothing is left to do but divide."""
    x, each = torch.arange(7, dtype=torch.float64) - 2, torch.arange(1, 8, dtype=torch.float64)
    for w, variance in ((4.0, torch.full((7,), 4.0).double()), (each, each)):
        flat = NestedCovariance(uneven, named(uneven, (w, 0, 0)))
        for name, wanted in (
            ("multiply", x * variance),
            ("solve", x / variance),
            ("factor", x * variance.sqrt()),
            ("whiten", x / variance.sqrt()),
        ):
            close(MAPS[name](flat, x), wanted)
        close(flat.inner(x, x + 1), (x * (x + 1) / variance).sum())
        close(flat.gls_mean(x), (x / variance).sum() / (1 / variance).sum())
        close(flat.precision(), (1 / variance).sum())
        close(flat.logdet(), variance.log().sum())


@pytest.mark.parametrize("weights", PRESETS)
def test_multiscale_noise_has_this_covariance(fragment, dense, weights):
    noise = MultiscaleNoise(fragment.hierarchy, Weights.named(weights))
    k = dense(fragment.hierarchy, noise.shares)
    close(matrix(noise.covariance, "multiply"), k)
    close(matrix(noise.covariance, "solve"), np.linalg.inv(k))
    assert noise.covariance is noise.covariance


# Accuracy where almost all of the noise is common


def eliminate(k, columns):
    """K^-1 columns and det K in fractions."""
    table = np.concatenate([k, columns], axis=1)
    determinant = Fraction(1)
    for i in range(len(k)):
        determinant *= table[i, i]
        table[i] /= table[i, i]
        others = np.arange(len(k)) != i
        table[others] -= np.outer(table[others, i], table[i])
    return table[:, len(k) :], determinant


@pytest.fixture(scope="module")
def stiff(memberships):
    """Residues rigid but for w_atom = 1e-5: K, three motions of whole residues in float32, their exact products."""
    residues = np.repeat(np.arange(6), [1, 2, 3, 4, 4, 5])
    hierarchy = Hierarchy(("atom", "residue", "chain"), (residues, np.array([0, 0, 0, 1, 1, 1])))
    weights = (1e-5, 0.6, 0.4)
    k = sum(
        Fraction(w) * (s @ s.T).astype(int).astype(object) for w, s in zip(weights, memberships(hierarchy), strict=True)
    )
    x = (np.random.default_rng(0).normal(size=(3, 6)) * 30)[:, residues].astype(np.float32)
    fractions = np.vectorize(Fraction, otypes=[object])(x.astype(float))
    solution, determinant = eliminate(k, fractions.T)
    return (
        NestedCovariance(hierarchy, named(hierarchy, weights)),
        torch.tensor(x),
        (fractions @ solution).astype(float),
        determinant,
    )


def test_inner_products_of_rigid_motions_keep_all_digits(stiff):
    """From float32 coordinates; the textbook formula in float32 loses what it is asked for."""
    covariance, x, wanted, _ = stiff
    norms = np.sqrt(np.outer(np.diag(wanted), np.diag(wanted)))
    got = covariance.inner(x[:, None], x[None]).numpy()
    assert abs((got - wanted) / norms).max() < 1e-15

    atom, residue, _ = (w.item() for w in covariance.variances)
    without_chains = NestedCovariance(covariance.hierarchy, named(covariance.hierarchy, (atom, residue, 0.0)))
    sums = np.stack([np.bincount(covariance.hierarchy.parents[0], row) for row in x.numpy()]).astype(np.float32)
    sizes = covariance.hierarchy.sizes(1).astype(np.float32)
    wa, wr = np.float32(atom), np.float32(residue)
    woodbury = (x.numpy() ** 2).sum(axis=1) / wa - (sums**2 * (wr / wa**2) / (1 + wr * sizes / wa)).sum(axis=1)
    assert abs(woodbury / without_chains.inner(x, x).numpy() - 1).max() > 0.01


def test_cross_products_of_rigid_motions_keep_what_their_precision_has(stiff):
    covariance, x, wanted, _ = stiff
    norms = np.sqrt(np.outer(np.diag(wanted), np.diag(wanted)))
    for precision, error in ((torch.float64, 1e-13), (torch.float32, 1e-7)):
        white = covariance.whiten(x.to(precision)[None])
        assert abs((cross(white, white)[0, 0].numpy() - wanted) / norms).max() < error


def test_the_filter_of_almost_no_noise_keeps_all_digits(uneven, memberships):
    """Rigid residues under sigma = 0.001, where K^-1 x is a million times x: against fractions."""
    data, noise = (0.0, 67.0, 149.0), [1e-6 * w for w in (0.1, 0.2, 0.7)]
    blocks = [(s @ s.T).astype(int).astype(object) for s in memberships(uneven)]
    c, k = (sum(Fraction(w) * block for w, block in zip(given, blocks, strict=True)) for given in (data, noise))
    x = normal(NestedCovariance(uneven, named(uneven, data)), 3) * 30
    solution, _ = eliminate(c + k, np.vectorize(Fraction, otypes=[object])(x.numpy()).T)
    total = NestedCovariance(uneven, named(uneven, [a + b for a, b in zip(data, noise, strict=True)]))
    close(total.filter(NestedCovariance(uneven, named(uneven, data)), x), (c @ solution).astype(float).T, 1e-14)


def test_logdet_of_an_almost_singular_covariance(stiff):
    covariance, _, _, determinant = stiff
    logarithm = math.log(determinant.numerator) - math.log(determinant.denominator)
    assert covariance.logdet().item() == pytest.approx(logarithm, rel=1e-15)


# Nothing that varies at the atoms


@pytest.mark.parametrize("variances", [(0.0, 0.6, 0.4), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.0, 0.0)])
def test_rigid_residues_multiply_and_factor(uneven, matrix_of, variances):
    covariance, k = NestedCovariance(uneven, named(uneven, variances)), matrix_of(uneven, variances)
    close(matrix(covariance, "multiply"), k)
    root = matrix(covariance, "factor")
    close(root @ root.T, k)


def test_some_rigid_atoms_multiply_and_factor(nesting, matrix_of):
    for seed in range(12):
        hierarchy = nesting(seed, 2 + seed % 4)
        rng = np.random.default_rng(seed)
        variances = [torch.tensor(rng.uniform(0.1, 2, n) * (rng.random(n) < 0.5)) for n in hierarchy.counts]
        covariance, k = NestedCovariance(hierarchy, named(hierarchy, variances)), matrix_of(hierarchy, variances)
        root = matrix(covariance, "factor")
        close(root @ root.T, k)
        close(matrix(covariance, "multiply"), k)


def test_the_factor_goes_smoothly_to_rigid_residues(uneven):
    rigid = matrix(NestedCovariance(uneven, {"residue": 0.6, "chain": 0.4}), "factor")
    close(matrix(NestedCovariance(uneven, {"atom": 1e-16, "residue": 0.6, "chain": 0.4}), "factor"), rigid, 1e-7)


@pytest.mark.parametrize("atoms", [0.0, torch.tensor([1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0])], ids=["all", "one"])
@pytest.mark.parametrize("name", INVERSES)
def test_rigid_residues_have_no_inverse(uneven, name, atoms):
    with pytest.raises(EdmNoiseError, match=r"no inverse.*residues move rigidly.*floor of 1e-6 or more"):
        INVERSES[name](NestedCovariance(uneven, named(uneven, (atoms, 0.6, 0.4))), torch.ones(3, 7))


def test_the_floor_that_is_proposed_works(uneven, dense):
    weights = (0.000001, 0.699999, 0.3)
    close(
        matrix(NestedCovariance(uneven, named(uneven, weights)), "solve"), np.linalg.inv(dense(uneven, weights)), 1e-9
    )


# Drawing


@pytest.mark.parametrize("kind", ["numbers", "per group", "groups off", "levels off", "rigid"])
@pytest.mark.parametrize("depth", [2, 3, 4])
def test_draws_have_the_covariance(nesting, matrix_of, kind, depth):
    hierarchy, draws = nesting(depth, depth, largest=3), 4000
    variances = some_variances(hierarchy, "numbers" if kind == "rigid" else kind, depth)
    if kind == "rigid":
        variances[0] = 0.0
    k = matrix_of(hierarchy, variances)
    out = torch.empty(draws, 3, len(k))
    assert NestedCovariance(hierarchy, named(hierarchy, variances)).draw(out, torch.Generator().manual_seed(1)) is out
    x = out.double().flatten(0, 1).numpy()
    error = np.sqrt((k**2 + np.outer(np.diag(k), np.diag(k))) / len(x))
    assert (abs(x.T @ x / len(x) - k) <= STANDARD_ERRORS * error + 1e-6).all()
    assert (abs(x.mean(axis=0)) < STANDARD_ERRORS * np.sqrt(np.diag(k) / len(x)) + 1e-12).all()
    axes = np.einsum("si,sj->ij", out[:, 0].double(), out[:, 1].double()) / draws
    assert (abs(axes) < STANDARD_ERRORS * np.sqrt(np.outer(np.diag(k), np.diag(k)) / draws) + 1e-12).all()


def test_whitened_draws_are_standard_normal(toxin):
    noise = MultiscaleNoise(toxin.hierarchy, Weights.named("rebalanced")).covariance
    drawn = noise.draw(torch.empty(4, 3, noise.atoms), torch.Generator().manual_seed(0))
    white = noise.whiten(drawn).flatten().numpy()
    assert scipy.stats.kstest(white, "norm").pvalue > 1e-3
    assert abs(np.mean(white**2) - 1) < STANDARD_ERRORS * np.sqrt(2 / len(white))


def test_one_seed_gives_all_variances_the_same_numbers(nesting):
    for seed in range(8):
        hierarchy = nesting(seed, 2 + seed % 4)
        variances = some_variances(hierarchy, "numbers", seed)
        out = torch.empty(2, 3, hierarchy.counts[0], dtype=torch.float64)

        def draw(k, out=out, seed=seed):
            return k.draw(out, torch.Generator().manual_seed(seed)).clone()

        parts = [
            draw(NestedCovariance(hierarchy, named(hierarchy, [w * (level == k) for k, w in enumerate(variances)])))
            for level in range(hierarchy.depth)
        ]
        close(draw(NestedCovariance(hierarchy, named(hierarchy, variances))), sum(parts))


def test_draws_come_from_the_generator_alone(uneven):
    covariance, state = (
        NestedCovariance(uneven, {"atom": 1.0, "residue": 2.0, "chain": 3.0}),
        torch.random.get_rng_state(),
    )
    first, second, third = (
        covariance.draw(torch.empty(3, 7), torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, third)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_rigid_residues_move_as_one(uneven):
    drawn = NestedCovariance(uneven, {"residue": 0.6, "chain": 0.4}).draw(torch.empty(5, 3, 7), torch.Generator())
    first = np.unique(uneven.parents[0], return_index=True)[1]
    assert torch.equal(drawn, drawn[..., first[uneven.parents[0]]])


# Tensors


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("front", [(), (3,), (2, 4, 3), (0, 3)])
def test_shape_and_precision_are_those_given(uneven, name, front):
    for variances in ((0.1, 0.6, 0.3), (2.0, 0.0, 0.0)):
        covariance = NestedCovariance(uneven, named(uneven, variances))
        x = normal(covariance, *front)
        exactly = MAPS[name](covariance, x)
        assert (exactly.shape, exactly.dtype) == (x.shape, torch.float64)
        roughly = MAPS[name](covariance, x.float())
        assert (roughly.shape, roughly.dtype) == (x.shape, torch.float32)
        torch.testing.assert_close(roughly.double(), exactly, rtol=2e-6, atol=2e-6)


def test_sums_over_atoms_are_float64(uneven):
    covariance, x = NestedCovariance(uneven, {"atom": 0.1, "residue": 0.6, "chain": 0.3}), torch.ones(2, 3, 7)
    assert covariance.inner(x, x).dtype == torch.float64
    assert cross(x, x).dtype == torch.float64
    assert covariance.logdet().dtype == covariance.precision().dtype == torch.float64
    assert covariance.gls_mean(x).dtype == torch.float32
    assert covariance.inner(x[:0], x[:0]).shape == covariance.gls_mean(x[:0]).shape == (0, 3)


@pytest.mark.parametrize("name", MAPS)
def test_large_batches_are_the_same_as_small_ones(toxin, name):
    """51 rows of 5,469 atoms do not fit into one block; and a view in another order is read as what it shows."""
    covariance = NestedCovariance(toxin.hierarchy, {"atom": 0.2, "residue": 0.3, "chain": 0.5})
    x = normal(covariance, 17, 3)
    whole = MAPS[name](covariance, x)
    close(torch.stack([MAPS[name](covariance, row) for row in x]), whole, 1e-15)
    turned = x.permute(2, 0, 1).contiguous().permute(1, 2, 0)
    close(MAPS[name](covariance, turned), whole, 1e-15)
    close(torch.stack([covariance.inner(row, row) for row in x]), covariance.inner(x, x), 1e-14)
    close(torch.stack([covariance.gls_mean(row) for row in x]), covariance.gls_mean(x), 1e-14)


def test_what_is_given_stays(uneven):
    each = torch.ones(7)
    for variances in ((each, torch.rand(3), 0.5), (1.0, 1.0, 1.0), (1.0, 0.0, 0.0)):
        covariance = NestedCovariance(uneven, named(uneven, variances))
        x, y = normal(covariance, 2, 3), normal(covariance, 2, 3, seed=1)
        for name in MAPS:
            first = MAPS[name](covariance, x)
            first.zero_()
            assert not torch.equal(MAPS[name](covariance, x), first)
        covariance.inner(x, y), covariance.gls_mean(x)
        assert torch.equal(x, normal(covariance, 2, 3))
        assert torch.equal(y, normal(covariance, 2, 3, seed=1))
    covariance = NestedCovariance(uneven, named(uneven, (each, 0.0, 0.0)))
    each.zero_()
    assert covariance.logdet() == 0, "variances are copied"


@pytest.mark.parametrize("device", ["meta", "cpu"])
@pytest.mark.parametrize("default", [torch.float64, torch.float16])
def test_torchs_defaults_change_nothing(uneven, device, default):
    x = torch.arange(21, dtype=torch.float32).reshape(3, 7)

    def everything():
        each = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float32, device="cpu")
        covariance = 2.0 * NestedCovariance(uneven, {"atom": 0.1, "residue": 0.6, "chain": 0.3}) + NestedCovariance(
            uneven, named(uneven, (0.0, each, 0.0))
        )
        room = torch.empty(3, 7, dtype=torch.float32, device="cpu")
        drawn = covariance.draw(room, torch.Generator("cpu").manual_seed(1))
        return [drawn, *(MAPS[name](covariance, x) for name in MAPS), *(f(covariance, x) for f in INVERSES.values())]

    wanted = everything()
    torch.set_default_dtype(default)
    try:
        with torch.device(device):
            got = everything()
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(torch.equal(a, b) and a.dtype == b.dtype for a, b in zip(got, wanted, strict=True))


# Gradients


@pytest.mark.parametrize("kind", ["numbers", "per group", "groups off", "levels off"])
def test_gradients_in_coordinates(nesting, kind):
    for seed, depth in ((0, 2), (1, 3), (2, 4)):
        hierarchy = nesting(seed, depth, largest=2)
        covariance = NestedCovariance(hierarchy, named(hierarchy, some_variances(hierarchy, kind, seed)))
        x, y = (normal(covariance, 2, seed=k).requires_grad_() for k in (0, 1))
        for name in MAPS:
            assert torch.autograd.gradcheck(lambda x, f=MAPS[name], k=covariance: f(k, x), x)
        assert torch.autograd.gradcheck(covariance.inner, (x, y))
        assert torch.autograd.gradcheck(covariance.gls_mean, x)
        assert torch.autograd.gradcheck(lambda x, k=covariance: (k + k).filter(k, x), x)


def test_the_gradient_of_half_the_square_is_the_solution(cases):
    """The score of the noise: d(x^T K^-1 x / 2) = K^-1 x."""
    for covariance, _ in cases:
        x = normal(covariance, 3).requires_grad_()
        (covariance.inner(x, x).sum() / 2).backward()
        close(x.grad, covariance.solve(x).detach())


def test_gradients_in_variances(nesting):
    for seed, depth in ((0, 2), (1, 3), (3, 4)):
        hierarchy = nesting(seed, depth, largest=2)
        given = some_variances(hierarchy, "per group", seed)
        variances = [torch.as_tensor(w, dtype=torch.float64).requires_grad_() for w in given]
        x = normal(NestedCovariance(hierarchy, named(hierarchy, given)), 2)

        def everything(*variances, hierarchy=hierarchy, x=x):
            k = NestedCovariance(hierarchy, named(hierarchy, variances)) + NestedCovariance(
                hierarchy, named(hierarchy, [0.1] * hierarchy.depth)
            )
            return [*(f(k, x) for f in MAPS.values()), *(f(k, x) for f in INVERSES.values())]

        assert torch.autograd.gradcheck(everything, variances)


def test_a_level_without_variance_still_has_a_gradient(uneven, memberships):
    """d log det K / dw = tr S^T K^-1 S at w = 0, though the level is passed over elsewhere."""
    w = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    covariance = NestedCovariance(uneven, named(uneven, (0.5, 1.0, w)))
    with torch.no_grad():
        covariance.solve(torch.ones(7))  # what is kept from here serves the gradient
    covariance.logdet().backward()
    chains = memberships(uneven)[2]
    inverse = np.linalg.inv(covariance.multiply(torch.eye(7).double()).detach().numpy())
    close(w.grad, [np.trace(chains.T @ inverse @ chains)])


@pytest.mark.parametrize("use", [lambda k, x: k.solve(x), lambda k, x: k.draw(x.clone(), torch.Generator())])
def test_use_without_gradients_leaves_them_for_later(use):
    """What a sampler keeps in inference mode serves a gradient afterwards."""
    hierarchy = Hierarchy(("atom", "residue", "chain"), (np.array([0, 0, 1, 1]), np.array([0, 0])))
    with torch.inference_mode():
        covariance = NestedCovariance(hierarchy, named(hierarchy, (torch.ones(4), 1.0, 1.0))) + 2.0 * NestedCovariance(
            hierarchy, {"atom": 1.0, "residue": 1.0, "chain": 1.0}
        )
        use(covariance, torch.ones(3, 4))
    x = torch.arange(4.0, dtype=torch.float64).requires_grad_()
    (covariance.inner(x, x) + covariance.factor(covariance.multiply(x)).sum()).backward()
    assert bool(x.grad.isfinite().all())


# Refusals


@pytest.mark.parametrize(
    ("variances", "said"),
    [
        ((1.0, -0.1, 1.0), "'residue' is -0.1"),
        ((1.0, 1.0, float("nan")), "'chain' is nan"),
        ((float("inf"), 1.0, 1.0), "'atom' is inf"),
        ((torch.ones(6), 1.0, 1.0), r"'atom' have the shape \(6,\): give one, or \(7,\)"),
        ((1.0, torch.ones(3, 1), 1.0), r"'residue' have the shape \(3, 1\)"),
    ],
)
def test_variances_that_are_none(uneven, variances, said):
    with pytest.raises(EdmNoiseError, match=said):
        NestedCovariance(uneven, named(uneven, variances))


def test_bare_numbers_and_levels_that_are_not_there(uneven):
    for bare in ((0.1, 0.6, 0.3), [1.0, 1.0, 1.0], torch.ones(3), np.ones(3), 1.0):
        with pytest.raises(
            EdmNoiseError, match=r"^variances are .*: give edmnoise Weights, .* \(atom, residue, chain\)$"
        ):
            NestedCovariance(uneven, bare)
    with pytest.raises(EdmNoiseError, match="Weights have no order"):
        NestedCovariance(uneven, tuple(Weights.named("current")))
    with pytest.raises(EdmNoiseError, match="no level 'domain': the levels are atom, residue, chain"):
        NestedCovariance(uneven, {"atom": 1.0, "domain": 1.0})
    assert (
        repr(NestedCovariance(uneven, Weights.of(1, 2, 5))) == "NestedCovariance(atom 0.625, residue 0.25, chain 0.125)"
    )


@pytest.mark.parametrize("x", [torch.ones(7, 3), torch.tensor(1.0), torch.ones(3, 7, dtype=torch.int64)], ids=str)
def test_coordinates_that_are_not_along_the_atoms(uneven, x):
    for covariance in (
        NestedCovariance(uneven, {"atom": 1.0, "residue": 1.0, "chain": 1.0}),
        NestedCovariance(uneven, {"atom": 1.0}),
    ):
        for call in (*MAPS.values(), lambda k, x: k.inner(torch.ones(7), x), lambda k, x: k.draw(x, torch.Generator())):
            with pytest.raises(EdmNoiseError, match=r"give floats \(..., 7\)"):
                call(covariance, x)


def test_groups_that_differ_do_not_add(uneven):
    other = Hierarchy(uneven.names, (np.array([0, 0, 1, 1, 2, 2, 2]), np.array([1, 0, 0])))
    with pytest.raises(EdmNoiseError, match="group atoms differently"):
        NestedCovariance(uneven, {"atom": 1, "residue": 1, "chain": 1}) + NestedCovariance(
            other, {"atom": 1, "residue": 1, "chain": 1}
        )
    same = Hierarchy(uneven.names, tuple(parent.copy() for parent in uneven.parents))
    total = NestedCovariance(uneven, {"atom": 1, "residue": 1, "chain": 1}) + NestedCovariance(
        same, {"atom": 1, "residue": 2, "chain": 3}
    )
    assert repr(total) == "NestedCovariance(atom 2, residue 3, chain 4)"


def test_a_part_that_is_none(uneven):
    x, total = torch.ones(3, 7), NestedCovariance(uneven, {"atom": 1.0, "residue": 1.0})
    with pytest.raises(EdmNoiseError, match="no part of"):
        total.filter(NestedCovariance(uneven, {"atom": 1.0, "chain": 1.0}), x)
    other = Hierarchy(uneven.names, (np.array([0, 0, 1, 1, 2, 2, 2]), np.array([1, 0, 0])))
    with pytest.raises(EdmNoiseError, match="group atoms differently"):
        total.filter(NestedCovariance(other, {"atom": 1.0, "residue": 1.0}), x)
    with pytest.raises(EdmNoiseError, match="no inverse"):
        NestedCovariance(uneven, {"residue": 1.0, "chain": 1.0}).filter(total, x)


def test_negative_multiples_are_none(uneven):
    with pytest.raises(EdmNoiseError, match="not negative"):
        -1 * NestedCovariance(uneven, {"atom": 1.0, "residue": 1.0, "chain": 1.0})


def test_what_it_shows(uneven):
    assert (
        repr(NestedCovariance(uneven, named(uneven, (torch.arange(7.0), 0.25, 0))))
        == "NestedCovariance(atom 0...6, residue 0.25, chain 0)"
    )
