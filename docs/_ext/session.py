"""Pages that run what they show: commands in one PyMOL a page, files, and programs, in the order of the page.

``.. pymol-run::`` runs lines as they would be typed in PyMOL, ``.. shell-run::`` runs programs, ``.. file::`` shows a
file and writes it where both find it. What is printed stands in the page. The build stops if a line fails.

Options: ``:fails:`` (each line must fail), ``:expect:`` (texts that must be printed, one a line: what the prose around
speaks of), ``:lines:`` (show so many lines of what is printed).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from pygments.lexer import RegexLexer, bygroups
from pygments.token import Generic, Keyword
from sources import ROOT, depend_on_sources
from sphinx.application import Sphinx
from sphinx.directives.code import container_wrapper
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

WORKER = Path(__file__).with_name("session_worker.py")
PREFIX = "PyMOL>"


class Session:
    """A folder with the examples and nothing else, and a process with a PyMOL of its own."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="edmnoise_docs_")
        Path(self.folder.name, "examples").symlink_to(ROOT / "examples")
        environment = os.environ | {
            "HOME": self.folder.name,  # nobody's own pymolrc, and no list of programs that somebody trusts
            "XDG_CONFIG_HOME": self.folder.name,
            "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")]),
        }
        self.process = subprocess.Popen(
            [sys.executable, str(WORKER)],
            cwd=self.folder.name,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def ask(self, kind: str, lines: list[str]) -> list[dict[str, Any]]:
        """Run lines; for each line what was printed and whether it succeeded."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"kind": kind, "lines": lines}) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise ExtensionError(f"the session ended at {lines}")
        return json.loads(answer)

    def close(self) -> None:
        """End the process and remove the folder."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        self.folder.cleanup()


_sessions: dict[str, Session] = {}


def session_of(docname: str) -> Session:
    """The session of a page, begun where there is none."""
    if docname not in _sessions:
        _sessions[docname] = Session()
    return _sessions[docname]


def end_session(app: Sphinx, doctree: nodes.document) -> None:
    """A page has been read: what it ran is over."""
    session = _sessions.pop(app.env.docname, None)
    if session is not None:
        session.close()


class Run(SphinxDirective):
    """Lines that are run, and what they print."""

    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {
        "fails": directives.flag,
        "expect": directives.unchanged_required,
        "lines": directives.positive_int,
    }
    kind = ""
    prompt = ""
    language = ""

    def run(self) -> list[nodes.Node]:
        depend_on_sources(self.env)
        lines = [line for line in self.content if line.strip()]
        shown: list[str] = []
        for line, done in zip(lines, session_of(self.env.docname).ask(self.kind, lines), strict=True):
            printed = done["output"].rstrip().splitlines()
            if done["ok"] == ("fails" in self.options):
                raise self.failure(line, printed, "succeeds" if done["ok"] else "fails")
            shown += [self.prompt + line, *self.cut(printed)]
        text = "\n".join(shown)
        for expected in self.options.get("expect", "").splitlines():
            if " ".join(expected.split()) not in " ".join(text.split()):
                raise self.failure(expected, shown, "is not printed")
        return [nodes.literal_block(text, text, language=self.language)]

    def cut(self, printed: list[str]) -> list[str]:
        most = self.options.get("lines", len(printed))
        return printed[:most] + [f"... {len(printed) - most} more lines"] * (len(printed) > most)

    def failure(self, line: str, printed: list[str], what: str) -> ExtensionError:
        source, number = self.get_source_info()
        return ExtensionError("\n".join([f"{source}:{number}: {line!r} {what}", *printed]))


class PymolRun(Run):
    """Lines typed in PyMOL."""

    kind, prompt, language = "pymol", PREFIX, "pymol"


class ShellRun(Run):
    """Programs; ``python`` is the one that makes the pages."""

    kind, prompt, language = "shell", "$ ", "console"


class File(SphinxDirective):
    """A file in the page's folder."""

    has_content = True
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name, text = self.arguments[0], "\n".join(self.content)
        Path(session_of(self.env.docname).folder.name, name).write_text(text + "\n", encoding="utf-8")
        language = {".py": "python", ".pml": "text", ".toml": "toml", ".json": "json"}[Path(name).suffix]
        return [container_wrapper(self, nodes.literal_block(text, text, language=language), f"``{name}``")]


class PymolLexer(RegexLexer):
    """What is typed in PyMOL, what it answers, what it refuses."""

    name = "PyMOL"
    tokens: ClassVar = {
        "root": [
            (rf"^({PREFIX})(\S+)(.*\n)", bygroups(Generic.Prompt, Keyword, Generic.Strong)),
            (r"^ Error:.*\n", Generic.Error),
            (r".*\n", Generic.Output),
        ]
    }


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("pymol-run", PymolRun)
    app.add_directive("shell-run", ShellRun)
    app.add_directive("file", File)
    app.add_lexer("pymol", PymolLexer)
    app.connect("doctree-read", end_session)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
