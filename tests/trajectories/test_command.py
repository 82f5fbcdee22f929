"""edmnoise record runs a command as it is, listens in every process of it, and says what it heard, or why nothing."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import edmnoise as edm
from edmnoise.__main__ import main
from edmnoise.trajectories.command import record_command

ATOMS, LEVELS = 12, 5

LOOPS = """
import numpy as np

def turns(rng, n):
    q, _ = np.linalg.qr(rng.normal(size=(n, 3, 3)))
    return q * np.sign(np.linalg.det(q))[:, None, None]

def augment(x, rng):
    return (x - x.mean(1, keepdims=True)) @ turns(rng, len(x)) + rng.normal(size=(len(x), 1, 3))

class Model:
    gamma = 0.8

    def __init__(self, seed=0):
        self.rng = np.random.default_rng(seed)

    def denoise(self, x, sigma, extra=None):
        return {"x0": x * 0.5 + 0.01 * self.rng.normal(size=x.shape)}

    def levels(self, steps):
        return [2.0 ** (6 - step) for step in range(steps)]

    def sample(self, samples=2, steps=5, feats=None, net=None, **more):
        \"\"\"Samples.\"\"\"
        x = 64 * self.rng.normal(size=(samples, 12, 3))
        for sigma in self.levels(steps):
            x = augment(x, self.rng)
            x = (net or self.denoise)(x, sigma=sigma)["x0"]
        return x

class Second(Model):
    def sample(self, *given, **named):
        return super().sample(*given, **named) + 0.0

def handed(net, samples=2):
    rng = np.random.default_rng(3)
    x = 64 * rng.normal(size=(samples, 12, 3))
    for sigma in (64.0, 8.0, 2.0):
        x = augment(x, rng)
        x = net(x_noisy=x, t=np.full(samples, sigma), features=0)[1]
    return [x]

def training(model):
    return model.denoise(np.zeros((1, 12, 3)), sigma=1.0)
"""

SPECS = [
    {
        "program": "Loops",
        "distributions": {"loops-of-others": "1.5"},
        "module": "loops.inner",
        "sampler": {"function": ["Model.sample", "Second.sample"], "result": None},
        "denoiser": {"function": "Model.denoise", "x": "x", "sigma": "sigma", "out": "x0"},
        "motion": [{"function": "augment", "x": "x"}],
        "settings": {"gamma0": "self.gamma", "steps": ["nothing", "steps"], "schedule": "self.levels(steps)"},
    },
    {
        "program": "Handed",
        "distributions": {"loops-of-others": "1.5"},
        "module": "loops.inner",
        "sampler": {"function": "handed", "result": 0},
        "denoiser": {"argument": "net", "x": "x_noisy", "sigma": "t", "out": 1},
        "motion": [{"function": "augment", "x": "x"}],
    },
]


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A package that is not installed where edmnoise is, with its specs; what runs a script of it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lib" / "loops").mkdir(parents=True)
    (tmp_path / "lib" / "loops" / "__init__.py").write_text("")
    (tmp_path / "lib" / "loops" / "inner.py").write_text(LOOPS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"))
    files = []
    for spec in SPECS:
        files.append(tmp_path / f"{spec['program']}.json")
        files[-1].write_text(json.dumps(spec))

    def run(code, out="run.trace", python=(sys.executable,), specs=files, **options):
        (tmp_path / "script.py").write_text(textwrap.dedent(code))
        return record_command([*python, "script.py"], out, programs=specs, **options)

    return run


def installed(folder, name="loops_of_others", version="1.5"):
    """As pip says that a distribution is there."""
    about = folder / f"{name}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n")
    (about / "RECORD").write_text("loops/__init__.py,,\nloops/inner.py,,\n")


RUNS = """
from loops.inner import Model, handed
print(Model().sample(3).sum())
print(handed(lambda x_noisy, t, features: (0, x_noisy * 0.5))[0].sum())
"""


def test_every_run_has_its_folder_and_the_output_is_the_same(program, tmp_path, capfd):
    installed(tmp_path / "lib")
    (tmp_path / "script.py").write_text(RUNS)
    alone = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, check=True)
    assert program(RUNS) == 0
    out, err = capfd.readouterr()
    assert out == alone.stdout
    assert re.fullmatch(
        r"edmnoise: recorded 2 runs of Loops \(loops-of-others 1.5\), Handed \(loops-of-others 1.5\) in run.trace: "
        r"2 to 3 samples of 12 atoms, 3 to 5 steps each, \d+ kB\n",
        err,
    )
    assert sorted(path.name for path in (tmp_path / "run.trace").iterdir()) == ["1", "2", "recording.json"]
    first, second = (edm.open_trace(tmp_path / "run.trace" / run) for run in "12")
    assert (first.samples, first.atoms, first.ended, second.samples) == (3, 12, True, 2)
    assert first.info["settings"] == {"gamma0": 0.8, "steps": 5, "schedule": [64.0, 32.0, 16.0, 8.0, 4.0]}
    assert first.info["motion"] is True
    assert first.info["command"] == ["script.py"]
    np.testing.assert_allclose(second.frames("noisy", 1)[-1] / 2, second.final[1], rtol=1e-6)
    assert f"{first.final.astype(float).sum():.3f}" == f"{float(out.split()[0]):.3f}"
    about = json.loads((tmp_path / "run.trace" / "recording.json").read_text())
    assert about["command"] == [sys.executable, "script.py"]


def test_what_is_no_call_of_a_run_is_not_recorded(program, tmp_path, capfd):
    code = """
    import inspect
    from loops.inner import Model, Second, training
    assert str(inspect.signature(Model.sample)) == "(self, samples=2, steps=5, feats=None, net=None, **more)"
    assert Model.sample.__doc__ == "Samples."
    training(Model())
    Second().sample(1)
    training(Model())
    Model().sample(steps=0)
    """
    assert program(code) == 0
    err = capfd.readouterr().err
    assert "recorded 1 run of Loops (of an unknown version)" in err
    assert err.endswith("; 1 run made no denoiser call that could be heard\n")
    trace = edm.open_trace(tmp_path / "run.trace" / "1")
    assert (len(trace.calls), trace.ended, trace.final.shape) == (LEVELS, True, (1, 12, 3))


def test_x0_alone_of_every_other_call(program, tmp_path):
    program(RUNS, keep="x0", every=2)
    trace = edm.open_trace(tmp_path / "run.trace" / "1")
    assert (trace.kinds, trace.steps.tolist()) == (("denoised",), [1, 3, 5])


CHILDREN = """
import subprocess, sys, multiprocessing
from concurrent.futures import ProcessPoolExecutor

def work(seed):
    from loops.inner import Model
    return Model(seed).sample(1).sum()

if __name__ == "__main__":
    if sys.argv[1:]:
        work(9)
    for method in METHODS:
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
            print(list(pool.map(work, range(3))))
    if not sys.argv[1:]:
        subprocess.run([sys.executable, __file__, "again"], check=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_children_pools_and_their_children(program, tmp_path, capfd):
    assert program(CHILDREN.replace("METHODS", "('fork', 'spawn')")) == 0
    out, err = capfd.readouterr()
    assert len(set(out.splitlines())) == 1  # each pool of each process has made the same samples
    assert "recorded 13 runs" in err
    ends = {edm.open_trace(tmp_path / "run.trace" / str(run)).final.tobytes() for run in range(1, 14)}
    assert len(ends) == 4


STRANGE = {
    "reload": """
        import importlib, loops.inner
        importlib.reload(loops.inner)
        importlib.reload(loops.inner).Model().sample()
        """,
    "from an archive": """
        import sys, zipfile, os, loops
        with zipfile.ZipFile("loops.zip", "w") as archive:
            for name in ("__init__.py", "inner.py"):
                archive.write(os.path.join(os.path.dirname(loops.__file__), name), "loops/" + name)
        del sys.modules["loops"]
        sys.path.insert(0, "loops.zip")
        from loops.inner import Model
        import loops.inner
        assert "zip" in loops.inner.__file__
        Model().sample()
        """,
    "a finder in front": """
        import sys, importlib.machinery
        class Loader(importlib.machinery.SourceFileLoader):
            def source_to_code(self, data, path, *, _optimize=-1):
                return super().source_to_code(data, path)
        class Finder:
            def find_spec(self, name, path=None, target=None):
                spec = importlib.machinery.PathFinder.find_spec(name, path, target)
                if spec is not None and name.startswith("loops"):
                    spec.loader = Loader(spec.loader.name, spec.loader.path)
                    return spec
        sys.meta_path.insert(0, Finder())
        from loops.inner import Model
        import wave
        Model().sample()
        """,
    "lazily": """
        import importlib.util, sys
        import loops
        spec = importlib.util.find_spec("loops.inner")
        spec.loader = importlib.util.LazyLoader(spec.loader)
        module = sys.modules["loops.inner"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.Model().sample()
        """,
    "another thread": """
        import threading
        from loops.inner import Model
        thread = threading.Thread(target=lambda: Model().sample())
        thread.start()
        thread.join()
        """,
    "a model of its own subclass": """
        from loops.inner import Model
        class Own(Model):
            def denoise(self, x, sigma):
                return super().denoise(x, sigma)
        Own().sample(net=None)
        """,
    "a denoiser that is handed on": """
        import functools, numpy as np
        from loops.inner import handed
        class Net:
            steps = 0
            def __call__(self, x_noisy, t, features):
                self.steps += 1
                return 0, x_noisy / 2
        net = Net()
        handed(functools.partial(net))
        assert net.steps == 3
        """,
}


@pytest.mark.parametrize("way", STRANGE)
def test_ways_to_import_and_to_call(program, capfd, way):
    assert program(STRANGE[way]) == 0
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("edmnoise: recorded 1 run of ")
    assert err.count("\n") == 1


def test_what_stands_in_for_a_denoiser_is_it_in_all_else(program, capfd):
    code = """
    import copy, inspect, pickle
    import loops.inner as inner
    class Net:
        training = True
        def forward(self, x_noisy, t, features=None):
            return 0, x_noisy / 2
        def __call__(self, *given, **named):
            return self.forward(*given, **named)
    net, seen = Net(), []
    def handed(net):
        seen.append(net)
        assert isinstance(net, Net) and callable(net) and net == seen[0] and net.training
        net.training = False
        net.more = 3
        del net.more
        assert "forward" in dir(net) and repr(net) == repr(real) and hash(net) == hash(real)
        assert type(copy.deepcopy(net)) is Net
        return [net.forward(inner.np.ones((1, 12, 3)), 4.0)[1]]
    real = net
    inner.handed = handed
    import sys
    finder = next(finder for finder in sys.meta_path if type(finder).__name__ == "_Finder")
    finder._patch(inner)
    inner.handed(net)
    assert net.training is False and type(seen[0]) is not Net
    """
    assert program(code) == 0
    assert "recorded 1 run of Handed" in capfd.readouterr().err


def test_the_users_own_start_of_python_still_runs(program, tmp_path, capfd):
    (tmp_path / "lib" / "sitecustomize.py").write_text("import builtins\nbuiltins.mine = __file__\n")
    code = """
    import sys, sitecustomize
    print(mine == sitecustomize.__file__, any("inside" in place for place in sys.path))
    from loops.inner import Model
    Model().sample()
    """
    assert program(code) == 0
    out, err = capfd.readouterr()
    assert out == "True False\n"
    assert "recorded 1 run" in err


@pytest.mark.parametrize(
    ("code", "python", "said"),
    [
        ("pass", (), "no program that is known was imported (a container, python -I, -E or -S, and Python before"),
        ("import loops.inner", (), "Handed or Loops was imported, and its sampler was never called"),
        ("from loops.inner import Model; Model().sample(steps=0)", (), "the sampler of Loops was called, its denoiser"),
        ("pass", ("-I",), "no Python of the command could be listened to"),
        ("pass", ("-E",), "no Python of the command could be listened to"),
        ("pass", ("-S",), "no Python of the command could be listened to"),
    ],
)
def test_why_nothing_was_recorded(program, tmp_path, capfd, code, python, said):
    assert program(code, python=(sys.executable, *python)) == 0
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"edmnoise: nothing was recorded: {said}")
    assert not (tmp_path / "run.trace").exists()


def test_exit_codes_are_those_of_the_command(program, tmp_path, capfd):
    assert program(RUNS + "raise SystemExit(7)") == 7
    assert "recorded 2 runs" in capfd.readouterr().err
    assert program("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "b.trace") == 128 + signal.SIGKILL
    assert program("0 / 0", "c.trace") == 1
    capfd.readouterr()
    assert record_command(["no such command"], "d.trace") == 127
    assert capfd.readouterr().err == "edmnoise: nothing was recorded: no such command: No such file or directory\n"
    assert record_command([str(tmp_path / "script.py")], "d.trace") == 126
    assert not list(tmp_path.glob("[bcd].trace"))


def test_a_run_that_fails_is_recorded_as_far_as_it_came(program, tmp_path, capfd):
    code = """
    from loops.inner import Model
    class Own(Model):
        def levels(self, steps):
            yield from (9.0, 5.0)
            raise ZeroDivisionError
    Own().sample()
    """
    assert program(code) == 1
    assert re.search(r"2 steps, \d kB; 1 run did not end\n", capfd.readouterr().err)
    assert not edm.open_trace(tmp_path / "run.trace" / "1").ended


FAULTS = {
    "a model of another size": (
        "import numpy as np; from loops.inner import Model, handed\n"
        "model = Model(); original = Model.denoise\n"
        "model.sample(net=lambda x, sigma: original(model, x[:, : 12 - int(sigma < 9)], sigma))",
        "a call had 11 atoms where those before had 12",
    ),
    "a folder that has gone": (
        "import shutil; shutil.rmtree('run.trace'); from loops.inner import Model; Model().sample()",
        "a run of Loops is not recorded: No such file or directory: ",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_one_line_and_the_run_goes_on(program, capfd, fault):
    code, said = FAULTS[fault]
    assert program(code.replace("original(", "Model.denoise(") + "\nprint('went on')") == 0
    out, err = capfd.readouterr()
    assert out == "went on\n"
    assert said in err
    assert err.count("\n") == 2
    last = err.splitlines()[1]
    assert last.endswith((f"3 steps, 4 kB; 1 run stopped being recorded ({said})", "removed"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"sampler": {"function": "Model.draw"}},
            "Loops cannot be recorded, the run goes on: loops.inner has no function",
        ),
        ({"denoiser": {"function": "Model.denoise", "x": "y", "sigma": "sigma"}}, "denoise has no argument 'y'"),
        ({"denoiser": {"argument": "network", "x": "x", "sigma": "sigma"}}, "recorded 1 run"),
        ({"motion": [{"function": "turn", "x": 0}]}, "how Loops turns its samples is not recorded: loops.inner has no"),
        ({"settings": {"gamma0": "self.gamma.first"}}, "recorded 1 run"),
        ({"sampler": {"function": "Model.sample", "result": "x"}}, "the end of a run of Loops is not recorded: "),
    ],
)
def test_what_another_version_lacks_is_one_warning(program, tmp_path, capfd, change, said):
    (tmp_path / "other.json").write_text(json.dumps(SPECS[0] | change))
    code = "from loops.inner import Model\nfor _ in range(2):\n    print(Model().sample(1).shape)"
    assert program(code, specs=[tmp_path / "other.json"]) == 0
    out, err = capfd.readouterr()
    assert out == "(1, 12, 3)\n" * 2
    assert said.replace("recorded 1 run", "edmnoise: ") in err
    assert err.count("\n") <= 2
    runs = sorted((tmp_path / "run.trace").glob("*/run.json"))
    if runs:
        info = json.loads(runs[0].read_text())
        assert edm.open_trace(runs[0].parent).ended
        if "sampler" in change:
            return
        assert "motion" not in info if "motion" in change else info["unread"] == {"settings.gamma0": UNREAD}


@pytest.mark.parametrize(("turns", "known"), [("self.turning", True), ("self.gamma", False), ("self.gone", False)])
def test_a_run_that_turns_nothing_by_its_settings_has_a_known_motion(program, tmp_path, turns, known):
    (tmp_path / "other.json").write_text(json.dumps(SPECS[0] | {"turns": turns}))
    code = """
    import loops.inner
    loops.inner.Model.turning = False
    loops.inner.augment = lambda x, rng: x
    loops.inner.Model().sample()
    """
    assert program(code, specs=[tmp_path / "other.json"]) == 0
    trace = edm.open_trace(tmp_path / "run.trace" / "1")
    assert trace.info.get("motion", False) is known
    lines = [json.loads(line) for line in (Path(trace.path) / "calls.jsonl").read_text().splitlines()]
    for line in lines[1:]:
        assert line.get("turned") == ([np.eye(3).ravel().tolist()] * 2 if known else None)


def test_calls_for_something_else_are_left_out(program, tmp_path):
    """Guidance asks a second time in each step, at the same level and for as many atoms, with other features."""
    lines = ["import numpy as np", "def guided(net, features):"]
    lines += ["    for sigma in (64.0, 8.0, 2.0):", "        x = np.full((2, 12, 3), sigma)"]
    lines += ["        net(x, sigma, features)", "        net(x + 1, sigma, {})", "    return [x]"]
    (tmp_path / "lib" / "loops" / "inner.py").write_text("\n".join(lines))
    spec = SPECS[1] | {"same": "features", "sampler": {"function": "guided", "result": 0}, "motion": []}
    (tmp_path / "other.json").write_text(json.dumps(spec))
    code = """
    from loops import inner
    inner.guided(lambda x_noisy, t, features: (None, x_noisy / 2), {"a": 1})
    """
    assert program(code, specs=[tmp_path / "other.json"]) == 0
    trace = edm.open_trace(tmp_path / "run.trace" / "1")
    assert (trace.samples, trace.sigmas.tolist()) == (2, [64, 8, 2])
    assert trace.frames("noisy", 0)[:, 0, 0].tolist() == [64, 8, 2]


UNREAD = "AttributeError: 'float' object has no attribute 'first'"


def test_one_is_not_several(program, capfd):
    assert program("from loops.inner import Model\nModel().sample(1, 1)") == 0
    assert re.search(r"run.trace: 1 sample of 12 atoms, 1 step, \d", capfd.readouterr().err)


def test_a_command_without_dashes_before_it(capsys):
    """Nothing runs: its options could be ours."""
    with pytest.raises(SystemExit) as refused:
        main(["record", "--out", "run.trace", "boltz", "predict"])
    assert refused.value.code == 2
    assert "unrecognized arguments: boltz predict: put the command after --, as in" in capsys.readouterr().err


def test_options_that_cannot_be(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thing").write_text("kept")
    (tmp_path / "bad.json").write_text("{}")
    (tmp_path / "none.txt").write_text("3")
    (tmp_path / "broken.json").write_text("{")
    touch = [sys.executable, "-c", "open('started', 'w')"]
    for command, options, said in (
        ([], {}, "there is no command: give it after --"),
        (touch, {"out": "full"}, "full holds something already: give a folder that is new or empty"),
        (touch, {"out": "no/folder"}, "cannot make the folder no/folder: No such file"),
        (touch, {"keep": "all"}, "keep is 'all': give x0 or both"),
        (touch, {"every": 0}, "every is 0: give a whole number from 1"),
        (touch, {"programs": ["none.json"]}, "none.json cannot be read as the description of a program: No such file"),
        (touch, {"programs": ["broken.json"]}, "broken.json cannot be read as the description of a program: it is no"),
        (touch, {"programs": ["none.txt"]}, "none.txt describes no program: it lacks denoiser"),
        (touch, {"programs": ["bad.json"]}, "bad.json describes no program: it lacks denoiser, and may have align"),
    ):
        with pytest.raises(edm.EdmNoiseError, match=said):
            record_command(command, **{"out": "run.trace"} | options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.json", "broken.json", "full", "none.txt"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"moton": []}, "it has moton, and may have"),
        ({"sampler": "sample"}, "it lacks sampler.function"),
        ({"denoiser": {"function": "f", "x": "x"}}, "it lacks denoiser.sigma"),
        ({"denoiser": {"x": "x", "sigma": "t"}}, "its denoiser is a function or an argument of the sampler"),
        ({"names": {"atoms": "x"}}, "it has names.atoms, and may have atom, atom_array, "),
    ],
)
def test_descriptions_that_are_none(tmp_path, monkeypatch, change, said):
    monkeypatch.chdir(tmp_path)
    Path("bad.json").write_text(json.dumps(SPECS[0] | change))
    with pytest.raises(edm.EdmNoiseError, match=said.replace("(", ".")):
        record_command(["true"], "run.trace", programs=["bad.json"])


@pytest.mark.parametrize("file", sorted((Path(edm.__file__).parent / "trajectories" / "programs").glob("*.json")))
def test_programs_that_are_known_are_described(tmp_path, monkeypatch, file):
    monkeypatch.chdir(tmp_path)
    assert record_command([sys.executable, "-c", ""], "run.trace", programs=[file]) == 0


def test_descriptions_of_ones_own_take_the_place_of_those_that_are_known(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    known = Path(edm.__file__).parent / "trajectories" / "programs"
    shutil.copy(known / "boltz2.json", "mine.json")
    record_command(
        [sys.executable, "-c", "import os; print(os.environ['EDMNOISE_RECORD'])"], "a", programs=["mine.json"]
    )
    files = [Path(file) for file in json.loads(capfd.readouterr().out)["programs"]]
    assert {file.name for file in files} == {file.name for file in known.glob("*.json")} - {"boltz2.json"} | {
        "mine.json"
    }


def test_two_runs_do_not_share_a_folder(program, tmp_path):
    (tmp_path / "run.trace").mkdir()
    assert program(RUNS) == 0
    with pytest.raises(edm.EdmNoiseError, match="holds something already"):
        program(RUNS)


def started(tmp_path, code, *options):
    """The command as a user gives it."""
    (tmp_path / "script.py").write_text(textwrap.dedent(code))
    specs = [part for spec in SPECS for part in ("--program", f"{spec['program']}.json")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(edm.__file__).parents[1]), "lib"])}
    command = [sys.executable, "-m", "edmnoise", "record", *specs, *options, "--", sys.executable, "script.py", "--out"]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )


def test_input_output_and_arguments_are_those_of_the_command(program, tmp_path):
    code = """
    import sys
    data = sys.stdin.buffer.read()
    sys.stdout.buffer.write(data[::-1] + repr(sys.argv).encode())
    from loops.inner import Model
    Model().sample()
    """
    data = bytes(range(256)) * 50
    with started(tmp_path, code, "--out", "here.trace", "--every", "5", "--keep", "x0") as child:
        out, err = child.communicate(data)
    assert out == data[::-1] + b"['script.py', '--out']"
    assert err.startswith(b"edmnoise: recorded 1 run of Loops")
    assert err.count(b"\n") == 1
    assert child.returncode == 0
    assert edm.open_trace(tmp_path / "here.trace" / "1").info["every"] == 5


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_signals_are_for_the_command(program, tmp_path, name):
    """Ctrl-C comes to all that run in a terminal, of whom the recording command does not take it for its own."""
    code = """
    import signal, sys, os
    from loops.inner import Model
    def ended(number, frame):
        Model().sample()
        sys.exit(5)
    signal.signal(signal.SIGTERM, ended)
    print(os.getpid(), flush=True)
    sys.stdin.read()
    """
    with started(tmp_path, code) as child:
        inner = int(child.stdout.readline())
        if name == "SIGINT":
            child.send_signal(signal.SIGINT)
            os.kill(inner, signal.SIGTERM)
        else:
            child.send_signal(signal.SIGTERM)
        assert child.wait() == 5  # whose input is still open
        err = child.stderr.read()
    assert err.startswith(b"edmnoise: recorded 1 run of Loops")


OTHERS = [f"python3.{minor}" for minor in (10, 11, 12, 13) if minor != sys.version_info.minor]


def has_numpy(python):
    path = shutil.which(python)
    asked = [path, "-c", "import sys, numpy; print(sys.version_info[:2])"]
    return bool(path) and subprocess.run(asked, capture_output=True).returncode == 0


@pytest.mark.parametrize("python", OTHERS)
def test_other_pythons(program, tmp_path, capfd, python):
    if not has_numpy(python):
        pytest.skip(f"no {python} with NumPy here")
    assert program(RUNS, python=(python,)) == 0
    assert "recorded 2 runs of Loops" in capfd.readouterr().err


TORCH = """
import copy, functools, sys
import torch
from torch import nn
from loops import inner

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.share = nn.Parameter(torch.tensor(0.5))

    def forward(self, x_noisy, t, features=None):
        assert not self.training
        return features, torch.as_tensor(x_noisy) * self.share + 0.1 * torch.randn(x_noisy.shape)

def handed(net, samples=2):
    if not isinstance(net, functools.partial):
        assert isinstance(net, nn.Module) and net.state_dict()
        holder = nn.Module()
        holder.net = net  # as a part of another module
        assert [name.split(".")[-1] for name, _ in holder.named_parameters()] == ["share"]
    return sampled(net, samples)

def sampled(net, samples=2):
    x = 9 * torch.randn(samples, 12, 3)
    for sigma in (9.0, 3.0, 1.0):
        x = net(x, torch.full((samples,), sigma))[1]
    return [x]

inner.handed, inner.sampled = handed, sampled
for finder in sys.meta_path:
    if type(finder).__name__ == "_Finder":
        finder._patch(inner)

torch.manual_seed(7)
net = Net().eval()
average = copy.deepcopy(net)
with torch.no_grad():
    print(inner.handed(net)[0].tolist())
    print(inner.handed(average)[0].tolist())
    print(inner.handed(functools.partial(net, features=1))[0].tolist())
print(torch.rand(3).tolist())
"""


def test_networks_of_torch_are_handed_on_as_they_are(program, tmp_path, capfd):
    (tmp_path / "script.py").write_text(TORCH)
    alone = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, check=True)
    assert program(TORCH) == 0
    out, err = capfd.readouterr()
    assert out == alone.stdout
    assert "recorded 3 runs of Handed" in err
    traces = [edm.open_trace(tmp_path / "run.trace" / run) for run in "123"]
    for trace, line in zip(traces, out.splitlines(), strict=False):
        np.testing.assert_array_equal(trace.final, np.float32(json.loads(line)))
        assert trace.info["seed"] == 7


def test_killed_in_the_middle(program, tmp_path, capfd):
    """A thread writes what was heard, some calls later than they were made: killed once it has begun to."""
    code = """
    import os, pathlib, signal
    from loops.inner import Model
    calls = pathlib.Path("run.trace/1/calls.jsonl")
    class Own(Model):
        def levels(self, steps):
            for step in range(1, 1_000_000):
                yield 1000.0 / step
                if step >= 40 and calls.exists() and calls.stat().st_size:
                    os.kill(os.getpid(), signal.SIGKILL)
    Own().sample()
    """
    assert program(code) == 137
    assert "1 run did not end" in capfd.readouterr().err
    trace = edm.open_trace(tmp_path / "run.trace" / "1")
    assert trace.frames("denoised", 1).shape == (len(trace.calls), ATOMS, 3)


def test_killed_before_a_call_was_written(program, tmp_path, capfd):
    code = """
    import os, signal
    from loops.inner import handed
    handed(lambda **given: os.kill(os.getpid(), signal.SIGKILL))
    """
    assert program(code) == 137
    assert capfd.readouterr().err == (
        "edmnoise: nothing was recorded: the program ended before a call of its 1 run was written\n"
    )
    assert not (tmp_path / "run.trace").exists()
