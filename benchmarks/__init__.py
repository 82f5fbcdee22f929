"""How fast the library is beside its yardsticks: ``python -m benchmarks`` prints one table."""

import os

# Threads of OpenMP that wait for each other sleep instead of spinning. On a machine that has other work a spinning wait
# costs a time slice at each of the many small steps: 24 ms became 250 to 1,500 ms, and 70 to 150 ms with this. Read by
# torch and by mdtraj when they are imported, so it is said before.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
