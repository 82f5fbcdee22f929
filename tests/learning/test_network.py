"""The network turns with its input, is no mirror of itself, and under the global rule is EDM's preconditioned one."""

import importlib
import importlib.util
import sys
from types import ModuleType

import numpy as np
import pytest
import torch

from benchmarks.plain_network import PlainTrainer, doubled
from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.rotations import quaternion_to_matrix
from edmnoise.diffusion.denoisers.learned import LearnedDenoiser
from edmnoise.diffusion.denoisers.programs import load_program, write_program
from edmnoise.diffusion.names import RULES
from edmnoise.diffusion.precondition import Preconditioner
from edmnoise.learning.loss import losses
from edmnoise.learning.model import Model, NetworkDenoiser
from edmnoise.learning.network import Layout
from edmnoise.learning.train import Training
from edmnoise.noise.process import NoiseChoice
from edmnoise.noise.theory.scales import split
from edmnoise.noise.weights import Weights
from edmnoise.structure.levels import atom_means

FLAT, LEVELS = Weights.named("flat"), Weights.of(1, 4, 4)


@pytest.fixture
def made(ensemble):
    """A model of the strands with the weights that it begins with."""

    def make(weights=LEVELS, rule="finite", seed=0):
        return Model(
            ensemble.structure, Preconditioner(ensemble.structure.hierarchy, weights, ensemble.scales), rule, seed
        )

    return make


@pytest.fixture
def x(ensemble):
    return 3 * torch.randn(4, 3, ensemble.structure.n_atoms, generator=torch.Generator().manual_seed(3))


def says(model, x, sigma):
    """Of x (B, 3, N), each (B, 3, n)."""
    return {name: values.mT for name, values in model(x.mT, sigma).items()}


def turn(seed):
    numbers = torch.randn(1, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return quaternion_to_matrix(numbers).float()


@torch.no_grad()
@pytest.mark.parametrize("sigma", [0.1, 2.0, 50.0])
def test_what_it_says_turns_and_moves_with_its_input(made, x, sigma):
    """To 1e-5 A as RMS, and each to 2e-6 of the largest coordinate: float32's rounding of some operations."""
    model, rotation, shift = made(), turn(1), torch.tensor([30.0, -20.0, 10.0])[:, None]
    levels = torch.full((len(x),), sigma)
    before, turned, moved = (says(model, given, levels) for given in (x, rotation @ x, x + shift))
    for name in ("atoms", "residues", "chains"):
        size = max(10.0, float(before["atoms"].abs().max()))
        torch.testing.assert_close(turned[name], rotation @ before[name], rtol=0, atol=2e-6 * size)
        assert (turned[name] - rotation @ before[name]).square().mean().sqrt() < 1e-5
        torch.testing.assert_close(moved[name], before[name] + shift, rtol=0, atol=2e-6 * (size + 36))


def test_it_tells_mirror_images_apart(made, x):
    levels = torch.full((len(x),), 2.0)
    model = made()
    there, mirrored = says(model, x, levels)["atoms"], -says(model, -x, levels)["atoms"]
    assert (there - mirrored).square().mean().sqrt() > 1e-3


def test_a_row_alone_is_as_in_a_batch_of_other_levels(made, x):
    model, levels = made(), torch.tensor([0.1, 1.0, 10.0, 100.0])
    together = says(model, x, levels)
    for row in range(len(x)):
        alone = says(model, x[row : row + 1], levels[row : row + 1])
        for name, values in alone.items():
            torch.testing.assert_close(values[0], together[name][row], rtol=1e-5, atol=1e-5)


def test_it_is_the_input_where_there_is_no_noise(made, x):
    x = x + 50.0
    found = NetworkDenoiser(made()).denoise(x, 1e-4)
    torch.testing.assert_close(found.atoms, x, rtol=0, atol=2e-3)
    assert found.residues.shape[2] == 10
    assert found.chains.shape[2] == 2


def test_overall_means_are_those_of_the_input(made, x, ensemble):
    """Of atoms, and of residue and chain centres by the atoms in them."""
    found = says(made(), x + 7.0, torch.full((len(x),), 5.0))
    wanted = (x + 7.0).mean(dim=2)
    for level, name in enumerate(("atoms", "residues", "chains")):
        share = torch.from_numpy(ensemble.structure.hierarchy.sizes(level) / ensemble.structure.n_atoms).float()
        torch.testing.assert_close(found[name] @ share, wanted, rtol=0, atol=1e-5)


def test_slots_hold_the_parts(ensemble, x):
    layout, hierarchy = Layout(ensemble.structure), ensemble.structure.hierarchy
    held = layout.into_slots(x)
    torch.testing.assert_close(layout.out_of_slots(held), x, rtol=0, atol=0)
    parts, plain = layout.split(held), split(x - x.mean(dim=2, keepdim=True), hierarchy)
    torch.testing.assert_close(layout.out_of_slots(parts.atom), plain[0], rtol=0, atol=1e-5)
    residue, chain = atom_means(plain[1], hierarchy, [1])[1], atom_means(plain[2], hierarchy, [2])[2]
    torch.testing.assert_close(parts.residue.mT.double(), residue, rtol=0, atol=1e-5)
    torch.testing.assert_close(parts.chain.mT.double(), chain, rtol=0, atol=1e-5)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("sigma", [0.3, 3.0, 30.0])
def test_factors_are_the_preconditioner_s(made, ensemble, rule, sigma):
    wanted = Preconditioner(ensemble.structure.hierarchy, LEVELS, ensemble.scales).coefficients(sigma, rule)
    found = made(LEVELS, rule).factors(torch.tensor([sigma]))
    for name in ("c_skip", "c_out", "c_in"):
        assert getattr(found, name)[0].tolist() == pytest.approx(getattr(wanted, name), rel=1e-5)
    assert float(found.c_noise) == pytest.approx(wanted.c_noise, abs=1e-6)


@pytest.fixture(scope="module")
def karras():
    """k-diffusion's Denoiser. Its module imports more than that class has a use for."""
    unused = {
        "PIL": {"Image": None},
        "dctorch": {"functional": None},
        "einops": {"rearrange": None, "repeat": None},
        "safetensors": {},
        "torchdiffeq": {"odeint": None},
        "torchsde": {},
        "torchvision": {},
        "torchvision.transforms": {"functional": None},
    }
    package = ModuleType("k_diffusion")
    package.__path__ = list(importlib.util.find_spec("k_diffusion").submodule_search_locations)
    stand_ins = {name: ModuleType(name) for name in unused} | {"k_diffusion": package}
    for name, contents in unused.items():
        stand_ins[name].__dict__.update(contents)
    before = {name: sys.modules.get(name) for name in stand_ins}
    sys.modules.update(stand_ins)
    try:
        return importlib.import_module("k_diffusion.layers").Denoiser
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def test_the_global_rule_is_k_diffusion_s(made, karras, ensemble, noisy):
    """Its scalings to 1e-6, its denoiser, and its loss, around the same network."""
    model, layout = made(FLAT, "global"), Layout(ensemble.structure)
    theirs = karras(None, sigma_data=ensemble.scales.total)
    sigma = torch.tensor([0.1, 1.0, 8.0, 60.0])
    for ours, wanted in zip(model.factors(sigma)[:3], theirs.get_scalings(sigma), strict=True):
        torch.testing.assert_close(ours, wanted[:, None].expand(-1, 3), rtol=1e-6, atol=0)

    def inner(scaled, levels):
        parts = layout.split(layout.into_slots(scaled))
        said = model.network(
            parts, parts.residue + layout.of_chains(parts.chain), (levels / theirs.sigma_data).log() / 4
        )
        centres = said.atoms.residue + layout.of_chains(said.atoms.chain)
        return layout.out_of_slots(said.atoms.atom + centres.transpose(0, 1)[..., None])

    theirs.inner_model = inner
    y, x = noisy(NoiseChoice.of(FLAT).on(ensemble.structure).covariance, 1.0, 4)
    noise = (x - y) * 3
    x = y + noise * sigma[:, None, None]
    torch.testing.assert_close(says(model, x, sigma)["atoms"], theirs(x, sigma), rtol=1e-5, atol=1e-4)
    _, parts = losses(model, x, y, sigma)
    assert parts.sum().item() == pytest.approx(theirs.loss(y, noise, sigma).mean().item(), rel=1e-5)


def test_rules_that_silence_a_part_are_refused(made):
    for rule in ("increment", "cumulative"):
        with pytest.raises(EdmNoiseError, match="c_out = 0"):
            made(FLAT, rule)
    with pytest.raises(EdmNoiseError, match="no rule 'best'"):
        made(FLAT, "best")


@pytest.mark.filterwarnings("ignore")  # torch warns of its own insides when it exports
def test_exported_it_is_the_same_denoiser(made, x, ensemble, tmp_path):
    """As a .pt2 that anybody loads, and as the module itself, which is called as a user's network is."""
    model, structure = made().requires_grad_(False), ensemble.structure
    batch = {0: torch.export.Dim("batch")}
    program = torch.export.export(model, (x.mT, torch.ones(len(x))), dynamic_shapes={"x": batch, "sigma": batch})
    write_program(tmp_path / "own.pt2", program, structure)
    loaded = LearnedDenoiser(load_program(tmp_path / "own.pt2", structure, trust=True), structure)
    again = torch.cat([x, -x]) + 20.0
    for found in (loaded, LearnedDenoiser(model, structure)):
        assert found.report.turning < 1e-4
        for sigma in (0.3, 12.0):
            for mine, theirs in zip(
                found.denoise(again, sigma), NetworkDenoiser(model).denoise(again, sigma), strict=True
            ):
                torch.testing.assert_close(mine, theirs, rtol=0, atol=2e-5)


def test_written_down_plainly_it_is_the_same_network(ensemble):
    """Gathers, index_add and a softmax spelled out, in float64."""
    trainer = PlainTrainer(ensemble, Training(LEVELS))
    y, x, sigma = trainer.ours.drawn(0)
    model, plain = doubled(trainer.ours.model), trainer.plain.double()
    for name, values in plain(x.mT.double(), sigma.double()).items():
        torch.testing.assert_close(model(x.mT.double(), sigma.double())[name], values, rtol=1e-10, atol=1e-10)
    ours = losses(model, x.double(), y.double(), sigma.double())[0]
    torch.testing.assert_close(ours, plain.loss(x.double(), y.double(), sigma.double()), rtol=1e-10, atol=0)


def test_what_it_begins_with_depends_on_its_seed_alone(made, x):
    levels = torch.full((len(x),), 1.0)
    torch.manual_seed(1)
    one = says(made(seed=3), x, levels)["atoms"]
    state = torch.get_rng_state()
    torch.testing.assert_close(says(made(seed=3), x, levels)["atoms"], one, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(says(made(seed=4), x, levels)["atoms"], one)


def test_atoms_in_another_order_are_the_same(ensemble, made, x):
    """Residues that lie in pieces in the file: what is said of an atom is the same."""
    structure = ensemble.structure
    order = np.argsort(np.arange(structure.n_atoms) % 7, kind="stable")
    layout = Layout(structure.take(order))
    held = layout.into_slots(x[:, :, order])
    torch.testing.assert_close(
        layout.out_of_slots(layout.split(held).atom), split(x, structure.hierarchy)[0][..., order]
    )


@pytest.mark.parametrize(("given", "sentence"), [((2, 3, 9), "x has the shape"), ((3, 65), "x has the shape")])
def test_wrong_shapes(made, given, sentence):
    with pytest.raises(EdmNoiseError, match=sentence):
        NetworkDenoiser(made()).denoise(torch.zeros(given), 1.0)


def test_float64_is_taken_and_given_back(made, x):
    found = NetworkDenoiser(made()).denoise(x.double(), 1.0)
    assert {part.dtype for part in found} == {torch.float64}
