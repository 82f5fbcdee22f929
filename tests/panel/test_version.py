"""edm_version in a window: the Qt that runs it, and what draws it."""

from pymol.Qt import PYQT_NAME, QtCore

from edmnoise_pymol import edm_version


def test_the_window_is_named(cmd):
    found = {name: said.lstrip() for name, said in (line.split("  ", 1) for line in edm_version().splitlines())}
    assert list(found)[:4] == ["edmnoise", "PyMOL", "Qt", "OpenGL"]
    assert found["Qt"] == f"{QtCore.qVersion()} by {PYQT_NAME}"
    for word in filter(None, cmd.get_renderer()):
        assert word in found["OpenGL"]
