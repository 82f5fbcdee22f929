"""Four levels: measured is the closed form within 3 standard errors, and all algebra is that of dense matrices."""

import math

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.diffusion.precondition import Preconditioner, part_shares
from edmnoise.frames.displacement import Measure, measure_displacement, measures, nested
from edmnoise.noise.design.scramble import reference_lengths, scramble_table
from edmnoise.noise.design.signal import signal_table, step_table
from edmnoise.noise.design.solve import Constraint, design, design_table
from edmnoise.noise.design.triangle import WeightMeasure
from edmnoise.noise.design.weight_map import weight_map
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.noise.theory.forms import LevelForms, mean_squares
from edmnoise.noise.theory.scales import Scales, measured_scales, split
from edmnoise.noise.theory.statistics import NoiseStatistics
from edmnoise.noise.weights import Weights, parse_weights
from edmnoise.structure.domains import domain_labels
from edmnoise.structure.hierarchy import Hierarchy

ALPHAFOLD3 = sigma_distribution("alphafold3")
WEIGHTS = parse_weights("4 3 2 1")
UNEVEN = Hierarchy.from_labels(
    ("atom", "residue", "domain", "chain"),
    [[0, 0, 0, 1, 1, 2, 3, 3, 4, 5, 5, 5, 6, 7], [0] * 5 + [1] * 4 + [2] * 3 + [3] * 2, [0] * 9 + [1] * 5],
)
"""14 atoms in 8 residues, 4 domains and 2 chains, all of different sizes."""


def dense(hierarchy, weights):
    """K from membership matrices."""
    total = np.zeros((hierarchy.counts[0],) * 2)
    for level, weight in enumerate(weights):
        home = hierarchy.ancestors(0, level)
        total += weight * (home[:, None] == home)
    return total


def means(hierarchy, level):
    """(groups, N) of a level, that take the mean over each group's atoms; past the top that of all."""
    count = hierarchy.counts[0]
    home = hierarchy.ancestors(0, level) if level < hierarchy.depth else np.zeros(count, dtype=int)
    members = (home == np.arange(home.max() + 1)[:, None]).astype(float)
    return members / members.sum(axis=1, keepdims=True)


def projected(hierarchy, level):
    """(N, N) that gives each atom the part of a level: its group's mean less that of the group above."""
    fine, coarse = (means(hierarchy, k)[hierarchy.ancestors(0, k)] for k in (level, min(level + 1, 3)))
    if level + 1 < hierarchy.depth:
        return fine - coarse
    return fine - np.ones_like(fine) / len(fine)


@pytest.fixture(scope="module")
def domained(toxin):
    """A chain of 1TII in three domains, of 20, 57 and more residues."""
    chain_a = toxin.take(np.flatnonzero(toxin.atoms.chain == "A"))
    return chain_a.with_domains(domain_labels(chain_a, "A:4-23 | A:24-80 | rest"))


@pytest.mark.parametrize("text", ["4 3 2 1", "0 1 0 0", "1 4 4"])
def test_measured_is_the_closed_form_at_all_four_levels(domained, text):
    noise, sigma, frames = MultiscaleNoise(domained.hierarchy, parse_weights(text)), 3.0, 400
    moved = measure_displacement(domained, noise.blocks(sigma, frames, 11, domained.coordinates))
    for measure in measures(domained.hierarchy):
        expected = noise.statistics.displacement(measure.level, measure.relative_to)
        error = math.sqrt(moved.by_frame[measure].var(ddof=1) / frames)
        assert moved.by_frame[measure].mean() == pytest.approx(sigma**2 * expected.mean, abs=3 * error + 1e-5), measure
        assert error == pytest.approx(sigma**2 * expected.sd / math.sqrt(frames), rel=0.25, abs=1e-5)


def test_parts_over_atoms_add_up_to_the_whole(domained):
    noise = MultiscaleNoise(domained.hierarchy, WEIGHTS)
    moved = measure_displacement(domained, noise.blocks(2.0, 3, 1, domained.coordinates))
    parts = sum(moved.part(measure) ** 2 for measure in nested(domained.hierarchy))
    assert parts == pytest.approx(moved.part(Measure(0, False)) ** 2, rel=1e-5)


def test_forms_are_those_of_the_statistics(domained):
    for hierarchy in (domained.hierarchy, UNEVEN):
        forms, noise = LevelForms.of(hierarchy), NoiseStatistics(hierarchy, WEIGHTS)
        tops = [1, 2, 3, noise.whole]
        relative = [noise.displacement(k, top).mean for k, top in enumerate(tops)]
        centred = [noise.displacement(k, top, over_atoms=True).mean for k, top in enumerate(tops)]
        np.testing.assert_allclose(mean_squares(forms.relative, WEIGHTS), relative, atol=1e-14)
        np.testing.assert_allclose(mean_squares(forms.centred, WEIGHTS), centred, atol=1e-14)
        assert mean_squares(forms.residue, WEIGHTS) == pytest.approx(noise.displacement(1).mean)
        np.testing.assert_allclose(forms.parts.sum(axis=0), 1, atol=1e-14)


def test_the_covariance_is_the_dense_one():
    shares = WEIGHTS.on(UNEVEN.names)
    k, covariance = dense(UNEVEN, shares), NestedCovariance(UNEVEN, WEIGHTS)
    x = torch.from_numpy(np.random.default_rng(1).normal(size=(3, 14)))
    np.testing.assert_allclose(covariance.multiply(x), x.numpy() @ k, atol=1e-12)
    np.testing.assert_allclose(covariance.solve(x), np.linalg.solve(k, x.numpy().T).T, atol=1e-11)
    assert float(covariance.logdet()) == pytest.approx(np.linalg.slogdet(k)[1])


def test_the_exact_denoiser_is_the_posterior_mean():
    rng = np.random.default_rng(2)
    states, x, sigma = rng.normal(size=(2, 3, 14)) * 3, rng.normal(size=(1, 3, 14)) * 4, 2.0
    inverse = np.linalg.inv(sigma**2 * dense(UNEVEN, WEIGHTS.on(UNEVEN.names)))
    apart = x - states
    score = -0.5 * np.einsum("mia,ab,mib->m", apart, inverse, apart)
    share = np.exp(score - score.max())
    model = StatesDenoiser(states, NestedCovariance(UNEVEN, WEIGHTS), gauge="fixed", hierarchy=UNEVEN)
    found = model.denoise(torch.from_numpy(x), sigma)
    wanted = np.einsum("m,mia->ia", share / share.sum(), states)
    np.testing.assert_allclose(found.atoms[0], wanted, atol=1e-8)
    np.testing.assert_allclose(found.residues[0], wanted @ means(UNEVEN, 1).T, atol=1e-8)
    np.testing.assert_allclose(found.chains[0], wanted @ means(UNEVEN, 3).T, atol=1e-8)


@pytest.mark.parametrize(
    "weights", [WEIGHTS, Weights.named("flat"), parse_weights("0 1 0 1"), parse_weights("1 1 1 0")]
)
@pytest.mark.parametrize("sigma", [0.3, 4.0])
def test_preconditioning_is_the_dense_one(weights, sigma):
    made = Preconditioner(
        UNEVEN, weights, Scales(chain=6.0, domain=3.0, residue=2.0, atom=0.0 if not weights.atom else 1)
    )
    noise, data = dense(UNEVEN, weights.on(UNEVEN.names)), dense(UNEVEN, UNEVEN.by_level(made.data_variances(), 0.0))
    shares = [float(np.trace(p @ noise @ p.T)) / 14 for p in (projected(UNEVEN, k) for k in range(4))]
    np.testing.assert_allclose(part_shares(UNEVEN, weights), shares, atol=1e-12)
    centre = np.eye(14) - np.ones((14, 14)) / 14
    whole = data + sigma**2 * noise
    # The best linear estimate of the centred data that does not know the shift: C^T pinv(H M H) on the centred data.
    seen = centre @ whole @ centre
    gain = centre @ data @ centre @ np.linalg.pinv(seen, hermitian=True, rcond=1e-12)
    least = np.trace(centre @ data @ centre - gain @ seen @ gain.T) / 14
    assert made.exact_error(sigma) == pytest.approx(least, rel=1e-6, abs=1e-9)
    if weights.atom:
        x = torch.from_numpy(np.random.default_rng(3).normal(size=(2, 14)))
        np.testing.assert_allclose(made.exact_filter(x, sigma), x.numpy() @ gain.T, atol=1e-8)
    assert made.error(sigma) >= least * (1 - 1e-9)
    own, above = made.by_rule("increment")[0], made.by_rule("cumulative")[0]
    assert own == weights.on(UNEVEN.names)
    np.testing.assert_allclose(above, np.cumsum(own[::-1])[::-1])


def test_parts_of_coordinates_are_projections():
    x = torch.from_numpy(np.random.default_rng(4).normal(size=(3, 14)))
    parts = split(x, UNEVEN)
    for level, part in enumerate(parts[:-1]):
        np.testing.assert_allclose(part, x.numpy() @ projected(UNEVEN, level).T, atol=1e-12)
    np.testing.assert_allclose(sum(parts), x, atol=1e-12)


def test_data_scales_have_a_part_for_domains(domained):
    scales = measured_scales(domained)
    three = measured_scales(domained.without_domains())
    assert scales.residue**2 + scales.domain**2 == pytest.approx(three.residue**2)
    assert scales.total == pytest.approx(three.total)


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        ({"domain": 6.0, "residue": 3.8, "atom": 1.4}, ()),
        ({"domain": 6.0}, (Constraint("domain", 0.5), Constraint("residue", 2, "atom"), Constraint("chain", 0))),
    ],
)
def test_a_design_moves_domains_as_far_as_wanted(domained, wanted, kept):
    made = design(domained.hierarchy, **wanted, constraints=kept)
    moved = NoiseStatistics(domained.hierarchy, made.weights)
    for level, length in wanted.items():
        k = domained.hierarchy.level(level)
        part = made.sigma**2 * moved.displacement(k, k + 1, over_atoms=True).mean
        assert math.sqrt(3 * part) == pytest.approx(length, rel=1e-3)
    assert "domain in chain 3-D" in [
        column.name for column in design_table(domained.hierarchy, made, ALPHAFOLD3).columns
    ]


def test_tables_have_a_row_for_domains(domained):
    lengths = reference_lengths(domained, domain=10.0)
    scrambled = scramble_table(domained, [WEIGHTS], [ALPHAFOLD3], lengths)
    assert scrambled["level"] == ["chain in structure", "domain in chain", "residue in domain", "atom in residue"]
    row = scrambled["level"].index("domain in chain")
    moved = NoiseStatistics(domained.hierarchy, WEIGHTS).displacement(2, 3)
    assert scrambled["sigma"][row] == pytest.approx(10 / math.sqrt(3 * moved.mean))
    forms, scales = LevelForms.of(domained.hierarchy), measured_scales(domained)
    assert "domain in chain" in signal_table(forms, scales, [WEIGHTS], [ALPHAFOLD3])["level"]
    names = [column.name for column in step_table(forms, scales, [WEIGHTS], [ALPHAFOLD3], [0.0]).columns]
    assert "signal / noise domain" in names


def test_the_triangle_passes_domains_over(domained):
    measure = WeightMeasure("displacement", "residue", ALPHAFOLD3, 3.8)
    with_them, without = weight_map(domained, measure, 5), weight_map(domained.without_domains(), measure, 5)
    np.testing.assert_array_equal(with_them.values, without.values)


@pytest.mark.parametrize(
    "call",
    [
        lambda h: MultiscaleNoise(h, WEIGHTS),
        lambda h: NestedCovariance(h, WEIGHTS),
        lambda h: NoiseStatistics(h, WEIGHTS),
        lambda h: mean_squares(LevelForms.of(h).parts, WEIGHTS),
        lambda h: Preconditioner(h, WEIGHTS, Scales(chain=1, residue=1, atom=1)),
    ],
)
def test_four_weights_without_domains_are_refused(domained, call):
    with pytest.raises(EdmNoiseError, match=r"^weights 0.4 0.3 0.2 0.1 give domains a share, and there are no"):
        call(domained.without_domains().hierarchy)


def test_targets_and_scales_of_domains_need_domains(domained):
    three = domained.without_domains()
    with pytest.raises(EdmNoiseError, match=r"^domain is 3 A, and there are no domains"):
        design(three.hierarchy, domain=3)
    with pytest.raises(EdmNoiseError, match=r"^constraint domain 0.2: the levels are chain, residue, atom"):
        design(three.hierarchy, atom=1, constraints=[Constraint("domain", 0.2)])
    with pytest.raises(EdmNoiseError, match=r"^reference length of the domain is 5 A, and there are no domains"):
        reference_lengths(three, domain=5)
    with pytest.raises(EdmNoiseError, match=r"^a data scale of domains \(2 A\) is given"):
        Preconditioner(three.hierarchy, Weights.named("flat"), Scales(chain=1, domain=2, residue=1, atom=1))


def test_weights_say_what_they_are():
    assert WEIGHTS.by_name == {"chain": 0.4, "domain": 0.3, "residue": 0.2, "atom": 0.1}
    assert parse_weights(WEIGHTS.text()).close_to(WEIGHTS)
    assert parse_weights("4/3/2/1") == parse_weights([4, 3, 2, 1]) == WEIGHTS
    assert WEIGHTS.label == "0.4/0.3/0.2/0.1"
    assert not WEIGHTS.close_to(Weights.of(4, 2, 1))
    assert parse_weights("1 0 4 4") == Weights.named("rebalanced")
