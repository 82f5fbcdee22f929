"""The line that the panel copies makes the same frames in a PyMOL without a window, byte for byte."""

import os
import subprocess
import sys

import numpy as np
import pytest

SCRIPT = """
load $PYMOL_DATA/demo/1tii.pdb, toxin
{line}
python
import numpy as np
states = range(1, cmd.count_states("{name}") + 1)
found = [cmd.get_model("{name}", state).get_coord_list() for state in states]
np.save("frames.npy", np.array(found, dtype=np.float32))
python end
"""


@pytest.fixture
def without_window(tmp_path):
    """The states that a line makes of an object in `pymol -cq`."""

    def run(line, name):
        (tmp_path / "script.pml").write_text(
            "import edmnoise_pymol\n" + SCRIPT.format(line=line, name=name), encoding="utf-8"
        )
        command = [sys.executable, "-m", "pymol", "-cqky", "script.pml"]
        done = subprocess.run(
            command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return np.load(tmp_path / "frames.npy")

    return run


@pytest.mark.parametrize("tab", ["noise", "sampling"])
def test_the_copied_line_makes_the_same_frames(panel, loaded, made, frames_of, without_window, qapp, tab):
    panel.pickers.selection.setText("chain D and resi 1-40")
    panel.pickers.read()
    panel.noise.weights.set_weights("rebalanced")
    panel.noise.level.z.setValue(-0.37)
    panel.sampling.form["steps"].setValue(9)
    part, act = {"noise": (panel.noise, "apply"), "sampling": (panel.sampling, "run")}[tab]
    part.copy.click()
    line = qapp.clipboard().text()
    result = made(getattr(part, act).click)
    name = getattr(result, "name", None) or result.names[0]
    assert without_window(line, name).tobytes() == frames_of(name, first=1).tobytes()
