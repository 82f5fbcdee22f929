"""A table says the same on the screen, in CSV and in JSON."""

import csv
import io
import json
import math
from dataclasses import dataclass
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.legible import Legible
from edmnoise.base.table import Column, Table, check_path


@pytest.fixture
def table():
    return Table(
        "Displacement by level",
        (
            Column("level", ["chain", "residue", "atom"]),
            Column("groups", [7, 712, 5684]),
            Column("displacement", [0.25, 12.34567, math.nan], "A", 2, "root mean square per coordinate"),
            Column("relative to", ["-", "chain", None]),
        ),
        {"sigma": 4.819, "seed": 0},
        ("5 frames",),
    )


def test_access(table):
    assert len(table) == 3
    assert table["groups"] == [7, 712, 5684]
    assert table.rows()[1] == {"level": "residue", "groups": 712, "displacement": 12.34567, "relative to": "chain"}
    with pytest.raises(KeyError, match="no column 'sigma'; the columns are level, groups, displacement, relative to"):
        table["sigma"]


def test_printed(table):
    assert str(table).splitlines() == [
        "Displacement by level",
        "                 displacement  relative",
        "level    groups           (A)  to",
        "-------  ------  ------------  --------",
        "chain         7          0.25  -",
        "residue     712         12.35  chain",
        "atom       5684             -  -",
        "5 frames",
    ]


def test_headings_are_no_wider_than_they_must_be():
    table = Table("t", (Column("root mean square displacement", [1.0], "A"), Column("n", [123456789012])))
    assert str(table).splitlines() == [
        "t",
        "        root",
        "        mean",
        "      square",
        "displacement",
        "         (A)             n",
        "------------  ------------",
        "       1.000  123456789012",
    ]


@given(st.lists(st.tuples(st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6), st.text("abc ", max_size=9)), max_size=6))
def test_columns_stand_below_each_other(rows):
    one, two, three = ([row[k] for row in rows] for k in range(3))
    table = Table("t", (Column("integer", one), Column("number", two, "A"), Column("some text", three)))
    lines = str(table).splitlines()
    rule = next(k for k, line in enumerate(lines) if line.startswith("-"))
    first, second, _ = (len(dashes) for dashes in lines[rule].split())
    assert len(lines) == rule + 1 + len(rows)
    for line, (a, b, c) in zip(lines[rule + 1 :], rows, strict=True):
        assert line[:first] == str(a).rjust(first)
        assert line[first + 2 : first + 2 + second] == f"{b:.3f}".rjust(second)
        assert line[first + second + 4 :] == c.rstrip()


def test_csv(table):
    text = table.to_csv()
    assert list(csv.reader(io.StringIO(text))) == [
        ["level", "groups", "displacement (A)", "relative to"],
        ["chain", "7", "0.25", "-"],
        ["residue", "712", "12.34567", "chain"],
        ["atom", "5684", "", ""],
    ]
    assert "\r" not in text


@given(st.lists(st.tuples(st.floats(allow_nan=False), st.text(st.characters(codec="utf-8", exclude_characters="\r")))))
def test_csv_loses_nothing(rows):
    table = Table("t", (Column("x", [x for x, _ in rows]), Column('with "marks", and comma', [s for _, s in rows])))
    head, *read = csv.reader(io.StringIO(table.to_csv(), newline=""))
    assert head == ["x", 'with "marks", and comma']
    assert [(float(x), s) for x, s in read] == rows


def test_json(table):
    assert json.loads(table.to_json()) == {
        "title": "Displacement by level",
        "meta": {"sigma": 4.819, "seed": 0},
        "columns": [
            {"name": "level", "unit": "", "help": ""},
            {"name": "groups", "unit": "", "help": ""},
            {"name": "displacement", "unit": "A", "help": "root mean square per coordinate"},
            {"name": "relative to", "unit": "", "help": ""},
        ],
        "rows": [
            {"level": "chain", "groups": 7, "displacement": 0.25, "relative to": "-"},
            {"level": "residue", "groups": 712, "displacement": 12.34567, "relative to": "chain"},
            {"level": "atom", "groups": 5684, "displacement": None, "relative to": None},
        ],
        "notes": ["5 frames"],
    }


@pytest.mark.parametrize(("name", "form"), [("t.csv", Table.to_csv), ("t.JSON", Table.to_json)])
def test_saved_by_the_ending(table, tmp_path, name, form):
    table.save(tmp_path / name)
    assert (tmp_path / name).read_text() == form(table)
    form(table, tmp_path / "other")
    assert (tmp_path / "other").read_text() == form(table)
    assert check_path(tmp_path / name) == str(tmp_path / name)


@pytest.mark.parametrize("name", ["t.txt", "t", "csv"])
def test_unknown_endings(table, tmp_path, name):
    for refuse in (table.save, check_path):
        with pytest.raises(EdmNoiseError, match=rf"cannot be written as '.*{name}': end the name in \.csv or \.json"):
            refuse(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(table, tmp_path):
    with pytest.raises(EdmNoiseError, match=r"cannot write .*missing/t\.csv"):
        table.save(tmp_path / "missing" / "t.csv")


def test_head_says_what_is_left_out(table):
    assert table.head(3) == str(table)
    lines = table.head(1).splitlines()
    assert [line.split()[0] for line in lines[-3:]] == ["chain", "...", "5"]
    assert lines[-2] == "... 2 more rows: write them to a file"


def test_a_table_without_rows_or_columns():
    assert len(Table("t", ())) == 0
    empty = Table("t", (Column("x", []), Column("y", [], "A")))
    assert len(empty) == 0
    assert empty.rows() == []
    assert empty.to_csv() == "x,y (A)\n"
    assert str(empty).splitlines()[0] == "t"


def test_columns_of_different_length_are_refused():
    with pytest.raises(EdmNoiseError, match=r"columns of one table have \[2, 3\] values"):
        Table("t", (Column("x", [1, 2]), Column("y", [1, 2, 3])))


# What notebooks and prompts show


class Cells(HTMLParser):
    """The text of each cell of each row, and of what stands around them."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.words, self._inside = [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, _):
        self._inside = tag
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside in ("td", "th"):
            self.rows[-1].append(data)
        elif self._inside in ("caption", "p"):
            self.words.append(data)


def test_a_notebook_shows_a_table_with_all_text_escaped():
    columns = (Column("<b>name", ["a & b", "<script>x</script>"]), Column("length", [1.0, math.nan], "A"))
    table = Table("<title> & more", columns, {}, ("a <note>",))
    shown = Cells(table._repr_html_())
    assert shown.rows == [["<b>name", "length (A)"], ["a & b", "1.000"], ["<script>x</script>", "-"]]
    assert shown.words == ["<title> & more", "a <note>"]
    assert "<script" not in table._repr_html_()


def test_a_long_table_is_cut_in_notebooks_as_at_a_prompt():
    table = Table("long", (Column("n", list(range(1000))),))
    shown = Cells(table._repr_html_())
    assert len(shown.rows) == 61
    assert shown.words[-1] == "... 940 more rows: write them to a file"
    assert shown.words[-1] in table.head()
    assert Cells(Table("none", (Column("n", []),))._repr_html_()).rows == [["n"]]


def test_a_prompt_shows_one_short_line():
    table = Table("t" * 500, tuple(Column(f"column {k}", list(range(5000))) for k in range(3)))
    assert len(repr(table)) < 300
    assert "5000 rows of column 0, column 1, column 2" in repr(table)


def test_results_are_one_line_at_a_prompt_and_their_table_in_a_notebook():
    @dataclass(frozen=True, repr=False)
    class Result(Legible):
        name: str
        places: np.ndarray
        each: dict
        states: tuple
        table: Table

    table = Table("lengths", (Column("n", [1, 2]),))
    result = Result("made", np.zeros((1000, 3)), {k: np.zeros(9) for k in range(9)}, (1, 2), table)
    fields = "name='made', places=array[1000, 3], each=9 entries, states=[1, 2], table=Table(lengths: 2 rows of n)"
    assert repr(result) == f"Result({fields})"
    assert result._repr_html_() == table._repr_html_()

    @dataclass(frozen=True, repr=False)
    class Other(Legible):
        value: float

        def table(self):
            return table

    assert Other(1.0)._repr_html_() is None  # a notebook takes the line then
