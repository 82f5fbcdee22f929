"""edm_movie: a picture of each state, as other programs read them; what is there is left there."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
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
    how_long, made = said.splitlines()
    assert re.fullmatch(r" edm_movie: 4 pictures of 32 x 24: about [\d.]+ s", how_long)
    assert made == f" edm_movie: 4 pictures, {tmp_path}/film_0001.png to {tmp_path}/film_0004.png"
    assert imread(tmp_path / "film_0002.png").shape[:2] == (24, 32)
    assert "film_0001.png and 3 more exist" in refusal(line)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("edm_movie film.jpg, frames", "pictures cannot be written as 'film.jpg': end the name in .png, .gif or .mp4"),
        ("edm_movie film, frames", "pictures cannot be written as 'film': end the name in .png, .gif or .mp4"),
        ("edm_movie nowhere/film.gif, frames", "cannot write nowhere/film.gif: there is no folder nowhere"),
        ("edm_movie film.gif, frames, fps=0", "fps is 0: give frames a second from 0.1 to 60"),
        ("edm_movie film.gif, frames, fps=fast", "fps is 'fast': give a number"),
        ("edm_movie nowhere/film.png, frames", "cannot write nowhere/film.png: there is no folder nowhere"),
        ("edm_movie film.png, nothing", "no molecular object 'nothing': loaded are pept, frames"),
        ("edm_movie film.png, frames, width=-3", "width is -3: give a whole number from 0"),
        ("edm_movie film.png, frames, ray=maybe", "ray is 'maybe': give 1 or 0"),
    ],
)
def test_wrong_input(frames, refusal, tmp_path, monkeypatch, line, sentence):
    monkeypatch.chdir(tmp_path)
    assert refusal(line).startswith(sentence)
    assert os.listdir(tmp_path) == []


def test_cancelled_pictures_are_kept(cmd, frames, tmp_path):
    from edmnoise_pymol.job import Watch, run_inline

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


def gif(path):
    """(frames, height, width, 3) and milliseconds a frame, as Pillow reads them."""
    from PIL import Image, ImageSequence

    with Image.open(path) as film:
        frames = np.array([np.array(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)])
        return frames, film.info["duration"]


def mp4(path):
    """(frames, height, width, 3) and frames a second, as ffmpeg reads them."""
    program = shutil.which("ffmpeg")
    if program is None:
        from imageio_ffmpeg import get_ffmpeg_exe

        program = get_ffmpeg_exe()
    read = subprocess.run(
        [program, "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True
    )
    across, down, rate = re.search(rb"Stream.*Video:.* (\d+)x(\d+).* ([\d.]+) fps", read.stderr).groups()
    return np.frombuffer(read.stdout, np.uint8).reshape(-1, int(down), int(across), 3), float(rate)


needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffmpeg") is None and importlib.util.find_spec("imageio_ffmpeg") is None, reason="there is no ffmpeg"
)
films = pytest.mark.parametrize("ending", [".gif", pytest.param(".mp4", marks=needs_ffmpeg)])


@films
def test_a_film_holds_the_pictures(cmd, frames, tmp_path, typed, ending):
    """A GIF has 256 colours, a video fewer points of colour: each frame is nearer to its own picture than to others."""
    cmd.bg_color("white")
    cmd.frame(2)
    cmd.set("ray_opaque_background", 1)
    pictures = [
        imread(name)[..., :3] * 255 for name in edm_movie(str(tmp_path / "f.png"), frames, width=64, height=48, ray=1)
    ]
    cmd.set("ray_opaque_background", -1)
    path = tmp_path / f"film{ending}"
    how_long, made = typed(f"edm_movie {path}, {frames}, width=64, height=48, ray=1, fps=4").splitlines()
    assert re.fullmatch(r" edm_movie: 4 pictures of 64 x 48: about [\d.]+ s", how_long)
    assert made == f" edm_movie: {path} written: 4 frames of 64 x 48, 1.0 s at 4 a second"
    shown, rate = gif(path) if ending == ".gif" else mp4(path)
    assert shown.shape == (FRAMES + 1, 48, 64, 3)
    assert rate == (250 if ending == ".gif" else 4)
    off = np.array([[np.abs(frame - picture).mean() for picture in pictures] for frame in shown.astype(float)])
    assert (off.argmin(axis=1) == np.arange(FRAMES + 1)).all()
    assert off.diagonal().max() < 6
    assert cmd.get_frame() == 2
    assert sorted(os.listdir(tmp_path)) == [*(f"f_000{k}.png" for k in range(1, FRAMES + 2)), path.name]


@films
def test_nothing_in_pymol_is_changed_by_a_film(cmd, frames, tmp_path, snapshot, ending):
    cmd.turn("x", 30)
    cmd.frame(3)
    before = snapshot()
    assert edm_movie(str(tmp_path / f"film{ending}"), frames, width=32, height=24) == [str(tmp_path / f"film{ending}")]
    assert snapshot() == before


@needs_ffmpeg
def test_a_video_has_even_sides(cmd, frames, tmp_path, typed):
    assert "4 frames of 34 x 26" in typed(f"edm_movie {tmp_path}/film.mp4, {frames}, width=33, height=25")
    assert mp4(tmp_path / "film.mp4")[0].shape[1:3] == (26, 34)


@films
def test_a_film_that_is_there_stays(cmd, frames, tmp_path, refusal, typed, ending):
    path = tmp_path / f"film{ending}"
    path.write_text("mine")
    line = f"edm_movie {path}, {frames}, width=32, height=24"
    assert refusal(line) == f"{path} exists: give another name, or overwrite=1 to replace what is there"
    assert path.read_text() == "mine"
    typed(f"{line}, overwrite=1")
    assert path.stat().st_size > 200


@films
def test_a_cancelled_film_is_shorter(cmd, frames, tmp_path, ending):
    from edmnoise_pymol.job import Watch, run_inline

    watch = Watch(lambda share, _: watch.cancel() if share == 0.5 else None)
    path = str(tmp_path / f"film{ending}")
    assert run_inline(edm_movie.job(path, frames, width=32, height=24, _self=cmd, quiet=1), watch) == [path]
    assert len((gif if ending == ".gif" else mp4)(path)[0]) == 2


@pytest.mark.parametrize(
    ("ending", "missing"), [(".gif", "Pillow: pip install pillow"), (".mp4", "ffmpeg: install it")]
)
def test_what_is_missing_is_told_before_any_picture(frames, tmp_path, refusal, monkeypatch, ending, missing):
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("PIL", "imageio_ffmpeg"):
        monkeypatch.setitem(sys.modules, name, None)
    assert refusal(f"edm_movie {tmp_path}/film{ending}, {frames}").startswith(
        f"{tmp_path}/film{ending} needs {missing}"
    )
    assert os.listdir(tmp_path) == []


def test_without_a_window_it_says_how_long_it_will_take(tmp_path):
    work = "load $PYMOL_DATA/demo/pept.pdb, m\nedm_noise m, frames=3\nedm_movie film.gif, m_noise, 64, 48, ray=1\n"
    (tmp_path / "work.pml").write_text(f"import edmnoise_pymol\n{work}")
    command = [sys.executable, "-u", "-m", "pymol", "-cqy", "work.pml"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=True).stdout
    assert re.search(r" edm_movie: 4 pictures of 64 x 48: about [\d.]+ s\n", said)
    assert len(gif(tmp_path / "film.gif")[0]) == 4
