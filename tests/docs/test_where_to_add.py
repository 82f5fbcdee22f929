"""The table of CONTRIBUTING.md by doing: something is added to a copy of the program, and the rest follows by itself.

Each addition is the text of at most three files; a Python of its own then runs the copy with a real PyMOL.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

START = """
import sys
from pymol import cmd
import edmnoise_pymol
edmnoise_pymol.register(cmd)
assert edmnoise_pymol.__file__.startswith(sys.argv[1]), edmnoise_pymol.__file__
cmd.load("$PYMOL_DATA/demo/1tii.pdb", "toxin")
cmd.remove("not (chain A and resi 4-35)")
page = lambda command: " ".join(command.__doc__.split())
offered = lambda command, place: list(cmd.auto_arg[place][command.__name__][0]().keywords)
"""


@pytest.fixture
def follows(tmp_path):
    """Put new text before a mark in some files, and run what is to follow from that."""

    def run(additions, script):
        assert len({name for name, _, _ in additions}) <= 3
        for package in ("edmnoise", "plugin"):
            shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
        for name, mark, text in additions:
            file = tmp_path / name
            before = file.read_text(encoding="utf-8") if file.exists() else ""
            assert before.count(mark) == 1 or not before
            file.write_text(before.replace(mark, text + mark) if before else text, encoding="utf-8")
        paths = os.pathsep.join([str(tmp_path), str(tmp_path / "plugin")])
        done = subprocess.run(
            [sys.executable, "-c", START + script, str(tmp_path)],
            env=os.environ | {"PYTHONPATH": paths},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def test_named_weights(follows):
    follows(
        [("edmnoise/noise/weights.py", '    "flat": (0, 0, 1),\n', '    "loose": (1, 1, 8),\n')],
        """
from edmnoise_pymol import edm_noise, edm_table, edm_triangle
assert "loose" in page(edm_noise)
assert "weights=loose" in offered(edm_noise, 2)
made = edm_noise("toxin", weights="loose", frames=2, _self=cmd)
assert made.provenance.noise.weights.label == "loose"
assert set(edm_table("toxin", weights="loose | flat", z="0", _self=cmd)["noise"]) == {"loose", "flat"}
assert "loose" in edm_triangle("toxin", _self=cmd).marks
""",
    )


def test_a_palette(follows):
    follows(
        [("edmnoise/base/colours.py", '    "ocean":', '    "night": ((0.0, 0.0, 0.1), (0.9, 0.9, 1.0)),\n')],
        """
from edmnoise_pymol import edm_color, edm_noise
assert "night" in page(edm_color)
assert "palette=night" in offered(edm_color, 4)
edm_noise("toxin", frames=3, name="made", _self=cmd)
assert edm_color("made", palette="night", _self=cmd).anchors[0] == (0.0, 0.0, 0.1)
""",
    )


def test_a_damage_measure(follows):
    follows(
        [
            (
                "edmnoise/frames/damage_measures.py",
                "\nMEASURES = (LDDT,",
                'HIGHEST = DamageMeasure("highest atom", "A", 2, "largest z of an atom", "length", in_report=True)\n',
            ),
            ("edmnoise/frames/damage_measures.py", " RMSD, CONTACTS,", " HIGHEST,"),
            (
                "edmnoise/frames/damage.py",
                "    ((CONTACTS,),",
                "    ((damage_measures.HIGHEST,), lambda _, points: (points[:, 2].max(axis=0).astype(float),)),\n",
            ),
            ("edmnoise/frames/damage.py", "from .clashes import", "from . import damage_measures\n"),
        ],
        """
from edmnoise_pymol import edm_damage
from edmnoise.sweep.measures import MEASURES
made = edm_damage("toxin", z="-3 0", draws=2, file="damage.svg", _self=cmd)
top = max(atom.coord[2] for atom in cmd.get_model("toxin").atom)
assert abs(made.table["highest atom"][0] - top) < 1
assert "highest atom" in open("damage.svg").read().replace("<!-- highest atom (Å) -->", "highest atom")
assert "highest atom" in [column.name for column in MEASURES["damage"].columns]
assert "highest atom" in MEASURES["damage"].drawn
""",
    )


def test_a_distribution_of_noise_levels(follows):
    follows(
        [
            (
                "edmnoise/noise/sigma.py",
                "        SigmaDistribution(16.0, -1.84,",
                '        SigmaDistribution(10.0, -1.0, 1.0, "ours", "an example"),\n',
            )
        ],
        """
from edmnoise_pymol import edm_noise, edm_scramble
assert "ours" in page(edm_noise)
assert any(word.endswith("distribution=ours") for word in offered(edm_noise, 3))
made = edm_noise("toxin", z=1, distribution="ours", frames=1, _self=cmd)
assert abs(made.provenance.sigma - 10) < 1e-9
""",
    )
