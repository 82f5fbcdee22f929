"""How much noise is 8 Å?

A noise level says little until one knows what moves by how much, and how often training goes there. The level is the
root mean square per coordinate over all atoms; how it is shared out between chains, residues and atoms is up to the
weights.

Displacement of each level against the noise level, with the lengths of a bond and of neighbouring Cα, and 8 Å marked.
"""

import math

import numpy as np
from matplotlib import pyplot as plt
from shown import LEVELS, PARTS, finish, given

import edmnoise as edm

SIGMA = 8.0
structure = given("A")
weights = edm.Weights.named("rebalanced")
training = edm.sigma_distribution("alphafold3")
statistics = edm.NoiseStatistics(structure.hierarchy, weights)
share = training.share_above(SIGMA)
print(f"sigma {SIGMA:g} A is z = {training.z(SIGMA):.2f}: {share:.0%} of AlphaFold 3's training steps have more")

levels = np.geomspace(0.1, 100, 100)
figure, axis = plt.subplots()
for part, colour in PARTS.items():
    length = math.sqrt(3) * statistics.displacement(*LEVELS[part]).rms()  # in space, of sigma 1
    print(f"{part}: {SIGMA * length:.1f} A in space")
    axis.loglog(levels, levels * length, color=colour, label=part)
    axis.plot(SIGMA, SIGMA * length, "o", color=colour, ms=9)
for name, length in {"a bond": 1.4, "neighbouring Cα": 3.8}.items():
    axis.axhline(length, color="#26262e", ls="--", lw=1.2)
    axis.text(0.11, length * 1.08, f"{name}, {length} Å")
axis.axvline(SIGMA, color="#8a8a94", lw=1.2)
axis.set(title=f"{share:.0%} of training steps have more noise than {SIGMA:g} Å", xlim=(0.1, 100), ylim=(0.1, 200))
axis.set(xlabel="σ (Å)", ylabel="displacement in space (Å)")
axis.xaxis.set_major_formatter("{x:g}")
axis.yaxis.set_major_formatter("{x:g}")
axis.legend(loc="lower right")
finish(figure)
