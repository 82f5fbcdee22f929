"""Records the real command line of Boltz-2, two inputs in one process and in two (DDP), and compares what it writes.

    python -m venv .boltz && .boltz/bin/pip install boltz==2.2.1
    .venv/bin/python tests/programs/boltz_predict.py .boltz/bin

Takes two minutes, and some GB for boltz with all that it asks for, which is why `make test` leaves it out.
"""

import filecmp
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from edmnoise.structure.files import read_structure
from edmnoise.trajectories.trace import open_trace, runs_of

HERE = Path(__file__).resolve().parent
OPTIONS = "--accelerator cpu --no_kernels --diffusion_samples 3 --sampling_steps 10 --recycling_steps 1 --seed 3"


def predict(boltz, folder, out, devices, record=()):
    options = ["--cache", folder / "cache", "--out_dir", folder / out, "--devices", str(devices), "--num_workers", "0"]
    command = [*record, boltz / "boltz", "predict", folder / "inputs", *OPTIONS.split(), *options]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    print(*(line for line in done.stderr.splitlines() if line.startswith("edmnoise: ")), sep="\n", end="")
    return folder / out / "boltz_results_inputs" / "predictions"


def told(trace, files):
    """Which file is which sample, by place, and whether the recorded names are those of the file."""
    names = {key: np.array(values) for key, values in trace.info["names"].items()}
    for file in files:
        written = read_structure(file)
        for sample, end in enumerate(trace.final):
            far, row = cKDTree(end).query(written.coordinates)
            if far.max() < 0.002:
                atoms = written.atoms
                columns = {"atom": atoms.name, "element": atoms.element, "residue_name": atoms.residue_name}
                columns |= {"chain": atoms.chain, "residue": atoms.number.astype(int)}
                same = all((names[key][row] == values).all() for key, values in columns.items())
                yield f"  {file.name}: sample {sample}, {len(row)} atoms, names {'equal' if same else 'DIFFER'}"


def main(boltz, folder):
    subprocess.run([boltz / "python", HERE / "tiny_boltz.py", folder], check=True)
    for devices in (1, 2):
        plain = predict(boltz, folder, f"plain{devices}", devices)
        out = folder / f"out{devices}"
        record = [sys.executable, "-m", "edmnoise", "record", "--out", out, "--"]
        recorded = predict(boltz, folder, f"recorded{devices}", devices, record)
        files = sorted(path.relative_to(plain) for path in plain.rglob("*.*"))
        same = filecmp.cmpfiles(plain, recorded, files, shallow=False)[0]
        print(f"\n{devices} processes: {len(same)} of {len(files)} files are equal to the byte")
        for run in runs_of(out):
            trace = open_trace(run)
            motion = "recorded" if trace.info["motion"] else "lost"
            print(f"{trace.info['name']}: {trace.samples} samples, {len(trace.calls)} calls, motion {motion}")
            print(*told(trace, sorted((recorded / trace.info["name"]).glob("*.cif"))), sep="\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(sys.argv[1]).absolute(), Path(folder))
