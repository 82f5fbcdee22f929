"""BioEmu's law of the angles of IGSO(3): its density, and the table that it draws them by."""

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from bioemu import so3_sde

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
parser.add_argument("--scales", nargs="+", type=float)
given = parser.parse_args()

scales, angles = torch.tensor(given.scales, dtype=torch.float64), torch.linspace(0.01, math.pi, 300).double()
series = so3_sde.generate_igso3_lookup_table(angles, scales)  # beside the law of a uniform rotation
table = so3_sde.SampleIGSO3(num_omega=1000, sigma_grid=scales)
np.savez(
    given.folder / "igso3.npz",
    angles=angles,
    densities=series * so3_sde.uniform_so3_density(angles),
    table_angles=table.omega_grid,
    table=table.cdf_igso3,
)
