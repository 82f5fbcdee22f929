#!/bin/sh
# Boltz-2 on a CPU rounds the coordinates of its samples to bfloat16 in each step, the last ones too.
#
# Source: boltz 2.2.1: boltz/main.py runs Boltz-2 with Lightning's precision bf16-mixed whatever the accelerator, and
# boltz/model/models/boltz2.py samples within torch.autocast("cuda", enabled=False). On a CPU that switches nothing
# off, so that the einsum of the random turn in boltz/model/modules/diffusionv2.py, AtomDiffusion.sample, is cast, as
# are the network's products. torch 2.13.0, pytorch-lightning 2.5.0, Python 3.11.
# Behaviour: samples are turned at random before each step. A coordinate from 16 to 32 A is then a multiple of .125 A,
# one from 64 to 128 A of .5 A, and the last steps, whose noise is hundredths of an angstrom and less, cannot mend it:
# how well atoms are placed depends on how far they lie from the middle. On a GPU the same code turns in float32.
# The command line itself is run, on a model of its own classes, small and of random weights; turns are listened to.
# Seen: all turns in bfloat16; in the last, of a chain that reaches 22 A out, coordinates are rounded by 0.01 A (RMS).
# Exits with 1 where the behaviour has changed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q torch==2.13.0 numpy==1.26.4 scipy==1.17.1 pytorch-lightning==2.5.0 \
    torchmetrics==1.9.0 hydra-core==1.3.2 omegaconf==2.3.1 rdkit==2026.9.1 pandas==3.0.6 requests==2.34.2 \
    einops==0.8.2 einx==0.3.0 fairscale==0.4.13 mashumaro==3.14 modelcif==1.2 click==8.5.1 pyyaml==6.0.4 \
    biopython==1.88 numba==0.68.1 gemmi==0.6.5 scikit-learn==1.9.1 chembl_structure_pipeline==1.2.4 dm-tree==0.1.10
"$folder/venv/bin/python" -m pip install -q --no-deps --ignore-requires-python boltz==2.2.1
"$folder/venv/bin/python" "$here/../tests/programs/tiny_boltz.py" "$folder/tiny" > /dev/null
cat > "$folder/turns.py" <<'PY'
import sys

import torch
from boltz.main import cli
from boltz.model.modules.diffusionv2 import AtomDiffusion

plain, sample, turns, within = torch.einsum, AtomDiffusion.sample, [], []


def listening(equation, *given):
    made = plain(equation, *given)
    if within and equation == "bmd,bds->bms":
        apart = made.double() - plain(equation, *(value.double() for value in given))
        turns.append((made.dtype, float(given[0].abs().max()), float(apart.square().mean().sqrt())))
    return made


def sampling(*given, **named):
    within.append(True)
    return sample(*given, **named)


torch.einsum, AtomDiffusion.sample = listening, sampling
cli.main(sys.argv[1:], standalone_mode=False)
turns = [turn for turn in turns if turn[1] > 0]
dtype, far, rounding = turns[-1]
print(f"{len(turns)} turns, in", *{str(turn[0]) for turn in turns})
print(f"the last: coordinates up to {far:.0f} A, rounded by {rounding:.3f} A (RMS)")
sys.exit(0 if {turn[0] for turn in turns} == {torch.bfloat16} and rounding > 0.005 else 1)
PY
cd "$folder"
"$folder/venv/bin/python" turns.py predict tiny/inputs/second.yaml --cache tiny/cache --out_dir out --accelerator cpu \
    --no_kernels --num_workers 0 --sampling_steps 20 --seed 3 2> said
