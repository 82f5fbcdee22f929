"""The tables and the figure of what noise destroys: rows are what `measure_damage` says of the frames of that row."""

import csv
import io

import numpy as np
import pytest
import torch

from edmnoise.base.errors import EdmNoiseError
from edmnoise.frames.damage import Native, measure_damage
from edmnoise.frames.damage_measures import CLASHES, LDDT, MEASURES, RMSD
from edmnoise.noise.processes.multiscale import MultiscaleNoise
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.noise.weights import Weights
from edmnoise.structure.structure import Structure
from edmnoise.study.damage import DamageStudy, damage_rows
from edmnoise.study.figures.damage import damage_figure

AF3 = sigma_distribution("alphafold3")
WEIGHTS = [Weights.named("flat"), Weights.named("current")]
Z = [-2.0, 0.0]


def studied(structure, weights=WEIGHTS, z=Z, draws=4, seed=3):
    native = Native.of(structure)
    return DamageStudy(native, tuple(damage_rows(native, weights, z, AF3, draws, seed)), AF3, draws, seed)


@pytest.fixture(scope="module")
def study(fragment):
    return studied(fragment)


def test_each_row_is_measured_on_draws_of_its_own(fragment, study):
    table = study.table()
    assert table["noise"] == ["flat", "flat", "current", "current"]
    assert table["z"] == [-2, 0, -2, 0]
    mean = torch.tensor(fragment.coordinates)
    for k, row in enumerate(study.rows):
        noise = MultiscaleNoise(fragment.hierarchy, row.noise.weights)
        frames = noise.frames(AF3.sigma(row.z), range(4 * k, 4 * k + 4), 3, mean)
        alone = measure_damage(study.native, [frames])
        for measure in MEASURES:
            values = alone.by_frame[measure]
            assert table[measure.name][k] == pytest.approx(values.mean(), rel=1e-6)
            assert table[f"{measure.name}, error"][k] == pytest.approx(values.std(ddof=1) / 2, rel=1e-5, abs=1e-9)


def test_the_same_seed_gives_the_same_table(fragment, study):
    assert str(studied(fragment).table()) == str(study.table())
    assert studied(fragment).table().to_csv() == study.table().to_csv()
    assert studied(fragment, seed=4).table().to_csv() != study.table().to_csv()


def test_what_is_printed_is_the_table_without_errors(study):
    whole, printed = study.table(), study.summary()
    kept = [column for column in whole.columns if not column.name.endswith("error")]
    assert [(c.name, list(c.values)) for c in printed.columns] == [(c.name, list(c.values)) for c in kept]
    assert max(map(len, str(printed).splitlines())) < 110
    assert "Of the structure itself: clashes 7.9 per 1,000 heavy atoms, radius of gyration 9.99 A." in str(printed)
    assert "4 draws a row, seed 3: 1 chain, 32 residues, 253 atoms" in str(printed)


def test_residues(fragment, study):
    table = study.by_residue()
    assert len(table) == 4 * 32
    assert table["number"][:3] == ["4", "5", "6"]
    assert table["z"][31:33] == [-2, 0]
    np.testing.assert_array_equal(table["lDDT"][32:64], study.rows[1].damage.lddt_by_residue)
    assert all(0 <= value <= 1 for value in table["lDDT"])


def test_files_hold_the_errors(study, tmp_path):
    study.table().save(tmp_path / "damage.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "damage.csv").read_text())))
    assert len(rows) == 4
    assert float(rows[1]["lDDT, error"]) > 0
    assert float(rows[0]["RMSD (A)"]) == pytest.approx(study.rows[0].damage.mean(RMSD))


def test_one_draw_has_no_error(fragment):
    one = studied(fragment, z=[0.0], draws=1)
    assert np.isnan(one.table()["lDDT, error"]).all()
    assert "standard errors" not in str(one.summary())
    assert "1 draw a row" in str(one.summary())


def test_the_structure_itself(fragment, study):
    assert study.untouched.mean(LDDT) == 1
    assert study.table().meta["itself"]["clashes"] == study.untouched.mean(CLASHES)


@pytest.mark.parametrize(
    ("atoms", "z", "draws"), [(1, [-1.0, 0.5], 3), (8, [0.0], 1), (253, [0.0], 1), (253, [-12.0, 12.0], 3)]
)
def test_a_figure_of_whatever_there_is(fragment, tmp_path, atoms, z, draws):
    some = Structure.from_atoms(fragment.coordinates[:atoms], fragment.atoms.take(np.arange(atoms)))
    made = studied(some, z=z, draws=draws)
    damage_figure(made, tmp_path / "damage.png")
    assert (tmp_path / "damage.png").read_bytes().startswith(b"\x89PNG")
    assert str(made.summary())


def test_what_is_drawn_is_the_table(study, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    damage_figure(study, tmp_path / "damage.png")
    table = study.table()
    for axes, measure in zip(drawn[0].axes, MEASURES, strict=True):
        assert axes.get_ylabel().startswith(measure.name)
        flat, current = axes.get_lines()[:2]
        assert (flat.get_label(), current.get_label()) == ("flat", "current")
        np.testing.assert_allclose(flat.get_xdata(), table["sigma"][:2])
        np.testing.assert_allclose(flat.get_ydata(), table[measure.name][:2])
        np.testing.assert_allclose(current.get_ydata(), table[measure.name][2:])
        shown = [value for value in table[measure.name] if np.isfinite(value)]
        assert axes.get_ylim()[0] <= min(shown) <= max(shown) <= axes.get_ylim()[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"draws": 0}, "draws is 0: give a whole number from 1"),
        ({"weights": []}, "no weights or no z given"),
        ({"z": []}, "no weights or no z given"),
        ({"z": [0.0, 13.0]}, r"z is 13.0: give a number from -12 to 12"),
    ],
)
def test_wrong_input(fragment, change, message):
    with pytest.raises(EdmNoiseError, match=message):
        studied(fragment, **change)
