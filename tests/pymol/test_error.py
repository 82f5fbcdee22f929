"""edm_error prints what the library measures on the loaded states, beside the references, and makes nothing."""

import sys

import numpy as np
import pytest
import torch

from edmnoise.diffusion.denoisers.states import StatesDenoiser
from edmnoise.noise.process import NoiseChoice
from edmnoise.noise.weights import Weights
from edmnoise.study.candidates import EXACT, FLUCTUATING, NOTHING, Candidate, references
from edmnoise.study.error import denoising_error
from edmnoise.study.targets import Targets
from edmnoise_pymol import edm_error
from edmnoise_pymol.job import Cancelled, Watch, run_inline

MODULE = """
def build(structure):
    return lambda x, sigma: x / (1 + sigma[:, None, None] ** 2 / 25)

def wide(structure):
    return lambda x, sigma: x / (2 + sigma[:, None, None])
"""


@pytest.fixture
def ensemble(cmd, pymol_data, coords, structure_of, tmp_path, monkeypatch):
    """Residues 1-10 of five copies of 1TII's subunit, as objects and as one object; and a network. Gives its structure.

    Made without the plugin.
    """
    cmd.load(str(pymol_data / "demo" / "1tii.pdb"), "whole")
    for name in "defgh":
        cmd.create(name, f"whole and chain {name.upper()} and resi 1-10", 1, 1)
    for number, name in enumerate("defgh", 1):
        cmd.create("m", "d", 1, number)
        cmd.load_coordset(coords(name), "m", number)
    cmd.delete("whole")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "shrinking", raising=False)
    (tmp_path / "shrinking.py").write_text(MODULE)
    return structure_of("m")


def expected(structure, states, known, asked, names, **more):
    """The study, made without the plugin."""
    covariance = NoiseChoice.of(Weights.of(1, 4, 4)).on(structure).covariance
    given = torch.from_numpy(states).mT
    candidates = references(structure.hierarchy, given[known], covariance, names[0])
    candidates += [
        Candidate(name, StatesDenoiser(given[known], covariance, None, name, None, structure.hierarchy), names[0])
        for name in more.pop("beside", ())
    ]
    return denoising_error(candidates, Targets(given[asked], names[1]), covariance, structure.hierarchy, **more)


def test_same_numbers_as_the_library_and_nothing_made(ensemble, frames_of, snapshot):
    before = snapshot()
    result = edm_error("m", "kabsch", sigma="1 8", weights="1 4 4", draws=6, seed=3, held_out="5 2")
    assert snapshot() == before
    names = ("states 1 3 4 of m", "states 2 5 of m")
    study = expected(
        *(ensemble, frames_of("m", 1), [0, 2, 3], [1, 4], names),
        beside=["kabsch"],
        sigmas=[1.0, 8.0],
        draws=6,
        seed=3,
    )
    assert result.table.to_csv() == study.table().to_csv()
    assert str(result.printed) == str(study.summary())


def test_several_objects_are_states_by_their_names(ensemble):
    of_objects = edm_error("d or e or f", sigma=4, draws=4, held_out=3)
    assert of_objects.study.labels[0] == (EXACT, "d, e")
    assert of_objects.study.of == "f"
    of_one = edm_error("m", sigma=4, draws=4)
    assert of_one.study.labels[0] == (EXACT, "states 1-5 of m")
    assert of_one.study.of == "states 1-5 of m"
    alone = edm_error("m", sigma=4, draws=4, state=2)
    assert [label for label, _ in alone.study.labels] == [EXACT, NOTHING]
    assert alone.study.of == "state 2 of m"


def test_levels_are_those_of_the_distribution(ensemble):
    study = edm_error("m", z="-1 0", distribution="-1.2 1.2 10", draws=2).study
    np.testing.assert_allclose(study.sigmas, [10 * np.exp(-2.4), 10 * np.exp(-1.2)], rtol=1e-12)
    assert len(edm_error("d", draws=2).study.sigmas) == 7


def test_with_fluctuations_the_optimum_is_the_one_that_fluctuates(ensemble):
    """Nothing errs less than it on data like these, in any part: the excess is a distance from it."""
    study = edm_error("m", "states", sigma="0.5 4", draws=40, fluctuations="0 0.5 0.3").study
    assert study.reference == FLUCTUATING
    for name in (EXACT, NOTHING):
        ratio, error = study.ratio(name)
        assert (ratio[:, :2] > 1 - 3 * error[:, :2]).all()
    np.testing.assert_allclose(study.rms("states")[0], study.rms(FLUCTUATING)[0], rtol=1e-6)


def test_a_network_stands_beside_them(ensemble, typed, tmp_path):
    said = typed("edm_error m, shrinking:build | kabsch, sigma=2 20, draws=4, file=error.csv")
    assert "shrinking:build: turning error " in said
    assert said.endswith(" edm_error: error.csv written\n")
    rows = (tmp_path / "error.csv").read_text()
    assert rows.count("shrinking:build,its training") == 2
    assert rows.count("kabsch,states 1-5 of m") == 2
    typed("edm_error m, sigma=1 4, draws=4, file=error.svg")
    assert "<svg" in (tmp_path / "error.svg").read_text()


def test_each_network_says_its_own(ensemble, typed):
    """Behind its name, in the place of what the command says of all; the same numbers as each alone."""
    own = "shrinking:build gives=residual data_scales=5 4 3 rule=finite"
    three = f"shrinking:build | {own} | shrinking:wide"
    said = typed(f"edm_error m, {three}, sigma=2, draws=4, gives=residual, data_scales=6")
    assert f"{own}: turning error " in said
    together = edm_error("m", three, sigma=2, draws=4, gives="residual", data_scales=6).study
    of_all = {"gives": "residual", "data_scales": 6}
    for name, alone in (
        ("shrinking:build", edm_error("m", "shrinking:build", sigma=2, draws=4, **of_all).study),
        ("shrinking:wide", edm_error("m", "shrinking:wide", sigma=2, draws=4, **of_all).study),
    ):
        np.testing.assert_array_equal(together.rms(name)[0], alone.rms(name)[0])
    single = {"gives": "residual", "data_scales": "5 4 3", "rule": "finite"}
    alone = edm_error("m", "shrinking:build", sigma=2, draws=4, **single).study
    np.testing.assert_array_equal(together.rms(own)[0], alone.rms("shrinking:build")[0])


def test_from_python_a_network_itself(ensemble):
    import torch

    class Layers(torch.nn.Sequential):
        def forward(self, x, sigma):
            return x / (1 + sigma[:, None, None] ** 2 / 25)

    study = edm_error("m", [Layers(), "shrinking:build"], sigma=2, draws=4).study
    np.testing.assert_array_equal(study.rms("Layers")[0], study.rms("shrinking:build")[0])
    alone = edm_error("m", Layers(torch.nn.Identity()), sigma=2, draws=4).study
    np.testing.assert_array_equal(alone.rms("Layers")[0], study.rms("Layers")[0])


def test_it_tells_how_far_it_is_and_can_be_cancelled(ensemble):
    told = []
    watch = Watch(lambda share, words: told.append((share, words)))
    run_inline(edm_error.job("m", sigma="1 4", draws=4), watch)
    assert told == [(0, "building the denoisers"), (0.5, "draw 4 of 8"), (1, "draw 8 of 8")]
    watch.cancel()
    with pytest.raises(Cancelled):
        run_inline(edm_error.job("m", sigma="1 4", draws=4), watch)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("edm_error nosuch", "nosuch"),
        ("edm_error m, nosuch", "denoiser is 'nosuch': give one of states, "),
        ("edm_error m, kabsch | kabsch, draws=2", "denoiser 'kabsch' is given twice: give it once"),
        (
            "edm_error m, shrinking:build give=residual",
            "no setting 'give' of shrinking:build: the known",
        ),
        ("edm_error m, shrinking:build gives", "gives of shrinking:build has no value"),
        ("edm_error m, shrinking:build gives=noise", "gives is 'noise': give one of denoised, residual"),
        ("edm_error m, shrinking:build gives=residual", "a residual needs the data_scales"),
        ("edm_error m, kabsch gives=residual data_scales=5", "are of networks, and kabsch is exact"),
        ("edm_error m, shrinking:build gives=denoised, gives=residual, data_scales=5", "and states is exact"),
        ("edm_error m, draws=2, device=tpu", "device is 'tpu': give one of auto, cpu, cuda"),
        ("edm_error m, net.pt2, draws=2", "cannot read the network net.pt2"),
        ("edm_error m, z=0, sigma=1", "z and sigma are both given"),
        ("edm_error m, sigma=-1", "sigma is -1"),
        ("edm_error m, sigma=1, draws=1", "draws is 1: give a whole number from 2"),
        ("edm_error m, held_out=6", "held_out is 6: no state 6, there are 1 to 5"),
        ("edm_error m, held_out=1.5", "held_out is 1.5: give a whole number"),
        ("edm_error m, held_out=1 2 3 4 5", "held_out are all 5 states: leave one to know"),
        ("edm_error d, held_out=2", "held_out is 2: no state 2, d has 1 state"),
        ("edm_error m, fluctuations=1 1", "fluctuations are [1.0, 1.0]"),
        ("edm_error m, gives=residual", "are of networks, and states is exact"),
        ("edm_error m, file=error.txt", "error.txt"),
    ],
)
def test_wrong_input_is_one_line(ensemble, refusal, line, message):
    assert message in refusal(line)
