"""The notebook in a real browser: first view, and from a moved slider to the picture, of 253 and of 5,469 atoms.

Milliseconds, without a yardstick: what was to be reached stands in its column. Chromium draws on the processor here, as
no window has a graphics card; a laptop's browser is faster.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

from tools.browser import Browser
from tools.notebook_server import serving

from .harness import Result
from .small import toxin

MOVES = 12
CANVAS = "deep('canvas.edmnoise-molecule')[0]"
NOISED = f"{CANVAS}?.dataset.draws == 10"
SLIDER = "deep('marimo-slider').find(s => JSON.parse(s.dataset.label).includes('>z<'))"
TRACK = f"deep('span[data-orientation]', {SLIDER}.shadowRoot)[0]"
PLACE = f"(r => [r.x, r.y, r.width, r.height])({TRACK}.getBoundingClientRect())"

LISTEN = f"""
addEventListener("pointerdown", () => {{ globalThis.pressed = performance.now(); }}, true);
new MutationObserver(() => {{
  const drawn = performance.now();
  const pixel = new Uint8Array(4), gl = {CANVAS}.getContext("webgl2");
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);  // waits until it is drawn
  globalThis.taken = performance.now() - pressed;
}}).observe({CANVAS}, {{attributes: true, attributeFilter: ["data-drawn"]}});
"""


def run() -> list[Result]:
    """Both structures, each in an app of its own."""
    results = [Result("(a second of work by a thread alone)", _stretch(), 1000.0, None, "at_most")]
    path = Path(tempfile.mkdtemp(), "1tii.pdb")
    import edmnoise as edm

    structure = toxin()
    edm.write_frames(path, structure, [structure.coordinates])
    for name, arguments, most in (("253 atoms", [], 200.0), ("5,469 atoms", ["--file", str(path)], 1000.0)):
        with serving(arguments, path.parent) as address, Browser() as browser:
            start = time.perf_counter()
            browser.open(address)
            browser.until(f"{CANVAS}?.dataset.drawn")
            first = 1e3 * (time.perf_counter() - start)
            browser.until(NOISED)
            noised = 1e3 * (time.perf_counter() - start)
            browser.until("deep('h2').some(h => h.textContent == 'Send it to PyMOL')")
            everything = 1e3 * (time.perf_counter() - start)
            results.append(Result(f"notebook, first view with the molecule, {name}", first, 5000.0, 1.0, "at_most"))
            results.append(Result(f"notebook, the molecule shakes, {name}", noised, 5000.0, None, "at_most"))
            results.append(Result(f"notebook, all of the page, {name}", everything, 5000.0, None, "at_most"))
            taken = [_moved(browser, number) for number in range(MOVES + 1)]
            results.append(Result(f"notebook, slider to picture, {name}", median(taken[1:]), most, 1.0, "at_most"))
    return results


def _stretch() -> float:
    """Milliseconds that a second of this process's own work takes: more where others use the processor, too."""
    start, done = time.perf_counter(), time.process_time()
    while time.process_time() < done + 1:
        pass
    return 1e3 * (time.perf_counter() - start)


def _moved(browser: Browser, number: int) -> float:
    """Press on the slider of z somewhere else: milliseconds until the molecule is drawn anew."""
    if number == 0:
        browser.ask(LISTEN)
    browser.ask("globalThis.taken = 0")
    x, y, width, height = browser.ask(PLACE)
    browser.click(x + width * (0.2 + 0.05 * number), y + height / 2)
    return float(browser.until("globalThis.taken"))
