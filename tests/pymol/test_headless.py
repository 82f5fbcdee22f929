"""Without a window: scripts, exit codes, other PyMOLs in the process, and no torch before it is needed."""

import json
import os
import subprocess
import sys

import pymol2
import pytest

from edmnoise_pymol import edm_color, edm_levels, edm_noise, edm_save, edm_table, register


@pytest.fixture
def run(tmp_path):
    """Run this Python in a folder and a home of its own: exit code, standard output, standard error."""
    environment = {
        key: os.environ[key] for key in ("PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH") if key in os.environ
    }
    environment |= {"HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}

    def start(*arguments, **scripts):
        for name, text in scripts.items():
            (tmp_path / name.replace("_", ".")).write_text(text)
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return start


START = "import edmnoise_pymol\nload $PYMOL_DATA/demo/pept.pdb, pept\n"


def test_pymol_script(run, tmp_path):
    """The frames' own lines, which PyMOL's reader prints past Python, are not among what is printed."""
    work = "edm_noise pept, frames=2, seed=3\nedm_levels pept_noise, file=levels.csv\nedm_save frames.pdb, pept_noise\n"
    code, said, errors = run("-m", "pymol", "-cqy", "work.pml", work_pml=START + work + "print('the end')\n")
    assert (code, errors) == (0, "")
    assert said.rstrip().endswith("the end")
    assert "object pept_noise: reference and 2 frames" in said
    assert "frames.pdb written: 3 models" in said
    assert "dcd" not in said.lower()
    assert {"levels.csv", "frames.pdb"} <= set(os.listdir(tmp_path))


def test_pymol_script_that_fails(run):
    """With -y PyMOL stops at the first mistake and says so to the shell."""
    work = "edm_noise pept, sigmas=1\nprint('the end')\n"
    # Asked to leave with a code, PyMOL leaves without what Python has not printed yet: -u.
    code, said, _ = run("-u", "-m", "pymol", "-cqy", "work.pml", work_pml=START + work)
    assert code == 1
    assert " Error: edm_noise has no argument 'sigmas', perhaps sigma: the arguments are selection, z, weights" in said
    assert "the end" not in said.splitlines()
    assert "Traceback" not in said


def test_python_script_that_fails(run):
    work = "from pymol import cmd\nfrom edmnoise_pymol import edm_noise\nedm_noise('all', sigmas=1)\nprint('the end')\n"
    code, said, errors = run("work.py", work_py=work)
    assert (code, said) == (1, "")
    last = errors.rstrip().splitlines()[-1]
    assert last.startswith("pymol.CmdException: ")
    assert "'sigmas', perhaps sigma: the arguments are selection, z, weights" in last


PYTHON_SCRIPT = """
import contextlib, io, json, sys
from pymol import CmdException, cmd
heavy = lambda: sorted({"torch", "scipy", "matplotlib", "pyqtgraph", "PyQt5"} & set(sys.modules))
seen = {"pymol": heavy()}
import edmnoise_pymol
seen["import"] = heavy() + sorted({"numpy"} & set(sys.modules))
cmd.fragment("ala")
with contextlib.redirect_stdout(io.StringIO()):
    for command in edmnoise_pymol.COMMANDS:
        cmd.help(command.__name__)
        for line in ("{} a", "{} ala, ", "{} ala, w", "{} ala, weights="):
            cmd._parser.complete(line.format(command.__name__))
    seen["help and completion"] = heavy()
    cmd._parser.parse("edm_noise ala, sigmas=1")
    try:
        edmnoise_pymol.edm_levels()
    except CmdException:
        pass
    seen["wrong arguments"] = heavy()
result = edmnoise_pymol.edm_noise("ala", frames=2)
seen["noise"] = heavy()
seen["made"] = [result.name, cmd.count_states(result.name)]
print(json.dumps(seen))
"""


def test_python_script(run):
    """Nothing but what the script prints; and no torch, whose import takes seconds, before a command needs it.

    Nor NumPy, which takes a tenth of one, while PyMOL starts."""
    code, said, errors = run("work.py", work_py=PYTHON_SCRIPT)
    assert (code, errors) == (0, "")
    seen = json.loads(said)
    assert seen.pop("made") == ["ala_noise", 3]
    noise = seen.pop("noise")
    assert "torch" in noise
    assert not {"matplotlib", "pyqtgraph", "PyQt5"} & set(noise)
    assert seen == {"pymol": [], "import": [], "help and completion": [], "wrong arguments": []}


def test_another_pymol_in_the_process(cmd, tmp_path):
    """Each has its own objects, and the commands work on the one that they were registered with or told."""
    with pymol2.PyMOL() as other:
        register(other.cmd)
        other.cmd.fragment("ala")
        cmd.fragment("gly")
        assert other.cmd._parser.parse("edm_noise ala, frames=2, quiet=1")
        assert not other.cmd._parser.parse("edm_noise gly")
        edm_levels("ala_noise", _self=other.cmd, quiet=1)
        edm_color("ala_noise", palette="white_red", _self=other.cmd, quiet=1)
        edm_table("ala", z=0, _self=other.cmd, quiet=1)
        edm_save(str(tmp_path / "other.pdb"), "ala_noise", _self=other.cmd, quiet=1)
        edm_noise("gly", frames=1)
        assert other.cmd.get_names("all") == ["ala", "ala_noise"]
        assert cmd.get_names("all") == ["gly", "gly_noise"]
        assert other.cmd._parser.complete("edm_noise ala_") == "edm_noise ala_noise, "
    assert (tmp_path / "other.pdb").exists()


def test_a_pymol_without_the_commands_does_not_know_them():
    with pymol2.PyMOL() as bare:
        assert "edm_noise" not in bare.cmd.keyword
        register(bare.cmd)
        assert "edm_noise" in bare.cmd.keyword
