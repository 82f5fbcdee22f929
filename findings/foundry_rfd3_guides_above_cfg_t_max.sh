#!/bin/sh
# RFdiffusion 3's cfg_t_max, "max t to apply cfg guidance", is the level down to which there is guidance: it acts
# above it, and not below.
#
# Source: rc-foundry 0.2.0, rfd3/model/inference_sampler.py: guidance where cfg_t_max is None or c_t > cfg_t_max; the
# words are those of rfd3/configs/inference_engine/rfdiffusion3.yaml. The same in rfd3na. torch 2.13.0, Python 3.11.
# Behaviour: who sets 10 so that only the last steps, below 10 A, are guided, has these free and all others guided.
# The sampler itself is run, with a stub in place of its network that writes down its calls.
# Seen, cfg_t_max=10 of 199 steps: the first 129 are guided, from t_hat = 4096 A down to 17.5 A, whose step ends above
# 10 A; no other is.
# Exits with 1 where the behaviour has changed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q torch==2.13.0 numpy==1.26.4 packaging==26.4 toolz==1.1.0
"$folder/venv/bin/python" -m pip install -q --no-deps --ignore-requires-python rc-foundry==0.2.0
cat > "$folder/guided.py" <<'PY'
import sys
from pathlib import Path

import torch
from foundry_parts import stand_in_for_others

stand_in_for_others()
import rfd3
from rfd3.model.inference_sampler import ConditionalDiffusionSampler

ATOMS, LEVEL = 50, 10.0
config = Path(rfd3.__file__).parent / "configs" / "inference_engine" / "rfdiffusion3.yaml"
described = next(line.strip() for line in config.read_text().splitlines() if line.strip().startswith("cfg_t_max"))
none = torch.zeros(ATOMS, dtype=torch.bool)
levels, guided = [], []


class Network(torch.nn.Module):
    def forward(self, X_noisy_L, t, f, **other):
        (guided if "unconditional" in f else levels).append(t[0].item())
        return {"X_L": torch.zeros_like(X_noisy_L)}


sampler = ConditionalDiffusionSampler(use_classifier_free_guidance=True, cfg_scale=1.5, cfg_t_max=LEVEL)
with torch.no_grad():
    sampler.sample_diffusion_like_af3(
        f={"ref_element": torch.zeros(ATOMS, 1), "is_motif_atom_with_fixed_coord": none},
        diffusion_module=Network(),
        diffusion_batch_size=1,
        coord_atom_lvl_to_be_noised=torch.zeros(1, ATOMS, 3),
        initializer_outputs={},
        ref_initializer_outputs={},
        f_ref={"is_motif_atom_unindexed": none, "unconditional": True},
    )
schedule = sampler.sampler._construct_inference_noise_schedule("cpu")[1:].tolist()
print(described)
print(f"{len(guided)} of {len(levels)} steps are guided: from t_hat = {max(guided):.0f} to {min(guided):.1f} A")
as_told = "max t to apply cfg guidance" in described and len(guided) == sum(level > LEVEL for level in schedule)
sys.exit(0 if as_told and guided == levels[: len(guided)] else 1)
PY
PYTHONPATH="$here/../tests/programs" "$folder/venv/bin/python" "$folder/guided.py"
