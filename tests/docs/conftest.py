"""The documentation's own extensions, as Sphinx finds them, and small documentations made with them."""

import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
sys.path.insert(0, str(DOCS / "_ext"))


class Site:
    """A documentation of one page, made with the project's own configuration."""

    def __init__(self, folder):
        self.source, self.pages = folder / "source", folder / "pages"
        self.source.mkdir()

    def build(self, text):
        """Make the page; the page itself, or what Sphinx says where it stops."""
        (self.source / "index.rst").write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-c", DOCS]
        done = subprocess.run(
            [*command, self.source, self.pages], capture_output=True, text=True, timeout=250, check=False
        )
        self.stopped = done.returncode != 0
        return done.stderr if self.stopped else (self.pages / "index.html").read_text(encoding="utf-8")


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)
