"""edm_judge: what the library says of samples, loaded ones and those of denoisers, and nothing is made."""

import numpy as np
import pytest

from edmnoise.diffusion.denoisers.choice import DenoiserChoice
from edmnoise.diffusion.samplers.choice import SamplerChoice
from edmnoise.noise.process import NoiseChoice
from edmnoise.noise.weights import Weights
from edmnoise.study.samples import final_samples, judge_samples
from edmnoise_pymol import edm_judge, edm_sample
from edmnoise_pymol.job import Cancelled, Watch, run_inline

RUN = {"steps": 6, "samples": 5, "seed": 2}


@pytest.fixture
def states(cmd, pymol_data, coords, structure_of):
    """Residues 1-10 of two subunits of 1TII as two objects, and as one; gives the first one's structure."""
    cmd.load(str(pymol_data / "demo" / "1tii.pdb"), "whole")
    for name in "de":
        cmd.create(name, f"whole and chain {name.upper()} and resi 1-10", 1, 1)
    for number, name in enumerate("de", 1):
        cmd.create("m", "d", 1, number)
        cmd.load_coordset(coords(name), "m", number)
    cmd.delete("whole")
    return structure_of("m")


def test_states_and_mirror_images_among_loaded_samples(states, cmd, coords, frames_of):
    """An object that another program made: all of its states are samples."""
    first, second = frames_of("m", 1)
    for number, frame in enumerate([first, second + 30, second, first * [1, 1, -1]], 1):
        cmd.create("theirs", "d", 1, number)
        cmd.load_coordset(frame.astype(np.float32), "theirs", number)
    study = edm_judge("m", "theirs").study
    found = study.sets["theirs"]
    assert found.state.tolist() == [0, 1, 1, 0]
    assert found.rmsd[:3].max() < 1e-4
    assert found.mirrored.tolist() == [False, False, False, True]


def test_of_what_edm_sample_made_the_ends_are_judged(states, frames_of):
    together = edm_sample("m", trajectory=False, name="made", **RUN)
    steps = edm_sample("m", name="way", **RUN)
    study = edm_judge("m", f"made | {' or '.join(steps.names)}", by="state").study
    expected = judge_samples(states, frames_of("m", 1), {"made": together.run.final})
    for found in study.sets.values():
        np.testing.assert_allclose(found.rmsd, expected.sets["made"].rmsd, atol=1e-3)
        assert found.state.tolist() == expected.sets["made"].state.tolist()


def test_same_numbers_as_the_library_for_denoisers_side_by_side(states, frames_of, snapshot):
    before = snapshot()
    result = edm_judge("m", denoiser="states | kabsch", weights="1 4 4", state_weights="3 1", **RUN)
    assert snapshot() == before
    given = frames_of("m", 1)
    covariance = NoiseChoice.of(Weights.of(1, 4, 4)).on(states).covariance
    made = {
        name: final_samples(
            DenoiserChoice(name, [3, 1]).build(states, given, covariance),
            covariance,
            *SamplerChoice("heun", steps=6).build(),
            5,
            2,
        )
        for name in ("states", "kabsch")
    }
    expected = judge_samples(states, given, made, [3, 1])
    assert result.table.to_csv() == expected.table().to_csv()
    assert str(result.printed) == str(expected.summary())


def test_it_is_printed_and_written(states, typed, tmp_path):
    said = typed(f"edm_judge d or e, denoiser=states, steps=4, samples=3, by=state, file={tmp_path}/judged.csv")
    table = edm_judge("d or e", denoiser="states", steps=4, samples=3, by="state").table
    assert said == f"{table}\n edm_judge: {tmp_path}/judged.csv written: 2 rows\n"
    assert (tmp_path / "judged.csv").read_text() == table.to_csv()


def test_samples_of_other_atoms(states, cmd, refusal):
    cmd.create("fewer", "e and not name CB")
    assert "give common=1" in refusal("edm_judge m, fewer")
    study = edm_judge("m", "fewer", common=1).study
    assert study.structure.n_atoms == cmd.count_atoms("fewer")
    assert study.sets["fewer"].state.tolist() == [1]
    assert study.sets["fewer"].rmsd[0] < 1e-4


def test_it_tells_how_far_it_is_and_can_be_cancelled(states):
    told = []
    watch = Watch(lambda share, words: told.append((share, words)))
    run_inline(edm_judge.job("m", denoiser="states | kabsch", steps=2, samples=2), watch)
    assert [share for share, _ in told] == [0, 0.25, 0.5, 0.5, 0.75, 1]
    assert told[3][1] == "building kabsch"
    watch.cancel()
    with pytest.raises(Cancelled):
        run_inline(edm_judge.job("m", denoiser="states"), watch)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("edm_judge m", "nothing to judge: give sampled"),
        ("edm_judge m, nosuch", "nosuch"),
        ("edm_judge nosuch, m", "nosuch"),
        ("edm_judge m, d | d", "sampled holds 'd' twice"),
        ("edm_judge m, denoiser=states | states, steps=2, samples=2", "denoiser 'states' is given twice: give it once"),
        ("edm_judge m, denoiser=nosuch", "denoiser is 'nosuch': give one of states, "),
        ("edm_judge m, denoiser=states, samples=1", "samples is 1: give a whole number from 2"),
        ("edm_judge m, denoiser=states, sampler=best", "sampler is 'best'"),
        ("edm_judge m, d, state_weights=1 2 3", "state_weights are 3 numbers for 2 states of m"),
        ("edm_judge m, d, by=residue", "by is 'residue': give one of summary, state"),
        ("edm_judge m, d, gives=residual", "are of networks, and states is exact"),
        ("edm_judge m, d, file=judged.png", "judged.png"),
    ],
)
def test_wrong_input_is_one_line(states, refusal, line, message):
    assert message in refusal(line)
