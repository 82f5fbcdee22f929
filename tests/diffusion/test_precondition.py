"""Preconditioning by level: against dense algebra, and the figures that the rules cost."""

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.precondition import RULES, Preconditioner, part_shares, precondition_table
from edmnoise.noise.process import ForwardOnly, NoiseChoice
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.theory.scales import Scales, measured_scales, split
from edmnoise.noise.weights import Weights
from edmnoise.structure.files import read_structure
from edmnoise.structure.hierarchy import Hierarchy
from edmnoise.structure.structure import Structure

SIGMAS = (0.05, 0.5, 1.5, 4.8, 20.0, 160.0)


@pytest.fixture
def hierarchy():
    """32 unequal residues in 2 unequal chains."""
    sizes = np.random.default_rng(1).integers(1, 15, 32)
    return Hierarchy(("atom", "residue", "chain"), (np.repeat(np.arange(32), sizes), np.repeat([0, 1], [20, 12])))


@pytest.fixture
def made(hierarchy):
    return Preconditioner(hierarchy, Weights.of(1, 4, 4), Scales(atom=1.24, residue=8.2, chain=12.2))


def dense(hierarchy, variances):
    member = [hierarchy.ancestors(0, level) for level in range(3)]
    return sum(v * (m[:, None] == m[None]) for v, m in zip(variances, member, strict=True))


def projections(hierarchy):
    average = []
    for level in (1, 2):
        member = hierarchy.ancestors(0, level)
        same = member[:, None] == member[None]
        average.append(same / same.sum(axis=1, keepdims=True))
    one = np.eye(hierarchy.counts[0])
    return one - average[0], average[0] - average[1], average[1]


def centred_projections(hierarchy):
    """The parts of coordinates about the mean of all atoms, whose sum is the centring."""
    atom, residue, chain = projections(hierarchy)
    return atom, residue, chain - 1 / len(chain)


def test_parts_are_orthogonal_projections_that_add_up(hierarchy):
    x = torch.randn(2, 3, hierarchy.counts[0], dtype=torch.float64)
    parts = split(x, hierarchy)
    torch.testing.assert_close(sum(parts), x)
    for part, projection in zip(parts, projections(hierarchy), strict=True):
        torch.testing.assert_close(part, x @ torch.tensor(projection))


def test_the_finite_rule_is_made_of_traces(made, hierarchy):
    k = dense(hierarchy, made.weights.by_level)
    for nu, projection in zip(part_shares(hierarchy, made.weights), centred_projections(hierarchy), strict=True):
        assert nu == pytest.approx(np.trace(projection @ k) / len(k), rel=1e-12)


def test_data_of_the_level_variances_has_the_data_scales(made, hierarchy):
    c = dense(hierarchy, made.data_variances().values())
    for scale, projection in zip(made.scales.by_level, centred_projections(hierarchy), strict=True):
        assert scale**2 == pytest.approx(np.trace(projection @ c) / len(c), rel=1e-10)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_errors_against_dense_traces(made, hierarchy, sigma):
    """Of centred data and noise, whose covariances have no inverse: dense algebra takes the pseudo-inverse."""
    n, parts = hierarchy.counts[0], centred_projections(hierarchy)
    centre = sum(parts)
    c = centre @ dense(hierarchy, made.data_variances().values()) @ centre
    k = centre @ dense(hierarchy, made.weights.by_level) @ centre
    wiener = c @ np.linalg.pinv(c + sigma**2 * k, rcond=1e-10, hermitian=True)
    assert made.exact_error(sigma) == pytest.approx(np.trace(c - wiener @ c) / n, rel=1e-7)
    for rule in RULES:
        skip = made.coefficients(sigma, rule).c_skip
        a = sum(factor * p for factor, p in zip(skip, parts, strict=True))
        left = centre - a
        assert made.error(sigma, rule) == pytest.approx(np.trace(left @ c @ left + sigma**2 * a @ k @ a) / n, rel=1e-10)
    x = torch.randn(3, n, dtype=torch.float64)
    torch.testing.assert_close(made.exact_filter(x, sigma), x @ torch.tensor(wiener).T, rtol=1e-7, atol=1e-7)
    filtered = x @ torch.tensor(sum(f * p for f, p in zip(made.coefficients(sigma).c_skip, parts, strict=True)))
    torch.testing.assert_close(made.filtered(x, sigma), filtered)


@pytest.mark.parametrize("weights", [(0, 0, 1), (1, 4, 4), (8.2, 1.6, 1.3)])
@pytest.mark.parametrize("chains", [1, 3])
def test_nu_is_that_of_centred_noise(weights, chains):
    """Against draws, within 4 standard errors; one chain's own part is nothing."""
    sizes = np.random.default_rng(3).integers(3, 10, 9)
    groups = Hierarchy(("atom", "residue", "chain"), (np.repeat(np.arange(9), sizes), np.arange(9) * chains // 9))
    noise = MultiscaleNoise(groups, Weights.of(*weights)).frames(1.0, 2000, seed=1).double().mT
    parts = split(noise - noise.mean(dim=2, keepdim=True), groups)
    for nu, part in zip(part_shares(groups, Weights.of(*weights)), parts, strict=True):
        squares = part.square().mean(dim=(1, 2))
        assert abs(float(squares.mean()) - nu) <= 4 * float(squares.std()) / len(squares) ** 0.5 + 1e-12
    assert (part_shares(groups, Weights.of(*weights))[2] < 1e-12) == (chains == 1)


@pytest.mark.parametrize("process", ["chroma_gas", "chroma_globular", "harmonic"])
def test_nu_of_noise_without_weights_is_made_of_dense_traces(toxin, process):
    """Over two chains, one of them broken."""
    number = toxin.atoms.number.astype(int)
    chosen = np.isin(toxin.atoms.chain, ["D", "E"]) & ~((toxin.atoms.chain == "D") & (number > 20) & (number < 31))
    structure = Structure.from_atoms(toxin.coordinates[chosen], toxin.atoms.take(chosen))
    noise, scales = NoiseChoice(process), measured_scales(structure)
    made = Preconditioner.of(noise, structure, scales)
    K = noise.on(structure).covariance.multiply(torch.eye(structure.n_atoms, dtype=torch.float64)).numpy()
    wanted = [np.sum(part * K) / len(K) for part in centred_projections(structure.hierarchy)]
    assert made.nu == pytest.approx(wanted, rel=1e-6)
    table = precondition_table(made, SIGMAS)
    assert min(table["excess error global"]) > 0
    assert not any("increment" in column.name for column in table.columns)
    with pytest.raises(EdmNoiseError, match=f"is made of weights, and {process} noise has none: give finite or global"):
        made.coefficients(1.0, "increment")
    for asked in (lambda: made.exact_error(1.0), lambda: made.exact_filter(torch.zeros(len(K)), 1.0)):
        with pytest.raises(EdmNoiseError, match=f"{process} noise is not nested"):
            asked()


def test_nothing_is_in_excess_of_rounding(fragment):
    """Noise that shifts a lone chain alone leaves nothing to err about in it: its least error is 0."""
    table = precondition_table(
        Preconditioner(fragment.hierarchy, Weights.of(1, 0, 0), measured_scales(fragment)), SIGMAS
    )
    assert all(np.isnan(table[f"excess error {rule}"]).all() for rule in RULES)
    flat = precondition_table(
        Preconditioner(fragment.hierarchy, Weights.of(0, 0, 1), measured_scales(fragment)), SIGMAS
    )
    assert all(min(flat[f"excess error {rule}"]) > -1e-6 for rule in RULES)


def test_weights_are_those_of_multiscale_noise(toxin):
    rebalanced = NoiseChoice(weights=Weights.of(1, 4, 4))
    scales = measured_scales(toxin)
    made = Preconditioner.of(rebalanced, toxin, scales)
    assert made.coefficients(2.0) == Preconditioner(toxin.hierarchy, Weights.of(1, 4, 4), scales).coefficients(2.0)
    with pytest.raises(ForwardOnly, match="torsions noise is forward only"):
        Preconditioner.of(NoiseChoice("torsions"), toxin, scales)


def test_a_single_chain_s_own_part_is_nothing():
    groups = Hierarchy(("atom", "residue", "chain"), (np.arange(24) // 4, np.zeros(6, dtype=np.int64)))
    made = Preconditioner(groups, Weights.of(1, 4, 4), Scales(atom=1.2, residue=6.0, chain=0.0))
    found = made.coefficients(3.0)
    assert (found.c_skip[2], found.c_out[2], found.c_in[2]) == (0, 0, 0)
    made.check_trainable("finite")


def test_rules_that_silence_a_part_are_refused(hierarchy):
    scales = Scales(atom=1.24, residue=8.2, chain=12.2)
    flat, levels = (Preconditioner(hierarchy, Weights.of(*w), scales) for w in ((0, 0, 1), (1, 4, 4)))
    for rule in ("increment", "cumulative"):
        with pytest.raises(EdmNoiseError, match=f"rule {rule} gives chain and residue in chain c_out = 0"):
            flat.check_trainable(rule)
    for rule in ("finite", "global"):
        flat.check_trainable(rule)
    for rule in RULES:
        levels.check_trainable(rule)


def test_the_finite_rule_is_the_best_scalar_and_exact_for_equal_groups(made):
    equal = Hierarchy(("atom", "residue", "chain"), (np.arange(48) // 4, np.arange(12) // 6))
    regular = Preconditioner(equal, made.weights, made.scales)
    for sigma in SIGMAS:
        assert regular.error(sigma, "finite") == pytest.approx(regular.exact_error(sigma), rel=1e-9)
        least = made.error(sigma, "finite")
        assert made.exact_error(sigma) <= least * (1 + 1e-12)
        assert all(made.error(sigma, rule) >= least * (1 - 1e-12) for rule in RULES)


@pytest.mark.parametrize("weights", [(8.2, 1.6, 1.3), (1, 4, 4), (3, 8, 1)])
def test_what_the_rules_cost_for_noise_with_levels(weights):
    """32 unequal residues: finite within .3 %, increments within .6 %, cumulative and global several percent."""
    sizes = np.random.default_rng(0).integers(4, 15, 32)
    chain = Hierarchy(("atom", "residue", "chain"), (np.repeat(np.arange(32), sizes), np.zeros(32, dtype=np.int64)))
    rules = Preconditioner(chain, Weights.of(*weights), Scales(atom=1.24, residue=8.2, chain=12.2))
    levels = np.geomspace(0.1, 100, 40)
    excess = {rule: max(rules.error(s, rule) / rules.exact_error(s) - 1 for s in levels) for rule in RULES}
    assert excess["finite"] < 0.003
    assert excess["finite"] < excess["increment"] < 0.006
    assert excess["cumulative"] > 0.07
    assert excess["global"] > 0.05


def test_increments_fail_for_flat_noise(hierarchy):
    """Independent atoms move residue centres too: a rule that says they do not costs more than half as much again."""
    flat = Preconditioner(hierarchy, Weights.of(0, 0, 1), Scales(atom=1.24, residue=8.2, chain=12.2))
    assert flat.error(20.0, "increment") > 1.5 * flat.exact_error(20.0)
    assert flat.error(20.0, "finite") < 1.1 * flat.exact_error(20.0)


def test_global_is_edm(made):
    """c_skip, c_out, c_in and c_noise of Karras et al. with sigma_data the scale of all coordinates."""
    data = made.scales.total
    got = made.coefficients(4.8, "global")
    for part in range(3):
        assert got.c_skip[part] == pytest.approx(data**2 / (data**2 + 4.8**2), rel=1e-12)
        assert got.c_out[part] == pytest.approx(4.8 * data / np.hypot(4.8, data), rel=1e-12)
        assert got.c_in[part] == pytest.approx(1 / np.hypot(4.8, data), rel=1e-12)
    assert got.c_noise == pytest.approx(np.log(4.8 / data) / 4, rel=1e-12)


def test_measured_scales_of_1tii(pymol_data):
    """Against plain loops over groups; the atom part is the published 1.24 A."""
    structure = read_structure(f"{pymol_data}/demo/1tii.pdb")
    x = structure.coordinates.astype(float) - structure.coordinates.mean(axis=0, dtype=float)
    residue, chain = (structure.hierarchy.ancestors(0, level) for level in (1, 2))
    centres = np.array([x[residue == g].mean(axis=0) for g in residue])
    chains = np.array([x[chain == g].mean(axis=0) for g in chain])
    scales = measured_scales(structure)
    assert scales.atom == pytest.approx(np.sqrt(np.mean((x - centres) ** 2)), rel=1e-9)
    assert scales.residue == pytest.approx(np.sqrt(np.mean((centres - chains) ** 2)), rel=1e-9)
    assert scales.chain == pytest.approx(np.sqrt(np.mean(chains**2)), rel=1e-9)
    assert scales.atom == pytest.approx(1.24, abs=0.005)


def test_measured_scales_of_several_frames(fragment):
    """All frames count, each about its own centroid: where they lie is nothing."""
    rng = np.random.default_rng(0)
    frames = fragment.coordinates + rng.normal(size=(3, *fragment.coordinates.shape)) + rng.normal(size=(3, 1, 3)) * 50
    squares = [
        np.square(measured_scales(Structure(frame.astype(np.float32), fragment.atoms, fragment.hierarchy)).by_level)
        for frame in frames
    ]
    scales = measured_scales(fragment, frames)
    assert np.square(scales.by_level) == pytest.approx(np.mean(squares, axis=0), rel=1e-4)
    weights = np.array([0.5, 0.2, 0.3])
    weighted = measured_scales(fragment, frames, torch.from_numpy(weights))
    assert np.square(weighted.by_level) == pytest.approx(weights @ np.array(squares), rel=1e-4)


def test_table(made):
    table = precondition_table(made, SIGMAS)
    assert table["c_skip chain"] == [made.coefficients(s).c_skip[2] for s in SIGMAS]
    assert min(table["excess error finite"]) >= -1e-9


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda made: made.coefficients(1.0, "best"), "no rule 'best'"),
        (lambda made: made.coefficients(-1.0), "sigma is -1.0"),
        (
            lambda made: Preconditioner(made.hierarchy, made.weights, Scales(atom=0, residue=0, chain=0)),
            "scales are 0, 0, 0 A: ",
        ),
        (
            lambda made: Preconditioner(made.hierarchy, made.weights, Scales(atom=1, residue=-1, chain=1)),
            "none negative",
        ),
    ],
)
def test_refusals(made, call, sentence):
    with pytest.raises(EdmNoiseError, match=sentence):
        call(made)
