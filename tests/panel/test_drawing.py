"""A view that Qt 6 will turn black is told of before it does, and only there."""

import pytest

SOFTWARE = ("Mesa/X.org", "llvmpipe (LLVM 15.0.6, 256 bits)", "4.5 (Compatibility Profile) Mesa 22.3.6")
WAY_ROUND = "MESA_EXTENSION_OVERRIDE"


@pytest.fixture
def asked(qapp, monkeypatch):
    """What is said of a driver, with a version of Qt."""
    from edmnoise_pymol.panel import drawing

    def ask(renderer, qt):
        monkeypatch.setattr(drawing.QtCore, "QT_VERSION", qt)

        class Cmd:
            get_renderer = staticmethod(lambda: renderer)

        return drawing.what_turns_black(Cmd)

    monkeypatch.delenv(WAY_ROUND, raising=False)
    return ask


def test_it_names_what_helps(asked, monkeypatch):
    said = asked(SOFTWARE, 0x060B00)
    assert said.endswith("Start PyMOL with MESA_EXTENSION_OVERRIDE=-GL_ARB_framebuffer_object, or use PyQt5 or Mesa 25")
    monkeypatch.setenv(WAY_ROUND, "-GL_ARB_framebuffer_object")
    assert asked(SOFTWARE, 0x060B00) is None


@pytest.mark.parametrize(
    ("renderer", "qt"),
    [
        (SOFTWARE, 0x050F0E),
        ((*SOFTWARE[:2], "4.5 (Compatibility Profile) Mesa 25.0.7"), 0x060B00),
        (("NVIDIA Corporation", "NVIDIA RTX A2000/PCIe/SSE2", "4.6.0 NVIDIA 535.183.01"), 0x060B00),
        (("AMD", "AMD Radeon RX 6600 (navi23, LLVM 15.0.6)", "4.6 (Compatibility Profile) Mesa 22.3.6"), 0x060B00),
        (("", "", ""), 0x060B00),
    ],
)
def test_what_draws_well_is_not_spoken_of(asked, renderer, qt):
    assert asked(renderer, qt) is None


def test_the_panel_says_it_when_it_opens(panel, cmd):
    from edmnoise_pymol.panel.drawing import what_turns_black

    expected = what_turns_black(cmd)
    assert panel.status.message.text() == (expected or "ready")
