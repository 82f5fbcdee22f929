"""A real Chromium without a window, driven by its DevTools protocol: nothing but a WebSocket is needed for it.

It has no network but this machine's own, and it keeps a list of what it asked for elsewhere.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import urlopen

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 60.0
"""Seconds that are waited for what takes a few at most."""

DEEP = """
globalThis.deep = (selector, root = document) => {
  const found = [...root.querySelectorAll(selector)];
  for (const host of root.querySelectorAll("*")) if (host.shadowRoot) found.push(...deep(selector, host.shadowRoot));
  return found;
};"""
"""`deep(selector)`: elements wherever they are, within the shadow roots of web components too."""


class Browser:
    """One page of Chromium; a context manager, which ends the program that it started.

    Raises
    ------
    FileNotFoundError
        Where there is no Chromium, naming the package that is missing.
    """

    def __init__(self, size: tuple[int, int] = (1200, 1000)) -> None:
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if program is None:
            raise FileNotFoundError("no Chromium on this machine: install the system package chromium")
        self._open = ExitStack()  # what is ended with it, the last first
        folder = self._open.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        self._process = subprocess.Popen(
            [
                *(program, "--headless=new", "--no-sandbox", "--remote-debugging-port=0", "about:blank"),
                *(f"--user-data-dir={folder}", f"--window-size={size[0]},{size[1]}", "--hide-scrollbars"),
                *("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._open.callback(self._end)
        try:
            self._connect(folder, size)
        except BaseException:
            self.close()
            raise

    def _connect(self, folder: str, size: tuple[int, int]) -> None:
        from websockets.sync.client import connect

        told, end = Path(folder, "DevToolsActivePort"), time.monotonic() + PATIENCE
        while not (told.is_file() and told.read_text().count("\n")):
            if self._process.poll() is not None or time.monotonic() > end:
                raise TimeoutError("Chromium did not start")
            time.sleep(0.02)  # a file of another process: there is nothing to wait on
        with urlopen(f"http://127.0.0.1:{told.read_text().splitlines()[0]}/json/list") as answer:
            page = next(target for target in json.load(answer) if target["type"] == "page")
        talk = connect(page["webSocketDebuggerUrl"], max_size=None, proxy=None, ping_interval=None, close_timeout=1)
        self._socket = self._open.enter_context(talk)
        self._asked = 0
        self.requests: list[str] = []
        self.errors: list[str] = []
        for domain in ("Page", "Runtime", "Network"):
            self.send(f"{domain}.enable")
        self.send("Page.addScriptToEvaluateOnNewDocument", source=DEEP)
        self.resize(*size)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask something of the page, and hear what it tells meanwhile."""
        self._asked += 1
        self._socket.send(json.dumps({"id": self._asked, "method": method, "params": parameters}))
        while True:
            told = json.loads(self._socket.recv(timeout=2 * PATIENCE))
            if told.get("id") == self._asked:
                if "error" in told:
                    raise RuntimeError(f"{method}: {told['error']['message']}")
                return dict(told["result"])
            self._hear(told.get("method"), told.get("params", {}))

    def _hear(self, method: str, told: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])

    def resize(self, width: int, height: int) -> None:
        """Give the page another size, pixels."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def open(self, address: str) -> None:
        """Go to a page, without waiting for what it shows."""
        self.send("Page.navigate", url=address)

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression, or of its promise."""
        told = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in told:
            raise RuntimeError(told["exceptionDetails"].get("exception", {}).get("description", expression))
        return told["result"].get("value")

    def until(self, expression: str, seconds: float = PATIENCE) -> Any:
        """Wait until an expression is true; gives its value. TimeoutError names it when it stays false."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                found = self.ask(f"new Promise(done => requestAnimationFrame(() => done({expression})))")
            except RuntimeError:  # the page is not there yet
                found = None
            if found:
                return found
        raise TimeoutError(f"not within {seconds:g} s: {expression}")

    def click(self, x: float, y: float) -> None:
        """Press and release the mouse at a place of the window."""
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def photograph(self, path: Path) -> None:
        """The page as it is seen, as a PNG file."""
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))

    def close(self) -> None:
        """End Chromium."""
        self._open.close()

    def _end(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
