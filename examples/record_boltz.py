"""What does Boltz, or a loop of my own, do while it samples?

A program that is known is recorded by its own command in its own environment, into `run.trace`:
`python -m edmnoise record --out run.trace -- boltz predict complex.yaml --diffusion_samples 5`.
Then `python record_boltz.py complex_model_0.cif` shows it, by the atoms of that file. Where there is no such trace,
this script records a loop that stands for one of yours, of a model that no one described: `edm.record` is told which
method denoises and what its arguments are called.

What each level still has to go to the end of its sample, against the noise level: from high noise at the left to none.
"""

from itertools import pairwise
from pathlib import Path

import torch
from matplotlib import pyplot as plt
from shown import PARTS, finish, given, toxin

import edmnoise as edm

structure = given("DE", range(1, 41))
if not Path("run.trace").exists():
    states = torch.stack([torch.tensor(pair.coordinates).mT for pair in (structure, toxin("FG", range(1, 41)))])
    noise = edm.MultiscaleNoise(structure.hierarchy, edm.Weights.named("flat"))
    exact = edm.StatesDenoiser(states, noise.covariance)

    class Model:
        def predict(self, noisy, level):
            return exact.denoise(noisy, level).atoms

    model, levels = Model(), edm.sampler_preset("alphafold3").schedule(60).sigmas
    with edm.record(Model, "predict", x="noisy", sigma="level", path="run.trace"):
        x = levels[0] * torch.randn(4, 3, structure.n_atoms, generator=torch.Generator().manual_seed(0))
        for level, after in pairwise(levels):
            x = x + (after - level) * (x - model.predict(x, level)) / level

run = edm.run_of(edm.open_trace("run.trace"), structure)
print(f"{len(run.final)} samples in {len(run.sigmas)} steps")
for part, sigma in run.freeze_out().items():
    print(f"{part.label(structure.hierarchy)} is frozen out below {sigma:.3g} A")
figure, axis = plt.subplots()
for part, way in run.to_go().items():
    name = part.label(structure.hierarchy)
    axis.loglog(run.sigmas, way.clip(1e-3), color=PARTS[name], label=name)
axis.invert_xaxis()
axis.set(title="What each level still has to go", xlabel="σ (Å)", ylabel="to the end (Å)")
axis.set(xlim=(None, 3), ylim=(0.01, None))
axis.xaxis.set_major_formatter("{x:g}")
axis.yaxis.set_major_formatter("{x:g}")
axis.legend()
finish(figure)
