"""move= typed in a real PyMOL: held atoms keep every bit, moved ones get the bits that they get without."""

import numpy as np
import pytest
import torch

from edmnoise.diffusion.denoisers.held import held_states
from edmnoise.frames.damage_measures import LDDT
from edmnoise.noise.process import NoiseChoice
from edmnoise.noise.weights import Weights
from edmnoise.structure.part import Part
from edmnoise.study.candidates import Candidate, references
from edmnoise.study.error import denoising_error
from edmnoise.study.levels import level_table
from edmnoise.study.targets import HeldTargets
from edmnoise_pymol import (
    edm_color,
    edm_compare,
    edm_damage,
    edm_error,
    edm_levels,
    edm_noise,
    edm_return,
    edm_sample,
)
from edmnoise_pymol.job import run_inline
from edmnoise_pymol.jobs import ensemble
from edmnoise_pymol.jobs.live import live
from edmnoise_pymol.jobs.live_facts import LiveColours, measured, table
from edmnoise_pymol.jobs.plots.measured import measured as measured_object
from edmnoise_pymol.scene.selected import Selected
from edmnoise_pymol.scene.titles import Provenance

LOOP = "resi 10-20 and sidechain or resi 30-34"
RUN = {"steps": 8, "sigma_max": 100}


@pytest.fixture
def toxin(cmd, pymol_data):
    """Residues 4 to 35 of 1TII's chain A, as an object."""
    cmd.load(str(pymol_data / "demo" / "1tii.pdb"), "whole")
    cmd.create("toxin", "whole and chain A and resi 4-35", 1, 1)
    cmd.delete("whole")
    return "toxin"


@pytest.fixture
def copies(cmd, pymol_data, coords):
    """Residues 1-20 of the subunits D and E of 1TII, as two states of one object."""
    cmd.load(str(pymol_data / "demo" / "1tii.pdb"), "whole")
    for state in (1, 2):
        cmd.create("both", "whole and chain D and resi 1-20", 1, state)
    cmd.load_coordset(coords("whole and chain E and resi 1-20"), "both", 2)
    cmd.delete("whole")


@pytest.fixture
def moving(atoms):
    """(N,) which atoms of an object a selection names."""

    def mask(name, words):
        return np.isin(atoms(f"%{name}", "index"), atoms(f"%{name} and ({words})", "index"))

    return mask


def test_the_same_bits_and_the_rest_held(cmd, toxin, frames_of, moving):
    edm_noise(toxin, z=0.5, weights="current", frames=4, seed=3, name="each")
    result = edm_noise(toxin, z=0.5, weights="current", frames=4, seed=3, name="some", move=LOOP)
    whole, some, mask = frames_of("each", 1), frames_of("some", 1), moving("some", LOOP)
    assert 0 < mask.sum() < len(mask)
    np.testing.assert_array_equal(some[:, mask], whole[:, mask])
    np.testing.assert_array_equal(some[:, ~mask], np.broadcast_to(whole[0, ~mask], some[:, ~mask].shape))
    assert Provenance.parse(cmd.get_title("some", 3)).moved == mask.sum()
    assert result.table.title.endswith(f"{mask.sum()} atoms; {(~mask).sum()} atoms held")
    spread = np.array(result.table["spread"])
    assert (abs(np.array(result.table["measured"]) - result.table["expected"]) < 4 * spread + 1e-3).all()


@pytest.mark.parametrize("align", ["none", "center", "superpose"])
def test_levels_know_the_moved_atoms_from_the_frames(cmd, toxin, align):
    """Also of a copy under another name; held atoms are the frame of any alignment, and a note says so."""
    made = edm_noise(toxin, z=-1, frames=3, name="some", move=LOOP)
    cmd.set_name("some", "other")
    found = edm_levels("other", align=align)
    assert found["measured"] == pytest.approx(made.table["measured"], rel=1e-5)
    assert found["expected"] == made.table["expected"]
    assert ("held atoms are the frame: nothing was centred or superposed" in found.notes) == (align != "none")
    for by in ("residue", "atom", "state"):
        edm_levels("other", by=by)


def test_frames_that_were_moved_since_expect_nothing(cmd, toxin):
    edm_noise(toxin, z=-1, frames=3, name="some", move=LOOP)
    cmd.translate([1, 0, 0], "some", state=2)
    found = edm_levels("some")
    assert np.isnan(found["expected"]).all()
    assert any("are not where they were" in note for note in found.notes)


def test_levels_of_some_of_the_moved_atoms(cmd, toxin):
    """An object that some of them were taken out of: they are expected as what is there moves."""
    edm_noise(toxin, z=-1, frames=3, name="some", move=LOOP)
    cmd.remove("some and resi 12 or some and resi 25")
    found = run_inline(ensemble.read(cmd, "some"))
    assert found.part is not None
    assert np.isfinite(edm_levels("some")["expected"]).all()
    cmd.remove(f"some and not ({LOOP})")
    assert run_inline(ensemble.read(cmd, "some")).part is None
    assert np.isfinite(edm_levels("some")["expected"]).all()


def test_held_atoms_are_grey(cmd, toxin, moving, shades):
    edm_noise(toxin, z=0, frames=2, name="some", move=LOOP)
    mask = moving("some", LOOP)
    cmd.frame(2)
    for again in (lambda: None, lambda: edm_color("some", level="atom"), lambda: edm_color("some", over="state")):
        again()
        found = shades("some")
        assert len(set(map(tuple, found[~mask]))) == 1
        assert len(set(map(tuple, found[mask]))) > 5
        assert np.ptp(found[~mask][0]) < 10
    assert "held atoms: grey" in str(edm_color("some", bake=1))


def test_plots_measure_the_moved_atoms(cmd, toxin, moving):
    made = edm_noise(toxin, z=0, frames=3, name="some", move=LOOP)
    curves = run_inline(measured_object(cmd, "some"))
    assert len(curves.residues) == made.structure.hierarchy.counts[1]
    row = made.table["displacement"].index("atom in residue")
    assert curves.levels.points[0].measured[-1] == pytest.approx(made.table["measured"][row], rel=1e-5)
    mask = moving("some", LOOP)
    assert set(curves.atoms(0)) <= set(1 + np.flatnonzero(mask))


def test_live_holds_too(cmd, toxin, coords, moving, shades):
    made = edm_noise(toxin, sigma=2.0, frames=1, seed=5, name="some", move=LOOP)
    shaken = run_inline(live(cmd, Selected(toxin, move=LOOP), NoiseChoice(), 5))
    assert shaken.show(2.0, NoiseChoice())
    mask, rest = moving(shaken.name, LOOP), coords(toxin)
    now = coords(shaken.name)
    np.testing.assert_array_equal(now[~mask], rest[~mask])
    np.testing.assert_allclose(now, coords("some", 2), atol=2e-5)
    LiveColours(cmd, shaken).show(2.0, NoiseChoice())
    assert len(set(map(tuple, shades(shaken.name)[~mask]))) == 1
    assert run_inline(table(shaken, 2.0, NoiseChoice(), "summary", "superpose"))["measured"] == pytest.approx(
        made.table["measured"], rel=1e-4
    )
    assert run_inline(measured(cmd, shaken, 1.0, NoiseChoice())).frames == 1
    shaken.close()


def test_the_damage_is_that_of_the_whole(cmd, toxin):
    """Held atoms keep their contacts, so that less is lost than where all move."""
    whole = edm_damage(toxin, z=[1], weights="flat", draws=2).study.rows[0].damage
    found = edm_damage(toxin, z=[1], weights="flat", draws=2, move="resi 30-34")
    assert found.study.rows[0].damage.mean(LDDT) > whole.mean(LDDT) + 0.2
    assert "atoms held" in found.printed.title
    still = found.study.rows[0].damage.lddt_by_residue
    assert still[:20].min() > 0.6


@pytest.mark.parametrize(
    "more", [{}, {"fluctuations": [0, 0.3, 0.2]}, {"fluctuations": "network"}, {"sampler": "boltz2"}]
)
def test_samples_among_held_atoms(cmd, copies, frames_of, moving, coords, more):
    """They keep every bit in every frame; the moved part ends where one of the states has it."""
    words = "resi 5-9"
    result = edm_sample("both", name="made", samples=2, seed=1, move=words, **RUN, **more)
    mask, rest = moving("both", words), coords("both", 1)
    for name in result.names:
        frames = frames_of(name, 1)
        np.testing.assert_array_equal(frames[:, ~mask], np.broadcast_to(rest[~mask], frames[:, ~mask].shape))
        assert abs(frames[1][mask] - rest[mask]).max() > 20
    assert result.run.structure.n_atoms == mask.sum()
    assert f"{mask.sum()} of {len(mask)} atoms move, {(~mask).sum()} held" in result.notes
    off = "center, augment, align" if "sampler" in more else "center, augment"
    assert f"{off} off: held atoms are the frame" in result.notes
    if "fluctuations" not in more:
        fits = next(note for note in result.notes if note.startswith("held atoms of the states fit at RMSD 0.000, "))
        assert 0.1 < float(fits.split()[-2]) < 2
        states = [coords("both", 1), coords("both", 2)]
        turn, shift = fit(states[1][~mask], states[0][~mask])
        states[1] = states[1] @ turn + shift
        if "sampler" not in more:  # whose step scale overshoots in few steps
            ends = [frames_of(name, 1)[-1][mask] for name in result.names]
            assert max(min(abs(end - y[mask]).max() for y in states) for end in ends) < 0.01


def fit(x, y):
    """Kabsch by NumPy: x @ turn + shift is nearest to y."""
    u, _, v = np.linalg.svd((x - x.mean(0)).T @ (y - y.mean(0)))
    turn = u @ np.diag([1, 1, np.sign(np.linalg.det(u @ v))]) @ v
    return turn, y.mean(0) - x.mean(0) @ turn


def test_one_object_of_samples_and_their_estimates(cmd, copies, frames_of, moving):
    result = edm_sample("both", name="made", samples=2, trajectory=0, move="resi 5-9", **RUN)
    assert len(frames_of("made", 1)) == 3
    assert result.names == ("made",)
    result = edm_sample("both", name="more", denoised=1, move="resi 5-9", **RUN)
    mask = moving("more_denoised", "resi 5-9")
    assert len({frame[~mask].tobytes() for frame in frames_of("more_denoised", 1)}) == 1


def test_the_table_of_a_part_is_that_of_the_library(cmd, toxin, structure_of, frames_of, moving):
    """The very table, measured here on the object's own states."""
    from edmnoise.frames.displacement import measure_displacement

    made = edm_noise(toxin, sigma=1.5, weights="rebalanced", frames=2, name="some", move=LOOP)
    part = Part.of(structure_of("some"), moving("some", LOOP))
    moved = measure_displacement(part.structure, frames_of("some")[:, part.moved])
    assert level_table(part, moved, made.provenance.applied).rows() == made.table.rows()


@pytest.mark.parametrize(
    "command", ["edm_noise", "edm_table", "edm_damage", "edm_sample", "edm_compare", "edm_return", "edm_error"]
)
@pytest.mark.parametrize(
    ("move", "sentence"),
    [
        ("chain Z", "move is 'chain Z', which names none of the 253 atoms of toxin: name some of them"),
        ("all", "move is 'all', which names all of the 253 atoms of toxin: name some of them"),
        ("solvent", "move is 'solvent', which names none of the 253 atoms of toxin"),
        ("chian A", "selection 'chian A' cannot be read"),
    ],
)
def test_what_names_nothing_or_everything(toxin, refusal, command, move, sentence):
    assert refusal(f"{command} toxin, move={move}").startswith(sentence)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("augment=1", "augment would move samples as a whole, which held atoms keep in their frame: leave out augment"),
        ("denoiser=kabsch", "kabsch takes the best rotation for an average over all, and held atoms leave no such"),
        ("move=not index 1-2", "2 held atoms do not define a rotation: hold three or more that are not on a line"),
    ],
)
def test_what_held_atoms_do_not_allow(toxin, refusal, more, sentence):
    move = "" if more.startswith("move") else ", move=resi 10-20"
    assert refusal(f"edm_sample toxin, steps=3, {more}{move}").startswith(sentence)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("edm_compare toxin, traces=run.trace", "traces are of runs in which all atoms move: leave out traces or move"),
        ("edm_compare toxin, sampler=heun center 1", "center would move samples as a whole, which held atoms keep in"),
        ("edm_return toxin, augment=1", "augment would move samples as a whole, which held atoms keep in their frame"),
        ("edm_error toxin, denoiser=kabsch", "kabsch takes the best rotation for an average over all, and held atoms"),
    ],
)
def test_held_atoms_are_refused_the_same_elsewhere(toxin, refusal, line, sentence):
    assert refusal(f"{line}, move=resi 10-20").startswith(sentence)


def test_compared_runs_are_those_of_the_part(cmd, copies):
    """Each is the run of edm_sample; samples of the exact denoiser are the states, laid on the held atoms."""
    more = {"move": "resi 5-9", "start": "2", "sigma_max": 4.0, "steps": 8, "seed": 3}
    result = edm_compare("both", "flat", "heun | boltz2", **more)
    for row in result.comparison.variants:
        single = edm_sample("both", sampler=row.sampler, trajectory=0, **more).run
        for part, way in single.to_go().items():
            np.testing.assert_allclose(row.to_go[part], way, rtol=1e-5, atol=1e-6)
    assert result.table["noise shift"][0] == pytest.approx(
        1 / single.structure.n_atoms
    )  # white noise of the moved ones
    assert "atoms held" in result.table.title
    judged = edm_compare("both", "flat", "heun", by="samples", samples=3, move="resi 5-9", steps=30)
    assert judged.table["RMSD"][0] < 0.02
    assert judged.table["lDDT"] == [1.0]


def test_denoisers_err_given_the_held_atoms(cmd, copies, structure_of, frames_of, moving):
    """The library's numbers; states that keep still are found again where the noise is weak, as they lie."""
    result = edm_error("both", "translation", sigma="0.1 8", weights="1 4 4", draws=4, seed=2, move="resi 5-9")
    part = Part.of(structure_of("both"), moving("both", "resi 5-9"))
    states = torch.from_numpy(frames_of("both", 1)).mT
    k = NoiseChoice.of(Weights.of(1, 4, 4)).on(part).covariance
    name = "states 1-2 of both"
    candidates = references(part.whole.hierarchy, states, k, name, part=part)
    candidates.append(Candidate("translation", held_states(part, states, k, None, None, "translation"), name))
    targets = HeldTargets(part, states, name)
    study = denoising_error(candidates, targets, k, part.structure.hierarchy, [0.1, 8.0], 4, 2)
    assert result.table.to_csv() == study.table().to_csv()
    assert study.rms("exact")[0][0].max() < 1e-3
    assert any(note.startswith("held atoms of the states fit at RMSD") for note in result.notes)


def test_states_come_back_among_the_atoms_that_they_hold(cmd, copies, moving):
    """Each is left with its own held atoms; which of two that fluctuate little it is, these settle."""
    result = edm_return("both", sigma="2 30", samples=4, steps=10, move="resi 5-9", fluctuations="0 0.05 0.05")
    assert result.table["return"] == [1] * 6
    assert result.study.hierarchy.counts[0] == moving("both", "resi 5-9").sum()
    still = edm_return("both", sigma="0.5 30", samples=4, steps=10, move="resi 5-9", left=2)
    assert still.study.known
    assert still.table["RMSD"][0] < 0.01
    assert any("atoms move" in note for note in still.notes)


def test_partial_diffusion_of_a_part(cmd, copies, frames_of, moving, coords):
    """start= and move= together: the held atoms lie where the start has them, the others are noised from it."""
    result = edm_sample("both", name="made", start="2", sigma_max=2.0, move="resi 5-9")
    mask, rest, frames = moving("both", "resi 5-9"), coords("both", 2), frames_of("made", 1)
    np.testing.assert_array_equal(frames[:, ~mask], np.broadcast_to(rest[~mask], frames[:, ~mask].shape))
    assert 0.5 < np.sqrt(np.mean((frames[1] - rest)[mask] ** 2)) < 5
    assert any(note.startswith("state 2 noised to 2 A") for note in result.notes)


def test_a_file_says_that_atoms_were_held(cmd, toxin, tmp_path):
    from edmnoise_pymol import edm_save

    edm_noise(toxin, z=0, frames=1, name="some", move=LOOP)
    edm_save(str(tmp_path / "some.pdb"), "some")
    assert "atoms moved, the others were held" in " ".join((tmp_path / "some.pdb").read_text().split())


def test_a_network_is_given_the_whole_molecule(cmd, copies, tmp_path, monkeypatch, frames_of, moving, coords):
    """A function's network that sees held atoms: they lie in place in all frames, and its samples end where it says."""
    (tmp_path / "held_toy.py").write_text(
        "import torch\n"
        "def make(structure):\n"
        "    y = torch.tensor(structure.coordinates)\n"
        "    y = y - y.mean(0)\n"
        "    def network(x, sigma):\n"
        "        share = sigma[:, None, None] ** 2 / (1 + sigma[:, None, None] ** 2)\n"
        "        return share * y + (1 - share) * x\n"
        "    return network\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    result = edm_sample("both", denoiser="held_toy:make", name="made", move="resi 5-9", state=1, **RUN)
    assert "what the network makes of clean held atoms is its own approximation" in result.notes
    mask, rest, frames = moving("both", "resi 5-9"), coords("both", 1), frames_of("made", 1)
    np.testing.assert_array_equal(frames[:, ~mask], np.broadcast_to(rest[~mask], frames[:, ~mask].shape))
    assert np.sqrt(np.mean((frames[-1] - rest)[mask] ** 2)) < 3
    for made in (
        edm_error("both", "held_toy:make", sigma=1, draws=4, move="resi 5-9"),
        edm_return("both", sigma=1, samples=4, steps=6, denoiser="held_toy:make", move="resi 5-9"),
        edm_compare("both", "flat", "heun", steps=6, denoiser="held_toy:make", move="resi 5-9"),
    ):
        assert "what the network makes of clean held atoms is its own approximation" in made.notes


def test_harmonic_noise_samples_among_held_atoms(cmd, copies, frames_of, moving, coords):
    """Any linear process: its covariance of the moved atoms, whose neighbours in the chain are held."""
    edm_sample("both", name="made", process="harmonic", move="resi 5-9", state=1, **RUN)
    assert np.abs(frames_of("made", 1)[-1] - coords("both", 1)).max() < 0.01


def test_atoms_that_pymol_puts_in_another_order(cmd, toxin, atoms, coords):
    """A new object is sorted by residue numbers that were given since; what moves is what was named in the old one."""
    cmd.alter("toxin and resi 30-35", "resi = str(int(resi) - 40)")
    named = set(atoms("toxin and resi 10-12", "rank"))
    edm_noise(toxin, sigma=2.0, frames=2, name="some", move="resi 10-12")
    rank = atoms("%some", "rank")
    assert rank != sorted(rank)
    moved = (coords("some", 2) != coords("some", 1)).any(axis=1)
    assert {rank[k] for k in np.flatnonzero(moved)} == named
    result = edm_sample(toxin, name="made", move="resi 10-12", trajectory=0, fluctuations="0 1 1", **RUN)
    rank = atoms("%made", "rank")
    moved = (coords("made", 2) != coords("made", 1)).any(axis=1)
    assert {rank[k] for k in np.flatnonzero(moved)} == named
    assert result.run.structure.n_atoms == len(named)


def test_torsions_hold_nothing(toxin, refusal):
    said = refusal("edm_noise toxin, process=torsions, move=resi 10-20")
    assert said == "torsions noise moves all that follows, and no atoms can be held: leave move= away"


def test_rigid_residues_move_in_part(cmd, toxin, frames_of, moving):
    """Forward-only noise: the same bits, the rest held, and closed forms of its level."""
    edm_noise(toxin, sigma=2.0, process="frames", frames=2, name="each")
    result = edm_noise(toxin, sigma=2.0, process="frames", frames=2, name="some", move=LOOP)
    mask, each, some = moving("some", LOOP), frames_of("each", 1), frames_of("some", 1)
    np.testing.assert_array_equal(some[:, mask], each[:, mask])
    np.testing.assert_array_equal(some[:, ~mask], np.broadcast_to(each[0, ~mask], some[:, ~mask].shape))
    assert np.isfinite(result.table["expected"]).all()
