"""Protenix's sampler on the exact denoiser of a structure; says when what froze out, every motion undone.

Rotations are taken where the program draws them, one floor below the function that a recorder listens to, and undone in
float64: the truth that a trace is compared with.
"""

import argparse

import gemmi
import numpy as np
import torch
from stand_ins import stand_in

import edmnoise as edm
from edmnoise.diffusion.denoisers.choice import DenoiserChoice
from edmnoise.frames.displacement import NESTED
from edmnoise.trajectories.run import Run


class GetPeriodicTable:
    """Of rdkit, which Protenix asks for the symbols of elements."""

    def GetElementSymbol(self, number):
        return gemmi.Element(number).name


stand_in("optree", "rdkit", GetPeriodicTable=GetPeriodicTable)

from protenix.model import generator, utils  # noqa: E402, after what stands in for its imports

FLUCTUATIONS = 3.0, 1.5, 0.5
"""Of chains, residues and atoms, angstrom: so different that the levels freeze out one after the other."""

parser = argparse.ArgumentParser()
parser.add_argument("out")
parser.add_argument("--structure")
parser.add_argument("--samples", type=int, default=3)
parser.add_argument("--steps", type=int, default=200)
parser.add_argument("--seeds", type=int, default=1)
given = parser.parse_args()

structure = edm.read_structure(given.structure)
noise = edm.NestedCovariance(structure.hierarchy, edm.Weights.of(chain=0, residue=0, atom=1))
exact = DenoiserChoice("states", None, FLUCTUATIONS).build(structure, structure.coordinates[None].copy(), noise)
schedule = generator.InferenceNoiseScheduler(s_max=160.0, s_min=4e-4, rho=7, sigma_data=16.0)(given.steps)
draw = utils.uniform_random_rotation


class Watched:
    """Samples of a seed, as they would lie had they never been turned."""

    def __init__(self, seed):
        self.frame = np.eye(3)
        self.sigmas, self.noisy, self.denoised = [], [], []
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002, where Protenix takes rotations from
        utils.uniform_random_rotation = self.drawn
        with torch.no_grad():
            self.final = generator.sample_diffusion(
                denoise_net=self.denoise,
                input_feature_dict={"atom_to_token_idx": torch.zeros(structure.n_atoms, dtype=torch.long)},
                s_inputs=torch.zeros(1, 4),
                **dict.fromkeys(("s_trunk", "z_trunk", "pair_z", "p_lm", "c_l")),
                noise_schedule=schedule,
                N_sample=given.samples,
            )

    def drawn(self, N_sample):
        """Rotations for column vectors, as Protenix uses them."""
        rotation = draw(N_sample)
        self.frame = rotation.double().numpy() @ self.frame
        return rotation

    def denoise(self, x_noisy, t_hat_noise_level, **condition):
        sigma = float(t_hat_noise_level[0])
        estimate = exact.denoise(x_noisy.mT, sigma).atoms.mT
        self.sigmas.append(sigma)
        self.noisy.append(self.at_rest(x_noisy))
        self.denoised.append(self.at_rest(estimate))
        return estimate

    def at_rest(self, x):
        return np.linalg.solve(self.frame, x.double().mT.numpy()).swapaxes(-1, -2)

    def run(self):
        """Each sample superposed on the reference by its end, the whole of it by one motion."""
        end = self.at_rest(self.final)
        onto = structure.coordinates.astype(float)
        onto = onto - onto.mean(axis=0)
        u, _, vh = np.linalg.svd((end - end.mean(axis=1, keepdims=True)).swapaxes(1, 2) @ onto)
        u[:, :, 2] *= np.linalg.det(u @ vh)[:, None]
        return Run(
            structure=structure,
            sigmas=np.array(self.sigmas),
            steps=np.arange(given.steps) + 1,
            noisy=np.array(self.noisy @ (u @ vh), np.float32),
            denoised=np.array(self.denoised @ (u @ vh), np.float32),
            final=np.array(end @ (u @ vh), np.float32),
            states=None,
            partial=False,
            last_sigma=0.0,
            asked=given.samples,
        )


finals, truths = [], []
for seed in range(given.seeds):
    watched = Watched(seed)
    finals.append(watched.final.numpy())
    truths.append([watched.run().freeze_out()[part] for part in NESTED])
np.savez(given.out, final=np.array(finals), freeze_out=np.array(truths))
