"""Trajectories that programs wrote themselves open as what their samplers did."""

import numpy as np
import pytest
import torch

from edmnoise.trajectories.files import read_trajectory

PRINTED = 6e-4
"""Angstrom: half of the last of three decimals, in float32."""


@pytest.fixture(scope="module")
def boltzgen(written):
    return written("boltzgen", "write_boltzgen.py")


def test_every_atom_of_boltzgens_overrun_columns(boltzgen):
    laid = np.load(boltzgen / "traj.npy")
    assert laid.min() < -1000
    trace = read_trajectory(boltzgen / "design_traj.pdb", kind="noisy")
    assert trace.info["program"] == "BoltzGen"
    assert np.abs(trace.frames("noisy", 0) - laid[:-2]).max() <= 0.001
    assert np.abs(trace.final[0] - laid[-1]).max() <= 0.001


def test_boltzgens_pair(boltzgen):
    laid, names = np.load(boltzgen / "x0_traj.npy"), np.load(boltzgen / "names.npz")
    trace = read_trajectory(boltzgen / "design_x0_traj.pdb")
    assert trace.kinds == ("noisy", "denoised")
    assert len(trace.steps) == len(laid) == 30
    assert np.abs(trace.frames("denoised", 0) - laid).max() <= PRINTED
    # Names are those of the last model: all others call every designed residue glycine.
    assert trace.structure.atoms.name.tolist() == names["names_atom"].tolist()
    assert trace.structure.atoms.residue_name.tolist() == names["names_residue_name"].tolist()
    assert trace.structure.atoms.chain.tolist() == names["names_chain"].tolist()


@pytest.fixture(scope="module")
def foundry(written):
    return written("rc-foundry", "write_foundry.py", "--steps", 130)


@pytest.mark.parametrize("given", ["denoised", "noisy"])
@pytest.mark.parametrize("sample", [0, 1])
def test_rfdiffusion3(foundry, given, sample):
    """Its two files are swapped, scaled and cut to a hundred frames."""
    truth = np.load(foundry / "rfd3.npz")
    schedule = truth["t"].tolist()
    trace = read_trajectory(foundry / f"design_{given}_model_{sample}.cif", schedule=schedule)
    assert trace.info["program"] == "RFdiffusion 3"
    taken = torch.linspace(0, 129, 100).long().numpy()
    assert trace.steps.tolist() == (taken + 1).tolist()
    assert np.abs(trace.frames("denoised", 0) - truth["x0"][taken, sample]).max() <= PRINTED
    scale = np.sqrt(truth["t"][taken, None, None] ** 2 + 256) / 16
    assert (np.abs(trace.frames("noisy", 0) - truth["x"][taken, sample]) <= 2 * PRINTED * scale).all()


@pytest.mark.parametrize("sample", [0, 1])
def test_rf3(foundry, sample):
    """Each frame is superposed on the last of its file, where only its inner distances stay; levels by its schedule."""
    truth = np.load(foundry / "rf3.npz")
    trace = read_trajectory(foundry / f"fold_denoised_model_{sample}.cif")
    assert trace.info["program"] == "RF3"
    np.testing.assert_allclose(trace.sigmas, truth["t"], rtol=1e-4)

    def inner(frames):
        return np.linalg.norm(frames[:, 1:] - frames[:, :-1], axis=2)

    wanted = inner(truth["x0"][:, sample])
    np.testing.assert_allclose(inner(trace.frames("denoised", 0)), wanted, atol=4 * PRINTED)
    wanted = inner(truth["x"][:, sample])
    np.testing.assert_allclose(inner(trace.frames("noisy", 0)), wanted, atol=1e-3, rtol=5e-4)
    end = trace.frames("denoised", 0)[-1]
    np.testing.assert_allclose(end, truth["x0"][-1, sample], atol=PRINTED)
