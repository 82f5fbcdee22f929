"""The command reference out of the commands' own help pages: ``help edm_noise`` and this page cannot differ.

``.. pymol-commands::`` makes a section a command. A help page is the docstring of a function in COMMANDS: headings in
capitals (those of SECTIONS), indented text below, ARGUMENTS as "name = type: text {default: x}".
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any

from docutils import nodes
from sources import depend_on_sources
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

SECTIONS = ("DESCRIPTION", "USAGE", "ARGUMENTS", "EXAMPLES", "NOTES", "SEE ALSO")
ARGUMENT = re.compile(r"(?P<names>\w+(?:, \w+)*) = (?:(?P<type>[\w/]+(?: [\w/]+)*): )?(?P<text>.+)")
MARKED = re.compile(r'"(?P<quoted>edm_\w+)"|(?P<command>edm_\w+)|\s*\{default: (?P<default>[^}]*)\}')


def parse_help(docstring: str) -> dict[str, str]:
    """Sections of a help page, in its order: heading -> text without the indentation."""
    sections: dict[str, str] = {}
    text = inspect.cleandoc(docstring)
    for part in re.split(r"^(?=\S)", text, flags=re.MULTILINE):
        if not part.strip():
            continue
        heading, _, body = part.partition("\n")
        if heading not in SECTIONS or heading in sections:
            raise ValueError(f"help page with the heading {heading!r}: use each of {', '.join(SECTIONS)} once")
        sections[heading] = textwrap.dedent(body).strip("\n")
    return sections


def paragraphs(text: str) -> list[str]:
    """Each paragraph on one line."""
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]


def parse_argument(paragraph: str) -> tuple[list[str], str, str]:
    """Names, type ("" where none is given) and text of a paragraph of ARGUMENTS."""
    found = ARGUMENT.fullmatch(paragraph)
    if found is None:
        raise ValueError(f"argument {paragraph!r}: write it as 'name = type: text'")
    return found["names"].split(", "), found["type"] or "", found["text"]


def undocumented(command: Callable[..., Any]) -> set[str]:
    """Arguments that a command takes and its help page does not name, or the other way round."""
    named = {
        name
        for part in paragraphs(parse_help(command.__doc__ or "").get("ARGUMENTS", ""))
        for name in parse_argument(part)[0]
    }
    taken = {p.name for p in inspect.signature(command).parameters.values() if p.kind is not p.KEYWORD_ONLY}
    return named ^ taken


class PymolCommands(SphinxDirective):
    """A section for every command."""

    def run(self) -> list[nodes.Node]:
        from edmnoise_pymol import COMMANDS

        depend_on_sources(self.env)
        self.names = [command.__name__ for command in COMMANDS]
        return [self.section(command) for command in COMMANDS]

    def section(self, command: Callable[..., Any]) -> nodes.section:
        name = command.__name__
        try:
            pages = parse_help(command.__doc__ or "")
            wrong = undocumented(command)
        except ValueError as error:
            raise self.error(f"{name}: {error}") from error
        if wrong:
            raise self.error(f"{name}: the help page and the arguments differ in {', '.join(sorted(wrong))}")
        section = nodes.section("", nodes.title("", "", nodes.literal(text=name)), ids=[name], names=[name])
        self.state.document.note_explicit_target(section)
        for heading, text in pages.items():
            if heading != "DESCRIPTION":
                section += nodes.rubric(text=heading.capitalize())
            section += getattr(self, "render_" + heading.lower().replace(" ", "_"))(text, name)
        return section

    def render_description(self, text: str, name: str) -> list[nodes.Node]:
        return [nodes.paragraph("", "", *self.inline(part, name)) for part in paragraphs(text)]

    render_notes = render_description

    def render_usage(self, text: str, name: str) -> list[nodes.Node]:
        return [nodes.literal_block(text, text, language="text")]

    render_examples = render_usage

    def render_arguments(self, text: str, name: str) -> list[nodes.Node]:
        items = nodes.definition_list(classes=["arguments"])
        for part in paragraphs(text):
            names, kind, said = parse_argument(part)
            term = nodes.term()
            for i, argument in enumerate(names):
                term += [nodes.Text(", ")] * (i > 0) + [nodes.literal(text=argument)]
            classifier = [nodes.classifier(text=kind)] if kind else []
            definition = nodes.definition("", nodes.paragraph("", "", *self.inline(said, name)))
            item = nodes.definition_list_item("", term, *classifier, definition)
            self.set_source_info(item)
            items += item
        return [items]

    def render_see_also(self, text: str, name: str) -> list[nodes.Node]:
        return self.render_description(text, name)

    def inline(self, text: str, here: str) -> list[nodes.Node]:
        """Text with the names of commands as links and defaults set apart."""
        found: list[nodes.Node] = []
        end = 0
        for match in MARKED.finditer(text):
            found.append(nodes.Text(text[end : match.start()]))
            command = match["quoted"] or match["command"]
            if match["default"] is not None:
                found.append(nodes.inline(text=f" (default: {match['default']})", classes=["default"]))
            elif command in self.names and command != here:
                found.append(nodes.reference("", "", nodes.literal(text=command), internal=True, refid=command))
            else:
                found.append(nodes.literal(text=command))
            end = match.end()
        return [*found, nodes.Text(text[end:])]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("pymol-commands", PymolCommands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
