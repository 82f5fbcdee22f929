"""Maps over the triangle and figures: every weight once, names where they belong, pictures that show the values."""

import numpy as np
import pytest
from matplotlib.image import imread

from edmnoise.base.colours import DEFAULT_PALETTE, PALETTES, palette_colours
from edmnoise.base.errors import EdmNoiseError
from edmnoise.noise.design.triangle import MEASURES, WeightMeasure
from edmnoise.noise.design.weight_map import OWN, weight_map
from edmnoise.noise.sigma import parse_distribution, sigma_distribution
from edmnoise.noise.theory.forms import LevelForms, mean_squares
from edmnoise.noise.theory.scales import measured_scales
from edmnoise.noise.theory.statistics import NoiseStatistics
from edmnoise.noise.weights import PRESETS, Weights
from edmnoise.study.figures import design as design_figures
from edmnoise.study.figures.design import signal_figure, triangle_figure

ALPHAFOLD3, WIDE = sigma_distribution("alphafold3"), sigma_distribution("wide")
LENGTHS = {"chain": 20.7, "residue": 3.8, "atom": 1.4}


def measure(name="displacement", level="residue"):
    return WeightMeasure(name, level, ALPHAFOLD3, LENGTHS[level])


def test_a_map_holds_every_weight_and_the_named_ones(toxin):
    made = weight_map(toxin, measure())
    assert made.weights.shape == (5050, 3)
    assert made.values == pytest.approx(measure().values(LevelForms.of(toxin.hierarchy), made.weights))
    assert list(made.marks) == [*PRESETS, OWN]
    for name in PRESETS:
        noise = NoiseStatistics(toxin.hierarchy, Weights.named(name))
        assert made.marked[name] == pytest.approx(noise.displacement(1, 2).rms())
    assert made.table["weights"] == list(made.marks)
    assert made.table["value"] == pytest.approx(list(made.marked.values()))
    assert len(made.grid) == 5050
    assert "712 residues" in made.grid.title


def test_the_own_point_has_the_proportions_of_the_structure(toxin):
    own = weight_map(toxin, measure()).marks[OWN]
    parts = mean_squares(LevelForms.of(toxin.hierarchy).centred, own)
    scales = np.square(measured_scales(toxin).by_level)
    assert parts / parts.sum() == pytest.approx(scales / scales.sum(), rel=1e-6)


def test_one_chain_has_no_scale_of_its_own(fragment):
    assert measured_scales(fragment).chain == 0
    assert weight_map(fragment, measure()).marks[OWN].chain == 0
    with pytest.raises(EdmNoiseError, match="no noise moves the chain"):
        weight_map(fragment, WeightMeasure("share", "chain", ALPHAFOLD3, 20.0))


@pytest.mark.parametrize("level", LENGTHS)
@pytest.mark.parametrize("name", MEASURES)
def test_every_map_can_be_drawn(toxin, tmp_path, name, level):
    triangle_figure(weight_map(toxin, measure(name, level), 20), tmp_path / "map.png")
    assert imread(tmp_path / "map.png").shape[:2] == (780, 990)


def test_the_colours_are_the_values(toxin, tmp_path, monkeypatch):
    """At places without lines or names the picture has the palette's colour of the measure there."""
    drawn = {}

    def keep(figure, path):
        figure.canvas.draw()
        axes = figure.axes[0]
        drawn["pixels"] = lambda at: axes.transData.transform(at)
        drawn["picture"] = np.asarray(figure.canvas.buffer_rgba())

    from matplotlib.backends.backend_agg import FigureCanvasAgg

    made = weight_map(toxin, measure("share", "atom"))
    monkeypatch.setattr(design_figures, "save_figure", keep)
    monkeypatch.setattr(design_figures, "_mark", lambda axes, marks: None)
    new_figure = design_figures.new_figure

    def with_canvas(*size):
        figure = new_figure(*size)
        FigureCanvasAgg(figure)
        return figure

    monkeypatch.setattr(design_figures, "new_figure", with_canvas)
    triangle_figure(made, "")
    low, high = np.percentile(made.values, (1, 99))
    wrong = 0
    for k in range(300, 4700, 100):
        if made.weights[k].min() < 0.03:
            continue
        x, y = drawn["pixels"](design_figures.place(made.weights[k]))
        shown = drawn["picture"][drawn["picture"].shape[0] - 1 - round(y), round(x), :3].astype(int)
        wanted = palette_colours([made.values[k]], PALETTES[DEFAULT_PALETTE], low, high)[0]
        wrong += np.abs(shown - wanted).max() > 12
    assert wrong <= 6  # where a line or its number is


@pytest.mark.parametrize("sets", [["flat"], ["flat", "current", "rebalanced", "residue-heavy"]])
def test_the_training_signal_can_be_drawn(toxin, fragment, tmp_path, sets):
    distributions = [ALPHAFOLD3, WIDE, parse_distribution("-1 1.8 10")][: len(sets)]
    for structure in (toxin, fragment):
        path = tmp_path / f"{structure.n_atoms}.png"
        signal_figure(structure, [Weights.named(name) for name in sets], distributions, path)
        assert imread(path).shape[:2] == (1200, 1725)


def test_a_crowded_figure_is_refused_and_writes_nothing(fragment, tmp_path):
    with pytest.raises(EdmNoiseError, match="weights: 5, distributions: 1; a figure takes 1 to 4"):
        signal_figure(fragment, [Weights.named(name) for name in PRESETS], [WIDE], tmp_path / "signal.png")
    assert list(tmp_path.iterdir()) == []
