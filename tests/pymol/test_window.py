"""In PyMOL's own window: colours that follow the state, and the entries of the Plugin menu."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edmnoise_pymol import edm_color, edm_noise

SCRIPT = Path(__file__).parent / "scripts" / "window.py"


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What the script saw in a window, on the screen that these tests were given."""
    folder = tmp_path_factory.mktemp("window")
    folder.chmod(0o700)  # Qt warns of others
    environment = {
        key: os.environ[key]
        for key in ("PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "DISPLAY", "XAUTHORITY")
        if key in os.environ
    }
    environment |= {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "REPORT": str(folder / "report.json")}
    environment |= {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pymol", "-q", "-r", str(SCRIPT)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert (folder / "report.json").exists(), said
    report = json.loads((folder / "report.json").read_text())
    assert report["errors"] == [], said
    return report | {"said": said}


@pytest.fixture
def colours_of_states(cmd, atoms):
    """What edm_color gives each state of the same frames by itself, on the range that was followed."""
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
    edm_noise("pept", frames=3, seed=5, name="made")
    maximum = edm_color("made", over="max").high

    def read(state):
        cmd.frame(state)
        edm_color("made", over="state", palette="white_red", minimum=0, maximum=maximum)
        return atoms("made", "color")

    return read


def test_colours_follow_the_state_on_one_range(seen, colours_of_states):
    assert list(seen["states"]) == ["3", "2", "4", "1"]
    for state, colours in seen["states"].items():
        assert colours == colours_of_states(int(state))
    assert len({tuple(colours) for colours in seen["states"].values()}) == 4
    assert "from 0.000 to" in seen["range"][0]


def test_colours_wait_while_all_states_are_shown(seen, colours_of_states):
    assert not seen["recoloured while all states were shown"]
    assert seen["after all states"] == colours_of_states(2)


def test_colours_follow_until_another_call_or_the_end_of_the_object(seen):
    assert seen["ended by another call"] == []
    assert seen["followed after it was made anew"] == []


def test_colours_stop_with_one_line_when_the_atoms_have_changed(seen):
    (line,) = (line for line in seen["said"].splitlines() if "do not follow" in line)
    assert line.startswith(" edm_color: the colours of cut do not follow any more: ")
    assert "Traceback" not in seen["said"]


def test_the_menu_tries_it_and_lists_the_commands(seen):
    assert seen["tried"] == [253, 21]
    for command in ("edm_noise         adds", "edm_save          writes"):
        assert command in seen["text window"]


def test_pymols_line_for_every_frame_that_it_reads_is_kept_from_the_user(seen):
    assert "object edm_1tii_noise: reference and 20 frames" in seen["text window"]
    assert "read set" not in seen["text window"]
