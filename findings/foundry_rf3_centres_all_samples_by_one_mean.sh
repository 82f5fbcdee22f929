#!/bin/sh
# RF3 centres the samples of one batch by the mean of them all, not each by its own: how far from the origin the
# network is given a molecule depends on how many are sampled at once.
#
# Source: rc-foundry 0.2.0, foundry/utils/rotation_augmentation.py, centre: X_L[X_exists_L] is (D L, 3), so that its
# mean is over atoms and samples. It begins each step of rf3/diffusion_samplers/inference_sampler.py, SampleDiffusion,
# which names AlphaFold 3's Algorithm 18; there, by Algorithm 19, each sample is centred. torch 2.13.0, Python 3.11.
# Behaviour: by Algorithm 19 a coordinate of the centre is a normal number of 1 A in each call. Here, of D samples,
# only the mean of their centres is taken away, the rest stays and gains that 1 A in each step: about sqrt(D) A.
# diffusion_batch_size is 5 by default. In training a batch is of copies of one structure, which are centred rightly,
# so that the network knows 1 A alone. What that does to the samples of a trained network was not seen: none was at
# hand.
# The sampler itself is run, with a stub in place of its network that knows one molecule, and where to expect its
# centre.
# Seen, root mean square of a coordinate of the centres that the network is given in the last 20 calls: of 1 sample
# 1.0 A, of 5 2.8 A, of 20 4.7 A.
# Exits with 1 where the behaviour has changed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q torch==2.13.0 numpy==1.26.4 packaging==26.4
"$folder/venv/bin/python" -m pip install -q --no-deps --ignore-requires-python rc-foundry==0.2.0
cat > "$folder/centres.py" <<'PY'
import sys

import torch
from foundry_parts import stand_in_for_others

stand_in_for_others()
from rf3.diffusion_samplers.inference_sampler import SampleDiffusion

ATOMS = 800
molecule = 12 * torch.randn(ATOMS, 3, generator=torch.Generator().manual_seed(1))
molecule -= molecule.mean(0)
settings = {"num_timesteps": 200, "min_t": 0, "max_t": 1, "sigma_data": 16, "s_min": 4e-4, "s_max": 160, "p": 7}
settings |= {"gamma_0": 0.8, "gamma_min": 1.0, "noise_scale": 1.003, "step_scale": 1.5, "solver": "af3"}


class Exact(torch.nn.Module):
    """Lays the molecule on what it is given, its centre where 1 A of scatter about the origin lets it be expected."""

    def __init__(self):
        super().__init__()
        self.centres = []

    def forward(self, X_noisy_L, t, **other):
        centre = X_noisy_L.mean(1, keepdim=True)
        u, _, vh = torch.linalg.svd(molecule.T @ (X_noisy_L - centre))
        signs = torch.ones(len(u), 1, 3)
        signs[:, 0, 2] = torch.linalg.det(u @ vh)
        self.centres.append(centre)
        return molecule @ ((u * signs) @ vh) + centre / (1 + t[:, None, None] ** 2 / ATOMS)


def centres(samples):
    """Root mean square of a coordinate of the centres in the last 20 calls, angstrom."""
    torch.manual_seed(0)
    network = Exact()
    with torch.no_grad():
        SampleDiffusion(**settings).sample_diffusion_like_af3(
            S_inputs_I=torch.zeros(1),
            S_trunk_I=None,
            Z_trunk_II=None,
            f={"ref_element": torch.zeros(ATOMS, 1)},
            diffusion_module=network,
            diffusion_batch_size=samples,
            coord_atom_lvl_to_be_noised=torch.zeros(samples, ATOMS, 3),
        )
    return torch.stack(network.centres[-20:]).square().mean().sqrt().item()


found = {samples: centres(samples) for samples in (1, 5, 20)}
print(
    "centres in the last 20 calls:", ", ".join(f"of {samples} samples {size:.1f} A" for samples, size in found.items())
)
sys.exit(0 if found[1] < 1.3 and found[5] > 1.8 and found[20] > 3.5 else 1)
PY
PYTHONPATH="$here/../tests/programs" "$folder/venv/bin/python" "$folder/centres.py"
