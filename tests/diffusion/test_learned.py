"""Networks of others: asked for what they name, refused in a sentence, and what they say is what is sampled."""

import hashlib
import io
import json
import math
import pickle
import sys
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.rotations import haar_rotations
from edmnoise.base.trust import trust_file, trusted
from edmnoise.diffusion.denoisers.choice import DenoiserChoice
from edmnoise.diffusion.denoisers.inputs import INPUTS, RESIDUE_TYPES
from edmnoise.diffusion.denoisers.learned import (
    GlobalConditioning,
    LearnedDenoiser,
    LevelConditioning,
    built_network,
)
from edmnoise.diffusion.denoisers.programs import kind_of, load_program, write_program
from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.diffusion.precondition import Preconditioner
from edmnoise.diffusion.samplers.sampler import Sampler, sample
from edmnoise.diffusion.samplers.schedule import karras
from edmnoise.noise.processes.nested import NestedCovariance
from edmnoise.noise.theory.scales import Scales, split
from edmnoise.noise.weights import Weights
from edmnoise.structure.levels import atom_means
from edmnoise.structure.structure import Structure

pytestmark = pytest.mark.filterwarnings("ignore")  # torch warns of its own insides when it exports

UNEVEN = Weights.of(chain=1, residue=4, atom=4)


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    """Nobody's real list of trusted programs is read or written."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "config"))


@pytest.fixture(scope="module")
def small(toxin):
    """Residues 66 to 70 of 1TII's chains D and E."""
    number = toxin.atoms.number.astype(int)
    chosen = np.isin(toxin.atoms.chain, ["D", "E"]) & (number >= 66) & (number <= 70)
    return Structure.from_atoms(toxin.coordinates[chosen], toxin.atoms.take(chosen))


class Exact(nn.Module):
    """The posterior mean of states at any place, by dense algebra: nothing of the library's denoiser is in it."""

    def __init__(self, states, covariance, weights):
        super().__init__()
        inverse = torch.linalg.inv(covariance.multiply(torch.eye(covariance.atoms).double()))
        ones = inverse.sum(0)
        centred = states - (states @ ones / ones.sum())[..., None]
        pulls = centred @ inverse
        self.register_buffer("centred", centred.mT.float().contiguous())
        self.register_buffer("pulls", pulls.mT.float().contiguous())
        self.register_buffer("squares", (pulls * centred).sum((1, 2)).float())
        self.register_buffer("log_weights", torch.tensor(weights).log().float())

    def forward(self, x, sigma):
        products = torch.einsum("bni,mni->bm", x, self.pulls) - self.squares / 2
        return torch.einsum("bm,mni->bni", (products / sigma[:, None] ** 2 + self.log_weights).softmax(1), self.centred)


@pytest.fixture(scope="module")
def states(small):
    random = torch.Generator().manual_seed(1)
    first = torch.tensor(small.coordinates.T).double()
    return torch.stack([first, first + 2 * torch.randn(first.shape, generator=random, dtype=torch.float64)])


@pytest.fixture(scope="module")
def noise(small):
    return NestedCovariance(small.hierarchy, UNEVEN)


@pytest.fixture(scope="module")
def exported(small, states, noise, tmp_path_factory):
    """The exact denoiser as a program that says its atoms."""
    return saved(Exact(states, noise, (0.7, 0.3)), small, tmp_path_factory.mktemp("net") / "exact.pt2")


def exported_program(module, structure, names=("x", "sigma"), batch=None):
    example = {
        "x": torch.randn(2, structure.n_atoms, 3),
        "sigma": torch.ones(2),
        "residue": torch.tensor(structure.hierarchy.ancestors(0, 1)),
    }
    batch = {0: torch.export.Dim("batch")} if batch is None else batch
    shapes = {name: batch if name in ("x", "sigma") else None for name in names}
    given = {name: example[name] for name in names}
    return torch.export.export(module, (), given, dynamic_shapes=shapes)


def saved(module, structure, path, **how):
    write_program(path, exported_program(module, structure, **how), structure)
    return path


def ends(denoiser, noise, samples=6):
    *_, last = sample(denoiser, noise, karras(20, 0.01, 160.0), Sampler("heun"), samples, seed=3)
    return last.x - last.x.mean(dim=2, keepdim=True)


def test_the_exact_denoiser_as_a_program_samples_as_itself(small, states, noise, exported):
    """To 1e-4 A about its centre; where the whole lies is nobody's estimate."""
    model = DenoiserChoice(str(exported), trust=True).build(small, states.mT.float().numpy(), noise)
    exact = StatesDenoiser(states, noise, (0.7, 0.3), "translation")
    assert (ends(model, noise) - ends(exact, noise)).abs().max() < 1e-4
    x = states.float() + 1.5 * torch.randn(2, 3, noise.atoms, generator=torch.Generator().manual_seed(2))
    for given in (x, x.double(), x[:1] + 40):
        found, expected = model.denoise(given, 1.5).atoms, exact.denoise(given, 1.5).atoms
        assert found.dtype == given.dtype
        torch.testing.assert_close(found.mean(2), given.mean(2), rtol=0, atol=1e-4)
        centred = expected - expected.mean(2, keepdim=True) + given.mean(2, keepdim=True)
        torch.testing.assert_close(found, centred, rtol=0, atol=1e-4)
    assert repr(model) == f"LearnedDenoiser({exported}: x, sigma -> denoised)"


def test_the_exact_denoiser_as_a_function_and_as_a_callable(small, states, noise, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "their_network.py").write_text("def build(structure):\n    return network\n")
    import their_network

    network = their_network.network = Exact(states, noise, (0.7, 0.3)).train()
    by_name = DenoiserChoice("their_network:build").build(small, states.mT.float().numpy(), noise)
    assert not network.training
    direct = DenoiserChoice(network).build(small, states.mT.float().numpy(), noise)
    x = states.float()
    assert torch.equal(by_name.denoise(x, 2.0).atoms, direct.denoise(x, 2.0).atoms)
    assert str(direct) == "LearnedDenoiser(the network Exact: x, sigma -> denoised)"


def test_what_a_network_asks_for_is_what_the_structure_is(small):
    seen = {}

    def network(x, sigma, element, residue, chain, residue_type, atom_name, unrelated=3):
        seen.update(locals())
        return x / (1 + sigma[:, None, None])

    LearnedDenoiser(network, small)
    atoms, hierarchy = small.atoms, small.hierarchy
    assert seen["unrelated"] == 3
    assert seen["sigma"].shape == (2,)
    symbols = {6: "C", 7: "N", 8: "O", 16: "S"}
    assert [symbols[number] for number in seen["element"].tolist()] == [e.upper() for e in atoms.element]
    assert seen["residue"].tolist() == hierarchy.ancestors(0, 1).tolist()
    assert seen["chain"].tolist() == hierarchy.ancestors(1, 2).tolist()
    assert [RESIDUE_TYPES[k] for k in seen["residue_type"].tolist()] == atoms.residue_name[small.first_atoms].tolist()
    names = ["".join(chr(32 + code) for code in row if code) for row in seen["atom_name"].tolist()]
    assert names == atoms.name.tolist()
    assert set(seen) - {"unrelated", "seen"} == set(INPUTS) - {"c_noise"}


def test_heads_lie_about_the_mean_with_the_atoms(small):
    """Whatever the network's own shift of each is; x lies 30 A away."""
    residue = torch.tensor(small.hierarchy.ancestors(0, 1))

    def network(x, sigma, chain):
        atoms = x / (1 + sigma[:, None, None] / 50)
        turned = [atoms[:, residue == r].mean(1) for r in range(len(chain))]
        chains = [atoms[:, torch.isin(residue, torch.where(chain == c)[0])].mean(1) for c in range(2)]
        return {"atoms": atoms + 5, "residues": torch.stack(turned, 1) - 7, "chains": torch.stack(chains, 1) + 2}

    model = LearnedDenoiser(network, small)
    found = model.denoise(torch.tensor(small.coordinates.T)[None] + 30, 1.0)
    means = atom_means(found.atoms, small.hierarchy, [1, 2])
    torch.testing.assert_close(found.residues, means[1].float(), rtol=0, atol=1e-4)
    torch.testing.assert_close(found.chains, means[2].float(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("rule", ["edm", "finite", "global"])
def test_the_residual_of_a_denoiser_is_that_denoiser(small, rule):
    """F = (D - c_skip x) / c_out of a known D, part by part, from c_in x: what comes out is D, its heads too."""
    scales = Scales(atom=2.0, residue=4.0, chain=7.0)
    level = LevelConditioning(Preconditioner(small.hierarchy, UNEVEN, scales), rule)
    conditioning = GlobalConditioning(8.0) if rule == "edm" else level

    def known(x, sigma):
        return x / (1 + sigma / 20) + 0.1 * torch.roll(x, 1, 2) * math.sin(sigma)

    def network(x, sigma, c_noise):
        level = float(sigma[0])
        c = conditioning.coefficients(level)
        assert c_noise.tolist() == pytest.approx([c.c_noise] * len(x))
        noisy = sum(part / scale for part, scale in zip(split(x.mT.double(), small.hierarchy), c.c_in, strict=True))
        wanted = known(noisy, level)
        f = sum(
            (d - skip * a) / out
            for d, a, skip, out in zip(
                split(wanted, small.hierarchy), split(noisy, small.hierarchy), c.c_skip, c.c_out, strict=True
            )
        )
        means = atom_means(f, small.hierarchy, [1, 2])
        return {"atoms": f.mT.float(), "residues": means[1].mT.float(), "chains": means[2].mT.float()}

    model = LearnedDenoiser(network, small, gives="residual", conditioning=conditioning)
    x = torch.tensor(small.coordinates.T)[None].double()
    x = x - x.mean(2, keepdim=True) + torch.randn(3, *x.shape[1:], generator=torch.Generator().manual_seed(3)).double()
    for sigma in (0.3, 4.0, 60.0):
        wanted = known(x, sigma)
        wanted = wanted - wanted.mean(2, keepdim=True) + x.mean(2, keepdim=True)
        found = model.denoise(x, sigma)
        torch.testing.assert_close(found.atoms, wanted, rtol=0, atol=2e-4)
        means = atom_means(wanted, small.hierarchy, [1, 2])
        torch.testing.assert_close(found.residues, means[1], rtol=0, atol=2e-4)
        torch.testing.assert_close(found.chains, means[2], rtol=0, atol=2e-4)


def test_edms_coefficients_are_the_published_ones():
    """Karras et al. 2022, table 1, as k-diffusion writes them."""
    for sigma in (0.01, 1.0, 16.0, 900.0):
        c, data = GlobalConditioning(16.0).coefficients(sigma), 16.0
        assert c.c_skip == pytest.approx([data**2 / (sigma**2 + data**2)] * 3, rel=1e-12)
        assert c.c_out == pytest.approx([sigma * data / (sigma**2 + data**2) ** 0.5] * 3, rel=1e-12)
        assert c.c_in == pytest.approx([1 / (sigma**2 + data**2) ** 0.5] * 3, rel=1e-12)


def test_a_residual_by_name_has_the_conditioning_of_the_noise(small, states, noise):
    def network(x, sigma):
        return torch.zeros_like(x)

    frames = states.mT.float().numpy()
    scales = (7.0, 4.0, 2.0)
    x = states.float() + 3
    centred = x - x.mean(2, keepdim=True)
    model = DenoiserChoice(network, gives="residual", rule="finite", data_scales=scales).build(small, frames, noise)
    made = Preconditioner(small.hierarchy, UNEVEN, Scales(chain=7.0, residue=4.0, atom=2.0))
    expected = made.filtered(centred, 2.0) + x.mean(2, keepdim=True)
    torch.testing.assert_close(model.denoise(x, 2.0).atoms, expected, rtol=0, atol=1e-4)
    model = DenoiserChoice(network, gives="residual", data_scales=(16.0,)).build(small, frames, noise)
    expected = centred * 256 / (256 + 4) + x.mean(2, keepdim=True)
    torch.testing.assert_close(model.denoise(x, 2.0).atoms, expected, rtol=0, atol=1e-4)


def test_turning_and_mirror_errors_are_told(small):
    def shrinking(x, sigma):
        return x / (1 + sigma[:, None, None] / 10)

    def screw(x, sigma):  # turns with x, and not with its mirror image
        return shrinking(x, sigma) + 0.02 * torch.cross(x.roll(1, 1), x.roll(2, 1), dim=2) * sigma[:, None, None] / 100

    def stubborn(x, sigma):
        return shrinking(x, sigma) + torch.tensor([1.0, 0, 0]) * x[..., :1] * sigma[:, None, None] / 100

    reports = [LearnedDenoiser(network, small).report for network in (shrinking, screw, stubborn)]
    size = small.coordinates.std()
    assert [report.turning < 1e-4 * size for report in reports] == [True, True, False]
    assert [report.mirror < 1e-4 * size for report in reports] == [True, False, True]
    x = torch.tensor(small.coordinates.T)[None]
    turn = haar_rotations(1, torch.Generator().manual_seed(3)).float()
    model = LearnedDenoiser(screw, small)
    moved = model.denoise(turn @ x, 3.0).atoms - turn @ model.denoise(x, 3.0).atoms
    assert moved.abs().max() < 1e-3
    assert len(reports[0].table) == 4


def test_gradients_pass_where_x_asks_for_them(small):
    weight = nn.Parameter(torch.tensor(1.0))
    model = LearnedDenoiser(lambda x, sigma: weight * x / (1 + sigma[:, None, None]), small)
    x = torch.tensor(small.coordinates.T)[None]
    assert not model.denoise(x, 1.0).atoms.requires_grad  # a sampler would keep the graph of every step
    asking = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model.denoise(asking, 1.0).atoms[0, 0, 0], asking)
    assert float(gradient[0, 0, 0]) == pytest.approx(0.5 + 0.5 / small.n_atoms, rel=1e-5)


def level(sigma):
    return 1 + sigma[:, None, None]


class Chance(nn.Module):
    def forward(self, x, sigma):
        return nn.functional.dropout(x) / level(sigma)


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        (lambda x, sigma: x.mT / level(sigma), r"gives atoms of the shape \(2, 3, .*\): give \(2, .*, 3\)$"),
        (lambda x, sigma: x[:, 1:] / level(sigma), "gives atoms of the shape"),
        (lambda x, sigma: x / level(sigma) * math.nan, "gives NaN or infinite coordinates at sigma 0.05 A"),
        (lambda x, sigma: x * (sigma[:, None, None] < 30).log(), "gives NaN or infinite coordinates at sigma"),
        (Chance(), "gives two answers to one question: switch dropout"),
        (lambda x, sigma: x / level(sigma) - x.flip(0), "gives another answer alone than in a batch"),
        (lambda x, sigma: 0.1 * x / level(sigma), "moves structures with next to no noise by .* A of their .* A"),
        (lambda x, sigma: x, "gives the same at 0.05 and .* A: it must know its noise level"),
        (lambda x: x, "it must know its noise level"),
        (lambda x, t: x, "asks for 't': the known inputs are x, sigma, element, residue, chain, residue_type, atom_n"),
        (lambda x, c_noise: x, "asks for 'c_noise': the known inputs are x, sigma, element"),
        (lambda sigma: sigma, "asks for sigma and not for x: name its inputs x and sigma"),
        (lambda x, /, sigma: x, "takes x by its place alone: wrap it in a function of x and sigma"),
        (lambda x, sigma: [x], "gives atoms as a list: give a tensor of floats"),
        (lambda x, sigma: x.long(), "gives atoms as a tensor of torch.int64: give a tensor of floats"),
        (lambda x, sigma: {"coords": x}, "gives 'coords': the known outputs are atoms, residues, chains"),
        (lambda x, sigma: {"chains": x[:, :2]}, "gives chains without atoms: give them too"),
        (lambda x, sigma: {"atoms": x, "residues": x}, r"gives residues of the shape .*: give \(2, 10, 3\)"),
        (lambda x, sigma: x @ torch.ones(4, 4), r"fails on x \(2, .*, 3\) float32 at sigma 0.05 A: RuntimeError, "),
        (lambda x, sigma: x @ torch.eye(3).double(), "RuntimeError, expected .* dtype"),
    ],
)
def test_a_network_that_is_none(small, network, sentence):
    with pytest.raises(EdmNoiseError, match=sentence) as refused:
        LearnedDenoiser(network, small)
    assert "\n" not in str(refused.value)


def test_a_network_in_float64_is_given_float64(small):
    network = nn.Linear(3, 3, bias=False).double()
    with torch.no_grad():
        network.weight.copy_(torch.eye(3))

    class Wide(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = network

        def forward(self, x, sigma):
            return self.linear(x) / level(sigma)

    found = LearnedDenoiser(Wide(), small).denoise(torch.tensor(small.coordinates.T)[None], 1.0).atoms
    assert found.dtype == torch.float32


def test_atoms_that_the_network_says_are_compared(small):
    class Named:
        atoms = tuple(small.label(k) for k in range(small.n_atoms))

        def __call__(self, x, sigma):
            return x / level(sigma)

    named = Named()
    LearnedDenoiser(named, small)
    other = small.take(np.r_[0, 2, 1, 3 : small.n_atoms])
    with pytest.raises(EdmNoiseError, match=r"first that differs is number 2, .*/CA there and .*/C here$"):
        LearnedDenoiser(named, other)
    fewer = small.take(np.arange(small.n_atoms - 1))
    with pytest.raises(EdmNoiseError, match=r"other atoms \(\d+ for \d+\): .* there and missing here"):
        LearnedDenoiser(named, fewer)


def test_a_program_says_its_atoms(small, exported):
    other = small.take(np.r_[0, 2, 1, 3 : small.n_atoms])
    with pytest.raises(EdmNoiseError, match=r"exact.pt2 is of other atoms: the first that differs is number 2"):
        LearnedDenoiser(load_program(exported, other, trust=True), other)


def test_a_program_of_inputs_and_heads(small, tmp_path):
    class Heads(nn.Module):
        def forward(self, x, sigma, residue):
            atoms = x / level(sigma)
            sums = torch.zeros(x.shape[0], 10, 3).index_add(1, residue, atoms)
            counts = torch.zeros(10).index_add(0, residue, torch.ones(residue.shape[0]))
            return {"atoms": atoms, "residues": sums / counts[:, None]}

    path = saved(Heads(), small, tmp_path / "heads.pt2", names=("x", "sigma", "residue"))
    model = LearnedDenoiser(load_program(path, small, trust=True), small)
    found = model.denoise(torch.tensor(small.coordinates.T)[None], 1.0)
    means = atom_means(found.atoms, small.hierarchy, [1])[1]
    torch.testing.assert_close(found.residues, means.float(), rtol=0, atol=1e-4)


def test_a_program_whose_inputs_do_not_fit(small, exported, tmp_path):
    fewer = small.take(np.arange(small.n_atoms - 1))
    with pytest.raises(
        EdmNoiseError, match=r"other atoms \(70 for 69\): the first that differs is number 70, .* there and"
    ):
        load_program(exported, fewer, trust=True)

    class Other(nn.Module):
        def forward(self, coords, sigma):
            return coords / level(sigma)

    batch = {0: torch.export.Dim("batch")}
    example = (torch.randn(2, small.n_atoms, 3), torch.ones(2))
    torch.export.save(torch.export.export(Other(), example, dynamic_shapes=(batch, batch)), tmp_path / "other.pt2")
    with pytest.raises(EdmNoiseError, match=r"other.pt2 asks for 'coords': the known inputs are x, sigma, element"):
        load_program(tmp_path / "other.pt2", small, trust=True)

    class Flipped(nn.Module):
        def forward(self, x, sigma):
            return x / level(sigma)

    torch.export.save(
        torch.export.export(Flipped(), (example[0].mT.contiguous(), example[1]), dynamic_shapes=(batch, batch)),
        tmp_path / "flipped.pt2",
    )
    with pytest.raises(EdmNoiseError, match=r"takes x as \(any, 3, \d+\): export it with \(B, \d+, 3\)"):
        load_program(tmp_path / "flipped.pt2", small, trust=True)
    torch.export.save(exported_program(Flipped(), fewer), tmp_path / "unnamed.pt2")
    with pytest.raises(EdmNoiseError, match=r"is of 69 atoms, and the structure has 70: give one of the same"):
        load_program(tmp_path / "unnamed.pt2", small, trust=True)
    torch.export.save(torch.export.export(Flipped(), example), tmp_path / "fixed.pt2")
    with pytest.raises(EdmNoiseError, match=r"takes batches of 2 alone: export it with dynamic_shapes"):
        load_program(tmp_path / "fixed.pt2", small, trust=True)
    wide = torch.export.export(Flipped(), tuple(e.double() for e in example), dynamic_shapes=(batch, batch))
    torch.export.save(wide, tmp_path / "wide.pt2")
    model = LearnedDenoiser(load_program(tmp_path / "wide.pt2", small, trust=True), small)  # cast, and without names
    assert model.denoise(torch.tensor(small.coordinates.T)[None], 1.0).atoms.dtype == torch.float32


def test_a_program_is_loaded_only_when_it_is_trusted(small, states, noise, exported, tmp_path, monkeypatch):
    loaded, asked = [], []
    real = torch.export.load
    monkeypatch.setattr(torch.export, "load", lambda *given, **more: loaded.append(1) or real(*given, **more))
    digest = hashlib.sha256(exported.read_bytes()).hexdigest()
    choice, frames = DenoiserChoice(str(exported)), states.mT.float().numpy()
    for ask, why in (
        (None, "which can do all .* trust=1"),
        (lambda *of: asked.append(of), "you do not trust: nothing"),
    ):
        with pytest.raises(EdmNoiseError, match=f"exact.pt2 is a program.* {why} .*{digest}"):
            choice.build(small, frames, noise, ask=ask)
    assert asked == [(str(exported), digest)]
    assert loaded == []
    assert trusted() == {}
    choice.build(small, frames, noise, ask=lambda path, sha: True)
    assert trusted() == {digest: str(exported)}
    moved = tmp_path / "renamed.pt2"
    moved.write_bytes(exported.read_bytes())
    load_program(moved, small)  # the same bytes
    saved(Exact(states, noise, (0.5, 0.5)), small, moved)
    with pytest.raises(EdmNoiseError, match="is a program"):
        load_program(moved, small)
    assert len(loaded) == 2


def test_a_list_of_trust_that_cannot_be_read_or_written(small, exported, tmp_path):
    trust_file().parent.mkdir(parents=True)
    for content in ("no json", "[1]"):
        trust_file().write_text(content)
        with pytest.raises(EdmNoiseError, match=r"trusted.json.* programs that you trust: mend or remove it"):
            load_program(exported, small, trust=True)
    trust_file().unlink()
    trust_file().parent.rmdir()
    trust_file().parent.write_text("a file where a folder should be")
    with pytest.raises(EdmNoiseError, match="cannot read"):
        trusted()


class Marking:
    """A pickle that would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def zipped(*names):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(f"m/{name}", b"0")
    return content.getvalue()


def by_torch(thing, **how):
    content = io.BytesIO()
    torch.save(thing, content, **how)
    return content.getvalue()


def scripted():
    content = io.BytesIO()
    torch.jit.save(torch.jit.script(nn.Linear(3, 3)), content)
    return content.getvalue()


REFUSED = {
    "script": (scripted, "is a TorchScript archive: export the network with torch.export"),
    "inductor": (
        lambda: zipped("data/aotinductor/model/wrapper.so", "archive_format", "models/model.json"),
        "is an AOTInductor package, compiled for one kind of machine",
    ),
    "module": (lambda: by_torch(nn.Linear(3, 3)), "is a pickled module, which runs whatever it holds"),
    "old module": (
        lambda: by_torch(nn.Linear(3, 3), _use_new_zipfile_serialization=False),
        "is a pickled module, which runs whatever it holds",
    ),
    "weights": (lambda: by_torch(nn.Linear(3, 3).state_dict()), "holds weights without a network"),
    "old weights": (
        lambda: by_torch(nn.Linear(3, 3).state_dict(), _use_new_zipfile_serialization=False),
        "holds weights without a network",
    ),
    "safetensors": (lambda: (2).to_bytes(8, "little") + b"{}" + b"0" * 9, "holds weights without a network"),
    "junk": (lambda: b"nothing of the kind" * 40, "is no network: give the .pt2 of torch.export.save"),
    "zip": (lambda: zipped("holiday.jpg"), "is no network"),
    "half a zip": (lambda: zipped("data.pkl", "x")[:60], "is no network"),
    "empty": (lambda: b"", "is empty: give the .pt2"),
    "a pickle cut off": (lambda: pickle.dumps(list(range(9)), 2)[:7], "is no network"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_program_is_told_by_what_it_is(small, tmp_path, what, monkeypatch):
    made, sentence = REFUSED[what]
    monkeypatch.setattr(torch.export, "load", lambda *given, **more: pytest.fail("it was loaded"))
    path = tmp_path / "net.pt2"
    path.write_bytes(made())
    with pytest.raises(EdmNoiseError, match=rf"net\.pt2 {sentence}") as refused:
        load_program(path, small, trust=True)
    assert "\n" not in str(refused.value)
    assert trusted() == {}


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_is_looked_at_and_not_opened(tmp_path, protocol):
    mark = tmp_path / "ran"
    assert kind_of(pickle.dumps(Marking(mark), protocol)) == "module"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("m/data.pkl", pickle.dumps(Marking(mark), protocol))
    assert kind_of(content.getvalue()) == "module"
    assert not mark.exists()


def test_a_broken_file_is_of_some_kind():
    """3,000 files with some bytes replaced or the end cut off: no error of a reader comes through."""
    rng = np.random.default_rng(4)
    deflated = io.BytesIO()
    with zipfile.ZipFile(deflated, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m/data.pkl", pickle.dumps(list(range(99)), 2))
    old = by_torch(nn.Linear(3, 3), _use_new_zipfile_serialization=False)
    whole = (scripted(), by_torch(nn.Linear(3, 3)), old, deflated.getvalue(), zipped("models/m.json", "data.pkl"))
    kinds = set()
    for _ in range(3000):
        content = np.frombuffer(whole[rng.integers(len(whole))], np.uint8).copy()
        places = rng.integers(max(0, len(content) - 600) * rng.integers(2), len(content), rng.integers(1, 9))
        content[places] = rng.integers(0, 256, len(places))
        kinds.add(kind_of(content.tobytes()[: len(content) if rng.random() < 0.8 else rng.integers(len(content))]))
    assert kinds >= {"program", "module", "TorchScript", "junk"}


def test_a_program_that_torch_cannot_read(small, tmp_path):
    path = tmp_path / "odd.pt2"
    path.write_bytes(zipped("models/model.json", "archive_format"))
    with pytest.raises(EdmNoiseError, match=r"odd\.pt2 cannot be loaded by torch") as refused:
        load_program(path, small, trust=True)
    assert "\n" not in str(refused.value)


def test_files_that_are_not_there(small, tmp_path):
    with pytest.raises(EdmNoiseError, match=r"cannot read the network .*none.pt2: No such file"):
        load_program(tmp_path / "none.pt2", small)
    with pytest.raises(EdmNoiseError, match=r"cannot read the network .*: Is a directory"):
        load_program(tmp_path, small)


@pytest.mark.parametrize(
    ("body", "name", "sentence"),
    [
        ("", "not_there_at_all:build", "no network not_there_at_all:build: there is no such module on Python's path"),
        ("import not_there_at_all", "", "importing it fails, ModuleNotFoundError, No module named 'not_there_at_all'"),
        ("1 / 0", "", "importing it fails, ZeroDivisionError, division by zero"),
        ("", "", "has no function build$"),
        ("build = 3", "", "has no function build$"),
        ("def build(structure): raise KeyError('layers')", "", "it fails on the structure, KeyError, 'layers'"),
        ("def build(structure): return 3", "", "gives a int: give a torch module or a callable"),
    ],
)
def test_functions_that_build_none(small, tmp_path, monkeypatch, body, name, sentence):
    monkeypatch.syspath_prepend(tmp_path)
    module = f"theirs_{hashlib.sha256((body + sentence).encode()).hexdigest()[:8]}"
    (tmp_path / f"{module}.py").write_text(body + "\n")
    with pytest.raises(EdmNoiseError, match=sentence):
        built_network(name or f"{module}:build", small)
    sys.modules.pop(module, None)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"name": "magic"},
            "no denoiser 'magic': .*; or give a .pt2 file of torch.export, .*package.module:function",
        ),
        ({"name": "a.b:"}, "no denoiser 'a.b:'"),
        ({"name": "net.pt2", "state_weights": (1, 2)}, "are of exact denoisers: a network has learned its own"),
        ({"name": "net.pt2", "fluctuations": "network"}, "are of exact denoisers"),
        ({"name": "net.pt2", "gives": "noise"}, "gives is 'noise': give denoised or residual"),
        ({"name": "net.pt2", "gives": "residual"}, "a residual needs the data_scales of its training"),
        ({"name": "net.pt2", "data_scales": (3,)}, "and a denoised structure has none"),
        ({"name": "net.pt2", "gives": "residual", "data_scales": (3, 4)}, r"\[3, 4\]: sigma_data, or three numbers"),
        (
            {"name": "net.pt2", "gives": "residual", "data_scales": (3,), "rule": "finite"},
            r"\[3\]: the rule finite needs three",
        ),
        ({"name": "net.pt2", "gives": "residual", "data_scales": (3,), "rule": "best"}, "no rule 'best'"),
        ({"name": "net.pt2", "gives": "residual", "data_scales": (-3,)}, "none negative"),
        ({"name": "states", "gives": "residual"}, "are of networks, and states is exact: leave them out"),
    ],
)
def test_choices_that_cannot_be(given, sentence):
    with pytest.raises(EdmNoiseError, match=sentence):
        DenoiserChoice(**given)


def test_names_are_read_in_one_order():
    assert not DenoiserChoice("translation").is_network
    for name in (
        "net.pt2",
        "model.pth",
        "folder/net",
        "C:/nets/net.pt2",
        "C:net.pt2",
        "package.module:function",
        "module:Class.make",
    ):
        assert DenoiserChoice(name).is_network


def test_what_cannot_be_conditioned(small, noise):
    with pytest.raises(EdmNoiseError, match="a residual needs conditioning"):
        LearnedDenoiser(lambda x, sigma: x, small, gives="residual")
    with pytest.raises(EdmNoiseError, match="gives is 'x'"):
        LearnedDenoiser(lambda x, sigma: x, small, gives="x")
    with pytest.raises(EdmNoiseError, match="sigma_data is 0"):
        GlobalConditioning(0)
    uneven = NestedCovariance(small.hierarchy, {"atom": torch.linspace(0.5, 1.5, small.n_atoms)})
    choice = DenoiserChoice(lambda x, sigma: x, gives="residual", rule="finite", data_scales=(1, 2, 3))
    with pytest.raises(EdmNoiseError, match="the rule finite needs noise of one weight a level: give the rule global"):
        choice.build(small, small.coordinates[None], uneven)


def test_a_written_program_holds_the_atoms_as_text(small, exported):
    with zipfile.ZipFile(exported) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("edmnoise.json"))
        assert json.loads(archive.read(name))["atoms"][1] == small.label(1)
