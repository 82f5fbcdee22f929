"""How samples are turned as a whole is what their loop did, which keeps count of it in its own way."""

import json

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

import edmnoise as edm
from edmnoise.trajectories.listening.recorder import Recorder
from edmnoise.trajectories.listening.rigid import Few, turn_of

ATOMS = 37
LEVELS = (2560.0, 900.0, 250.0, 60.0, 12.0, 2.0, 0.3)

TOLERANCE = 2e-6
"""Entries of rotations, which were fitted to float32 coordinates."""


def plain(values):
    return np.asarray(torch.as_tensor(values).double())


def single(values):
    return np.asarray(values, np.float32)


def tensor(values):
    return torch.tensor(values, dtype=torch.float32)


class Loop:
    """A sampler that turns its samples and counts, of each body in space, how it was turned since it began.

    ``passed`` holds for each step how the bodies were turned when x was given to the denoiser, how they were when x was
    laid on the estimates, and which rows went on.
    """

    def __init__(self, samples=3, align=False, chosen=None, guide=0.0, array=single):
        self.rng = np.random.default_rng(5)
        self.known = 15 * self.rng.normal(size=(ATOMS, 3))
        self.samples, self.align, self.chosen, self.guide, self.array = samples, align, chosen or {}, guide, array
        self.passed = []

    def denoise(self, x, sigma):
        turns = Rotation.random(len(x), random_state=self.rng).as_matrix()
        return self.array(self.known @ turns + 0.1 * plain(x) / (1 + sigma))

    def random_turns(self, count):
        turns = Rotation.random(count, random_state=self.rng).as_matrix()
        self.body = self.body @ turns
        return self.array(turns), self.array(self.rng.normal(size=(count, 1, 3)))

    def augment(self, x):
        turns, shift = (plain(values) for values in self.random_turns(len(x)))
        x = plain(x)
        return self.array((x - x.mean(1, keepdims=True)) @ turns + shift)

    def lay(self, x, onto):
        """By another's code."""
        x, onto = plain(x), plain(onto)
        turns = np.stack([laying(body, target) for body, target in zip(x, onto, strict=True)])
        self.body = self.body @ turns
        return self.array((x - x.mean(1, keepdims=True)) @ turns + onto.mean(1, keepdims=True)), None

    def run(self, levels=LEVELS, chunk=None):
        """In calls of at most so many samples."""
        x = self.array(levels[0] * self.rng.normal(size=(self.samples, ATOMS, 3)))
        self.body = np.broadcast_to(np.eye(3), (self.samples, 3, 3))
        for step, sigma in enumerate(levels):
            x = self.augment(x)
            begun = self.body
            chunks = np.split(np.arange(self.samples), range(chunk or self.samples, self.samples, chunk or 1))
            estimate = np.concatenate([plain(self.denoise(x[rows], sigma)) for rows in chunks])
            rows = self.chosen.get(step, np.arange(self.samples))
            estimate, self.body = (estimate + self.guide * (step == 2))[rows], self.body[rows]
            x = plain(x)[rows]
            if self.align:
                x = plain(self.lay(self.array(x), self.array(estimate))[0])
            self.passed.append((begun, self.body, rows))
            x = self.array(estimate + 0.4 * (x - estimate))
        return x


def laying(body, target):
    rotation, _ = Rotation.align_vectors(target - target.mean(0), body - body.mean(0))
    return rotation.as_matrix().T


MOTION = [(Loop, "augment", "x"), (Loop, "lay", "x", "onto")]


def listened(path, loop, every=1, motion=MOTION, **run):
    with edm.record(loop, "denoise", "x", "sigma", path=path, every=every, motion=motion) as recorder:
        recorder.final(loop.run(**run))
    return lines_of(path)


def lines_of(path):
    return [json.loads(line) for line in (path / "calls.jsonl").read_text().splitlines()]


def info_of(path):
    return json.loads((path / "run.json").read_text())


def assert_turns(found, expected):
    np.testing.assert_allclose(np.reshape(found, (3, 3)), expected, atol=TOLERANCE)


@pytest.mark.parametrize("array", [single, plain, tensor])
@pytest.mark.parametrize("every", [1, 2, 3])
@pytest.mark.parametrize("chunk", [None, 2])
@pytest.mark.parametrize("align", [False, True])
def test_turns_are_those_of_the_loop(tmp_path, array, every, chunk, align):
    loop = Loop(align=align, array=array)
    *lines, end = listened(tmp_path / "a.trace", loop, every, chunk=chunk)
    assert info_of(tmp_path / "a.trace")["motion"] is True
    assert [line["step"] for line in lines if 0 in line["samples"]] == list(range(1, len(LEVELS) + 1, every))
    assert not any("turned" in line for line in lines if line["step"] == 1)
    bodies = [begun for begun, _, _ in loop.passed] + [loop.body]
    for line in [line for line in lines if line["step"] > 1] + [end | {"samples": range(3), "step": len(bodies)}]:
        # The kept call before the end is the last that is a multiple of every.
        before = (line["step"] - 2) // every * every
        assert not {"guided", "from"} & set(line)
        assert ("aligned" in line) is align
        for row, sample in enumerate(line["samples"]):
            begun, left = (bodies[sample] for bodies in loop.passed[before][:2])
            assert_turns(line["turned"][row], left.T @ bodies[line["step"] - 1][sample])
            if align:
                assert_turns(line["aligned"][row], begun.T @ left)


@pytest.mark.parametrize("every", [1, 2])
def test_samples_that_go_on_from_others_and_fewer_that_end(tmp_path, every):
    chosen = {1: [1, 1, 0], 2: [0, 2, 2], 6: [2, 1]}
    loop = Loop(align=True, chosen=chosen)
    *lines, end = listened(tmp_path / "a.trace", loop, every)
    froms = {line["step"]: line["from"] for line in [*lines, end | {"step": 8}] if "from" in line}
    # Rows of the second choice name rows of the first: 1, 1, 0 of which 0, 2, 2 are 1, 0, 0.
    assert froms == ({3: [1, 1, 0], 4: [0, 2, 2], 8: [2, 1]} if every == 1 else {3: [1, 1, 0], 5: [0, 2, 2], 8: [2, 1]})
    for line in [*lines[1:], end | {"step": 8}]:
        before = (line["step"] - 2) // every * every
        rows = loop.passed[before][2]
        begun, left = loop.passed[before][0][rows], loop.passed[before][1]
        here = loop.passed[line["step"] - 1][0] if line["step"] < 8 else loop.body
        later = loop.passed[line["step"] - 2][2] if line["step"] - 2 > before else range(len(rows))
        for row, origin in enumerate(later):
            assert_turns(line["turned"][row], left[origin].T @ here[row])
            assert_turns(line["aligned"][row], begun[origin].T @ left[origin])


def test_every_other_step_names_the_sample_of_the_kept_call_before(tmp_path):
    loop = Loop(align=True, chosen={0: [2, 0, 0], 1: [1, 1, 0]})
    lines = listened(tmp_path / "a.trace", loop, every=2)
    assert lines[1]["from"] == [0, 0, 2]


def test_estimates_that_are_changed_after_the_denoiser(tmp_path):
    lines = listened(tmp_path / "a.trace", Loop(align=True, guide=0.7))
    assert [line.get("guided") for line in lines] == [None] * 3 + [[1.2124] * 3] + [None] * 4


def test_samples_that_begin_later_have_turns_of_their_own(tmp_path):
    """Outer chunks: what is turned between the last call of some and the first of others is that of the others."""
    loop = Loop(samples=2)
    with edm.record(Loop, "denoise", "x", "sigma", path=tmp_path / "a.trace", motion=MOTION[0]) as recorder:
        ends = [loop.run()]
        loop.samples = 1
        recorder.final(np.concatenate([*ends, loop.run()]))
    *lines, end = lines_of(tmp_path / "a.trace")
    assert [line["samples"] for line in lines] == [[0, 1]] * len(LEVELS) + [[2]] * len(LEVELS)
    assert [step for step, line in enumerate(lines) if "turned" not in line] == [0, len(LEVELS)]
    for step, line in enumerate(lines):
        if "turned" in line:
            for row, turned in enumerate(line["turned"]):
                assert_turns(turned, loop.passed[step - 1][1][row].T @ loop.passed[step][0][row])
    np.testing.assert_allclose(end["turned"], np.tile(np.eye(3).ravel(), (3, 1)), atol=1e-9)


def test_the_last_rollout_may_be_what_a_sampler_gives(tmp_path):
    loop = Loop(samples=2)
    with edm.record(Loop, "denoise", "x", "sigma", path=tmp_path / "a.trace", motion=MOTION[0]) as recorder:
        loop.run()
        recorder.final(loop.run(levels=LEVELS[2:]))
    end = lines_of(tmp_path / "a.trace")[-1]
    assert (end["from"], len(end["turned"])) == ([2, 3], 2)


def test_rotations_by_themselves_and_calls_in_one_frame(tmp_path):
    """Heun's method asks twice in each frame, the second time at the next level."""
    loop = Loop(samples=2)
    loop.body = np.broadcast_to(np.eye(3), (2, 3, 3))
    bodies = []
    motion = (Loop, "random_turns", None)
    with edm.record(Loop, "denoise", "x", "sigma", path=tmp_path / "a.trace", motion=[motion]):
        for levels in ((8.0, 4.0), (4.0, 2.0), (2.0, 1.0)):
            loop.random_turns(2)
            for sigma in levels:
                loop.denoise(single(loop.rng.normal(size=(2, ATOMS, 3))), sigma)
                bodies.append(loop.body)
    lines = lines_of(tmp_path / "a.trace")
    for before, here, line in zip(bodies[:-1], bodies[1:], lines[1:-1], strict=True):
        for row in range(2):
            assert_turns(line["turned"][row], before[row].T @ here[row])


def test_rotations_of_columns(tmp_path):
    """Some programs turn columns, x' = R x: the turn of rows is its transpose."""
    turns = Rotation.random(3, random_state=3).as_matrix()
    for name, given, columns in (("rows", turns, False), ("columns", turns.swapaxes(1, 2), True)):
        recorder = Recorder(tmp_path / name, motion=True)
        draw = recorder.wrap_motion(lambda given=given: given, columns=columns)
        for sigma in (4.0, 2.0):
            recorder.call(sigma, np.ones((3, ATOMS, 3)), np.ones((3, ATOMS, 3)))
            draw()
        recorder.close(ended=True)
        for line in lines_of(tmp_path / name)[1:]:
            np.testing.assert_allclose(np.reshape(line["turned"], (3, 3, 3)), turns, atol=1e-8)


def turned(scale, atoms, dtype, rng):
    x = rng.normal(size=(4, atoms, 3)) * scale
    turns = Rotation.random(4, random_state=rng).as_matrix()
    before = torch.tensor(x).to(dtype)
    after = (before.double() @ torch.tensor(turns) + torch.tensor(rng.normal(size=(4, 1, 3)))).to(dtype)
    return before, after, turns


@pytest.mark.parametrize("scale", [2560.0, 16.0])
@pytest.mark.parametrize(
    ("dtype", "atoms", "radians"),
    [(torch.float32, 40, 1e-6), (torch.float32, 3001, 1e-6), (torch.bfloat16, 3001, 5e-4), (torch.float64, 4, 1e-6)],
)
def test_turns_are_read_off_what_goes_in_and_comes_out(scale, dtype, atoms, radians):
    before, after, turns = turned(scale, atoms, dtype, np.random.default_rng(1))
    found = turn_of(Few.of(before), Few.of(after))
    assert (Rotation.from_matrix(found) * Rotation.from_matrix(turns).inv()).magnitude().max() < radians
    np.testing.assert_allclose(turn_of(Few.of(before.mT), Few.of(after.mT)), found, atol=1e-12)


def test_masked_atoms_at_the_origin_do_not_count():
    before, after, turns = turned(100.0, 500, torch.float32, np.random.default_rng(2))
    after[:, 300:] = 0
    np.testing.assert_allclose(turn_of(Few.of(before), Few.of(after)), turns, atol=TOLERANCE)


def mirrored(x):
    return x * single([1, 1, -1])


class Odd:
    """Turns in ways that cannot be followed."""

    def denoise(self, x, sigma):
        return x / 2

    def turn(self, x):
        return self.how(x)


BALL = single(np.random.default_rng(3).normal(size=(2, ATOMS, 3)))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (mirrored, "samples were changed by .* A beside a motion of the whole"),
        (lambda x: x * single([1.0, 1.0, 1.2]), "samples were changed by"),
        (lambda x: x[:1], "2 samples of 37 atoms became 1 of 37 where they should be turned"),
        (lambda x: np.stack([x, x]), "2 samples of 37 atoms became 4 of 37"),
        (lambda x: x * single([0, 0, 1]), "the atoms lie in a line"),
        (lambda x: {"x": x}, "x has the shape"),
    ],
)
def test_motion_that_cannot_be_followed_ends_and_the_recording_goes_on(tmp_path, capfd, how, said):
    odd = Odd()
    with edm.record(Odd, "denoise", "x", "sigma", path=tmp_path / "a.trace", motion=(Odd, "turn", "x")):
        for step, sigma in enumerate(LEVELS):
            odd.how = (lambda x: x) if step < 2 else how
            odd.turn(BALL)
            odd.denoise(BALL, sigma)
    assert capfd.readouterr() == ("", "")
    info = info_of(tmp_path / "a.trace")
    assert info["motion"] is False
    assert edm.open_trace(tmp_path / "a.trace").steps.tolist() == list(range(1, len(LEVELS) + 1))
    assert ["turned" in line for line in lines_of(tmp_path / "a.trace")] == [False, True] + [False] * 6
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(info["motion_lost"])


def test_other_rows_than_those_made_together(tmp_path):
    odd = Odd()
    odd.how = lambda x: x
    with edm.record(Odd, "denoise", "x", "sigma", path=tmp_path / "a.trace", motion=(Odd, "turn", "x")):
        for sigma in LEVELS:
            for row in range(2):
                odd.turn(BALL[row : row + 1])
            odd.denoise(BALL, sigma)
    assert "1 samples were turned where 2 are made together" in info_of(tmp_path / "a.trace")["motion_lost"]


def test_what_turns_other_atoms_or_within_a_denoiser_turns_no_sample(tmp_path):
    class Inside(Odd):
        how = staticmethod(lambda x: x[:, ::-1].copy())  # no motion of the whole

        def denoise(self, x, sigma):
            self.turn(x)
            return x / 2

        def other(self, x):
            return x

    inside = Inside()
    motion = [(inside, "turn", "x"), (inside, "other", "x")]
    with edm.record(Inside, "denoise", "x", "sigma", path=tmp_path / "a.trace", motion=motion):
        for sigma in LEVELS:
            inside.other(BALL[:, :5])
            inside.denoise(BALL, sigma)
    assert "motion" not in info_of(tmp_path / "a.trace")  # nothing was heard
    assert not any("turned" in line for line in lines_of(tmp_path / "a.trace"))


def test_a_program_may_say_itself_how_it_turns(tmp_path):
    before, after, turns = turned(16.0, ATOMS, torch.float32, np.random.default_rng(4))
    recorder = Recorder(tmp_path / "a.trace", motion=True)
    denoise = recorder.wrap(lambda x, sigma: x, "x", "sigma")
    denoise(before, 8.0)
    recorder.aligned(before, after, before)
    recorder.turned(turns)
    denoise(after, 4.0)
    recorder.moved(before, after)
    recorder.close(True)
    _, line, end = lines_of(tmp_path / "a.trace")
    for found in (line["turned"], line["aligned"], end["turned"]):
        np.testing.assert_allclose(np.reshape(found, (4, 3, 3)), turns, atol=TOLERANCE)


def test_results_are_the_same_and_functions_are_given_back(tmp_path):
    before = vars(Loop)["augment"], vars(Loop)["lay"]
    listened(tmp_path / "a.trace", listening := Loop(align=True))
    (alone := Loop(align=True)).run()
    assert before == (vars(Loop)["augment"], vars(Loop)["lay"])
    for heard, not_heard in zip(listening.passed, alone.passed, strict=True):
        assert np.array_equal(heard[1], not_heard[1])
    assert listening.rng.bit_generator.state == alone.rng.bit_generator.state


def test_a_graph_is_the_same_with_a_recorder_which_hears_nothing_in_it(tmp_path):
    class Net(Odd):
        def turn(self, x):
            return x.flip(-1)

        def sample(self, x):
            for sigma in (4.0, 2.0):
                x = self.denoise(self.turn(x), sigma)
            return x

    x = torch.tensor(BALL)
    compiled = torch.compile(Net().sample, backend="eager", fullgraph=True)
    with edm.record(Net, "denoise", "x", "sigma", path=tmp_path / "a.trace", motion=(Net, "turn", "x")) as recorder:
        assert torch.equal(compiled(x), x / 4)
        assert recorder.calls == 0
        Net().sample(x)
        assert recorder.calls == 2


@pytest.mark.parametrize(
    ("motion", "said"),
    [
        ((Loop, "turn", "x"), "Loop has no function turn"),
        ((Loop, "augment", "y"), "augment has no argument 'y'"),
        ([(Loop, "lay", "x", "z")], "lay has no argument 'z'"),
        ((Loop, "augment"), "motion holds .*: give"),
        ((Loop, 3, "x"), "motion holds"),
        (["augment"], r"motion holds \['augment'\]"),
    ],
)
def test_motion_that_cannot_be_heard(tmp_path, motion, said):
    with (
        pytest.raises(edm.EdmNoiseError, match=said),
        edm.record(Loop, "denoise", "x", "sigma", path=tmp_path / "a.trace", motion=motion),
    ):
        pass
    assert not (tmp_path / "a.trace").exists()
