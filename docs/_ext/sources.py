"""What pages are made from: a page whose content is computed is made again when any of these files changes."""

from __future__ import annotations

from pathlib import Path

from sphinx.environment import BuildEnvironment

ROOT = Path(__file__).resolve().parents[2]


def depend_on_sources(env: BuildEnvironment) -> None:
    """Tie the page at hand to the code of the program and of these extensions, and to measured data."""
    for folder in ("edmnoise", "plugin", "docs/_ext", "docs/data"):
        for ending in ("*.py", "*.json", "*.csv"):
            for path in (ROOT / folder).rglob(ending):
                env.note_dependency(str(path))
