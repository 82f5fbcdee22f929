"""A trace in the panel: what was recorded elsewhere is plotted, coloured and undone as a run of its own sampler is."""

import json
import math

import pytest

from edmnoise.structure.files import write_frames
from edmnoise.structure.hierarchy import as_read
from edmnoise_pymol.commands.request import Request, quoted
from edmnoise_pymol.scene import follow

PATIENCE = 60_000


@pytest.fixture
def open_it(panel, traced, made):
    """The result of edm_trace, its first object shown."""

    def run(trace=traced.trace):
        options = {"structure": quoted(str(traced.file)), "denoised": "1", "samples": "1", "name": "seen"}
        request = Request("edm_trace", quoted(str(trace)), options)
        panel.shelf.open()
        panel.plots.choose("levels")
        return made(lambda: panel.session.run(request, "trace", lambda result: panel.session.show(result.names[0])))

    return run


@pytest.fixture
def opened(open_it):
    return open_it()


def test_freeze_out_and_sequence_show_it(panel, opened, cmd, qtbot):
    """The plot with something to say comes by itself; a place in it leads to the step."""
    chart = panel.plots.charts["freeze_out"]
    assert panel.plots.chart is chart
    qtbot.waitUntil(lambda: chart.full and not chart._soon.isActive(), timeout=PATIENCE)
    frozen = as_read(opened.run.freeze_out().values())
    assert [way.frozen for way in chart._of.ways] == pytest.approx(list(frozen), nan_ok=True)
    chart.canvas.clicked.emit(math.log10(chart._of.sigmas[4]), -1)
    qtbot.waitUntil(lambda: cmd.get_frame() == 6, timeout=PATIENCE)
    panel.plots.choose("sequence")
    sequence = panel.plots.charts["sequence"]
    qtbot.waitUntil(lambda: sequence.full and not sequence._soon.isActive(), timeout=PATIENCE)


def test_estimates_alone_are_drawn_alone(panel, traced, open_it, tmp_path, qtbot):
    traced.into(tmp_path)
    run = tmp_path / "run.trace" / "run.json"
    run.write_text(json.dumps(json.loads(run.read_text()) | {"kinds": ["denoised"]}))
    result = open_it(tmp_path / "run.trace")
    chart = panel.plots.charts["freeze_out"]
    qtbot.waitUntil(lambda: chart.full and not chart._soon.isActive(), timeout=PATIENCE)
    assert chart._of.ways[0].denoised == tuple(as_read(result.run.to_go().values())[0])
    assert all(map(math.isnan, chart._of.ways[0].noisy))
    _, (low, high) = chart.canvas.box.viewRange()
    assert math.isfinite(low)
    assert math.isfinite(high)


def test_x_alone_is_drawn_alone(panel, traced, open_it, tmp_path, qtbot):
    """Within the axes, though there are no estimates; a place in it is read."""
    traced.into(tmp_path)
    run = tmp_path / "run.trace" / "run.json"
    run.write_text(json.dumps(json.loads(run.read_text()) | {"kinds": ["noisy"]}))
    result = open_it(tmp_path / "run.trace")
    chart = panel.plots.charts["freeze_out"]
    qtbot.waitUntil(lambda: chart.full and not chart._soon.isActive(), timeout=PATIENCE)
    way = chart._of.ways[2]
    assert way.noisy == tuple(as_read(result.run.to_go("noisy").values())[2])
    _, (low, high) = chart.canvas.box.viewRange()
    assert low < math.log10(way.noisy[0]) < high
    assert "nan" not in chart.read(0.0, 0.0)


def test_steps_without_levels_have_no_freeze_out(panel, traced, open_it, tmp_path, qtbot):
    write_frames(tmp_path / "steps.pdb", traced.run.structure, traced.run.denoised[:, 0])
    open_it(tmp_path / "steps.pdb")
    panel.plots.choose("freeze_out")
    chart = panel.plots.charts["freeze_out"]
    qtbot.waitUntil(lambda: "no levels are known" in chart.message.text(), timeout=PATIENCE)


def test_colours_follow_its_steps(panel, opened, cmd, made):
    made(lambda: panel.session.run(Request("edm_color", "seen_denoised", {"origin": "last", "follow": "1"}), "colours"))
    assert follow.painter("seen_denoised") is not None


def test_undo_takes_its_objects_away(panel, opened, cmd, qtbot):
    assert {"seen", "seen_denoised"} <= set(cmd.get_names("objects"))
    panel.status.undo.click()
    qtbot.waitUntil(lambda: not {"seen", "seen_denoised"} & set(cmd.get_names("objects")), timeout=PATIENCE)
