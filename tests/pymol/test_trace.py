"""edm_trace typed in a real PyMOL: a run of our own sampler, recorded as another program's, comes back as it was."""

import json
import shutil

import numpy as np
import pytest

from edmnoise.structure.files import write_frames
from edmnoise.structure.files.dcd import DcdWriter
from edmnoise.structure.superpose import superpose
from edmnoise.trajectories.trace import open_trace
from edmnoise_pymol import edm_trace
from edmnoise_pymol.job import run_inline
from edmnoise_pymol.jobs.plots.freeze_out import freeze_out
from edmnoise_pymol.scene.titles import caption


@pytest.fixture
def folder(cmd, traced, tmp_path, monkeypatch):
    """A working folder with run.trace and complex_model_0.cif."""
    traced.into(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def truth(traced, atoms):
    """Frames (..., N, 3) of the run with their atoms in the order of an object: PyMOL sorts those of a residue."""
    held = traced.run.structure.atoms
    row = {facts: at for at, facts in enumerate(zip(held.chain, held.number, held.name, strict=True))}

    def of(frames, name):
        return frames[..., [row[facts] for facts in atoms(name, "(chain, resi, name)")], :]

    return of


def rmsd(one, other):
    """RMSD of each frame of one from the same of the other after superposition, angstrom."""
    return superpose(np.swapaxes(one, 1, 2), np.swapaxes(other, 1, 2)).rmsd.tolist()


def test_states_are_the_recorded_frames(cmd, folder, traced, typed, snapshot, frames_of, truth):
    """Noisy and denoised, each sample an object of its own, to 1e-3 A, and the scene is as it was beside them."""
    cmd.fragment("ala")
    before = snapshot()
    said = typed("edm_trace run.trace, complex_model_0.cif, denoised=1, name=seen")
    names = [f"seen_{sample}{kind}" for sample in (1, 2, 3) for kind in ("", "_denoised")]
    assert snapshot(leave_out=names) == before
    assert cmd.get_names("objects") == ["ala", *names]
    for sample in range(3):
        for kind, recorded in (("", traced.run.noisy), ("_denoised", traced.run.denoised)):
            name = f"seen_{sample + 1}{kind}"
            frames, ends = frames_of(name, 1), truth(traced.run.final, name)
            assert len(frames) == 1 + 12 + 1
            np.testing.assert_allclose(frames[0], ends[1], atol=1e-3)
            assert max(rmsd(frames[1:-1], truth(recorded[:, sample], name))) < 1e-3
            assert rmsd(frames[-1:], ends[sample : sample + 1])[0] < 1e-3
    assert ": recorded of toy; 3 of 3 samples, 12 of 12 steps\n    298 atoms of complex_model_0.cif found" in said
    assert "298 atoms of complex_model_0.cif found among the 300 of the trace by place" in said
    assert "A of sample 2\n" in said
    assert "in one frame by replaying each of them" in said
    assert "added no noise and close as Euler's" in said
    assert "90 % of the way is done at sigma" in said


def test_denoised_steps_lie_on_the_end(cmd, folder, frames_of):
    edm_trace("run.trace", "complex_model_0.cif", samples=3, denoised=1, lay="superposition", name="seen")
    frames = frames_of("seen_denoised")
    fit = superpose(np.swapaxes(frames[:-1], 1, 2), frames[-1].T)
    np.testing.assert_allclose(fit.rotation, np.broadcast_to(np.eye(3), (12, 3, 3)), atol=1e-3)
    assert float(fit.translation.norm(dim=1).max()) < 0.05


def test_titles_say_step_and_sigma(cmd, folder, traced):
    edm_trace("run.trace", "complex_model_0.cif", samples=1, name="seen")
    titles = [cmd.get_title("seen", state) for state in range(1, 15)]
    assert titles[0] == "ref"
    sigmas = traced.run.sigmas.tolist()
    assert [caption(title) for title in titles[1:13]] == [
        f"step {step}, σ {sigma:.3g} Å" for step, sigma in enumerate(sigmas, 1)
    ]
    assert caption(titles[13]).startswith("end")


@pytest.mark.parametrize(
    ("steps", "shown"),
    [
        ("100", list(range(1, 13))),
        ("3", [1, 7, 12]),
        ("2 12 5", [2, 7, 12]),
        ("10 999 1", [10, 11, 12]),
    ],
)
def test_which_steps(cmd, folder, steps, shown):
    result = edm_trace("run.trace", "complex_model_0.cif", samples=1, steps=steps, name="seen")
    assert result.run.steps.tolist() == shown
    assert cmd.count_states("seen") == len(shown) + 2


def test_samples_by_number(cmd, folder, traced, frames_of, truth):
    """Their numbers stand in the names; a single one has the name alone."""
    assert edm_trace("run.trace", "complex_model_0.cif", samples="3 1", name="seen").names == ("seen_3", "seen_1")
    assert rmsd(frames_of("seen_3")[-1:], truth(traced.run.final[2:], "seen_3"))[0] < 1e-3
    assert edm_trace("run.trace", "complex_model_0.cif", samples=2).names == ("run",)


@pytest.mark.parametrize("structure", ["complex_model_0", "complex_model_0 and chain D", "complex_model_0.pdb.gz"])
def test_what_names_the_atoms(cmd, folder, traced, structure, atoms, places):
    """A loaded object, a part of one, or a file: each atom ends where the run's output file has it."""
    cmd.load("complex_model_0.cif")
    cmd.alter("complex_model_0 and name CA", "b = 7")
    if structure.endswith(".gz"):
        cmd.save("complex_model_0.pdb.gz", "complex_model_0")
        cmd.delete("complex_model_0")
    edm_trace("run.trace", structure, samples=2, name="seen")
    cmd.load("complex_model_0.cif", "output")
    where = {atom[1:6]: place for atom, place in places("output").items()}
    found = {atom[1:6]: place for atom, place in places("seen", 14).items()}
    assert len(found) == (298 if "chain" not in structure else len(atoms("output and chain D")))
    for atom, place in found.items():
        np.testing.assert_allclose(place, where[atom], atol=2e-3)


def test_in_their_order_a_structure_may_lie_elsewhere(cmd, folder, traced, frames_of, truth):
    """Where the trace has no padding: the structure's place is where the samples are laid."""
    cmd.load("complex_model_0.cif", "moved")
    cmd.translate([30, -4, 2], "moved", camera=0)
    cmd.rotate("z", 40, "moved", camera=0)
    unpad(folder / "run.trace")
    result = edm_trace("run.trace", "moved", samples=2, name="seen")
    assert "298 atoms of moved found among the 298 of the trace by order" in "; ".join(result.notes)
    assert rmsd(frames_of("seen")[-1:], truth(traced.run.final[1:2], "seen"))[0] < 1e-3
    np.testing.assert_allclose(frames_of("seen")[-1], frames_of("moved", 1)[0], atol=2e-3)


def test_hydrogens_and_water_may_be_left_out(cmd, folder):
    cmd.load("complex_model_0.cif", "named")
    cmd.alter("named and resi 3", "resn = 'HOH'; type = 'HETATM'")
    cmd.alter("named and resi 4 and name CA", "elem = 'H'; name = 'H'")
    cmd.sort("named")
    left = cmd.count_atoms("named and not resi 3 and not (resi 4 and name H)")
    edm_trace("run.trace", "named", hydrogens=0, samples=1, name="seen")
    assert cmd.count_atoms("seen") == left
    edm_trace("run.trace", "named", solvent=1, samples=1, name="whole")
    assert cmd.count_atoms("whole") == 298


def test_freeze_out_is_that_of_the_run(cmd, folder, traced):
    """The loop adds no noise, so that replay finds its frame."""
    result = edm_trace("run.trace", "complex_model_0.cif", name="seen")
    found, truth = result.run.freeze_out(), traced.run.freeze_out()
    assert list(found.values()) == pytest.approx(list(truth.values()), rel=1e-3)
    assert [way.frozen for way in run_inline(freeze_out(result.run)).ways] == [*found.values()][::-1]


def test_levels_and_colours_of_steps(cmd, folder, typed, shades):
    edm_trace("run.trace", "complex_model_0.cif", denoised=1, samples=1, name="seen")
    assert "state 14 of seen" in typed("edm_levels seen_denoised, origin=last") or True
    typed("edm_color seen_denoised, origin=last, over=state")
    assert len(np.unique(shades("seen_denoised"), axis=0)) > 1


def test_files(cmd, folder, typed):
    typed("edm_trace run.trace, complex_model_0.cif, samples=1, file=steps.csv, name=one")
    assert len((folder / "steps.csv").read_text().splitlines()) > 12
    typed("edm_trace run.trace, complex_model_0.cif, samples=1, file=steps.png, name=two")
    assert (folder / "steps.png").read_bytes()[1:4] == b"PNG"


def test_a_session_brings_them_back(cmd, folder, frames_of):
    edm_trace("run.trace", "complex_model_0.cif", samples=1, name="seen")
    before, titles = frames_of("seen", 1), [cmd.get_title("seen", k) for k in range(1, 15)]
    cmd.save("kept.pse")
    cmd.reinitialize()
    cmd.load("kept.pse")
    np.testing.assert_array_equal(frames_of("seen", 1), before)
    assert [cmd.get_title("seen", k) for k in range(1, 15)] == titles


def unpad(trace):
    """Take the last two atoms of a trace away."""
    opened = open_trace(trace)
    blocks = {
        f"{kind}_{sample:04d}.dcd": np.array(opened.frames(kind, sample)[:, :-2])
        for kind in opened.kinds
        for sample in range(opened.samples)
    }
    if opened.final is not None:
        blocks["final.dcd"] = np.array(opened.final[:, :-2])
    for name, block in blocks.items():
        with open(trace / name, "wb") as handle:
            DcdWriter(handle, len(block), block.shape[1]).write(block)


REFUSED = {
    "edm_trace": ["trace"],
    "edm_trace run.trace": ["holds no names of its atoms: give a structure"],
    "edm_trace nowhere.trace, complex_model_0.cif": ["nowhere.trace"],
    "edm_trace run.trace, nosuch": ["'nosuch'", "loaded are ala"],
    "edm_trace run.trace, nosuch.cif": ["cannot read nosuch.cif"],
    "edm_trace run.trace, ala": ["10 atoms", "300", "0 lie where"],
    "edm_trace run.trace, other.cif": ["298 atoms", "0 lie where an atom of one sample ends"],
    "edm_trace run.trace, complex_model_0.cif, samples=4": ["samples is 4", "1 to 3"],
    "edm_trace run.trace, complex_model_0.cif, samples=0": ["samples is '0'", "from 1"],
    "edm_trace run.trace, complex_model_0.cif, samples=1 1": ["samples is '1 1'", "once"],
    "edm_trace run.trace, complex_model_0.cif, samples=all": ["samples is 'all'", "whole number"],
    "edm_trace run.trace, complex_model_0.cif, steps=1": ["steps is '1'", "first last every"],
    "edm_trace run.trace, complex_model_0.cif, steps=1 5": ["steps is '1 5'", "first last every"],
    "edm_trace run.trace, complex_model_0.cif, steps=50 60 1": ["steps is 50 60 1", "1 to 12"],
    "edm_trace run.trace, complex_model_0.cif, name=ala": ["'ala' is taken"],
    "edm_trace run.trace, complex_model_0.cif, file=steps.txt": ["steps.txt"],
    "edm_trace run.trace, complex_model_0.cif, denoised=maybe": ["denoised is 'maybe'", "1 or 0"],
    "edm_trace run.trace, complex_model_0.cif, distribution=nosuch": ["nosuch"],
    "edm_trace run.trace, complex_model_0.cif, run=2": ["run is 2"],
    "edm_trace run.trace, complex_model_0.cif, run=0": ["run is 0"],
    "edm_trace run.trace, complex_model_0.cif, lay=best": ["lay is 'best'", "motion, replay, superposition"],
    "edm_trace run.trace, complex_model_0.cif, kind=noisy": ["a folder, whose trace says them itself"],
    "edm_trace complex_model_0.cif, schedule=boltz9": ["schedule is 'boltz9'", "boltz2"],
    "edm_trace complex_model_0.cif, kind=final": ["kind is 'final'", "noisy, denoised"],
    "edm_trace complex_model_0.cif": ["1 frame", "no trajectory"],
    "edm_trace other.cif, complex_model_0.cif": ["1 frame", "no trajectory"],
    "edm_trace notes.txt": ["notes.txt"],
}


@pytest.mark.parametrize("line", REFUSED)
def test_refused_in_one_line(cmd, folder, refusal, line):
    cmd.fragment("ala")
    (folder / "notes.txt").write_text("no trajectory")
    if "other.cif" in line:
        cmd.load("complex_model_0.cif", "turned")
        cmd.rotate("x", 30, "turned", camera=0)
        cmd.save("other.cif", "turned")
        cmd.delete("turned")
    said = refusal(line)
    for words in REFUSED[line]:
        assert words in said


@pytest.mark.parametrize("wanted", [True, False])
def test_the_first_thing_in_a_scene_is_looked_at(cmd, folder, typed, wanted):
    """A file that is loaded is, and nobody has a view of a scene that holds nothing."""
    cmd.set("auto_zoom", int(wanted))
    before = cmd.get_view()
    typed("edm_trace run.trace, complex_model_0.cif, samples=1, steps=3, name=seen")
    assert (cmd.get_view() == before) != wanted
    if wanted:
        cmd.zoom("seen", state=1)
        seen = cmd.get_view()
        cmd.set_view(before)
        cmd.delete("all")
        typed("edm_trace run.trace, complex_model_0.cif, samples=1, steps=3, name=seen")
        np.testing.assert_allclose(cmd.get_view(), seen, atol=1e-4)


def test_what_does_not_fit_in_memory_is_refused_before(cmd, folder, refusal, monkeypatch):
    monkeypatch.setattr("edmnoise.base.memory.available_bytes", lambda: 1 << 18)
    assert "3 samples of 12 steps need" in refusal("edm_trace run.trace, complex_model_0.cif")


def test_a_run_that_was_killed_opens_and_says_so(cmd, folder, traced, typed, refusal, truth, frames_of):
    """Its end is the last estimate; atoms are taken in their order, for there is no end to tell them by."""
    trace = folder / "run.trace"
    lines = (trace / "calls.jsonl").read_text().splitlines(keepends=True)
    assert json.loads(lines[-1]) == {"ended": True}
    (trace / "calls.jsonl").write_text("".join(lines[:8]) + lines[8][:20])
    (trace / "final.dcd").unlink()
    assert "atoms and the trace 300: the end of the run was not recorded" in refusal(
        "edm_trace run.trace, complex_model_0.cif"
    )
    unpad(trace)
    said = typed("edm_trace run.trace, complex_model_0.cif, name=seen")
    assert "by order, which nothing proves: the end of the run was not recorded" in said
    assert "the run had not ended" in said
    assert "No freeze-out" in said
    assert cmd.count_states("seen_2") == 1 + 8 + 1
    last = truth(traced.run.denoised[7, 1:2], "seen_2")
    assert rmsd(frames_of("seen_2")[-1:], last)[0] < 1e-3


def test_estimates_alone_are_the_steps(cmd, folder, traced, typed, truth, frames_of):
    """Where x was not kept, asked for both or not; the table and the figure have gaps."""
    trace = folder / "run.trace"
    facts = json.loads((trace / "run.json").read_text())
    (trace / "run.json").write_text(json.dumps(facts | {"kinds": ["denoised"]}))
    said = typed("edm_trace run.trace, complex_model_0.cif, samples=1, denoised=1, file=steps.png, name=seen")
    assert "denoised estimates alone were recorded: they are the steps" in said
    assert cmd.get_names("objects") == ["seen"]
    assert max(rmsd(frames_of("seen")[:-1], truth(traced.run.denoised[:, 0], "seen"))) < 1e-3


def test_a_folder_that_is_no_trace(cmd, folder, refusal):
    shutil.rmtree(folder / "run.trace")
    (folder / "run.trace").mkdir()
    assert "run.trace is no trace" in refusal("edm_trace run.trace, complex_model_0.cif")


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("calls.jsonl", "", "holds no calls: the denoiser was not called, or not yet"),
        ("run.json", '{"format": "edmnoise trace", "version": 99}', "version 99"),
        ("run.json", "[", "is no trace"),
    ],
)
def test_a_broken_trace_says_what_it_is(cmd, folder, refusal, file, text, said):
    (folder / "run.trace" / file).write_text(text)
    assert said in refusal("edm_trace run.trace, complex_model_0.cif")


def test_x_alone_is_laid_by_itself(cmd, folder, traced, typed, truth, frames_of):
    """What estimates had to go is missing in the table, and said; x is there as it was recorded."""
    trace = folder / "run.trace"
    facts = json.loads((trace / "run.json").read_text())
    (trace / "run.json").write_text(json.dumps(facts | {"kinds": ["noisy"]}))
    said = typed("edm_trace run.trace, complex_model_0.cif, samples=1, denoised=1, file=steps.png, name=seen")
    assert "noisy coordinates alone are there" in said
    assert "denoised residue" not in said
    assert cmd.get_names("objects") == ["seen"]
    assert max(rmsd(frames_of("seen")[:-1], truth(traced.run.noisy[:, 0], "seen"))) < 1e-3


def in_runs(folder, *changes):
    """out/1, out/2, ...: copies of run.trace, each with other facts in its run.json."""
    for number, change in enumerate(changes, 1):
        shutil.copytree(folder / "run.trace", folder / "out" / str(number))
        run = folder / "out" / str(number) / "run.json"
        run.write_text(json.dumps(json.loads(run.read_text()) | change))


def test_the_run_that_ended_in_the_structure_is_taken(cmd, folder, typed, refusal):
    """The others ended elsewhere by more than a bond's length; asked for by number they do not match."""
    in_runs(folder, {"name": "apo"}, {"name": "complex"})
    end = folder / "out" / "1" / "final.dcd"
    moved = np.array(open_trace(folder / "out" / "1").final)
    moved[:, ::2] += 5.0
    with open(end, "wb") as handle:
        DcdWriter(handle, *moved.shape[:2]).write(moved)
    said = typed("edm_trace out, complex_model_0.cif, samples=2, name=seen")
    assert "recorded of toy, complex; run 2 of 2; 1 of 3 samples" in said
    assert "149 lie where an atom" in refusal("edm_trace out, complex_model_0.cif, run=1")
    assert edm_trace("out", "complex_model_0.cif", run=2, samples=1).names == ("out_run2",)


@pytest.fixture
def named(folder, traced):
    """run.trace with the names of its atoms recorded, two of them padding; out/ with two of these."""
    held = traced.run.structure.atoms
    columns = {"atom": held.name, "element": held.element, "residue": held.number.astype(int)}
    columns |= {"residue_name": held.residue_name, "chain": held.chain}
    names = {key: [*column.tolist(), *column[:2].tolist()] for key, column in columns.items()}
    names["mask"] = [1] * held.name.size + [0, 0]
    run = folder / "run.trace" / "run.json"
    run.write_text(json.dumps(json.loads(run.read_text()) | {"names": names}))
    return names


def test_recorded_names_need_no_structure(cmd, folder, named, traced, typed, frames_of, truth, atoms):
    """Padding is left out; atoms lie where the run left them, and nothing else stays in the scene."""
    said = typed("edm_trace run.trace, denoised=1, name=seen")
    assert "298 atoms by its recorded names" in said
    assert cmd.get_names("objects") == [f"seen_{k}{kind}" for k in (1, 2, 3) for kind in ("", "_denoised")]
    facts = set(atoms("seen_1", "(chain, resi, resn, name, elem)"))
    held = traced.run.structure.atoms
    assert facts == set(zip(held.chain, held.number, held.residue_name, held.name, held.element, strict=True))
    for sample in (1, 2, 3):
        ends = truth(traced.run.final, f"seen_{sample}")
        np.testing.assert_allclose(frames_of(f"seen_{sample}", 1)[0], ends[0], atol=2e-3)
        assert rmsd(frames_of(f"seen_{sample}")[-1:], ends[sample - 1 : sample])[0] < 1e-3
    assert cmd.get_bonds("seen_1")


def test_without_names_and_structure_several_runs_are_listed(cmd, folder, refusal):
    in_runs(folder, {"name": "apo"}, {})
    listed = "out holds 2 runs: 1 apo (3 samples of 300 atoms), 2 (3 samples of 300 atoms)"
    assert listed in refusal("edm_trace out")
    assert "names of its atoms" in refusal("edm_trace out, run=1")


@pytest.mark.parametrize("kind", ["noisy", "denoised"])
def test_models_of_a_file_are_the_steps(cmd, folder, traced, typed, frames_of, truth, kind):
    """Its names are the objects'; levels are those that are given."""
    structure, frames = traced.run.structure, getattr(traced.run, kind)[6:, 0]
    if kind == "noisy":
        frames = np.concatenate([frames, traced.run.final[:1]])
    write_frames(folder / "steps.pdb", structure, frames)
    levels = traced.run.sigmas[6:].tolist()
    given = " ".join(f"{sigma:.6g}" for sigma in [*levels, *[0.0] * (kind == "noisy")])
    said = typed(f"edm_trace steps.pdb, schedule={given}, kind={kind}, name=seen")
    assert f"{kind}" in said
    states = frames_of("seen")
    assert len(states) == 1 + len(levels) + 1 - 1
    assert max(rmsd(states[: len(levels)], truth(getattr(traced.run, kind)[6:, 0], "seen"))) < 2e-3
    assert [caption(cmd.get_title("seen", state)) for state in (2, 3)] == [
        f"step {step}, σ {sigma:.3g} Å" for step, sigma in enumerate(levels[:2], 1)
    ]
    assert "298 atoms" in said


def test_a_file_without_levels_opens_and_says_so(cmd, folder, traced, typed):
    write_frames(folder / "steps.pdb", traced.run.structure, traced.run.denoised[:, 0])
    said = typed("edm_trace steps.pdb, file=steps.png, name=seen")
    assert "90 % of the way is done at step" in said
    assert "give a schedule" in said
    assert caption(cmd.get_title("seen", 2)) == "step 1"
    assert (folder / "steps.png").read_bytes()[1:4] == b"PNG"


def test_what_the_sampler_did_is_said_in_short_and_printed_in_full(cmd, folder, typed, refusal):
    """In short of the first sample, whatever is shown; step by step where it is asked for, or why that cannot be."""
    found = edm_trace("run.trace", "complex_model_0.cif", samples=2, steps=3, name="seen")
    assert "step_scale 1 in every step" in found.notes
    said = typed("edm_trace run.trace, complex_model_0.cif, replay=1, name=full")
    assert "12 steps of 3 samples, replayed" in said
    trace = folder / "run.trace" / "run.json"
    trace.write_text(json.dumps(json.loads(trace.read_text()) | {"kinds": ["denoised"]}))
    assert "cannot be replayed" in refusal("edm_trace run.trace, complex_model_0.cif, replay=1")


def test_how_steps_are_laid_may_be_chosen(cmd, folder, refusal):
    found = edm_trace("run.trace", "complex_model_0.cif", lay="superposition", samples=1, name="seen")
    assert found.run.laid.how == "superposition"
    assert str(found.run.laid) in found.notes
    assert "was not recorded" in refusal("edm_trace run.trace, complex_model_0.cif, lay=motion")
