"""A recorded run in one frame: by its recorded motion it is our own run; by replay within the error that is stated."""

import json
import math

import numpy as np
import pytest
import torch

import edmnoise as edm
from edmnoise.structure.superpose import superpose

SAMPLES = 3
HEUN = (edm.karras(30, 0.01, 640.0), edm.Sampler("heun", center=True, rotate=True))


def loops(name):
    if name == "heun":
        return HEUN
    preset = edm.sampler_preset(name)
    return preset.schedule(40), preset.sampler(40)


@pytest.fixture(scope="module")
def complex_of_three(pymol_data):
    """1TII chains D, E, F, residues 66 to 75: 3 chains, 30 residues, 195 atoms."""
    whole = edm.read_structure(f"{pymol_data}/demo/1tii.pdb")
    numbers = [str(number) for number in range(66, 76)]
    keep = np.isin(whole.atoms.chain, ["D", "E", "F"]) & np.isin(whole.atoms.number, numbers)
    return edm.Structure.from_atoms(whole.coordinates[keep], whole.atoms.take(keep))


@pytest.fixture(scope="module")
def model(complex_of_three):
    """Two states: the complex, and the complex with chain F turned by 40 degrees and moved by 5 A."""
    x = complex_of_three.coordinates.astype(np.float64)
    third = complex_of_three.atoms.chain == "F"
    turn = np.array([[math.cos(0.7), -math.sin(0.7), 0], [math.sin(0.7), math.cos(0.7), 0], [0, 0, 1]])
    other = x.copy()
    other[third] = (x[third] - x[third].mean(0)) @ turn + x[third].mean(0) + [5, 0, 0]
    states = torch.tensor(np.stack([x.T, other.T]), dtype=torch.float32)
    noise = edm.NestedCovariance(complex_of_three.hierarchy, {"atom": 1.0, "residue": 0.0, "chain": 0.0})
    return edm.StatesDenoiser(states, noise)


def recorded(model, path, loop, seed, samples=SAMPLES):
    """Our own sampler, recorded as any; its frame after each step."""
    schedule, sampler = loop
    frames = []
    with edm.record(model, "denoise", x="x", sigma="sigma", out="atoms", path=path, keep="both") as recorder:
        for step in edm.sample(model, model.covariance, schedule, sampler, samples, seed):
            frames.append(step.frame.rotation.clone())
            end = step.x
        recorder.final(end)
    return np.stack(frames)


def write_motion(path, frames, calls_per_step=1):
    """Add what a recorder that hears the motion would have said to the lines of a trace."""
    trace = edm.open_trace(path)
    lines = [json.loads(line) for line in (path / "calls.jsonl").read_text().splitlines()]
    before = np.tile(np.eye(3), (trace.samples, 1, 1))
    still = np.eye(3).ravel().tolist()
    for number, line in enumerate(lines):
        k = number // calls_per_step
        if "ended" in line or number % calls_per_step:
            line["turned"] = [still] * trace.samples
        if number % calls_per_step == 0 and k < len(frames):
            x, x0 = (
                np.stack([trace.frames(kind, b, [number + 1])[0].T for b in range(trace.samples)]) for kind in KINDS
            )
            onto = superpose(x, x0).rotation.numpy() if calls_per_step == 1 and ALIGNED in str(path) else np.eye(3)
            line["turned"] = rows_of(np.linalg.inv(onto) @ frames[k] @ np.linalg.inv(before))
            before = frames[k]
            if ALIGNED in str(path):
                lines[number + 1]["aligned"] = rows_of(np.broadcast_to(onto, before.shape))
    (path / "calls.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def rows_of(turns):
    """Rotations of columns as the nine numbers of those of rows."""
    return turns.swapaxes(1, 2).reshape(-1, 9).tolist()


KINDS, ALIGNED = ("noisy", "denoised"), "boltz"


def centred(frames):
    return frames - frames.mean(axis=-2, keepdims=True)


@pytest.mark.parametrize("name", ["protenix", "boltz2", "heun"])
def test_with_its_recorded_motion_a_trace_is_our_own_run(name, model, complex_of_three, tmp_path):
    loop = loops(name)
    frames = recorded(model, tmp_path / f"{name}.trace", loop, seed=5)
    write_motion(tmp_path / f"{name}.trace", frames, 2 if name == "heun" else 1)
    own = edm.run_sampler(complex_of_three, model, model.covariance, *loop, samples=SAMPLES, seed=5, keep=1000)
    trace = edm.open_trace(tmp_path / f"{name}.trace")
    steps = trace.steps[:: 2 if name == "heun" else 1]
    run = edm.run_of(trace, complex_of_three, steps=steps)
    assert run.laid.how == "motion"
    np.testing.assert_allclose(run.sigmas, own.sigmas, rtol=1e-6)
    np.testing.assert_allclose(run.final, own.final, atol=2e-3)
    for kind in KINDS:
        found, true = centred(getattr(run, kind)), centred(getattr(own, kind))
        size = np.sqrt((true**2).mean(axis=(1, 2, 3)))
        off = np.sqrt(((found - true) ** 2).mean(axis=(1, 2, 3)))
        assert (off < 2e-5 * size + 1e-4).all(), (kind, (off / size).max(), off.max())
    for part, sigma in own.freeze_out().items():
        assert run.freeze_out()[part] == pytest.approx(sigma, rel=1e-3)
