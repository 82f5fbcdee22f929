"""The extensions that make the pages: what is shown was run, and the reference is the help pages."""

import inspect
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from help_pages import parse_argument, parse_help, undocumented
from modules import FOLDERS, modules_of

from edmnoise_pymol import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
sys.path.insert(0, str(ROOT))

from tools.browser import Browser  # noqa: E402


class Shown(HTMLParser):
    """What a page shows, and what it fetches: files by their names, from ``src`` and from the ``href`` of ``link``."""

    def __init__(self, page):
        super().__init__()
        self.texts, self.fetched, self.hidden = [], [], 0
        self.feed(page)
        self.text = "".join(self.texts)

    def handle_starttag(self, tag, attrs):
        self.hidden += tag in ("script", "style")
        self.fetched += [value for name, value in attrs if name == "src" or (tag == "link" and name == "href")]

    def handle_endtag(self, tag):
        self.hidden -= tag in ("script", "style")

    def handle_data(self, data):
        if not self.hidden:
            self.texts.append(data)


def words(text):
    return re.findall(r"\w+", text.lower())


def test_the_reference_says_every_word_of_every_help_page(site):
    page = site.build("Commands\n========\n\n.. pymol-commands::\n")
    for command in COMMANDS:
        assert f'href="#{command.__name__}"' in page
        wanted = words(inspect.cleandoc(command.__doc__))
        section = page.split(f'<section id="{command.__name__}">')[1]
        # The heading DESCRIPTION becomes the command's name.
        said = words(" ".join(Shown(section).texts))
        assert said[: len(wanted)] == [command.__name__, *wanted[1:]], command.__name__


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_every_help_page_is_whole(command):
    page = parse_help(command.__doc__)
    arguments = ["ARGUMENTS"] if len(inspect.signature(command).parameters) > 2 else []  # two are said by PyMOL itself
    assert [heading for heading in page if heading not in ("EXAMPLES", "NOTES", "SEE ALSO")] == [
        "DESCRIPTION",
        "USAGE",
        *arguments,
    ]
    assert {"EXAMPLES", "SEE ALSO"} <= set(page)
    assert undocumented(command) == set()


def test_an_argument_that_the_help_page_leaves_out_is_found():
    def edm_thing(name, level, *, quiet=1, _self=None):
        """
        ARGUMENTS

            name = string: an object
        """

    assert undocumented(edm_thing) == {"level"}


def test_an_argument_is_names_type_and_text():
    assert parse_argument("minimum, maximum = float: range {default: all}") == (
        ["minimum", "maximum"],
        "float",
        "range {default: all}",
    )
    with pytest.raises(ValueError, match="write it as"):
        parse_argument("level: a level")


def test_unknown_headings_are_refused():
    with pytest.raises(ValueError, match="SYNOPSIS"):
        parse_help("DESCRIPTION\n\n    text\n\nSYNOPSIS\n\n    more")


def test_what_is_shown_was_run_in_one_folder_and_one_pymol(site):
    page = site.build(
        "Page\n====\n\n.. pymol-run::\n\n   load $PYMOL_DATA/demo/pept.pdb\n   count_atoms polymer\n"
        "   edm_noise pept, frames=2\n   edm_save frames.pdb, pept_noise\n\n"
        ".. file:: count.py\n\n   print(open('frames.pdb').read().count('MODEL '), 'models')\n\n"
        ".. shell-run::\n   :expect: 3 models\n\n   python count.py\n\n"
        ".. pymol-run::\n   :lines: 2\n\n   edm_levels pept_noise\n"
    )
    said = Shown(page).text
    assert "PyMOL>load $PYMOL_DATA/demo/pept.pdb" in said
    assert ' CmdLoad: "" loaded as "pept".' in said  # printed by C
    assert " count_atoms: 107 atoms" in said
    assert said.index("edm_noise: object pept_noise") < said.index("PyMOL>edm_save frames.pdb")
    assert "$ python count.py\n3 models" in said
    assert re.search(r"... \d+ more lines", said)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (".. pymol-run::\n\n   load nothing.pdb\n", "'load nothing.pdb' fails"),
        (".. pymol-run::\n   :fails:\n\n   count_atoms all\n", "'count_atoms all' succeeds"),
        (".. pymol-run::\n   :expect: 5 atoms\n\n   count_atoms all\n", "'5 atoms' is not printed"),
        (".. shell-run::\n\n   python -c 'raise SystemExit(3)'\n", "fails"),
    ],
)
def test_a_page_that_does_not_hold_stops_the_build(site, page, said):
    message = site.build(f"Page\n====\n\n{page}")
    assert site.stopped
    assert said in message
    assert "index.rst:4" in message


def test_formulas_are_elements_of_a_page_that_fetches_nothing_from_elsewhere(site):
    page = site.build("Page\n====\n\n.. math::\n\n   a &= \\sqrt{b} \\\\\n   c &= \\frac{1}{2}\n\nand :math:`x^2`\n")
    assert page.count("<math") == 2
    assert "<msqrt" in page
    assert "<mfrac" in page
    assert 'class="ams-align"' in page
    fetched = Shown(page).fetched
    assert fetched
    assert [name for name in fetched if "//" in name] == []


def test_a_formula_that_cannot_be_drawn_stops_the_build(site):
    message = site.build("Page\n====\n\n:math:`\\nosuchcommand{x}`\n")
    assert site.stopped
    assert "nosuchcommand" in message


def test_every_package_is_on_the_pages():
    packages = {f"edmnoise.{path.parent.name}" for path in FOLDERS["edmnoise"].glob("*/__init__.py")} | {
        "edmnoise_pymol"
    }
    for page, directive in (("api", "modules"), ("architecture", "house")):
        text = (DOCS / f"{page}.rst").read_text(encoding="utf-8")
        assert set(re.findall(rf"^\.\. {directive}:: (\S+)$", text, re.MULTILINE)) == packages


def test_a_package_is_listed_with_all_that_is_in_it():
    names = [name for name, _ in modules_of("edmnoise.structure")]
    assert names[0] == "edmnoise.structure"
    assert {"edmnoise.structure.structure", "edmnoise.structure.files", "edmnoise.structure.files.pdb"} <= set(names)


def test_every_page_is_led_to_by_a_question_and_begins_with_an_answer():
    index = (DOCS / "index.rst").read_text(encoding="utf-8")
    questions, _, listed = index.partition(".. toctree::")
    pages = {path.stem for path in DOCS.glob("*.rst")} - {"index"}
    assert set(re.findall(r":doc:`(\w+)`", questions)) == set(re.findall(r"^   (\w+)$", listed, re.MULTILINE)) == pages
    for page in pages:
        first = (DOCS / f"{page}.rst").read_text(encoding="utf-8").split("\n\n")[1]
        assert "this page was" not in first.partition(".")[0], page


def test_what_is_wide_scrolls_in_its_place_and_makes_no_page_wider_than_its_window(site):
    wide = f"print({'1' * 300})"
    page = f"Page\n====\n\n.. code-block:: python\n\n   {wide}\n\n.. math::\n\n   {'a + ' * 200}b\n"
    assert wide[:9] in Shown(site.build(page)).text
    with Browser() as browser:
        browser.open(f"file://{site.pages}/index.html")
        browser.until("document.readyState == 'complete' && document.querySelector('pre').scrollWidth > 1200")
        for width in (1200, 800, 400):
            browser.resize(width, 800)
            assert browser.until(f"innerWidth == {width}")
            assert browser.ask("document.documentElement.scrollWidth") == width
