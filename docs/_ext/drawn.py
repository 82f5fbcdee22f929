"""Figures that a page draws while it is made.

``.. drawn:: <file>`` shows a PNG file that a line above it on the page has written, in the page itself: nothing is kept
beside it. The option ``:alt:`` says what there is to see, the content stands below the figure.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from PIL import Image
from session import session_of
from sources import depend_on_sources
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

COLOURS = 96
"""Enough for lines and a colour bar, in a third of the bytes."""


class Drawn(SphinxDirective):
    """A figure out of the page's folder."""

    has_content = True
    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        depend_on_sources(self.env)
        path = Path(session_of(self.env.docname).folder.name, self.arguments[0])
        if not path.is_file():
            raise self.error(f"no figure {self.arguments[0]}: draw it in a line above")
        if "alt" not in self.options:
            raise self.error(f"{self.arguments[0]}: say by :alt: what there is to see")
        image = nodes.image(uri=f"data:image/png;base64,{encoded(path)}", alt=self.options["alt"])
        figure = nodes.figure("", image)
        if self.content:
            inline, messages = self.state.inline_text(" ".join(self.content), self.lineno)
            figure += [nodes.caption("", "", *inline), *messages]
        return [figure]


def encoded(path: Path | io.BytesIO) -> str:
    """A PNG file in few colours, as base64."""
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    kept = io.BytesIO()
    small.save(kept, "png", optimize=True)
    return base64.b64encode(kept.getvalue()).decode("ascii")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("drawn", Drawn)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
