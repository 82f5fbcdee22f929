"""The open panel leaves PyMOL as it is: no redraws, no clicks lost, no picture gone, no memory lost."""

import pytest

from edmnoise_pymol import edm_color, edm_noise
from edmnoise_pymol.scene import shaders

PATIENCE = 60_000
ROW = 28
"""Pixels from the top of the 3-D view to the first object's row in PyMOL's own list; it keeps this distance."""
NAME, ACTIONS = 210, 77
"""From the right edge of the view to an object's name, and to its button A."""
CLICKS = 24


@pytest.fixture
def view(window):
    """PyMOL's 3-D view, with a count of how often it was painted."""
    from pymol.Qt import QtCore

    class Counter(QtCore.QObject):
        paints = 0

        def eventFilter(self, watched, event):
            self.paints += event.type() == QtCore.QEvent.Type.Paint
            return False

    view = window.pymolwidget
    view.counter = Counter()
    view.installEventFilter(view.counter)
    yield view
    view.removeEventFilter(view.counter)


@pytest.fixture
def rested(panel, view, qtbot):
    """Waits until the panel has read, measured and drawn all that is new, and PyMOL has drawn what it has to."""
    looks = []
    panel.session.looked.connect(lambda: looks.append(view.counter.paints))

    def rest():
        looks.clear()
        session = panel.session
        free = lambda: not (session.runner.busy or session._reader.busy or session._wanted)  # noqa: E731
        qtbot.waitUntil(lambda: free() and len(looks) > 20 and looks[-1] == looks[-20], timeout=PATIENCE)

    return rest


def idle(panel, cmd, qtbot):
    pass


def live(panel, cmd, qtbot):
    panel.noise.live.click()
    qtbot.waitUntil(lambda: "pept_live" in cmd.get_names("objects"), timeout=PATIENCE)
    qtbot.waitUntil(lambda: not panel.session.runner.busy, timeout=PATIENCE)


def follow(panel, cmd, qtbot):
    edm_noise("pept", frames=3, name="frames")
    edm_color("frames", follow=1)


def played(panel, cmd, qtbot):
    follow(panel, cmd, qtbot)
    panel.session.look()
    panel.playback.play.click()
    qtbot.waitUntil(lambda: cmd.get_frame() > 2, timeout=PATIENCE)
    panel.playback.play.click()


def playing(panel, cmd, qtbot):
    played(panel, cmd, qtbot)
    panel.playback.play.click()


@pytest.fixture
def used(panel, cmd, qtbot, rested, request):
    """The panel in one of its uses."""
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
    panel.session.look()
    request.param(panel, cmd, qtbot)
    if request.param is not playing:
        rested()
    return panel


@pytest.mark.parametrize("used", [idle, live, follow, played], indirect=True)
def test_nothing_is_painted_while_nothing_happens(used, view, qtbot):
    before = view.counter.paints
    qtbot.wait(5000)  # that something does not happen can be seen by no signal
    assert view.counter.paints == before


@pytest.mark.parametrize("used", [idle, live, follow, playing], indirect=True)
def test_a_click_on_an_objects_name_shows_and_hides_it(used, view, cmd, qtbot):
    from pymol.Qt import QtCore

    is_on = lambda: "pept" in cmd.get_names("objects", enabled_only=1)  # noqa: E731
    place = QtCore.QPoint(view.width() - NAME, ROW)
    looks = []
    used.session.looked.connect(lambda: looks.append(view.counter.paints))
    for _ in range(CLICKS):
        before, painted = is_on(), view.counter.paints
        qtbot.mouseClick(view, QtCore.Qt.MouseButton.LeftButton, pos=place)
        qtbot.waitUntil(lambda before=before: is_on() != before)
        looks.clear()  # PyMOL takes no other click until it has drawn what this one did; nobody is so quick
        qtbot.waitUntil(lambda painted=painted: len(looks) > 4 and looks[-1] > painted, timeout=PATIENCE)


@pytest.mark.usefixtures("seen")
@pytest.mark.parametrize("used", [idle, live, follow, playing], indirect=True)
def test_the_button_a_opens_its_menu(used, view, cmd, qtbot):
    from pymol.Qt import QtCore

    below = view.width() - 30, ROW + 170  # where the list is empty

    def colour():
        grab = getattr(view, "grabFrameBuffer", None) or view.grabFramebuffer  # Qt 5's widget, and Qt 6's
        return grab().pixelColor(*below).getRgb()

    empty = colour()
    qtbot.mouseClick(view, QtCore.Qt.MouseButton.LeftButton, pos=QtCore.QPoint(view.width() - ACTIONS, ROW))
    qtbot.waitUntil(lambda: colour() != empty)
    qtbot.mouseClick(view, QtCore.Qt.MouseButton.LeftButton, pos=QtCore.QPoint(20, view.height() // 2))
    qtbot.waitUntil(lambda: colour() == empty)


@pytest.mark.filterwarnings("ignore:setDaemon")  # of PyMOL's own
@pytest.mark.parametrize("used", [idle, live, follow, played], indirect=True)
def test_a_traced_picture_stays_until_it_is_saved(used, cmd, qtbot, tmp_path, rested):
    from pymol.Qt import QtGui

    picture = tmp_path / "x.png"
    cmd.do("ray 640, 480")
    rested()
    cmd.do(f"png {picture}")
    qtbot.waitUntil(picture.exists, timeout=PATIENCE)
    qtbot.waitUntil(lambda: not QtGui.QImage(str(picture)).isNull(), timeout=PATIENCE)
    shown = QtGui.QImage(str(picture))
    assert (shown.width(), shown.height()) == (640, 480)


@pytest.mark.parametrize("used", [live, follow], indirect=True)
def test_shaders_are_off_meanwhile_and_the_users_again_afterwards(used, cmd, qtbot):
    shown = lambda: {cmd.get_setting_int(name) for name in shaders.SETTINGS}  # noqa: E731
    assert shown() == {0}
    cmd.delete("pept_live frames")
    qtbot.waitUntil(lambda: shown() == {1}, timeout=PATIENCE)


def test_shaders_are_back_when_the_panel_is_closed_or_everything_is_forgotten(panel, cmd, qtbot):
    shown = lambda: {cmd.get_setting_int(name) for name in shaders.SETTINGS}  # noqa: E731
    for end in (lambda: panel.noise.live.click(), cmd.reinitialize, panel.close_down):
        cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
        panel.session.look()
        live(panel, cmd, qtbot)
        assert shown() == {0}
        end()
        qtbot.waitUntil(lambda: shown() == {1}, timeout=PATIENCE)
        assert not shaders._spared or end is cmd.reinitialize
        qtbot.waitUntil(lambda: not shaders._spared, timeout=PATIENCE)
