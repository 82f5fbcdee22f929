"""The notebook of examples/study.py as an app on a port of this machine, for who looks at it by a browser."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "examples" / "study.py"
PATIENCE = 60.0
START = "import anywidget, torch, runpy; runpy.run_module('marimo', run_name='__main__')"
"""As `make notebook` does: torch, which holds marimo's server up while it is loaded, comes before the page."""


@contextmanager
def serving(arguments: Sequence[str] = (), folder: str | os.PathLike[str] = ".") -> Iterator[str]:
    """Run it in a folder, with arguments behind ``--``; gives its address, and ends it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", START, "run", str(NOTEBOOK), "--headless", "--no-token", "-p", str(port)]
    if arguments:
        command += ["--", *arguments]
    with (
        Path(folder, "marimo.log").open("wb") as said,
        subprocess.Popen(command, cwd=folder, stdout=said, stderr=subprocess.STDOUT) as process,
    ):
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(f"{address}/health", process)
            yield address
        finally:
            process.terminate()


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with urlopen(address, timeout=PATIENCE):
                return
        except (URLError, ConnectionError) as error:
            if process.poll() is not None or time.monotonic() > end:
                raise TimeoutError("marimo did not start: see marimo.log") from error
            time.sleep(0.05)  # a port of another process: there is nothing to wait on
