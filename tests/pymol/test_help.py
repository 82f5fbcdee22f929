"""What the tabulator key and `help` offer is what the commands take."""

import inspect
import re
import textwrap

import pytest

from edmnoise.base.colours import PALETTES
from edmnoise.diffusion.denoisers.choice import DENOISERS
from edmnoise.diffusion.precondition import RULES
from edmnoise.diffusion.samplers.choice import SCHEDULES
from edmnoise.diffusion.samplers.presets import PRESETS as SAMPLERS
from edmnoise.diffusion.samplers.solvers import SOLVERS
from edmnoise.frames.displacement import ALIGNMENTS
from edmnoise.noise.design.triangle import MEASURES
from edmnoise.noise.process import PROCESSES
from edmnoise.noise.sigma import DISTRIBUTIONS
from edmnoise.noise.weights import PRESETS
from edmnoise.structure.hierarchy import LEVELS
from edmnoise.study.levels import BY
from edmnoise_pymol import COMMANDS, edm_noise, edm_panel, edm_save, register
from edmnoise_pymol.commands.completion import CHOICES, OWN_CHOICES
from edmnoise_pymol.jobs.colouring import OVER
from edmnoise_pymol.jobs.design import SIGNAL_BY
from edmnoise_pymol.jobs.ensemble import ORIGINS
from edmnoise_pymol.panel import TABS

BY_NAME = {command.__name__: command for command in COMMANDS}

BLANK = {  # what the page says of arguments whose default is to be left out
    "edm_noise": {"z": "0", "name": "<object>_noise"},
    "edm_panel": {"tab": "the last one"},
    "edm_color": {"minimum": "that of the values", "maximum": "that of the values"},
    "edm_save": {"b": "the B factors of the object"},
    "edm_levels": {"solvent": "where all states hold the same"},
}


@pytest.fixture
def complete(cmd, capsys):
    """What PyMOL makes of a line when the tabulator key is pressed, and the choices that it lists."""
    register(cmd)

    def press(line):
        capsys.readouterr()
        completed = cmd._parser.complete(line)
        listed = capsys.readouterr().out.split("\n", 1)
        return completed or line, listed[1].split() if len(listed) > 1 else []

    return press


def arguments_of(command):
    """The arguments that users type: name -> default, "" where it is left out, None where it is required."""
    parameters = [p for p in inspect.signature(command).parameters.values() if p.kind is not p.KEYWORD_ONLY]
    return {p.name: None if p.default is p.empty else str(p.default) for p in parameters}


def sections(command):
    """The parts of a help page: heading -> lines."""
    page = textwrap.dedent(command.__doc__)
    parts = re.split(r"^([A-Z][A-Z ]+)$", page, flags=re.MULTILINE)
    return {heading: textwrap.dedent(text).strip() for heading, text in zip(parts[1::2], parts[2::2], strict=True)}


def explained(command):
    """What the section ARGUMENTS says: name -> text, on one line."""
    found = {}
    for paragraph in filter(None, sections(command).get("ARGUMENTS", "").split("\n\n")):
        names, text = " ".join(paragraph.split()).split(" = ", 1)
        found |= dict.fromkeys(names.split(", "), text)
    return found


def examples():
    """All but those of a window (tests/panel)."""
    headless = [command for command in COMMANDS if command is not edm_panel]
    return [line for command in headless for line in sections(command)["EXAMPLES"].splitlines()]


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("edm_n", "edm_noise "),
        ("edm_noise lon", "edm_noise lonely, "),
        ("edm_noise mys", "edm_noise mysel, "),
        ("edm_table lon", "edm_table lonely, "),
        ("edm_levels lon", "edm_levels lonely, "),
        ("edm_color lon", "edm_color lonely, "),
        ("edm_save frames.pdb, lon", "edm_save frames.pdb, lonely, "),
        ("edm_noise lonely, weights=cu", "edm_noise lonely, weights=current"),
        ("edm_noise lonely, z=0, frames=5, hyd", "edm_noise lonely, z=0, frames=5, hydrogens="),
        ("edm_noise lonely, sig", "edm_noise lonely, sigma="),
        ("edm_noise lonely, dist", "edm_noise lonely, distribution="),
        ("edm_noise lonely, distribution=b", "edm_noise lonely, distribution=boltz"),
        ("edm_levels lonely, align=s", "edm_levels lonely, align=superpose"),
        ("edm_color lonely, palette=d", "edm_color lonely, palette=dusk"),
        ("edm_color lonely, level=residue, over=m", "edm_color lonely, level=residue, over=m"),
        ("edm_save frames.pdb, lonely, level=r", "edm_save frames.pdb, lonely, level=residue"),
        ("edm_sample lonely, sampler=dpm", "edm_sample lonely, sampler=dpmpp_2m"),
    ],
)
def test_completion(cmd, complete, line, completed):
    cmd.fragment("ala", "lonely")
    cmd.select("mysel", "lonely and name CA")
    assert complete(line)[0] == completed


def test_objects_are_completed_where_only_objects_are_taken(cmd, complete):
    cmd.fragment("ala", "lonely")
    cmd.select("lonesome", "lonely")
    assert sorted(complete("edm_noise lon")[1]) == ["lonely", "lonesome"]
    assert complete("edm_levels lon")[0] == "edm_levels lonely, "


@pytest.mark.parametrize("command", list(filter(arguments_of, COMMANDS)), ids=lambda command: command.__name__)
def test_every_optional_argument_is_offered_with_all_its_words(cmd, complete, command):
    cmd.fragment("ala", "lonely")
    first, *rest = arguments_of(command)
    if first == "tab":
        assert sorted(complete("edm_panel ")[1]) == sorted(TABS)
        return
    start = f"{command.__name__} lonely, "
    if first == "file":
        start, rest = f"{command.__name__} frames.pdb, lonely, ", rest[1:]
    for argument in rest:
        words = OWN_CHOICES.get((command.__name__, argument)) or CHOICES.get(argument, ("",))
        completed, listed = complete(f"{start}{argument}=")
        offered = [f"{argument}={word}" for word in words]
        assert sorted(listed) == sorted(offered) or (completed, listed) == (start + offered[0], [])


def test_files_are_completed_in_the_first_place_of_edm_save(cmd, complete, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "frames_of_1tii.pdb").touch()
    assert complete("edm_save frames_of")[0].strip() == "edm_save frames_of_1tii.pdb"


def test_words_offered_are_those_that_the_library_takes():
    assert CHOICES["weights"] == tuple(PRESETS)
    assert CHOICES["process"] == tuple(PROCESSES)
    assert CHOICES["distribution"] == tuple(DISTRIBUTIONS)
    assert CHOICES["align"] == ALIGNMENTS
    assert CHOICES["by"] == BY
    assert CHOICES["level"] == LEVELS
    assert CHOICES["over"] == OVER
    assert CHOICES["origin"] == ORIGINS
    assert CHOICES["palette"] == tuple(PALETTES)
    assert CHOICES["denoiser"] == tuple(DENOISERS)
    assert CHOICES["sampler"] == (*SOLVERS, *SAMPLERS)
    assert CHOICES["rule"] == RULES
    assert CHOICES["schedule"] == SCHEDULES
    assert CHOICES["measure"] == MEASURES
    assert OWN_CHOICES["edm_signal", "by"] == SIGNAL_BY
    assert CHOICES["tab"] == TABS


def test_levels_offered_to_edm_save_are_those_that_it_takes(cmd, tmp_path):
    cmd.fragment("ala")
    for level in CHOICES["level"]:
        path = str(tmp_path / f"{level}.pdb")
        if level in OWN_CHOICES["edm_save", "level"]:
            assert edm_save(path, "ala", level) == 1
        else:
            with pytest.raises(cmd._pymol.CmdException):
                edm_save(path, "ala", level)


def test_every_word_is_for_an_argument_that_exists():
    arguments = {argument for command in COMMANDS for argument in arguments_of(command)}
    assert set(CHOICES) <= arguments
    for command, argument in OWN_CHOICES:
        assert argument in arguments_of(BY_NAME[command])


@pytest.mark.parametrize("command", COMMANDS, ids=BY_NAME)
def test_help_prints_the_page(cmd, capsys, command):
    register(cmd)
    cmd.help(command.__name__)
    said = capsys.readouterr().out
    for heading, text in sections(command).items():
        assert heading in said
        assert " ".join(text.split()) in " ".join(said.split())


@pytest.mark.parametrize("command", COMMANDS, ids=BY_NAME)
def test_usage_names_every_argument_in_its_place(command):
    usage = " ".join(sections(command)["USAGE"].split())
    name, *words = re.findall(r"[a-z_]+", usage)
    assert (name, words) == (command.__name__, list(arguments_of(command)))
    required = [argument for argument, default in arguments_of(command).items() if default is None]
    assert re.findall(r"[a-z_]+", usage.split("[")[0]) == [name, *required]
    assert usage.count("[") == usage.count("]") == len(words) - len(required)


@pytest.mark.parametrize("command", COMMANDS, ids=BY_NAME)
def test_every_argument_is_explained_with_its_default(command):
    pages = explained(command)
    assert list(pages) == list(arguments_of(command))
    for argument, default in arguments_of(command).items():
        text = pages[argument]
        if elsewhere := re.match(r"as in (edm_\w+)", text):
            assert default == arguments_of(BY_NAME[elsewhere[1]])[argument]
            continue
        said = re.search(r"\{default: ([^}]*)\}", text)
        if default is None:
            assert said is None
        elif default != "":
            assert said[1].split(",")[0] == default
        elif "sampler" not in pages:  # there a sampler's own values stand in
            assert (said[1] if said else None) == BLANK.get(command.__name__, {}).get(argument)


@pytest.mark.parametrize("command", COMMANDS, ids=BY_NAME)
def test_every_word_stands_in_the_page(command):
    """Where another command's page is pointed to, it stands there."""
    for argument, text in explained(command).items():
        if elsewhere := re.match(r"as in (edm_\w+)", text):
            text = explained(BY_NAME[elsewhere[1]])[argument]
        words = OWN_CHOICES.get((command.__name__, argument)) or CHOICES.get(argument, ())
        if "as in edm_noise" in text:
            continue
        for word in words:
            assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text), (argument, word)


@pytest.mark.parametrize("command", COMMANDS, ids=BY_NAME)
def test_pages_fit_the_window_and_name_each_other(command):
    lines = textwrap.dedent(command.__doc__).splitlines()
    assert max(map(len, lines)) <= 80
    for other in re.findall(r"edm_\w+", sections(command)["SEE ALSO"]):
        assert other in BY_NAME
        assert other != command.__name__


@pytest.mark.parametrize("line", examples())
def test_every_example_runs(cmd, typed, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    if "1tii_noise" in line:
        edm_noise("1tii and chain A", frames=3)
    assert typed(line)
    written = re.search(r"file=(\S+)|edm_(?:save|movie) (\S+),", line)
    names = [written[1] or written[2]] if written else []
    if line.startswith("edm_movie frames.png"):
        names = [f"frames_{state:04}.png" for state in range(1, 5)]
    assert sorted(file.name for file in tmp_path.iterdir()) == names


def test_no_command_is_forgotten(cmd):
    register(cmd)
    assert {name for name in cmd.keyword if name.startswith("edm_")} == set(BY_NAME)


def test_the_overview_has_the_first_sentence_of_every_page(cmd, typed):
    said = typed("help edm")
    assert max(map(len, said.splitlines())) <= 80
    listed = dict(re.findall(r"^    (edm_\w+) +(.+(?:\n {8,}.+)*)", said.split("NOTES")[0], re.MULTILINE))
    assert list(listed) == list(BY_NAME)
    for name, words in listed.items():
        page = " ".join(sections(BY_NAME[name])["DESCRIPTION"].split())
        assert page.startswith(f'"{name}" {" ".join(words.split())}')
    assert "weights=1 4 4" in said


def test_edm_alone_lists_the_commands_as_pymol_does(cmd, complete, capsys):
    assert set(complete("edm")[1]) == set(BY_NAME)
    assert complete("help ed")[0].startswith("help ed")
    assert not cmd._parser.parse("edm")
    assert set(re.findall(r"edm_\w+", capsys.readouterr().out)) == set(BY_NAME)


def test_an_instance_has_the_overview_too():
    import pymol2

    with pymol2.PyMOL() as instance:
        register(instance.cmd)
        assert "edm" in instance.cmd.help_only
