"""What does noise destroy?

The same noise level may shift whole chains or tear bonds, as the weights have it. `edm.measure_damage` counts what is
left: local distances, contacts, bonds, chirality, and atoms that clash.

lDDT against the noise level for three weights: noise that mostly shifts the chain as a whole (current) leaves its local
distances alone.
"""

import numpy as np
from matplotlib import pyplot as plt
from shown import COLOURS, finish, given

import edmnoise as edm

structure = given("A", range(4, 100))
levels = np.geomspace(0.1, 30, 7)
figure, axis = plt.subplots()
for name, colour in COLOURS.items():
    noise = edm.MultiscaleNoise(structure.hierarchy, edm.Weights.named(name))
    kept = []
    for sigma in levels:
        frames = noise.frames(sigma, frames=4, seed=0, mean=structure.coordinates)
        table = edm.measure_damage(structure, frames).table
        kept.append(dict(zip(table["measure"], table["mean"], strict=True)))
    middle = kept[3]
    said = ("lDDT", "contacts kept", "bonds broken", "centres flipped")
    print(f"{name:10} at {levels[3]:.2g} A", *(f"{what} {middle[what]:.2f}" for what in said), sep="  ")
    axis.semilogx(levels, [row["lDDT"] for row in kept], color=colour, label=name)
axis.set(title="Local distances that are kept", xlabel="σ (Å)", ylabel="lDDT", ylim=(0, 1.02))
axis.xaxis.set_major_formatter("{x:g}")
axis.legend(loc="lower left")
finish(figure)
