"""Sweeps with held atoms: the numbers are those of the library's own tables and runs of the part."""

import numpy as np
import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion.denoisers.choice import DenoiserChoice
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.frames.damage import Native
from edmnoise.frames.displacement import NESTED
from edmnoise.noise.process import NoiseChoice
from edmnoise.noise.sigma import sigma_distribution
from edmnoise.noise.weights import Weights
from edmnoise.structure.files import read_frames, read_structure
from edmnoise.structure.part import Part
from edmnoise.study.damage import DamageStudy, damage_rows
from edmnoise.study.levels import z_table
from edmnoise.sweep.settings import read_settings
from edmnoise.trajectories.sampling import run_sampler

AF3 = sigma_distribution("alphafold3")
STUDY = """
structures = ["s1.pdb", "s2.pdb"]
measures = ["levels", "damage", "freeze_out"]
weights = "rebalanced"
z = [-1, 0]
draws = 2
samplers = [{{ name = "heun", steps = 4 }}]
denoisers = [{{ name = "states", fluctuations = [0, 0.3, 0.2] }}]
move = {move}
"""


def chain_and_half(structure):
    """The ranges of a structure's first residues, as a study has them, and the part."""
    chain, number = structure.atoms.chain[0], structure.atoms.number[structure.first_atoms]
    middle = number[len(number) // 2]
    text = f"{chain}:{number[0]}-{middle}"
    return text, Part.named(structure, text)


def test_the_rows_are_those_of_the_part(study_of, swept, tmp_path):
    study = study_of(tmp_path / "in", text="structures = 's1.pdb'")
    structure, states = read_frames(study.parent / "s1.pdb")
    text, part = chain_and_half(structure)
    study.write_text(STUDY.format(move=f'"{text}"').replace('["s1.pdb", "s2.pdb"]', '"s1.pdb"'), encoding="utf-8")
    tables, weights = swept(study, tmp_path / "out").tables, Weights.named("rebalanced")
    expected = z_table(part, [weights], [-1, 0], AF3, draws=2).rows()
    for row, wanted in zip(tables["levels"].rows(), expected, strict=True):
        assert {name: row[name] for name in wanted} == wanted
    native = Native.of(structure)
    rows = damage_rows(native, [weights], [-1, 0], AF3, 2, part=part)
    damage = DamageStudy(native, tuple(rows), AF3, 2, 0, part).summary().rows()
    assert [row["lDDT"] for row in tables["damage"].rows()] == [row["lDDT"] for row in damage]
    noise = NoiseChoice(weights=weights).on(part)
    model = DenoiserChoice("states", None, (0, 0.3, 0.2)).build(structure, states, noise.covariance, part=part)
    made = run_sampler(part, model, noise.covariance, *SamplerChoice("heun", steps=4).build())
    (row,) = tables["freeze_out"].rows()
    assert row["residue in chain"] == made.freeze_out()[NESTED[1]]
    assert row["chain"] == made.freeze_out()[NESTED[2]]  # a chain moves in the frame of held atoms


def test_each_file_has_its_own(study_of, swept, tmp_path):
    """A table by file; a file that is not named moves whole, and its tasks are those of a study without."""
    study = study_of(tmp_path / "in", text="structures = 's1.pdb'")
    text, _ = chain_and_half(read_structure(study.parent / "s1.pdb"))
    plain = STUDY.format(move="").replace("move = \n", "").replace('"levels", "damage", "freeze_out"', '"levels"')
    study.write_text(plain, encoding="utf-8")
    digest, before = read_settings(study).digest, swept(study, tmp_path / "before").tables["levels"].rows()
    study.write_text(f'{plain}\nmove = {{ "s1.pdb" = "{text}" }}\n', encoding="utf-8")
    after = swept(study, tmp_path / "after").tables["levels"].rows()
    assert read_settings(study).digest != digest
    assert after[2:] == before[2:]
    assert after[0]["atom"] != before[0]["atom"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("A:900-950", "move is 'A:900-950', which names none of the 253 atoms: name some of them"),
        ("A:", "move is 'A:', which names all of the 253 atoms: name some of them"),
        ("resi 4-20", "move 'resi 4-20': give a chain and its residues as A:4-20"),
    ],
)
def test_ranges_that_name_nothing_or_everything(fragment, text, sentence):
    with pytest.raises(EdmNoiseError) as refused:
        Part.named(fragment, text)
    assert str(refused.value) == sentence


def test_ranges_are_joined(fragment):
    number = fragment.atoms.number.astype(int)
    found = Part.named(fragment, "A:4-6+10 | A:30-35").mask
    np.testing.assert_array_equal(found, (number <= 6) | (number == 10) | (number >= 30))


def test_a_file_that_is_none_of_them(study_of, tmp_path):
    study = study_of(tmp_path / "in", text=STUDY.format(move='{ "s9.pdb" = "A:1-5" }'))
    with pytest.raises(
        EdmNoiseError, match=r"line \d+: move of 's9.pdb', which is none of the structures, did you mean"
    ):
        read_settings(study)
