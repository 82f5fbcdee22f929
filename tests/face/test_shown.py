"""What stands in a prompt and in a notebook: a line for everything, a table of some rows for results that have one."""

import dataclasses
import importlib
import inspect
import re
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch

import edmnoise as edm
import edmnoise_pymol
from edmnoise.base.table import SHOWN, Column, Table
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.study.comparison import Comparison, variant
from edmnoise.study.damage import DamageStudy, Native, damage_rows

LONGEST, MOST_LINES = 300, 3
AF3 = edm.sigma_distribution("alphafold3")
WEIGHTS = edm.Weights.of(chain=1, residue=4, atom=4)


class World:
    """A structure, frames of it and a denoiser that knows it."""

    def __init__(self, structure, folder):
        self.structure, self.path = structure, folder / "fragment.pdb"
        edm.write_frames(self.path, structure, structure.coordinates[None])
        self.noise = edm.MultiscaleNoise(structure.hierarchy, WEIGHTS)
        self.frames = self.noise.frames(2.0, frames=3, mean=structure.coordinates)
        self.known = torch.tensor(structure.coordinates.T[None])
        self.model = edm.StatesDenoiser(self.known, self.noise.covariance, hierarchy=structure.hierarchy)
        self.levels = edm.karras(8, 0.01, 100.0)

    def part(self):
        return edm.Part.of(self.structure, self.structure.hierarchy.ancestors(0, 1) > 20)

    def steps(self):
        return edm.sample(self.model, self.noise.covariance, self.levels, edm.Sampler("euler"), samples=2)

    def run(self):
        return edm.run_sampler(self.structure, self.model, self.noise.covariance, self.levels, edm.Sampler("euler"), 2)

    def back(self):
        levels, sampler = edm.karras(4, 0.1, 20.0), edm.Sampler("euler")
        states = [self.structure.coordinates]
        return edm.round_trips(self.structure, states, self.model, self.noise.covariance, levels, sampler, [1.0], 2)

    def preconditioner(self):
        return edm.Preconditioner(self.structure.hierarchy, WEIGHTS, edm.measured_scales(self.structure))

    def found(self):
        with edm.find_denoiser(self.model) as found:
            pass
        return found

    def recorded(self, name):
        path = self.path.with_name(name)
        with edm.record(self.model, "denoise", x="x", sigma="sigma", out="atoms", path=path) as recorder:
            list(self.steps())
        return recorder

    def likelihood(self):
        three = edm.NestedCovariance(
            edm.Hierarchy.from_labels(("atom", "residue"), [[0, 0, 1]]), {"atom": 1.0, "residue": 1.0}
        )
        model = edm.StatesDenoiser(torch.randn(1, 3, 3, generator=torch.Generator().manual_seed(0)).double(), three)
        levels = edm.log_linear(4, 0.5, 40.0, "closed")
        return edm.log_likelihood(model, torch.zeros(6, 3, 3).double(), three, levels, translations=True)

    def damage_study(self):
        native = Native.of(self.structure)
        return DamageStudy(native, tuple(damage_rows(native, [WEIGHTS], [0.0, 1.0], AF3, 2)), AF3, 2, 0)


@pytest.fixture(scope="module")
def world(fragment, tmp_path_factory):
    return World(fragment, tmp_path_factory.mktemp("shown"))


MADE = {
    "read_structure": lambda w: edm.read_structure(w.path),
    "read_frames": lambda w: edm.read_frames(w.path)[0],
    "write_frames": lambda w: edm.write_frames(w.path.with_name("again.pdb"), w.structure, w.frames),
    "write_view": lambda w: edm.write_view(w.path.with_name("seen.mvsx"), w.structure, w.frames, MADE["shade"](w)),
    "Structure": lambda w: w.structure,
    "Atoms": lambda w: w.structure.atoms,
    "Hierarchy": lambda w: w.structure.hierarchy,
    "with_domains": lambda w: edm.with_domains(w.structure, "A:4-20 | rest"),
    "Part": World.part,
    "Weights": lambda w: WEIGHTS,
    "SigmaDistribution": lambda w: edm.SigmaDistribution(sigma_data=16.0, p_mean=-1.2, p_std=1.5),
    "sigma_distribution": lambda w: AF3,
    "NoiseChoice": lambda w: edm.NoiseChoice.parse("frames turn=0.2"),
    "MultiscaleNoise": lambda w: w.noise,
    "HeldNoise": lambda w: edm.HeldNoise(w.noise, w.part()),
    "NestedCovariance": lambda w: w.noise.covariance,
    "MultiscaleNoiseLike": lambda w: edm.MultiscaleNoiseLike(WEIGHTS),
    "PaddedGroups": lambda w: edm.PaddedGroups.of([w.structure]),
    "LevelMetrics": lambda w: edm.LevelMetrics(),
    "part_mean_squares": lambda w: edm.part_mean_squares(w.frames[:1], edm.PaddedGroups.of([w.structure])),
    "measure_displacement": lambda w: edm.measure_displacement(w.structure, w.frames),
    "shade": lambda w: edm.shade(edm.measure_displacement(w.structure, w.frames)),
    "Shading": lambda w: MADE["shade"](w),
    "measure_damage": lambda w: edm.measure_damage(w.structure, w.frames),
    "superpose": lambda w: edm.superpose(w.frames.mT, w.known[0]),
    "AppliedNoise": lambda w: edm.AppliedNoise(2.0, WEIGHTS),
    "level_table": lambda w: edm.level_table(w.structure, edm.measure_displacement(w.structure, w.frames)),
    "z_table": lambda w: edm.z_table(w.structure, [WEIGHTS], [0.0], AF3),
    "NoiseStatistics": lambda w: edm.NoiseStatistics(w.structure.hierarchy, WEIGHTS),
    "MoleculeView": lambda w: edm.MoleculeView(w.structure),
    "design": lambda w: edm.design(w.structure.hierarchy, chain=10, residue=3.8, atom=1.4),
    "scramble_table": lambda w: edm.scramble_table(w.structure, [WEIGHTS], [AF3]),
    "WeightMeasure": lambda w: edm.WeightMeasure("ratio", "residue", AF3, 3.8),
    "weight_map": lambda w: edm.weight_map(w.structure, edm.WeightMeasure("ratio", "residue", AF3, 3.8), 20),
    "triangle_figure": lambda w: edm.triangle_figure(MADE["weight_map"](w), w.path.with_name("map.png")),
    "measured_scales": lambda w: edm.measured_scales(w.structure),
    "Preconditioner": World.preconditioner,
    "precondition_table": lambda w: edm.precondition_table(w.preconditioner(), [0.1, 1.0]),
    "Denoised": lambda w: w.model.denoise(w.known, 1.0),
    "StatesDenoiser": lambda w: w.model,
    "held_states": lambda w: edm.held_states(w.part(), w.known, edm.HeldNoise(w.noise, w.part()).covariance, None),
    "ElasticNetwork": lambda w: edm.ElasticNetwork.from_structure(w.structure),
    "Sampler": lambda w: edm.Sampler("euler", noise_scale=1.003, step_scale=1.5, center=True, align="noisy"),
    "karras": lambda w: edm.karras(200, 4e-4, 160.0, scale=16.0),
    "log_linear": lambda w: edm.log_linear(200, 4e-4, 160.0),
    "sampler_preset": lambda w: edm.sampler_preset("boltz2"),
    "sample": lambda w: next(w.steps()),
    "run_sampler": World.run,
    "round_trips": World.back,
    "translation_table": lambda w: edm.translation_table([2.0, 8.0], AF3),
    "find_denoiser": lambda w: w.found(),
    "record": lambda w: w.recorded(f"{time.monotonic_ns()}.trace"),
    "open_trace": lambda w: edm.open_trace(w.recorded(f"{time.monotonic_ns()}.trace").path),
    "runs_of": lambda w: edm.runs_of(w.recorded(f"{time.monotonic_ns()}.trace").path),
    "run_of": lambda w: edm.run_of(MADE["open_trace"](w), w.structure),
    "replay": lambda w: edm.replay(MADE["open_trace"](w)),
    "log_likelihood": World.likelihood,
    "EdmNoiseError": lambda w: edm.EdmNoiseError("weights are 0 0 0: give one above 0"),
}
"""A thing of each class that the face has, and what each of its functions gives."""

MORE = {
    "fluctuating": lambda w: edm.StatesDenoiser(
        w.known, w.noise.covariance, fluctuations=edm.ElasticNetwork.from_structure(w.structure)
    ),
    "expected": lambda w: edm.NoiseStatistics(w.structure.hierarchy, WEIGHTS).displacement(1),
    "coefficients": lambda w: w.preconditioner().coefficients(1.0),
    "churn": lambda w: edm.sampler_preset("alphafold3").sampler(200),
    "damage study": World.damage_study,
    "comparison": lambda w: Comparison(w.structure, (variant(w.run(), WEIGHTS, "euler"),), 2),
    "choice": lambda w: SamplerChoice("boltz2", steps=50),
    "long table": lambda w: Table("<&>" * 40, (Column("n <b>", ["<i>", *range(999)], help="<u>"),), notes=("</p>",)),
}
"""Other results."""


def test_there_is_a_thing_for_every_name_of_the_face():
    assert ["__version__", *MADE] == edm.__all__


@pytest.mark.parametrize("name", [*MADE, *MORE])
def test_a_thing_is_a_short_line(world, name):
    made = (MADE | MORE)[name](world)
    said = repr(made)
    assert len(said) <= LONGEST
    assert said.count("\n") < MOST_LINES
    assert " at 0x" not in said
    if dataclasses.is_dataclass(made):
        assert said.startswith(f"{type(made).__name__}(")


class Rows(HTMLParser):
    """Well-formed HTML: what is opened is closed in its order. Counts the rows, collects tags and texts."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.texts = [], [], []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


SHOWING = (
    *("measure_displacement", "measure_damage", "level_table", "z_table", "scramble_table", "precondition_table"),
    "translation_table",
    *("damage study", "comparison", "weight_map", "long table"),
)


@pytest.mark.parametrize("name", [*MADE, *MORE])
def test_a_result_with_a_table_shows_it_in_a_notebook(world, name):
    made = (MADE | MORE)[name](world)
    page = made._repr_html_() if hasattr(made, "_repr_html_") else None
    assert (page is not None) == (name in SHOWING)
    if page is not None:
        shown = Rows(page)
        assert set(shown.tags) <= set("table caption thead tbody tr th td p".split())
        assert 1 < shown.tags.count("tr") <= SHOWN + 1


def test_what_a_notebook_shows_of_a_displacement_is_what_was_measured(world):
    moved = edm.measure_displacement(world.structure, world.frames, align="center")
    assert moved.table["measured"] == edm.level_table(world.structure, moved)["measured"]
    assert moved.table.title == "3 frames, centred"


def test_what_a_notebook_shows_of_damage_is_what_was_measured(world):
    found = edm.measure_damage(world.structure, world.frames)
    for row, (measure, frames) in zip(found.table.rows(), found.by_frame.items(), strict=True):
        assert row["measure"] == measure.name
        assert row["mean"] == pytest.approx(frames.mean(), nan_ok=True)
        assert row["error"] == pytest.approx(frames.std(ddof=1) / 3**0.5, nan_ok=True)


def test_texts_stay_texts(world):
    shown = Rows(MORE["long table"](world)._repr_html_())
    assert {"<&>" * 40, "n <b>", "<i>", "</p>", "... 940 more rows: write them to a file"} <= set(shown.texts)


ROOTS = [Path(package.__file__).parent for package in (edm, edmnoise_pymol)]
LONG = re.compile(r"(NDArray|Array|Index|Tensor|Mapping|dict|list|Sequence)\b|.*, \.\.\.\]")


def dataclasses_of(root):
    """All public dataclasses of a package but those that live in a window."""
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        if not {"panel", "__main__", "demo"} & set(parts):
            module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
            for name, found in vars(module).items():
                own = inspect.isclass(found) and found.__module__ == module.__name__ and not name.startswith("_")
                if own and dataclasses.is_dataclass(found):
                    yield found


@pytest.mark.parametrize("root", ROOTS, ids=lambda root: root.name)
def test_no_dataclass_prints_what_is_long_field_by_field(root):
    found = list(dataclasses_of(root))
    assert len(found) > 10
    written_by_python = [cls for cls in found if inspect.unwrap(cls.__repr__).__code__.co_filename == "<string>"]
    assert written_by_python  # some are short enough
    long = {
        f"{cls.__name__}.{field.name}"
        for cls in written_by_python
        for field in dataclasses.fields(cls)
        if field.repr and LONG.match(field.type)
    }
    assert long == set()
