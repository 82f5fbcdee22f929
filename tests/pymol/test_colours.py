"""edm_color gives each atom the palette's colour of its group's displacement, computed anew from the coordinates."""

import numpy as np
import pytest

from edmnoise.base.colours import PALETTES, palette_colours
from edmnoise.base.errors import EdmNoiseError
from edmnoise_pymol import edm_color, edm_noise
from edmnoise_pymol.scene.painting import paint

GROUP = {"atom": "index", "residue": "(segi, chain, resi, resn)", "chain": "(segi, chain)"}
ABOVE = {"atom": "residue", "residue": "chain"}
FRAMES = 5


@pytest.fixture
def frames(cmd):
    """An object of six states: two chains of 1TII with their noise."""
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    edm_noise("1tii and chain A+C", weights="2 3 2", frames=FRAMES, name="frames")
    cmd.color("green", "frames")
    return "frames"


@pytest.fixture
def displacements(atoms, frames_of):
    """(S, N) mean square displacement per coordinate of each atom's group in each frame."""

    def groups(name, level):
        keys = atoms(f"%{name}", GROUP[level])
        numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        return np.array([numbers[key] for key in keys])

    def centres(moved, group):
        means = np.stack([moved[:, group == g].mean(axis=1) for g in range(group.max() + 1)], axis=1)
        return means[:, group]

    def compute(name, level, relative):
        states = frames_of(name, 1).astype(np.float64)
        moved = states[1:] - states[0]
        own = centres(moved, groups(name, level))
        if relative and level in ABOVE:
            own = own - centres(moved, groups(name, ABOVE[level]))
        return (own**2).mean(axis=2)

    return compute


def same(shades, expected):
    """Equal, but for values that rounding puts on the other side of a step of the palette."""
    difference = np.abs(shades - expected.astype(int))
    return difference.max() <= 3 and (difference > 0).mean() < 0.02


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("level", GROUP)
@pytest.mark.parametrize("over", ["mean", "max", "state"])
def test_colours_are_the_palette_of_the_displacement(cmd, frames, displacements, shades, level, relative, over):
    cmd.frame(4)
    result = edm_color(frames, level=level, relative=relative, over=over)
    squares = displacements(frames, level, relative)
    values = np.sqrt({"mean": squares.mean(axis=0), "max": squares.max(axis=0), "state": squares[2]}[over])
    assert result.low == pytest.approx(values.min(), rel=1e-4)
    assert result.high == pytest.approx(values.max(), rel=1e-4)
    assert same(shades(frames), palette_colours(values, PALETTES["dusk"], values.min(), values.max()))
    assert level in result.label
    assert (" in " in result.label) == (relative and level in ABOVE)


@pytest.mark.parametrize("palette", PALETTES)
def test_every_palette_from_its_first_colour_to_its_last(frames, displacements, shades, palette):
    edm_color(frames, level="atom", palette=palette)
    values = np.sqrt(displacements(frames, "atom", True).mean(axis=0))
    found = shades(frames)
    first, last = (np.rint(255 * np.array(PALETTES[palette][end])) for end in (0, -1))
    assert np.array_equal(found[values.argmin()], first)
    assert np.array_equal(found[values.argmax()], last)


@pytest.mark.parametrize(
    ("palette", "colours"),
    [
        ("white_red", ["white", "red"]),
        ("blue white red", ["blue", "white", "red"]),
        ("'tv_blue white tv_red'", ["tv_blue", "white", "tv_red"]),
        ("0x102030_0xffffff", ["0x102030", "0xffffff"]),
        ("mine grey50", ["mine", "grey50"]),
    ],
)
def test_lists_of_pymols_colours(cmd, frames, displacements, shades, typed, palette, colours):
    cmd.set_color("mine", [10, 200, 30])
    typed(f"edm_color {frames}, level=atom, palette={palette}")
    anchors = [cmd.get_color_tuple(colour) for colour in colours]
    values = np.sqrt(displacements(frames, "atom", True).mean(axis=0))
    assert same(shades(frames), palette_colours(values, anchors, values.min(), values.max()))
    for end, colour in ((values.argmin(), colours[0]), (values.argmax(), colours[-1])):
        assert np.array_equal(shades(frames)[end], np.rint(255 * np.array(cmd.get_color_tuple(colour))))


def test_a_range_of_ones_own_cuts_the_values(frames, displacements, shades):
    values = np.sqrt(displacements(frames, "residue", True).mean(axis=0))
    low, high = np.quantile(values, [0.2, 0.8])
    result = edm_color(frames, palette="white_red", minimum=low, maximum=high)
    assert (result.low, result.high) == (low, high)
    found = shades(frames)
    assert (found[values < low] == [255, 255, 255]).all()
    assert (found[values > high] == [255, 0, 0]).all()
    assert same(found, palette_colours(values, [(1, 1, 1), (1, 0, 0)], low, high))


def test_the_reference_shown_has_the_first_colour_everywhere(cmd, frames, shades):
    cmd.frame(1)
    result = edm_color(frames, over="state", palette="white_red")
    assert (result.low, result.high) == (0, 0)
    assert (shades(frames) == 255).all()


def test_noise_colours_its_object_as_edm_color_does(cmd, frames, shades):
    edm_noise("1tii and chain A+C", weights="2 3 2", frames=FRAMES, name="fresh")
    edm_color(frames)
    assert np.array_equal(shades("fresh"), shades(frames))


def test_only_the_colours_of_that_object_change(cmd, frames, snapshot, atoms):
    """Also where a part of it had been shown by a colour of its own, and the atoms are no longer sorted."""
    cmd.alter(f"{frames} and chain C and resi 200", "chain = 'Q'")
    before, others = snapshot(leave_out=[frames]), atoms(frames, "(index, name, b, q, reps, vdw)")
    edm_color(frames)
    assert snapshot(leave_out=[frames]) == before
    assert atoms(frames, "(index, name, b, q, reps, vdw)") == others


def test_unsorted_atoms_get_their_own_colours(cmd, frames, displacements, shades):
    cmd.alter(f"{frames} and chain C and resi 200+210", "chain = 'Q'")
    edm_color(frames, level="atom", relative=0)
    values = np.sqrt(displacements(frames, "atom", False).mean(axis=0))
    assert same(shades(frames), palette_colours(values, PALETTES["dusk"], values.min(), values.max()))


def test_what_is_printed(frames, typed):
    said = typed(f"edm_color {frames}, level=chain, over=max, palette=ocean, minimum=0, maximum=5")
    assert said == " edm_color: frames coloured by largest displacement, chain, from 0.000 to 5.000 A (ocean)\n"


def test_an_ensemble_that_edmnoise_did_not_make(cmd, mda, displacements, shades):
    cmd.load(mda("nmr_neopetrosiamide.pdb"), "nmr")
    edm_color("nmr", level="atom", relative=0, palette="rainbow")
    values = np.sqrt(displacements("nmr", "atom", False).mean(axis=0))
    assert same(shades("nmr"), palette_colours(values, PALETTES["rainbow"], values.min(), values.max()))


def test_names_that_pymol_reads_as_selections(cmd, frames, shades):
    """An object may be called like a selection, or like a part of its language."""
    for name in ("same", "1", "a+b", "7-up.x^y"):
        cmd.copy(name, frames)
        edm_color(name, palette="ocean")
    edm_color(frames, palette="ocean")
    assert np.array_equal(shades("same"), shades(frames))
    assert np.array_equal(shades("7-up.x^y"), shades(frames))


@pytest.mark.parametrize("count", [0, 9, 11])
def test_another_number_of_colours_than_atoms(cmd, count):
    cmd.fragment("ala")
    with pytest.raises(EdmNoiseError, match=f"{count} colours for the 10 atoms of ala"):
        paint(cmd, "ala", np.zeros((count, 3), np.uint8))


def test_the_picture_changes(cmd, frames):
    """Atoms may have a colour that their picture has not."""
    cmd.show_as("spheres", frames)
    cmd.zoom(frames)
    before = cmd.png(None, 60, 45, ray=1)
    edm_color(frames)
    assert cmd.png(None, 60, 45, ray=1) != before


# Colours of every state its own


@pytest.fixture
def of_states(cmd, atoms):
    """(S, N, 3) the colours of each state's atoms of a discrete object, from 0 to 255."""

    def read(name):
        states = []
        for state in range(1, cmd.count_states(f"%{name}") + 1):
            tuples = [cmd.get_color_tuple(index) for index in atoms(f"%{name} and state {state}", "color")]
            states.append(np.rint(255 * np.array(tuples)).astype(int))
        return np.stack(states)

    return read


@pytest.fixture(params=["as it is", "without set_discrete"])
def any_pymol(request, cmd, monkeypatch):
    """This PyMOL, and one that is as old as 2.5 in what bakes."""
    if request.param != "as it is":
        monkeypatch.delattr(cmd, "set_discrete", raising=False)


@pytest.mark.parametrize("shared", [1, 0])
@pytest.mark.parametrize("level", ["atom", "chain"])
@pytest.mark.usefixtures("any_pymol")
def test_a_baked_copy_has_the_colours_of_each_state(
    cmd, frames, displacements, of_states, snapshot, level, shared, coords
):
    cmd.alter(f"{frames} and chain C and resi 200+210", "chain = 'Q'")  # atoms that are no longer sorted
    before = snapshot()
    result = edm_color(frames, level=level, relative=0, palette="white_red", bake=1, shared=shared)
    assert snapshot(leave_out=result.names) == {**before, "frame": before["frame"]}
    assert result.names == ("frames_baked",)
    values = np.sqrt(np.concatenate([np.zeros((1, cmd.count_atoms(frames))), displacements(frames, level, False)]))
    found = of_states("frames_baked")
    white_red = [(1, 1, 1), (1, 0, 0)]
    for shades, state in zip(found, values, strict=True):
        low, high = (0, values.max()) if shared else (state.min(), state.max())
        if high - low > 1e-3:  # the state that is the reference
            assert same(shades, palette_colours(state, white_red, low, high))
    for state in range(1, FRAMES + 2):
        assert np.array_equal(coords("%frames_baked", state), coords(f"%{frames}", state))
        assert cmd.get_title("frames_baked", state) == cmd.get_title(frames, state)


def test_a_baked_copy_shows_its_colours(cmd, frames):
    edm_color(frames, bake=1, palette="white_red")
    cmd.disable(frames)
    cmd.show_as("spheres", "frames_baked")
    pictures = set()
    for state in (1, 2, 3):
        cmd.frame(state)
        pictures.add(cmd.png(None, 60, 45, ray=1))
    assert len(pictures) == 3


@pytest.mark.parametrize("name", ["same", "7-up.x^y"])
def test_baking_names_that_pymol_reads_as_selections(cmd, frames, name):
    cmd.copy(name, frames)
    (baked,) = edm_color(name, bake=1).names
    assert cmd.count_atoms(f"%{baked}") == 6 * cmd.count_atoms(f"%{name}")


def test_baking_what_does_not_fit(cmd, frames, refusal, monkeypatch):
    monkeypatch.setattr("edmnoise.base.memory.available_bytes", lambda: 2**20)
    assert "baked states need 0.0 GiB" in refusal(f"edm_color {frames}, bake=1")


def test_a_baked_copy_is_taken_away_when_it_fails(frames, refusal, monkeypatch):
    def fail(*_):
        raise EdmNoiseError("no more paint")

    monkeypatch.setattr("edmnoise_pymol.jobs.colouring.paint_state", fail)
    assert refusal(f"edm_color {frames}, bake=1") == "no more paint"


def test_following_and_baking_at_once_is_refused(frames, refusal):
    assert "give one of them" in refusal(f"edm_color {frames}, bake=1, follow=1")


def test_baked_states_with_a_range_each_have_no_legend(frames, refusal):
    assert "use shared=1 or legend=0" in refusal(f"edm_color {frames}, bake=1, shared=0, legend=1")


# The legend in the scene


def test_a_legend_is_a_ramp_of_the_range(cmd, frames):
    result = edm_color(frames, palette="white_red", minimum=0.5, maximum=2, legend=1)
    assert result.names == ()
    assert cmd.get_type("frames_legend") == "object:ramp"
    ramp = cmd.get_session("frames_legend", partial=1)["names"][0][5]
    assert ramp[3:5] == [[0.5, 2.0], [1, 1, 1, 1, 0, 0]]
    edm_color(frames, palette="blue white red", minimum=0, maximum=4, legend=1)
    ramp = cmd.get_session("frames_legend", partial=1)["names"][0][5]
    assert ramp[3:5] == [[0, 2, 4], [0, 0, 1, 1, 1, 1, 1, 0, 0]]
    edm_color(frames)
    assert "frames_legend" not in cmd.get_names("all")


def test_the_title_of_a_legend_is_no_molecule(cmd, frames, refusal):
    edm_color(frames, legend=1)
    assert "legend" not in refusal("edm_levels nosuch")
    cmd.delete("1tii")
    assert edm_noise("all", name="more").structure.n_atoms == cmd.count_atoms(f"{frames} and not solvent")


def test_a_legend_survives_ray_tracing_and_sessions(cmd, frames, tmp_path):
    cmd.disable(frames)
    nothing = cmd.png(None, 80, 60, ray=1)
    edm_color(frames, legend=1)
    drawn = cmd.png(None, 80, 60, ray=1)
    assert drawn != nothing
    cmd.save(str(tmp_path / "scene.pse"))
    cmd.reinitialize()
    cmd.load(str(tmp_path / "scene.pse"))
    assert cmd.png(None, 80, 60, ray=1) == drawn


def test_a_legend_of_one_value(cmd, frames):
    cmd.frame(1)
    edm_color(frames, over="state", legend=1)
    assert cmd.get_type("frames_legend") == "object:ramp"


def test_a_legend_does_not_take_the_place_of_something_else(cmd, frames, refusal):
    cmd.select("frames_legend", f"{frames} and name CA")
    assert "'frames_legend' is taken" in refusal(f"edm_color {frames}, legend=1")
    edm_color(frames)
    assert "frames_legend" in cmd.get_names("all")


# The colours before


@pytest.fixture
def fresh(cmd):
    """A loaded ensemble that nothing has coloured yet, its carbon atoms green."""
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    edm_noise("1tii and chain C", frames=3, name="other")
    cmd.create("fresh", "other", 0, 0)
    cmd.color("green", "fresh")
    return "fresh"


def test_reset_gives_back_what_there_was_before_the_first_colours(cmd, fresh, snapshot, typed):
    cmd.color("magenta", f"{fresh} and resi 200-210")
    before = snapshot()
    edm_color(fresh, legend=1)
    edm_color(fresh, palette="ocean", level="atom", legend=1)
    assert snapshot() != before
    assert typed(f"edm_color {fresh}, reset=1") == " edm_color: fresh has the colours that it came with\n"
    assert snapshot() == before


def test_reset_gives_frames_the_colours_of_their_input(cmd, atoms):
    cmd.load("$PYMOL_DATA/demo/1tii.pdb", "1tii")
    cmd.color("orange", "1tii and chain C")
    edm_noise("1tii and chain C", frames=2, name="frames")
    assert edm_color("frames", reset=1) is None
    assert set(atoms("frames", "color")) == {cmd.get_color_index("orange")}


def test_reset_of_what_was_never_coloured(cmd, fresh, refusal):
    assert "fresh has the colours that it came with" in refusal(f"edm_color {fresh}, reset=1")


def test_reset_after_the_atoms_have_changed(cmd, fresh, refusal):
    edm_color(fresh)
    cmd.remove(f"{fresh} and resi 200")
    assert "has got other atoms" in refusal(f"edm_color {fresh}, reset=1")


def test_another_object_of_the_same_name_has_its_own_colours(cmd, fresh, refusal):
    edm_color(fresh)
    cmd.delete(fresh)
    edm_color("other")
    cmd.create(fresh, "other", 0, 0)
    assert "came with" in refusal(f"edm_color {fresh}, reset=1")


def test_from_the_last_state(cmd, shades):
    """As from the first one of the same object with its states in the other order."""
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
    edm_noise("pept", frames=3, seed=2, name="made")
    for state in range(4, 0, -1):
        cmd.create("back", "made", state, -1)
    for over in ("mean", "max"):
        one, other = edm_color("made", over=over, origin="last"), edm_color("back", over=over)
        assert (one.low, one.high) == pytest.approx((other.low, other.high))
        assert (shades("made") == shades("back")).all()
        assert "from state 4" in str(one)
