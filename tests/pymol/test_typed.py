"""Every argument of every command, given what people type by mistake: one sentence says what to write, none changes."""

import inspect
import re
import textwrap

import pytest

import edmnoise_pymol.jobs.sampling  # and torch with it: a line would say that it is loaded
from edmnoise_pymol import COMMANDS

WITHOUT = ("edm_panel", "edm_version")  # which need a window, and no arguments
TYPED = [command for command in COMMANDS if command.__name__ not in WITHOUT]

FIRST = {
    "edm_schedule": ["heun"],
    "edm_save": ["there.pdb", "pair"],
    "edm_movie": ["there.png", "pair"],
    "edm_trace": ["there.trace", "pair"],
}


def kinds(command):
    """Argument -> what its page says that it is: "float", "string"."""
    page = textwrap.dedent(command.__doc__)
    found = {}
    for line in re.findall(r"^    (\w+(?:, \w+)*) = ([\w/]+): ", page, re.MULTILINE):
        found |= dict.fromkeys(line[0].split(", "), line[1])
    return found


def optional(command):
    """Its arguments behind the first ones."""
    given = [p.name for p in inspect.signature(command).parameters.values() if p.kind is not p.KEYWORD_ONLY]
    return given[len(FIRST.get(command.__name__, ["pair"])) :]


def numbers(command):
    return [name for name in optional(command) if kinds(command).get(name) in ("float", "floats", "integer")]


each_command = pytest.mark.parametrize("command", TYPED, ids=lambda command: command.__name__)


@pytest.fixture
def refused(cmd, snapshot, capsys, tmp_path, monkeypatch):
    """Type a command's name, its first arguments and each of several ends; gives (end, sentence) of each."""
    monkeypatch.chdir(tmp_path)
    edmnoise_pymol.register(cmd)
    cmd.fragment("ala", "pair")
    cmd.create("pair", "pair", 1, 2)
    before = snapshot()

    def run(command, ends):
        found = []
        for end in ends:
            line = f"{command.__name__} {', '.join(FIRST.get(command.__name__, ['pair']))}{end}"
            capsys.readouterr()
            assert not cmd._parser.parse(line), f"{line} was not refused"
            said = capsys.readouterr().out
            assert re.fullmatch(r" Error: .+\n", said), said
            found.append((end, said.removeprefix(" Error: ").strip()))
        assert snapshot() == before
        assert list(tmp_path.iterdir()) == []
        return found

    return run


def test_the_pages_say_what_is_a_number():
    found = {name for command in TYPED for name in numbers(command)}
    assert found >= set("z sigma frames seed minimum width churn reference draws chain state_weights".split())


@each_command
def test_nonsense_is_refused(refused, command):
    for end, said in refused(command, [f", {name}=no%sense" for name in optional(command)]):
        assert "no%sense" in said, end


@each_command
def test_a_comma_that_is_missing(refused, command):
    first = FIRST.get(command.__name__, ["pair"])[-1]
    for end, said in refused(command, [f" {name}=1" for name in optional(command)]):
        assert said == f"a comma is missing before{end[:-1]}: write {first},{end}"


@each_command
def test_commas_within_a_value(refused, command):
    for end, said in refused(command, [f", {name}=1,4,4" for name in optional(command)]):
        assert said == f"{end[2:]}: a comma ends an argument: write {end[2:].replace(',', ' ')}"


@each_command
def test_what_is_no_number_everywhere(refused, command):
    """A decimal comma, and what Python and other programs take for a number."""
    wrong = ("'1,5'", "1_5", "1'5", "nan", "inf", "0x1", "1e", "--1")
    for end, said in refused(command, [f", {name}={text}" for name in numbers(command) for text in wrong]):
        assert end.split("=")[1].strip("'") in said
        if "," in end[1:]:
            assert said.endswith("'1,5': decimals have a point, numbers are separated by spaces: write 1.5 or 1 5")


@each_command
def test_units(refused, command):
    for end, said in refused(command, [f", {name}=0.5 nm" for name in numbers(command)]):
        assert "unit" in said, end


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("edm_noise pair weights=flat", "a comma is missing before weights=: write pair, weights=flat"),
        ("edm_noise pair and name CA z=1", "a comma is missing before z=: write pair and name CA, z=1"),
        ("edm_noise selection=pair z=1", "a comma is missing before z=: write pair, z=1"),
        ("edm_noise pair wieghts=flat", "a comma is missing before wieghts=: write pair, wieghts=flat"),
        ("edm_noise pair, z=1 frames=3", "a comma is missing before frames=: write 1, frames=3"),
        ("edm_noise pair, weights=1,4,4", "weights=1,4,4: a comma ends an argument: write weights=1 4 4"),
        ("edm_noise pair, 0, weights=8.2,1.6,1.3, frames=2", "weights=8.2,1.6,1.3: a comma ends an argument: "),
        ("edm_noise pair, weights='1,4,4'", "weights are '1,4,4': decimals have a point, numbers are separated by"),
        ("edm_noise pair, weights=(1,4,4)", "weights are '(1,4,4)': decimals have a point, numbers are separated by"),
        ("edm_noise pair, z=1, flat", "'flat' stands behind z=1 without a name: write weights=flat"),
        ("edm_noise pair, weights=flat, big", "'big' stands behind weights=flat without a name: write the name of its"),
        ("edm_noise pair, quiet=maybe", "quiet is 'maybe': give 1 or 0"),
        ("edm_noise pair, z=1, z=2", "z is given twice: give it once"),
        ("edm_noise pair, wieghts=flat", "edm_noise has no argument 'wieghts', perhaps weights: the arguments are"),
        ("edm_schedule heun, 5, 6, 7, 8, karras, 0, x.csv, wide, 10, 11", "11 values for the 10 arguments of edm_s"),
        ("edm_noise pair, sigma=5A", "sigma is '5A': lengths are in angstrom and have no unit, so write 5"),
        ("edm_noise pair, sigma=0.5 nm", "sigma is '0.5 nm': lengths are in angstrom and have no unit, so write 5"),
        ("edm_table pair, z=-1,0,1", "z=-1,0,1: a comma ends an argument: write z=-1 0 1"),
        (
            "edm_sample pair, schedule=100,10,1,0",
            "schedule=100,10,1,0: a comma ends an argument: write schedule=100 10",
        ),
        ("edm_noise", "missing a required argument: 'selection': the arguments are selection, z"),
    ],
)
def test_lines_as_people_type_them(cmd, capfd, snapshot, line, sentence):
    edmnoise_pymol.register(cmd)
    cmd.fragment("ala", "pair")
    before = snapshot()
    capfd.readouterr()
    cmd.do(line)
    echo, *said = capfd.readouterr().out.splitlines()
    assert echo == f"PyMOL>{line}"
    assert len(said) == 1
    assert said[0].startswith(f" Error: {sentence}")
    assert snapshot() == before


@pytest.mark.parametrize(
    "line",
    [
        "edm_noise pair and b=0, frames=1",
        "edm_noise pair and (z>-100 or z=3), frames=1",
        "edm_noise pair, weights=1 4 4; count_atoms pair",
        "edm_noise pair, weights='8.2 1.6 1.3'",
        "edm_noise pair, 1, current, 3",
        "edm_noise pair,, current",
        "edm_noise pair, quiet=0, frames=1e0",
        "edm_noise pair, z = .5",
        "edm_compare pair, weights=flat, sampler=heun churn=0.4 | euler steps=3, steps=2",
        "edm_design pair, atom=1, fixed=chain=0.1",
        "edm_scramble pair, distribution=AF3 | wide",
    ],
)
def test_lines_that_mean_what_they_say(cmd, typed, line):
    cmd.fragment("ala", "pair")
    assert typed(line)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("edm_schedule {}, steps=3", ["alphafold3", "af3", "AF3", "AlphaFold-3", "alphafold_3", "Alphafold 3"]),
        ("edm_schedule {}, steps=3", ["boltz2", "Boltz-2", "BOLTZ2"]),
        ("edm_schedule {}, steps=3", ["dpmpp_2m", "DPMPP-2M"]),
        ("edm_schedule {}, steps=3", ["openfold3", "OpenFold", "of3"]),
        ("edm_sample pair, sampler={}, steps=2, name=made", ["alphafold3", "AF3"]),
        ("edm_compare pair, flat, {}, steps=2", ["alphafold3", "af3"]),
        ("edm_noise pair, z=1, distribution={}, name=made", ["alphafold3", "af3", "AlphaFold3"]),
        ("edm_table pair, z=1, distribution={}", ["boltz", "Boltz-1", "boltz2"]),
        ("edm_scramble pair, distribution={}", ["alphafold3", "af3", "AlphaFold 3"]),
        ("edm_signal pair, distribution={}", ["lucidrains", "alphafold3-pytorch"]),
    ],
)
def test_names_as_people_write_them(cmd, typed, line, words):
    """The first is the one that completion offers and every table shows."""
    said = []
    for word in words:
        cmd.reinitialize()
        cmd.fragment("ala", "pair")
        said.append(typed(line.format(word)))
    assert said == [said[0]] * len(words)
    assert "name=made" in line or "edm_table" in line or words[0] in said[0]


def test_usage_is_printed_as_by_pymols_own_commands(cmd, capsys):
    edmnoise_pymol.register(cmd)
    for command in TYPED:
        cmd._parser.parse(f"{command.__name__} ?")
        names = [name for name in inspect.signature(command).parameters if name != "_self"]
        said = capsys.readouterr().out
        assert said.startswith(f"Usage: {command.__name__} ")
        assert re.findall(r"\w+", said)[2:] == names
