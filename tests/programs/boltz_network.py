"""Stops Boltz-2's real command line with examples/boltz_denoiser.py, and compares its network with that of a whole run.

    python -m venv .boltz && .boltz/bin/pip install boltz==2.2.1 --editable .
    PYTHONPATH=examples .boltz/bin/python tests/programs/boltz_network.py

Takes half a minute, and some GB for boltz with all that it asks for, which is why `make test` leaves it out.
"""

import shlex
import shutil
import tempfile
from pathlib import Path

import boltz_denoiser
import tiny_boltz
import torch
from boltz.main import cli
from boltz.model.modules.diffusionv2 import AtomDiffusion
from small_parts import heard_first

import edmnoise as edm
from edmnoise.diffusion.denoisers.learned import LearnedDenoiser

OPTIONS = "--accelerator cpu --no_kernels --diffusion_samples 3 --sampling_steps 5 --num_workers 0 --seed 3"


def shake(path):
    """Random weights throughout: the last layers begin with zeros, and would make a network that says nothing."""
    checkpoint = torch.load(path, weights_only=False)
    for name, weights in checkpoint["state_dict"].items():
        if name.startswith(("structure_module", "diffusion_conditioning")):
            weights.normal_(std=0.3)
    torch.save(checkpoint, path)


def main(folder):
    tiny_boltz.main(folder)
    shake(folder / "cache" / "boltz2_conf.ckpt")
    boltz_denoiser.COMMAND = (
        f"boltz predict {folder}/inputs/second.yaml --cache {folder}/cache --out_dir {folder} {OPTIONS}"
    )
    command = shlex.split(boltz_denoiser.COMMAND)[1:]
    given, wanted = heard_first(
        AtomDiffusion, "preconditioned_network_forward", lambda: cli.main(command, standalone_mode=False)
    )
    torch.set_grad_enabled(True)  # the program leaves it off
    structure = edm.read_structure(next(folder.rglob("second_model_0.cif")))
    shutil.rmtree(folder / "boltz_results_second")  # else there would be nothing left to predict
    network = boltz_denoiser.denoiser(structure)
    rows = boltz_denoiser.conditioned()[1]["network_condition_kwargs"]["feats"]["atom_pad_mask"][0].bool()
    x = given["noised_atom_coords"][:, rows]
    sigma = torch.full((len(x),), float(given["sigma"]))
    with torch.no_grad():
        for bf16 in (True, False):
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
                away = (network(x, sigma) - wanted[:, rows]).abs().max()
            print(
                f"{'bfloat16, as the loop on a CPU' if bf16 else 'float32'}: {away:.3g} A from the loop's first answer"
            )
    print(LearnedDenoiser(network, structure).report.sentence)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
