"""What a command's arguments are is said once: the signature, the page and the parser agree by construction."""

import inspect
import re
import textwrap

import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion import names
from edmnoise.diffusion.samplers import presets, solvers
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.frames.displacement import ALIGNMENTS
from edmnoise.noise.design.triangle import MEASURES
from edmnoise.settings import atoms, colours, design, sampling
from edmnoise.settings.knob import REQUIRED, typed
from edmnoise.structure.hierarchy import LEVELS, WITH_DOMAINS
from edmnoise.structure.structure import LIGANDS
from edmnoise_pymol import COMMANDS, edm_save
from edmnoise_pymol.commands.speech import knobs_of
from edmnoise_pymol.scene import baking, follow

each_command = pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)


def each(test):
    """Run a test for every argument of a command."""

    @each_command
    def run(command):
        for knob in knobs_of(command).values():
            test(knob)

    return run


@each_command
def test_every_argument_is_a_knob_and_has_its_name_and_default(command):
    parameters = {
        name: p for name, p in inspect.signature(command).parameters.items() if name not in ("quiet", "_self")
    }
    knobs = knobs_of(command)
    assert list(knobs) == list(parameters) == [knob.name for knob in knobs.values()]
    for name, parameter in parameters.items():
        required = knobs[name].default is REQUIRED
        assert parameter.default == (inspect.Parameter.empty if required else knobs[name].default)


@each
def test_the_default_that_the_page_says_means_the_default(knob):
    said = re.search(r"\{default: ([^}]*)\}", knob.page)
    if knob.default is REQUIRED:
        assert said is None
    elif knob.default is None:
        assert (said[1] if said else "") == knob.usual
        assert knob.read(None) is None
        assert knob.read(" ''") is None
    else:
        assert same(knob.read(said[1]), knob.read(knob.default))


def same(one, other):
    return type(one) is type(other) and one == other


@each
def test_lengths_are_said_to_be_in_angstrom(knob):
    assert ("angstrom" in knob.help) >= (knob.unit == "A")


@each
def test_tooltips_are_sentences_that_begin_with_a_capital(knob):
    assert knob.tooltip
    assert knob.tooltip[0].isupper() or knob.tooltip.split()[0].strip(",:") in knob.words


@each
def test_every_word_is_taken_and_stands_in_the_page(knob):
    for word in knob.words:
        assert knob.read(word) is not None
        if knob.kind != "0/1":
            assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", knob.help), word
        if knob.closed:
            assert knob.read(word) == word


@each
def test_what_is_no_word_is_refused_with_those_that_are(knob):
    if not (knob.closed or knob.name in ("weights", "compare", "distribution")):
        return  # others take names of objects, colours and files, and refuse them when they are looked for
    with pytest.raises(EdmNoiseError) as refused:
        knob.read("no%sense")
    said = str(refused.value)
    assert knob.name in said
    assert "'no%sense'" in said
    words = [word for word in knob.words if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", said)]
    assert words == []


@each
def test_bad_numbers_are_refused_by_name(knob):
    if knob.kind not in ("float", "floats", "integer", "level", "levels", "0/1"):
        return
    below = [knob.low - 1] if knob.low > float("-inf") else []
    above = [knob.high + 1] if knob.high < float("inf") else []
    for given in ("no%sense", float("nan"), *below, *above, *map(str, [*below, *above])):
        with pytest.raises(EdmNoiseError) as refused:
            knob.read(given)
        said = str(refused.value)
        assert knob.name in said
        assert "\n" not in said
        assert "nan" in said or "no%sense" in said or re.search(r"-?\d", said)


@pytest.mark.parametrize(
    ("knob", "text", "value"),
    [
        (atoms.HYDROGENS, "off", False),
        (atoms.STATE, " 2 ", 2),
        (colours.MAXIMUM, "1e1", 10.0),
        (colours.LEVEL, "'chain'", "chain"),
        (design.FIXED, "atom 0.1 | residue/atom 4", ["atom 0.1", "residue/atom 4"]),
        (sampling.LEVEL_WEIGHTS, "0.5 1", (0.5, 1)),
        (sampling.SCHEDULE, "100 10 0", (100, 10, 0)),
        (sampling.SAMPLER, "AF3", "alphafold3"),
        (sampling.FLUCTUATIONS, "0 0.3 0.2", (0, 0.3, 0.2)),
    ],
)
def test_typed_text_and_python_values_mean_the_same(knob, text, value):
    assert same(knob.read(text), knob.read(value))


def test_weights_and_distributions_from_python():
    """And a distribution of one's own is taken wherever one is."""
    for command in COMMANDS:
        knobs = knobs_of(command)
        if "weights" in knobs:
            one = "1 4 4" if knobs["weights"].kind == "string" else "flat | 1 4 4"
            value = (1, 4, 4) if knobs["weights"].kind == "string" else ["flat", (1, 4, 4)]
            assert same(knobs["weights"].read(one), knobs["weights"].read(value))
        if "distribution" in knobs:
            read = knobs["distribution"].read
            assert same(
                read("-1 1.8 16"), read([-1, 1.8, 16] if knobs["distribution"].kind == "string" else [[-1, 1.8, 16]])
            )


def test_a_value_as_it_is_typed():
    assert [typed(x) for x in (True, 2, 0.5, -3.0, (0, 1.5), "flat")] == ["1", "2", "0.5", "-3", "0 1.5", "flat"]


def test_words_are_those_that_the_library_takes():
    assert tuple(names.SOLVERS) == tuple(solvers.SOLVERS)
    assert tuple(names.PUBLISHED) == tuple(presets.PRESETS)
    assert tuple(atoms.LIGANDS.words) == LIGANDS
    assert tuple(atoms.ALIGN.words) == ALIGNMENTS
    assert tuple(colours.LEVEL.words) == WITH_DOMAINS
    assert tuple(design.MEASURE.words) == MEASURES


def test_numbers_that_pages_say_are_those_that_hold():
    usual = SamplerChoice(sampling.SAMPLER.default).usual()
    assert {knob.name: knob.usual.split(",")[0] for knob in sampling.CHANGED} == usual
    for said in (colours.FOLLOW.help, colours.FOLLOW.tooltip):
        assert f"{follow.LIMIT:,} atoms" in said
    assert f"{baking.BAKED_BYTES} bytes" in colours.BAKE.help


def test_every_command_that_reads_a_structure_takes_the_same_atoms():
    for command in COMMANDS:
        knobs = knobs_of(command)
        if "selection" in knobs:
            assert {"state", "hydrogens", "solvent", "ligands"} <= set(knobs), command.__name__


def test_levels_offered_to_edm_save_are_those_that_it_takes(cmd, tmp_path):
    cmd.fragment("ala")
    for level in LEVELS:
        path = str(tmp_path / f"{level}.pdb")
        if level in knobs_of(edm_save)["level"].words:
            assert edm_save(path, "ala", level) == 1
        else:
            with pytest.raises(cmd._pymol.CmdException):
                edm_save(path, "ala", level)


def test_the_page_that_its_author_wrote_stands_around_usage_and_arguments():
    page = textwrap.dedent(edm_save.__doc__)
    assert re.findall(r"^([A-Z][A-Z ]+)$", page, re.MULTILINE) == [
        "DESCRIPTION",
        "USAGE",
        "ARGUMENTS",
        "EXAMPLES",
        "NOTES",
        "SEE ALSO",
    ]
