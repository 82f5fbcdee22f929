"""Which weights for my complex?

Say how far chains, residues and atoms shall move, and `edm.design` finds the weights and the noise level that do so on
your structure, or says in one line why none do. Here chains move by 10 Å, residues in their chain by the distance of
neighbouring Cα and atoms in their residue by a bond.

Displacements of three levels under the designed weights and under named ones of the same noise level, as bars, with the
wanted lengths as dashes: of the named weights none comes near all three.
"""

import math

from matplotlib import pyplot as plt
from shown import COLOURS, LEVELS, finish, given

import edmnoise as edm

structure = given()
wanted = {"chain": 10.0, "residue": 3.8, "atom": 1.4}
made = edm.design(structure.hierarchy, **wanted)
print(f"{made.weights}, sigma {made.sigma:.2f} A")

figure, axis = plt.subplots()
choices = {"designed": made.weights} | {name: edm.Weights.named(name) for name in COLOURS}
for place, (name, weights) in enumerate(choices.items()):
    statistics = edm.NoiseStatistics(structure.hierarchy, weights)
    # In space: sqrt(3) times the root mean square per coordinate.
    lengths = [
        math.sqrt(3) * statistics.displacement(*level, over_atoms=True).rms(made.sigma) for level in LEVELS.values()
    ]
    print(f"{name:10}", *(f"{part} {length:.2f} A" for part, length in zip(LEVELS, lengths, strict=True)), sep="  ")
    at = [level + 0.2 * (place - 1.5) for level in range(3)]
    axis.bar(at, lengths, 0.18, color=COLOURS.get(name, "#2a9d8f"), label=name)
axis.hlines(wanted.values(), [k - 0.42 for k in range(3)], [k + 0.42 for k in range(3)], "#26262e", "dashed", lw=1.6)
axis.set_xticks(range(3), LEVELS)
axis.set(title=f"σ = {made.sigma:.2f} Å, dashes: as wanted", ylabel="displacement in space (Å)")
axis.set_ylim(top=12)
axis.legend(ncols=4, loc="upper center", fontsize=13)
finish(figure)
