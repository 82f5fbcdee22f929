"""Run every benchmark, or those named: ``python -m benchmarks [superpose ...]``. A missed target is no failure here."""

import importlib
import os
import sys
import traceback

from .harness import show

MODULES = (
    "noise",
    "batch",
    "processes",
    "forward_processes",
    "superpose",
    "pymol_frames",
    "colouring",
    "startup",
    "sampler",
    "held",
    "training",
    "recording",
    "opening",
    "design",
    "damage",
    "sweep",
    "busy",
    "panel",
    "notebook",
    "memory",
)

print(f"{os.cpu_count()} cores, {os.getloadavg()[0]:.1f} of them busy before this")

results = []
for name in sys.argv[1:] or MODULES:
    try:
        results += importlib.import_module(f"{__package__}.{name}").run()
    except Exception:
        print(f"{name} did not run:", file=sys.stderr)
        traceback.print_exc()
print(show(results))
