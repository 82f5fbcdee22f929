"""Make the picture of the notebook: python docs/notebook_picture.py [folder], by a real browser without a window."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools.browser import Browser  # noqa: E402
from tools.notebook_server import serving  # noqa: E402

FOLDER = ROOT / "docs" / "images"
SIZE = 1160, 1460
HIDDEN = "deep('button[data-testid=notebook-menu-dropdown], [data-testid=floating-outline]').forEach(e => e.remove())"


def picture(path: Path) -> None:
    """From the title to the first table, with the molecule at rest."""
    with tempfile.TemporaryDirectory() as folder, serving([], folder) as address, Browser(SIZE) as browser:
        browser.open(address)
        browser.until("deep('h2').some(h => h.textContent == 'Send it to PyMOL')")
        browser.until("deep('canvas.edmnoise-molecule')[0]?.dataset.draws == 10")
        browser.ask("deep('button').find(b => b.textContent == 'Pause').click()")
        browser.ask(HIDDEN)
        bottom = browser.ask("deep('table')[0].getBoundingClientRect().bottom")
        shot = Path(folder, "shot.png")
        browser.photograph(shot)
        with Image.open(io.BytesIO(shot.read_bytes())) as whole:
            cut = whole.convert("RGB").crop((60, 40, SIZE[0] - 70, int(bottom) + 30))
    cut.quantize(256, method=Image.Quantize.MAXCOVERAGE).save(path, optimize=True)  # which keeps colours that are rare
    print(path)


if __name__ == "__main__":
    picture(Path(sys.argv[1] if len(sys.argv) > 1 else FOLDER) / "notebook.png")
