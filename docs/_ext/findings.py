"""What outside programs do unlike what they say: ``.. findings:: <beginnings of names>`` lists scripts of findings/.

Each with the sentences that its first comment begins with, and the script itself to take away.
"""

from __future__ import annotations

import os
from pathlib import Path

from docutils import nodes
from sources import ROOT
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FINDINGS = ROOT / "findings"


def said(script: Path) -> str:
    """The first paragraph of its comment, up to where it names its source."""
    lines = []
    for line in script.read_text(encoding="utf-8").splitlines()[1:]:
        text = line.removeprefix("#").strip()
        if not text or text.startswith("Source:"):
            break
        lines.append(text)
    return " ".join(lines)


class Findings(SphinxDirective):
    """A list item a script."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        listed = nodes.bullet_list()
        for beginning in self.arguments[0].split():
            found = sorted(FINDINGS.glob(f"{beginning}*.sh"))
            if not found:
                raise self.error(f"no script of findings/ begins with {beginning!r}")
            for script in found:
                self.env.note_dependency(str(script))
                where = os.path.relpath(script, Path(self.env.doc2path(self.env.docname)).parent)
                link = self.parse_inline(f":download:`{script.name} <{where}>`")[0]
                listed += nodes.list_item("", nodes.paragraph("", said(script) + " "), nodes.paragraph("", "", *link))
        return [listed]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("findings", Findings)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
