"""The file's ending chooses the format of a figure, and what is in the way is told before there is one."""

import sys

import pytest

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.table import TABLES
from edmnoise.study.figures.figure import FIGURES, check_figure, check_output, is_figure, new_figure, save_figure

STARTS = {".png": b"\x89PNG\r\n", ".svg": b"<?xml", ".pdf": b"%PDF-"}


def drawn():
    figure = new_figure(2.0, 1.0)
    figure.add_subplot().plot([0, 1], [1, 0])
    return figure


@pytest.mark.parametrize("ending", FIGURES)
def test_the_ending_is_the_format(tmp_path, ending):
    path = tmp_path / f"plot{ending.upper()}"
    assert is_figure(path)
    assert check_figure(path) == check_output(path) == str(path)
    save_figure(drawn(), path)
    assert path.read_bytes().startswith(STARTS[ending])
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("check", [check_figure, check_output, lambda path: save_figure(drawn(), path)])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("plot.jpg", r"'.*plot\.jpg': end the name in .*\.png, \.svg or \.pdf"),
        ("plot", r"'.*plot': end the name in .*\.png, \.svg or \.pdf"),
        (".png", r"'.*\.png': end the name in .*\.png, \.svg or \.pdf"),
        ("nowhere/plot.svg", r"cannot write .*plot\.svg: there is no folder .*nowhere$"),
        ("folder.pdf", r"cannot write .*folder\.pdf: it is a folder"),
    ],
)
def test_what_is_in_the_way(tmp_path, check, name, words):
    (tmp_path / "folder.pdf").mkdir()
    with pytest.raises(EdmNoiseError, match=words):
        check(tmp_path / name)
    assert [file.name for file in tmp_path.iterdir()] == ["folder.pdf"]


def test_a_table_or_a_figure(tmp_path):
    for ending in TABLES:
        assert check_output(tmp_path / f"x{ending}") == str(tmp_path / f"x{ending}")
        assert not is_figure(tmp_path / f"x{ending}")
    with pytest.raises(EdmNoiseError) as refused:
        check_output("x.xls")
    known = ".csv or .json for the table, .png, .svg or .pdf for the figure"
    assert str(refused.value) == f"nothing can be written as 'x.xls': end the name in {known}"


def test_without_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    for check in (check_figure, check_output):
        with pytest.raises(EdmNoiseError, match=r"^figures need matplotlib: "):
            check(tmp_path / "plot.png")
    assert check_output(tmp_path / "table.csv")  # which needs none
