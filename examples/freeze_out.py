"""Where does a sampler freeze out?

A level is frozen out once nine tenths of its way to the end are behind it: below that noise level it is only carried
along. With an exact denoiser of known states there is no network whose faults could be meant.

Noise level at which chains, residues in their chain and atoms in their residue freeze out, for noise of three weights:
independent noise (flat) hardly moves chains, which are decided long before atoms; with noise of all levels they are
decided together.
"""

import torch
from matplotlib import pyplot as plt
from shown import COLOURS, cut, finish, toxin

import edmnoise as edm

whole = toxin("DEFG", range(1, 41))
pairs = [cut(whole, "DE"), cut(whole, "FG")]
states = torch.stack([torch.tensor(pair.coordinates).mT for pair in pairs])
published = edm.sampler_preset("boltz2")

figure, axis = plt.subplots()
for place, (name, colour) in enumerate(COLOURS.items()):
    noise = edm.MultiscaleNoise(pairs[0].hierarchy, edm.Weights.named(name)).covariance
    run = edm.run_sampler(
        pairs[0],
        edm.StatesDenoiser(states, noise),
        noise,
        published.schedule(60),
        published.sampler(60),
        samples=4,
    )
    frozen = {part.label(pairs[0].hierarchy): sigma for part, sigma in run.freeze_out().items()}
    print(f"{name:10}", *(f"{part} {sigma:.3g} A" for part, sigma in frozen.items()), sep="  ")
    at = [level + 0.27 * (place - 1) for level in range(3)]
    axis.bar(at, list(frozen.values())[::-1], 0.24, color=colour, label=name)
axis.set_xticks(range(3), list(frozen)[::-1])
axis.set(title="Frozen out below", ylabel="σ (Å)")
axis.legend()
finish(figure)
