"""A study's file: what it says is read with its defaults, and each mistake is one line with its place."""

import re

import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.noise.weights import Weights
from edmnoise.sweep.lines import line_of
from edmnoise.sweep.settings import read_settings


@pytest.fixture
def study(tmp_path):
    """Write a study beside three empty files a.pdb, b.pdb, more/c.cif and read it."""
    (tmp_path / "more").mkdir()
    for name in ("a.pdb", "b.pdb", "more/c.cif"):
        (tmp_path / name).touch()

    def read(text):
        (tmp_path / "study.toml").write_text(text)
        return read_settings(tmp_path / "study.toml")

    return read


def test_what_is_left_out_has_defaults(study):
    settings = study('structures = "a.pdb"')
    assert settings.structures == ("a.pdb",)
    assert settings.measures == ("levels",)
    assert [level.z for level in settings.levels] == [-3, -2, -1, 0, 1, 2, 3]
    assert settings.weights == (Weights.named("flat"),)
    assert (settings.seeds, settings.draws, settings.fresh, settings.solvent) == ((0,), 1, True, False)
    assert settings.name == "study"


def test_patterns_find_files_from_the_studys_folder_each_once(study):
    assert study('structures = ["b.pdb", "*.pdb", "**/*.cif"]').structures == ("b.pdb", "a.pdb", "more/c.cif")


def test_sigma_in_place_of_z_and_a_distribution_of_ones_own(study):
    settings = study('structures = "a.pdb"\nsigma = [2, 4.5]\ndistribution = [0, 1, 2]')
    assert [level.sigma for level in settings.levels] == [2, 4.5]
    assert settings.levels[0].z == pytest.approx(0)


def test_weights_by_name_and_by_three_numbers(study):
    alone = study('structures = "a.pdb"\nweights = [1, 4, 4]')
    several = study('structures = "a.pdb"\nweights = ["flat", [1, 4, 4], "1/4/4"]')
    assert alone.weights == (Weights.of(1, 4, 4),)
    assert several.weights == (Weights.named("flat"), Weights.of(1, 4, 4))


def test_a_samplers_level_in_any_unit_is_that_in_angstrom(study):
    """The same level is the same task, and stands in tables in angstrom."""
    said = 'structures = "a.pdb"\nmeasures = "freeze_out"\ndistribution = "wide"\nsamplers = '
    several = '[{ name = "heun", sigma_max = "rfd3:8" }, { name = "heun", sigma_max = "z:0" }]'
    (one, other) = study(said + several).samplers
    assert dict(one)["sigma_max"] == 8
    assert dict(other)["sigma_max"] == sigma_distribution("wide").sigma(0)
    both = study(said + '[{ name = "heun", sigma_max = "rfd3:8" }, { name = "heun", sigma_max = 8 }]')
    plain = study(said + '{ name = "heun", sigma_max = 8.0 }')
    assert both.samplers == plain.samplers
    assert both.digest == plain.digest


def test_the_hash_knows_settings_and_not_layout(study):
    one = study('structures = "*.pdb"\nz = [0, 1]\n')
    same = study('# another day\nz = [0.0,\n 1.0]\nseeds = 0\nstructures = ["*.pdb"]')
    other = study('structures = "*.pdb"\nz = [0, 2]\n')
    assert one.digest == same.digest != other.digest


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('structures = "a.pdb"\nwieghts = "flat"', "study.toml, line 2: no key 'wieghts', did you mean 'weights'?"),
        ('structures = "a.pdb"\n\nq = 1', "study.toml, line 3: no key 'q', the known ones are structures, measures,"),
        ('structures = ["*.pdb",\n"c.pdb"]', "study.toml, line 2: there is no file 'c.pdb': did you mean"),
        ('structures = ["*.pdb",\n"*.ent"]', "study.toml, line 2: no file fits '*.ent' in "),
        ('structures = "no/*.pdb"', "study.toml, line 1: no file fits 'no/*.pdb' in "),
        ("structures = 4", "study.toml, line 1: structures is 4: give text in quotes"),
        ("structures = []", "study.toml, line 1: structures is empty: give at least one"),
        ("z = 1", "study.toml: structures is missing: give files or patterns"),
        ('structures = "a.pdb', "study.toml is no TOML: "),
        ('structures = "a.pdb"\nz = [0, "1"]', "study.toml, line 2: z is '1': give a number"),
        ('structures = "a.pdb"\nz = [\n0,\n20]', "study.toml, line 4: z is 20"),
        ('structures = "a.pdb"\nsigma = -1', "study.toml, line 2: sigma is -1.0 A: give a number above 0"),
        ('structures = "a.pdb"\nz = 0\nsigma = 1', "study.toml, line 3: z and sigma are both given"),
        ('structures = "a.pdb"\nz = nan', "study.toml, line 2: z is nan: give a number"),
        ('structures = "a.pdb"\ndraws = 0', "study.toml, line 2: draws is 0: give a whole number from 1"),
        ('structures = "a.pdb"\ndraws = true', "study.toml, line 2: draws is True: give a whole number from 1"),
        ('structures = "a.pdb"\nseeds = [0, -1]', "study.toml, line 2: seed is -1: give a whole number from 0"),
        ('structures = "a.pdb"\nfresh = 1', "study.toml, line 2: fresh is 1: give true or false"),
        ('structures = "a.pdb"\nweights = "flatt"', "study.toml, line 2: no weights 'flatt': give three numbers"),
        ('structures = "a.pdb"\nweights = [[1, 2]]', "study.toml, line 2: weights are '1 2': give three numbers"),
        ('structures = "a.pdb"\nmeasures = "level"', "study.toml, line 2: no measure 'level', did you mean 'levels'?"),
        (
            'structures = "a.pdb"\nprocesses = "flow"',
            "study.toml, line 2: no noise process 'flow': the known ones",
        ),
        ('structures = "a.pdb"\ndistribution = "af4"', "study.toml, line 2: no noise distribution 'af4': the known"),
        (
            'structures = "a.pdb"\n[[samplers]]\nname = "heun"\n[[samplers]]\nname = "euler"\nsteeps = 3',
            "study.toml, line 6: no key 'steeps', did you mean 'steps'?",
        ),
        (
            'structures = "a.pdb"\nmeasures = "freeze_out"\nsamplers = ["heun",\n"oiler"]',
            "study.toml, line 4: sampler is 'oiler': give one of euler",
        ),
        (
            'structures = "a.pdb"\n[[samplers]]\nname = "heun"\nsigma_max = "rfdiffusion:60"',
            "study.toml, line 2: sigma_max is rfdiffusion:60: rfdiffusion partial_T of 50 goes from 1 to 50",
        ),
        (
            'structures = "a.pdb"\n[[samplers]]\nname = "heun"\nsigma_max = "nosuch:8"',
            "study.toml, line 4: sigma_max is 'nosuch:8': give angstrom, or the number of another unit",
        ),
        (
            'structures = "a.pdb"\n[[samplers]]\nname = "heun"\nsigma_max = [8]',
            "study.toml, line 4: sigma_max is [8]: give angstrom, or the number of another unit",
        ),
        ('structures = "a.pdb"\ndenoisers = "oracle"', "study.toml, line 2: denoiser is 'oracle': give one of states"),
        ('structures = "a.pdb"\ndenoisers = 1', "study.toml, line 2: a denoiser is 1: give a name, or a table"),
        (
            'structures = "a.pdb"\nmeasures = "freeze_out"\n[[denoisers]]\nname = "fixed"\nfluctuations = [1, 1, 0]',
            "study.toml, line 3: fluctuations are [1.0, 1.0, 0.0]: give three numbers in angstrom (chain residue atom)",
        ),
    ],
)
def test_each_mistake_is_one_line_with_its_place(study, text, said):
    with pytest.raises(EdmNoiseError, match=f"^{re.escape(said)}") as refused:
        study(text)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(EdmNoiseError, match=r"cannot read .*none.toml: No such file"):
        read_settings(tmp_path / "none.toml")


def test_texts_and_comments_do_not_mislead():
    text = "# weights\ntitle = '''\nweights = 1\n'''\n[a]\nb = 1\n[c]\nweights = 2\n"
    assert line_of(text, ["c", "weights"]) == 8
    assert line_of(text, ["a"]) == 5
