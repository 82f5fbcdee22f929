"""Numbers as people type them mean what they say, whatever country Qt thinks it is in, or are refused in sight."""

import pytest

from edmnoise_pymol.panel.controls.number import Real, Whole, read_number


@pytest.fixture(params=["C", "German", "French", "UnitedStates"])
def country(request, qapp):
    """Qt as in a country; fields take it up when they are made."""
    from pymol.Qt import QtCore

    before = QtCore.QLocale()
    named = {
        "C": QtCore.QLocale.c(),
        "German": QtCore.QLocale("de_DE"),
        "French": QtCore.QLocale("fr_FR"),
        "UnitedStates": QtCore.QLocale("en_US"),
    }
    QtCore.QLocale.setDefault(named[request.param])
    yield
    QtCore.QLocale.setDefault(before)


@pytest.fixture
def typed(qtbot, country):
    """Type a text into a field that holds 7, and leave it: its number, its text, and what it complains of."""
    from pymol.Qt import QtCore

    def act(field, text):
        qtbot.addWidget(field)
        field.setToolTip("what it is for")
        field.setValue(7)
        field.selectAll()
        qtbot.keyClicks(field, text)
        qtbot.keyClick(field, QtCore.Qt.Key.Key_Return)
        marked = "background" in field.styleSheet()
        assert marked == (field.toolTip() != "what it is for")
        return field.value(), field.text(), field.toolTip() if marked else ""

    return act


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("1,5", 1.5, "1.5 Å"),
        ("1.5", 1.5, "1.5 Å"),
        ("1e2", 100, "100 Å"),
        ("1E2", 100, "100 Å"),
        ("2.5e-1", 0.25, "0.25 Å"),
        (".5", 0.5, "0.5 Å"),
        (",5", 0.5, "0.5 Å"),
        ("5.", 5, "5 Å"),
        ("-3", -3, "-3 Å"),
        ("0,125", 0.125, "0.125 Å"),
        ("12 Å", 12, "12 Å"),
        ("100000", 100000, "100000 Å"),
    ],
)
def test_a_number_means_what_it_says(typed, text, value, shown):
    assert typed(Real(-12, 1e6, 0, 0.1, unit="Å", short=True), text) == (value, shown, "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1,234", "1,234 may be 1234 or 1.234: write it so"),
        ("1,234,567", "may be 1234567 or"),
        ("1.5.2", "1.5.2 is not a number"),
        ("1e", "1e is not a number"),
        ("abc", "abc is not a number"),
        ("1 000", "1 000 is not a number"),
        ("nan", "nan is not a number"),
        ("2000", "2000 is not within -12 and 1000"),
        ("1e99", "1e99 is not within"),
        ("1e-7", "1e-7 is less than this field can tell from 0"),
        ("", "nothing is not a number"),
    ],
)
def test_what_cannot_be_used_changes_nothing_and_says_why(typed, qtbot, text, reason):
    from pymol.Qt import QtCore

    field = Real(-12, 1000, 0, 0.1)
    if not text:
        qtbot.addWidget(field)
        field.setValue(7)
        field.selectAll()
        qtbot.keyClick(field, QtCore.Qt.Key.Key_Delete)
        qtbot.keyClick(field, QtCore.Qt.Key.Key_Return)
        assert (field.value(), field.text()) == (7, "7.0000")
        assert reason in field.toolTip()
    else:
        value, shown, said = typed(field, text)
        assert (value, shown) == (7, "7.0000")
        assert reason in said
    field.setValue(3)
    assert field.styleSheet() == ""


def test_whole_numbers(typed):
    assert typed(Whole(0, 2**31 - 1, 0), "1e3") == (1000, "1000", "")
    assert typed(Whole(0, 2**31 - 1, 0), "2147483647") == (2147483647, "2147483647", "")
    value, shown, said = typed(Whole(1, 100, 1), "2,5")
    assert (value, shown) == (7, "7")
    assert said.startswith("2,5 is not a whole number")


def test_a_special_value_may_be_typed_or_left_empty(qtbot, country):
    from pymol.Qt import QtCore

    field = Whole(0, 9, 5, special="shown")
    qtbot.addWidget(field)
    field.setPrefix("state ")
    for text in ("3", "shown", "state 4"):
        field.selectAll()
        qtbot.keyClicks(field, text)
        qtbot.keyClick(field, QtCore.Qt.Key.Key_Return)
        assert field.value() == {"3": 3, "shown": 0, "state 4": 4}[text]
        assert field.styleSheet() == ""
    field.selectAll()
    qtbot.keyClick(field, QtCore.Qt.Key.Key_Delete)
    qtbot.keyClick(field, QtCore.Qt.Key.Key_Return)
    assert (field.value(), field.text()) == (0, "shown")


def test_every_field_of_the_panel_is_such_a_field(panel):
    from pymol.Qt import QtWidgets

    fields = panel.findChildren(QtWidgets.QAbstractSpinBox)
    assert len(fields) > 20
    assert {type(field) for field in fields} == {Real, Whole}


def test_what_is_typed_reaches_the_command(panel, loaded, qtbot):
    from pymol.Qt import QtCore

    for text, command in (("1,5", "z=1.5"), ("-.5", "z=-0.5"), ("1e0", "z=1"), ("x", "z=1"), ("50", "z=1")):
        panel.noise.level.z.selectAll()
        qtbot.keyClicks(panel.noise.level.z, text)
        qtbot.keyClick(panel.noise.level.z, QtCore.Qt.Key.Key_Return)
        assert str(panel.noise.request) == f"edm_noise toxin, {command}, weights=flat"


@pytest.mark.parametrize("text", ["1.5", "1,5", ".5", "-2e-3"])
def test_what_is_read_is_what_python_reads(text):
    assert read_number(text) == float(text.replace(",", "."))
