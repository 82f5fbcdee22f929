"""What the tabulator key and `help` offer is what the commands take."""

import re
import sys
import textwrap
from pathlib import Path

import pytest

from edmnoise.settings.knob import REQUIRED
from edmnoise_pymol import COMMANDS, edm_noise, edm_panel, register
from edmnoise_pymol.commands.speech import knobs_of
from edmnoise_pymol.panel import TABS

BY_NAME = {command.__name__: command for command in COMMANDS}


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


def sections(command):
    """The parts of a help page: heading -> lines."""
    page = textwrap.dedent(command.__doc__)
    parts = re.split(r"^([A-Z][A-Z ]+)$", page, flags=re.MULTILINE)
    return {heading: textwrap.dedent(text).strip() for heading, text in zip(parts[1::2], parts[2::2], strict=True)}


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


@pytest.mark.parametrize("command", COMMANDS, ids=BY_NAME)
def test_every_argument_that_may_be_left_out_is_offered_with_all_its_words(cmd, complete, command):
    cmd.fragment("ala", "lonely")
    if command is edm_panel:
        assert sorted(complete("edm_panel ")[1]) == sorted(TABS)
        return
    needed = {
        "selection": "lonely",
        "name": "lonely",
        "file": "frames.pdb",
        "trace": "run.trace",
        "structure": "lonely",
    }
    knobs = knobs_of(command).values()
    given = [needed[knob.name] for knob in knobs if knob.default is REQUIRED]
    start = f"{command.__name__} {''.join(f'{word}, ' for word in given)}"
    for knob in knobs:
        if knob.default is not REQUIRED:
            completed, listed = complete(f"{start}{knob.name}=")
            offered = [f"{knob.name}={word}" for word in knob.words or ("",)]
            assert sorted(listed) == sorted(offered) or (completed, listed) == (start + offered[0], [])


def test_files_are_completed_in_the_first_place_of_edm_save(cmd, complete, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "frames_of_1tii.pdb").touch()
    assert complete("edm_save frames_of")[0].strip() == "edm_save frames_of_1tii.pdb"


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
    knobs = knobs_of(command)
    assert (name, words) == (command.__name__, list(knobs))
    required = [argument for argument, knob in knobs.items() if knob.default is REQUIRED]
    assert re.findall(r"[a-z_]+", usage.split("[")[0]) == [name, *required]
    assert usage.count("[") == usage.count("]") == len(words) - len(required)


@pytest.mark.parametrize("command", COMMANDS, ids=BY_NAME)
def test_every_argument_is_explained_in_its_place(command):
    paragraphs = filter(None, sections(command).get("ARGUMENTS", "").split("\n\n"))
    said = [" ".join(paragraph.split()) for paragraph in paragraphs]
    assert said == [knob.page for knob in knobs_of(command).values()]


@pytest.mark.parametrize("command", COMMANDS, ids=BY_NAME)
def test_pages_fit_the_window_and_name_each_other(command):
    lines = textwrap.dedent(command.__doc__).splitlines()
    assert max(map(len, lines)) <= 79
    for other in re.findall(r"edm_\w+", sections(command)["SEE ALSO"]):
        assert other in BY_NAME
        assert other != command.__name__


BESIDE = {".cxc": ["frames_models.cif", "frames_values.defattr"], ".dcd": ["frames_first.pdb"]}
"""What edm_save writes beside a file."""


@pytest.mark.parametrize("line", examples())
def test_every_example_runs(cmd, typed, traced, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    if "ensemble" in line:
        for number, chain in enumerate("DEFGH", 1):
            for name in ("ensemble", "mine", "theirs"):
                cmd.create(name, f"1tii and chain {chain} and resi 1-8", 1, number)
        cmd.alter("ensemble or mine or theirs", "chain = 'A'")
    if "mymodel" in line:
        (tmp_path / "mymodel.py").write_text("def build(structure): return lambda x, sigma: x / (1 + sigma.max())\n")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "mymodel", raising=False)
    if "run.trace" in line:
        traced.into(tmp_path)
        cmd.load("complex_model_0.cif")
    given = set(tmp_path.iterdir())
    if "1tii_noise" in line:
        edm_noise("1tii and chain A", frames=3)
    assert typed(line)
    written = re.search(r"file=(\S+)|edm_(?:save|movie) (\S+),", line)
    names = [written[1] or written[2]] if written else []
    if line.startswith("edm_movie frames.png"):
        names = [f"frames_{state:04}.png" for state in range(1, 5)]
    names += BESIDE.get(Path(names[0]).suffix, []) if line.startswith("edm_save") else []
    assert sorted(file.name for file in {*tmp_path.iterdir()} - given) == names


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
