#!/bin/sh
# Protenix's diffusion module, told to drop its conditioning, keeps it where pair_z is given; where it is not, and in
# place, it erases that of its caller.
#
# Source: protenix 2.0.0, protenix/model/modules/diffusion.py, DiffusionConditioning.forward: use_conditioning is
# looked at only under `if pair_z is None`, and with inplace_safe by s_trunk *= 0, z_trunk *= 0. torch 2.13.0, Python
# 3.11.
# Behaviour: use_conditioning is described as whether to drop the s/z embeddings. With
# enable_diffusion_shared_vars_cache, which predictions have on and training may have, pair_z is given: then
# use_conditioning=False changes no bit, neither of tokens nor of pairs, and training's condition_embedding_drop_rate
# (0 unless set) drops nothing. Without the cache, one call with use_conditioning=False, inplace_safe=True sets the
# caller's s_trunk and z_trunk to zero, so that every later call with conditioning has none either.
# The program's own module is run, small and of random weights.
# Seen: difference with and without conditioning, RMS, tokens and pairs: cached 0 0, not cached 0.47 0.3; left of the
# caller's s_trunk and z_trunk: 0 0.
# Exits with 1 where the behaviour has changed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q torch==2.13.0 numpy==1.26.4 scipy==1.17.1
"$folder/venv/bin/python" -m pip install -q --no-deps --ignore-requires-python protenix==2.0.0
cat > "$folder/drop.py" <<'PY'
import sys

import torch
from stand_ins import stand_in

stand_in("optree")
from protenix.model.modules.diffusion import DiffusionConditioning

torch.manual_seed(0)
TOKENS, S, S_INPUTS, Z = 9, 16, 12, 8
module = DiffusionConditioning(c_z=Z, c_s=S, c_s_inputs=S_INPUTS, c_noise_embedding=16).eval()
for parameter in module.parameters():
    parameter.data.normal_(std=0.3)
relp = torch.zeros(TOKENS, TOKENS, 4 * 32 + 2 * 2 + 7)
s_inputs, s, z = torch.randn(TOKENS, S_INPUTS), torch.randn(TOKENS, S), torch.randn(TOKENS, TOKENS, Z)


def answer(conditioned, pair_z, **more):
    given = {"s_inputs": s_inputs, "s_trunk": s, "z_trunk": z, "pair_z": pair_z, "use_conditioning": conditioned}
    return module(torch.tensor([4.0]), relp, **given, **more)


def apart(pair_z):
    pairs = zip(answer(True, pair_z), answer(False, pair_z))
    return [float((with_it - without).square().mean().sqrt()) for with_it, without in pairs]


with torch.no_grad():
    cached, alone = apart(module.prepare_cache(relp, z)), apart(None)
    answer(False, None, inplace_safe=True)
left = [float(value.abs().max()) for value in (s, z)]
print("difference with and without conditioning, tokens and pairs: cached", *(f"{value:.2g}" for value in cached))
print("not cached", *(f"{value:.2g}" for value in alone))
print("left of the caller's s_trunk and z_trunk:", *left)
sys.exit(0 if cached == [0, 0] and min(alone) > 0.1 and left == [0, 0] else 1)
PY
PYTHONPATH="$here/../tests/programs" LAYERNORM_TYPE=torch "$folder/venv/bin/python" "$folder/drop.py"
