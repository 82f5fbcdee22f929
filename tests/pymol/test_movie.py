"""edm_movie: a picture of each state, as other programs read them; what is there is left there."""

import os
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.image import imread

from edmnoise_pymol import edm_color, edm_movie, edm_noise

FRAMES = 3


@pytest.fixture
def frames(cmd):
    cmd.load("$PYMOL_DATA/demo/pept.pdb", "pept")
    edm_noise("pept", frames=FRAMES, name="frames")
    cmd.disable("pept")
    return "frames"


def test_pictures_of_all_states(cmd, frames, tmp_path):
    cmd.frame(2)
    written = edm_movie(str(tmp_path / "film.png"), frames, width=64, height=48)
    assert written == [str(tmp_path / f"film_000{k}.png") for k in range(1, FRAMES + 2)]
    assert sorted(os.listdir(tmp_path)) == [os.path.basename(name) for name in written]
    pictures = [imread(name) for name in written]
    assert {picture.shape[:2] for picture in pictures} == {(48, 64)}
    assert all(not np.array_equal(a, b) for a, b in pairwise(pictures))
    assert cmd.get_frame() == 2


def test_each_picture_is_that_of_its_state(cmd, frames, tmp_path):
    written = edm_movie(str(tmp_path / "film.png"), frames, width=64, height=48, ray=1)
    for frame, name in enumerate(written, 1):
        cmd.frame(frame)
        cmd.png(str(tmp_path / "one.png"), 64, 48, ray=1)
        assert np.array_equal(imread(name), imread(tmp_path / "one.png"))


def test_a_movie_of_the_users_own(cmd, frames, tmp_path):
    cmd.mset("1 x2 2 x3")
    assert len(edm_movie(str(tmp_path / "film.png"), frames, width=32, height=24)) == 5
    assert cmd.count_frames() == 5


def test_pictures_that_are_there_stay(cmd, frames, tmp_path, refusal, typed):
    (tmp_path / "film_0002.png").write_text("mine")
    line = f"edm_movie {tmp_path}/film.png, {frames}, width=32, height=24"
    assert refusal(line).endswith("film_0002.png exists: give another name, or overwrite=1 to replace what is there")
    assert (tmp_path / "film_0002.png").read_text() == "mine"
    assert os.listdir(tmp_path) == ["film_0002.png"]
    said = typed(f"{line}, overwrite=1")
    assert said == f" edm_movie: 4 pictures, {tmp_path}/film_0001.png to {tmp_path}/film_0004.png\n"
    assert imread(tmp_path / "film_0002.png").shape[:2] == (24, 32)
    assert "film_0001.png and 3 more exist" in refusal(line)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("edm_movie film.jpg, frames", "pictures cannot be written as 'film.jpg': end the name in .png"),
        ("edm_movie nowhere/film.png, frames", "cannot write nowhere/film.png: there is no folder nowhere"),
        ("edm_movie film.png, nothing", "no molecular object 'nothing': loaded are pept, frames"),
        ("edm_movie film.png, frames, width=-3", "a picture of -3 x 0 pixels: give numbers from 1, or 0 for"),
        ("edm_movie film.png, frames, ray=maybe", "ray is 'maybe': give 1 or 0"),
    ],
)
def test_wrong_input(frames, refusal, tmp_path, monkeypatch, line, sentence):
    monkeypatch.chdir(tmp_path)
    assert refusal(line).startswith(sentence)
    assert os.listdir(tmp_path) == []


def test_cancelled_pictures_are_kept(cmd, frames, tmp_path):
    from edmnoise_pymol.jobs import Watch, run_inline

    watch = Watch(lambda share, _: watch.cancel() if share == 0.5 else None)
    job = edm_movie.job(str(tmp_path / "film.png"), frames, width=32, height=24, _self=cmd, quiet=1)
    assert len(run_inline(job, watch)) == 2 == len(os.listdir(tmp_path))


def test_a_baked_copy_in_pictures(cmd, frames, tmp_path):
    edm_color(frames, bake=1)
    cmd.disable(frames)
    assert len(edm_movie(str(tmp_path / "film.png"), "frames_baked", width=32, height=24)) == FRAMES + 1


@pytest.mark.parametrize(("given", "size"), [("", (640, 480)), (", width=64", (64, 48)), (", height=96", (128, 96))])
def test_sides_that_are_not_given_are_the_windows(cmd, frames, tmp_path, typed, given, size):
    cmd.viewport(640, 480)
    typed(f"edm_movie {tmp_path}/film.png, {frames}{given}")
    assert {imread(tmp_path / name).shape[1::-1] for name in os.listdir(tmp_path)} == {size}
