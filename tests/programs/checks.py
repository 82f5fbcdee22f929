"""What holds in the recorded loop of any program of AlphaFold 3's family, against what the stub network saw itself."""

import numpy as np
import pytest


def assert_calls(run, pair):
    """Every call of the network is there, in its order and of the right samples; all of a step come in one call."""
    steps, rows = len(pair.plain["sigma"]), pair.plain["rows"]
    assert run.steps() == [steps] * rows[0]
    assert [call["samples"] for call in run.calls] == [list(range(count)) for count in rows]
    assert [call["sigma"] for call in run.calls] == pytest.approx(pair.plain["sigma"].tolist(), rel=1e-6)
    for kind, frames in (("x", run.x), ("x0", run.x0)):
        seen = pair.plain[kind].reshape(steps, rows[0], *pair.plain[kind].shape[1:])
        kept = np.stack(frames, axis=1)
        # What a stub within a network sees has been scaled to and fro.
        assert np.isclose(kept, seen, rtol=0, atol=1e-4 + 1e-6 * abs(seen).max()).all(), kind


def assert_named(run, pair, **other):
    """Each real atom has the name that the driver gave it, where the program knows it; ``other`` are other words."""
    names, real = run.trace.info["names"], pair.plain.get("mask", np.ones(run.trace.atoms)) > 0
    assert names.get("mask", [1] * len(real)) == real.astype(int).tolist()
    for key, values in names.items():
        if key != "mask":
            wanted = pair.plain[f"names_{key}"].astype(str)
            wanted = np.char.capitalize(wanted) if key == "element" else wanted
            found = np.array(values)[real].astype(str)
            assert found.tolist() == [other.get(value, value) for value in wanted.tolist()], key
    assert "unread" not in run.trace.info


def assert_program(run, name, distribution, **settings):
    info = run.trace.info
    assert (info["program"], info["distribution"]) == (name, distribution)
    assert info["program_version"] == info["tried"]
    found = info["settings"]
    assert {key: found[key] for key in settings} == pytest.approx(settings, rel=1e-6)


def assert_steps(run, levels, gamma, gamma_min, noise_scale, step_scale, real=slice(None)):
    """Each x is what the step before made, turned as recorded, and the noise that churn should add, and nothing else.

    Parameters
    ----------
    levels
        (calls + 1,) of the samples before churn, angstrom.
    """
    freedom, sum_of_squares, quiet = 0, 0.0, 0
    for call, noise in enumerate(run.noise(levels, step_scale), start=1):
        level, target = levels[call : call + 2]
        raised = run.lines[0][call]["sigma"]
        assert raised == pytest.approx(level * (1 + gamma * (target > gamma_min)), rel=1e-6)
        wanted = noise_scale * np.sqrt(max(raised**2 - level**2, 0.0))
        if wanted > 1e-3 * level:
            own = noise[:, real] - noise[:, real].mean(axis=1, keepdims=True)
            freedom += own[:, 1:].size
            sum_of_squares += (own**2).sum() / wanted**2
        else:
            quiet += 1
            assert abs(noise[:, real]).max() < 1e-3 + 2e-6 * abs(run.x[0][call - 1]).max(), call
    assert quiet
    if freedom:
        assert np.sqrt(sum_of_squares / freedom) == pytest.approx(1, abs=3 / np.sqrt(2 * freedom))
    return freedom > 0


def assert_end(run, pair, target, step_scale, row=0, samples=None):
    """The last call makes the end, within 3e-5 A, where nothing is done with it afterwards."""
    final = pair.plain["final"][row]
    assert run.trace.final.tobytes() == final.tobytes()
    for sample, end in enumerate(final):
        x, x0 = run.x[sample][-1], run.x0[sample][-1]
        sigma = run.lines[sample][-1]["sigma"]
        assert abs(x + step_scale * (target - sigma) / sigma * (x - x0) - end).max() < 3e-5
