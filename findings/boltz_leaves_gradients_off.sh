#!/bin/sh
# Boltz, called from Python, leaves torch's gradients off: nothing that follows in the thread can be trained.
#
# Source: boltz 2.2.1, boltz/main.py, predict: torch.set_grad_enabled(False), and nothing that puts it back. It is the
# function behind `boltz predict`, which is what there is to call. torch 2.13.0, pytorch-lightning 2.5.0, Python 3.11.
# Behaviour: after a prediction backward() raises "element 0 of tensors does not require grad" in the same thread;
# nothing was printed about it. With --seed the seed stays too, for processes that follow (PL_GLOBAL_SEED, of
# pytorch-lightning).
# The command line itself is run in Python, on a model of its own classes, small and of random weights.
# Seen: gradients before the prediction on, after it off.
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
cat > "$folder/after.py" <<'PY'
import os
import sys

import torch
from boltz.main import cli

before = torch.is_grad_enabled()
cli.main(sys.argv[1:], standalone_mode=False)
after = torch.is_grad_enabled()
try:
    torch.nn.Linear(2, 1)(torch.ones(2)).sum().backward()
    said = "nothing"
except RuntimeError as error:
    said = str(error)
words = ["off", "on"]
print(f"gradients before the prediction {words[before]}, after it {words[after]}")
print(f"backward() says: {said}")
print("PL_GLOBAL_SEED:", os.environ.get("PL_GLOBAL_SEED"))
sys.exit(0 if before and not after and "does not require grad" in said else 1)
PY
cd "$folder"
"$folder/venv/bin/python" after.py predict tiny/inputs/second.yaml --cache tiny/cache --out_dir out --accelerator cpu \
    --no_kernels --num_workers 0 --sampling_steps 3 --seed 3 2> said
