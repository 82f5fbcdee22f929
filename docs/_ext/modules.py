"""The modules of a package: ``.. house:: <package>`` lists them, ``.. modules:: <package>`` documents them.

Both read the folder, so no module can be forgotten. A module is listed with the first line of its docstring: the
equation or the sentence that it owns. ``.. face:: <names>`` lists names of ``import edmnoise as edm`` in the same way,
each with a link to where it is documented.
"""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sources import ROOT, depend_on_sources
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FOLDERS = {"edmnoise": ROOT / "edmnoise", "edmnoise_pymol": ROOT / "plugin" / "edmnoise_pymol"}
ARRAY = re.compile(r"ndarray\[(?:Any|tuple\[Any, \.\.\.\]), dtype\[(\w+)\]\]")
MODULE = re.compile(r"~?\b(?:numpy|typing|collections\.abc|edmnoise(?:_pymol)?(?:\.[a-z_]+)+)\.(?=\w)|~(?:\w+\.)+")
LITERAL = re.compile(r"(``.*?``)")


def modules_of(package: str) -> list[tuple[str, Path]]:
    """Names and files of a package itself and of the modules and packages below it, in alphabetical order."""
    first, *rest = package.split(".")
    folder = FOLDERS[first].joinpath(*rest)
    found = [(package, folder / "__init__.py")]
    for path in sorted(folder.iterdir()):
        if (path / "__init__.py").exists():
            found += modules_of(f"{package}.{path.name}")
        elif path.suffix == ".py" and not path.name.startswith("__"):
            found.append((f"{package}.{path.stem}", path))
    return found


def first_line(path: Path) -> str:
    """What a module says of itself in a line."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def prose(line: str) -> nodes.paragraph:
    """A paragraph in which nothing but `names` is markup: formulas are full of signs."""
    parts = re.split(r"`+([^`]+)`+", line)
    return nodes.paragraph("", "", *(nodes.literal(text=p) if i % 2 else nodes.Text(p) for i, p in enumerate(parts)))


class House(SphinxDirective):
    """A definition list: module, first line."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        depend_on_sources(self.env)
        (_, home), *inside = modules_of(self.arguments[0])
        items = nodes.definition_list(classes=["house"])
        for name, path in inside:
            short = name.removeprefix(self.arguments[0] + ".")
            term = nodes.term("", "", nodes.literal(text=short))
            items += nodes.definition_list_item("", term, nodes.definition("", prose(first_line(path))))
        return [prose(first_line(home)), items]


class Modules(SphinxDirective):
    """A section a module, with all that is public in it. Commands are left to their own page."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        from edmnoise_pymol import COMMANDS

        depend_on_sources(self.env)
        commands = ", ".join(command.__name__ for command in COMMANDS)
        sections: list[nodes.section] = []
        for name, _ in modules_of(self.arguments[0]):
            section = nodes.section("", nodes.title("", "", nodes.literal(text=name)), ids=[f"module-page-{name}"])
            lines = [f".. automodule:: {name}", f"   :exclude-members: {commands}"]
            self.state.nested_parse(StringList(lines, source=name), 0, section)
            sections.append(section)
        sections[0] += sections[1:]
        return sections[:1]


class Face(SphinxDirective):
    """A definition list: name, first line."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        import edmnoise as edm

        depend_on_sources(self.env)
        items = nodes.definition_list(classes=["house"])
        for name in self.arguments[0].split():
            if name not in edm.__all__:
                raise self.error(f"edmnoise has no {name!r}")
            thing = getattr(edm, name)
            link, _ = self.state.inline_text(f":py:obj:`{name} <{thing.__module__}.{name}>`", self.lineno)
            said = prose((inspect.getdoc(thing) or "").partition("\n")[0])
            items += nodes.definition_list_item("", nodes.term("", "", *link), nodes.definition("", said))
        return [items]


def shorten(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Write NDArray[float32], as the source does, where Python spells out what that stands for."""
    return tuple(text and ARRAY.sub(r"NDArray[\1]", MODULE.sub("", text)) for text in (signature, returned))


def escape_bars(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """|x| is a length in the program's docstrings; reStructuredText would look for a substitution named x."""
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            parts = LITERAL.split(line)
            lines[i] = "".join(part if LITERAL.fullmatch(part) else part.replace("|", r"\|") for part in parts)
    _as_written[name] = list(lines)


def restore_constants(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Undo what napoleon does to constants: it takes the words before a colon for a type."""
    written = _as_written.pop(name)
    if what in ("attribute", "data", "property"):
        lines[:] = written
    # Types of attributes, which it takes from annotations: bool_ would be a link.
    lines[:] = [line.replace("numpy.bool_", "bool") if line.startswith(":vartype") else line for line in lines]


_as_written: dict[str, list[str]] = {}


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("face", Face)
    app.add_directive("house", House)
    app.add_directive("modules", Modules)
    app.connect("autodoc-process-docstring", escape_bars, priority=400)  # before napoleon
    app.connect("autodoc-process-docstring", restore_constants, priority=600)  # after it
    app.connect("autodoc-process-signature", shorten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
