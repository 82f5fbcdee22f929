"""edm_damage prints what the library measures on the selection, and makes nothing."""

import pytest

from edmnoise.frames.damage import Native
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.noise.weights import Weights
from edmnoise.study.damage import DamageStudy, damage_rows
from edmnoise_pymol import edm_damage
from edmnoise_pymol.job import Cancelled, Watch, run_inline

FRAGMENT = "1tii and chain A and resi 4-35"


@pytest.fixture
def structure(cmd, structure_of):
    """The fragment's Structure, made without the plugin, and PyMOL left as it was."""
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    cmd.create("copy", FRAGMENT)
    made = structure_of("copy")
    cmd.delete("copy")
    return made


def test_same_numbers_as_the_library_and_nothing_made(structure, snapshot):
    before = snapshot()
    result = edm_damage(FRAGMENT, z="-1 0.5", weights="8.2 1.6 1.3 | flat", draws=3, seed=7, distribution="wide")
    assert snapshot() == before
    wide, weights = sigma_distribution("wide"), [Weights.of(8.2, 1.6, 1.3), Weights.named("flat")]
    native = Native.of(structure)
    expected = DamageStudy(native, tuple(damage_rows(native, weights, [-1.0, 0.5], wide, 3, 7)), wide, 3, 7)
    assert result.table.to_csv() == expected.table().to_csv()
    assert str(result.printed) == str(expected.summary())


def test_it_is_printed_and_written(structure, typed, tmp_path):
    said = typed(f"edm_damage {FRAGMENT}, z=0, weights=flat, file={tmp_path}/damage.csv")
    result = edm_damage(FRAGMENT, z=0, weights="flat")
    assert said == f"{result.printed}\n edm_damage: {tmp_path}/damage.csv written\n"
    assert (tmp_path / "damage.csv").read_text() == result.table.to_csv()
    typed(f"edm_damage {FRAGMENT}, z=-1 0 1, file={tmp_path}/damage.png")
    assert (tmp_path / "damage.png").read_bytes().startswith(b"\x89PNG")


def test_by_residue(structure, typed):
    said = typed(f"edm_damage {FRAGMENT}, z=0, weights=flat, by=residue")
    table = edm_damage(FRAGMENT, z=0, weights="flat", by="residue").table
    assert said == f"{table}\n"
    assert len(table) == 32


def test_the_whole_of_thirteen_levels(structure):
    table = edm_damage(FRAGMENT, draws=1).table
    assert len(table) == 39
    assert table["noise"][::13] == ["flat", "current", "rebalanced"]
    assert table["lDDT"][0] > 0.99
    assert table["lDDT"][12] < 0.01


def test_it_tells_how_far_it_is_and_can_be_cancelled(structure):
    told = []
    watch = Watch(lambda share, words: told.append((share, words)))
    run_inline(edm_damage.job(FRAGMENT, z="-1 0", weights="flat", draws=40), watch)
    assert [share for share, _ in told] == [0, 0.4, 0.8, 1]
    assert told[1][1] == "frame 32 of 80"
    watch.cancel()
    with pytest.raises(Cancelled):
        run_inline(edm_damage.job(FRAGMENT, z="-1 0", weights="flat"), watch)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("edm_damage nosuch", "nosuch"),
        (f"edm_damage {FRAGMENT}, z=low", "z is 'low': give a number"),
        (f"edm_damage {FRAGMENT}, z=13", "z is 13.0: give a number from -12 to 12"),
        (f"edm_damage {FRAGMENT}, weights=heavy", "no weights 'heavy'"),
        (f"edm_damage {FRAGMENT}, draws=0", "draws is 0: give a whole number from 1"),
        (f"edm_damage {FRAGMENT}, seed=-1", "seed is -1"),
        (f"edm_damage {FRAGMENT}, by=atom", "by is 'atom': give one of summary, residue"),
        (f"edm_damage {FRAGMENT}, file=damage.txt", "damage.txt"),
        (f"edm_damage {FRAGMENT}, distribution=none", "no noise distribution 'none'"),
    ],
)
def test_wrong_input_is_one_line(structure, refusal, line, message):
    assert message in refusal(line)
