"""edm_compare prints what single edm_sample runs say, and makes nothing."""

import numpy as np
import pytest

from edmnoise.frames.displacement import Measure
from edmnoise_pymol import edm_compare, edm_sample
from edmnoise_pymol.job import Cancelled, Watch, run_inline

RESIDUE, ATOM = Measure(1, True), Measure(0, True)


@pytest.fixture
def copies(cmd, pymol_data):
    """Residues 1-20 of the subunits D and E of 1TII: two objects of the same atoms."""
    cmd.load(str(pymol_data / "demo" / "1tii.pdb"), "whole")
    for name in "de":
        cmd.create(name, f"whole and chain {name.upper()} and resi 1-20", 1, 1)
    cmd.delete("whole")


def test_numbers_are_those_of_single_runs_and_nothing_is_made(copies, snapshot):
    before = snapshot()
    samplers = "heun | heun churn 0.4 center 0 | heun schedule log_linear | boltz2"
    result = edm_compare("d or e", "flat | 1 4 4", samplers, steps=8, samples=2, seed=5)
    assert snapshot() == before
    made = result.comparison.variants
    assert [row.noise for row in made] == ["flat"] * 4 + ["rebalanced"] * 4
    assert [row.sampler for row in made] == [item.strip() for item in samplers.split("|")] * 2
    options = {
        "heun churn 0.4 center 0": {"churn": 0.4, "center": 0},
        "heun schedule log_linear": {"schedule": "log_linear"},
    }
    for row in made:
        single = edm_sample(
            "d or e",
            sampler=row.sampler.split()[0],
            weights=row.noise,
            steps=8,
            samples=2,
            seed=5,
            trajectory=0,
            **options.get(row.sampler, {}),
        ).run
        np.testing.assert_array_equal(row.sigmas, single.sigmas)
        for part in (RESIDUE, ATOM):
            np.testing.assert_allclose(row.to_go[part], single.to_go()[part], rtol=1e-5, atol=1e-6)
            assert row.frozen[part] == pytest.approx(single.freeze_out()[part], rel=1e-5)


def test_it_is_printed_and_written(copies, typed, tmp_path):
    line = "edm_compare d or e, weights=flat | current, steps=6"
    said = typed(f"{line}, file={tmp_path}/why.csv")
    result = edm_compare("d or e", "flat | current", steps=6)
    written = f" edm_compare: {tmp_path}/why.csv written: 2 rows\n"
    assert said == f" edm_compare: 2 states of d, e\n{result.table}\n{written}"
    assert (tmp_path / "why.csv").read_text() == result.table.to_csv()
    typed(f"{line}, file={tmp_path}/why.png")
    assert (tmp_path / "why.png").read_bytes().startswith(b"\x89PNG")


def test_by_step(copies, typed):
    said = typed("edm_compare d, weights=flat, sampler=heun steps 5 | euler, steps=7, by=step")
    table = edm_compare("d", "flat", "heun steps 5 | euler", steps=7, by="step").table
    assert str(table) in said
    assert len(table) == 5 + 7


def test_settings_may_be_typed_with_equals_signs(copies):
    one, two = (
        edm_compare("d", "flat", text, steps=4).table for text in ("heun churn=0.2 rho=5", "heun churn 0.2 rho 5")
    )
    assert str(one) == str(two)


def test_it_tells_how_far_it_is_and_can_be_cancelled(copies):
    told = []
    watch = Watch(lambda share, words: told.append((share, words)))
    run_inline(edm_compare.job("d", "flat | current", steps=3), watch)
    assert told[0] == (pytest.approx(1 / 6), "run 1 of 2, step 1 of 3")
    assert told[-1] == (1, "run 2 of 2, step 3 of 3")
    watch.cancel()
    with pytest.raises(Cancelled):
        run_inline(edm_compare.job("d", "flat", steps=3), watch)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("edm_compare nosuch", "nosuch"),
        ("edm_compare d, weights=heavy", "no weights 'heavy'"),
        ("edm_compare d, weights=|", "no weights or no sampler given"),
        ("edm_compare d, sampler=huen", "sampler is 'huen': give one of euler, "),
        ("edm_compare d, sampler=heun chum 1", "no setting 'chum' of heun: the known ones are steps, "),
        ("edm_compare d, sampler=heun churn", "churn of heun has no value: give heun churn and a number"),
        ("edm_compare d, sampler=heun churn much", "churn is 'much': give a number"),
        ("edm_compare d, sampler=heun | heun", "sampler 'heun' is given twice"),
        (
            "edm_compare d, sampler=heun | euler | chai | ralston | midpoint",
            "3 weights times 5 samplers are 15 variants",
        ),
        ("edm_compare d, samples=0", "samples is 0"),
        ("edm_compare d, steps=few", "steps is 'few': give a whole number"),
        ("edm_compare d, seed=-1", "seed"),
        ("edm_compare d, denoiser=network", "denoiser is 'network': give one of states, "),
        ("edm_compare d, by=level", "by is 'level': give one of summary, step, samples"),
        ("edm_compare d, denoiser=|", "no denoiser given"),
        (
            "edm_compare d, weights=flat | current, sampler=heun | euler | chai, denoiser=states | kabsch | fixed",
            "2 weights times 3 denoisers times 3 samplers are 18 variants",
        ),
        ("edm_compare d, file=why.doc", "why.doc"),
        ("edm_compare d, device=tpu", "device is 'tpu'"),
    ],
)
def test_wrong_input_is_one_line(copies, refusal, line, message):
    assert message in refusal(line)
