"""length in space = sqrt(3) x length per coordinate, both root mean squares.

Displacements, noise levels and data scales are measured per coordinate, as sigma is. Distances between places, so all
reference lengths (a bond, neighbouring C-alpha, what a design asks for) and RMSD, are lengths in space: 3-D.
"""

import math

IN_SPACE = math.sqrt(3)
"""RMS length in 3-D over that per coordinate."""
