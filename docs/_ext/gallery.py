"""Scripts of examples/, run while the page is made: ``.. gallery::`` and their names, one a line; ``.. shown-by::`` and
one name, for its picture alone.

A script's docstring is what the page says: the first line the question, which is the title of its section; the last
paragraph what its picture shows; what is between stands above the code. Below the code stand the lines that it prints
and its picture, which it has written beside itself. Small pictures at the head lead to the sections.
"""

from __future__ import annotations

import ast
import io
import os
import shutil
import textwrap
from pathlib import Path
from typing import NamedTuple

from docutils import nodes
from drawn import encoded
from PIL import Image
from session import session_of
from sources import ROOT, depend_on_sources
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

EXAMPLES = ROOT / "examples"
SMALL = 400, 240
"""Pixels of a small picture: what a picture has to be legible at."""


class Said(NamedTuple):
    """What a script says of itself."""

    question: str
    prose: str
    picture: str
    lines: int  # of the docstring

    @classmethod
    def of(cls, script: Path) -> Said:
        """Read its docstring."""
        tree = ast.parse(script.read_text(encoding="utf-8"))
        question, *prose, picture = (ast.get_docstring(tree) or "").split("\n\n")
        return cls(question, "\n\n".join(prose), " ".join(picture.split()), tree.body[0].end_lineno or 0)


class Gallery(SphinxDirective):
    """A section a script, and small pictures that lead there."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        small, sections = nodes.container(classes=["gallery"]), []
        for name in self.content:
            script, said = copied(self, name)
            (section,) = self.parse_text_to_nodes(self.section(script, said), allow_section_headings=True)
            image = nodes.image(uri=f"data:image/png;base64,{smaller(script.with_suffix('.png'))}", alt=said.picture)
            link = nodes.reference("", "", image, nodes.inline("", said.question), refid=section["ids"][0])
            small += nodes.paragraph("", "", link)
            sections.append(section)
        return [small, *sections]

    def section(self, script: Path, said: Said) -> str:
        """As one would write it by hand."""
        where = os.path.relpath(EXAMPLES / script.name, self.env.srcdir)
        return "\n".join(
            [
                f"{said.question}\n{'-' * len(said.question)}\n\n{said.prose}\n",
                f".. literalinclude:: /{where}\n   :language: python\n   :caption: examples/{script.name}",
                f"   :lines: {said.lines + 2}-\n",
                f".. shell-run::\n\n   python {script.name}\n",
                f".. drawn:: {script.stem}.png\n   :alt: {said.picture}\n",
                textwrap.indent(said.picture, "   "),
            ]
        )


class ShownBy(SphinxDirective):
    """The picture of a script."""

    has_content = True
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        script, said = copied(self, self.arguments[0])
        (done,) = session_of(self.env.docname).ask("shell", [f"python {script.name}"])
        if not done["ok"]:
            raise self.error(f"{script.name} fails: {done['output']}")
        text = f".. drawn:: {script.stem}.png\n   :alt: {said.picture}\n\n"
        return self.parse_text_to_nodes(text + textwrap.indent("\n".join(self.content), "   "))


def copied(directive: SphinxDirective, name: str) -> tuple[Path, Said]:
    """A script in the folder of the page, and what it says of itself."""
    depend_on_sources(directive.env)
    script = EXAMPLES / f"{name}.py"
    if not script.is_file():
        raise directive.error(f"no script {name}.py in examples/")
    folder = Path(session_of(directive.env.docname).folder.name)
    for file in (script, EXAMPLES / "shown.py"):
        shutil.copy(file, folder)
        directive.env.note_dependency(str(file))
    return folder / script.name, Said.of(script)


def smaller(path: Path) -> str:
    """A picture at the size at which it has to be legible, as base64."""
    kept = io.BytesIO()
    with Image.open(path) as picture:
        shrunk = picture.convert("RGB")
        shrunk.thumbnail(SMALL, Image.Resampling.LANCZOS)
        shrunk.save(kept, "png")
    return encoded(kept)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("gallery", Gallery)
    app.add_directive("shown-by", ShownBy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
