"""Formulas as MathML, which browsers draw by themselves: no script, nothing fetched, neither here nor by the reader."""

from __future__ import annotations

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html import HTML5Translator

logger = logging.getLogger(__name__)


def visit_inline(translator: HTML5Translator, node: nodes.math) -> None:
    write(translator, node, node.astext(), block=False)


def visit_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    translator.body.append('<div class="formula">')
    write(translator, node, node.astext(), block=True, closing="</div>")


def write(translator: HTML5Translator, node: nodes.Element, text: str, block: bool, closing: str = "") -> None:
    try:
        translator.body.append(tex2mathml(text, as_block=block) + closing)
    except MathError as error:
        logger.warning("formula %r: %s", text, error, location=node)
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
