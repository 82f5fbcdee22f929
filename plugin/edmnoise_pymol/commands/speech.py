"""How a command listens and speaks: wrong input is one line, results are lines of text, tables, files.

A command is a function that makes a job. Its arguments are declared by the knobs that stand as their defaults; it gets
their values, and its help page their paragraphs.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from edmnoise.base.errors import EdmNoiseError
from edmnoise.settings import reading
from edmnoise.settings.knob import REQUIRED, Knob

from ..job import Cancelled, Job, run_inline
from .help_page import help_page
from .typed import check_typed, open_to_all
from .waiting import watched

if TYPE_CHECKING:
    from edmnoise.base.table import Table

P = ParamSpec("P")
R = TypeVar("R")


def command(function: Callable[P, Job[R]]) -> Callable[P, R]:
    """A command from a function that makes its job: run on the spot, and one line for wrong input, as PyMOL's own.

    Attributes of the command: ``job``, the job itself for who drives it in a window; ``knobs``, its arguments by name.
    A traceback is left for our own mistakes.
    """
    knobs = _declared(function)
    signature = inspect.signature(function)

    def job(*args: P.args, **kwargs: P.kwargs) -> Job[R]:
        import pymol

        kwargs["quiet"] = int(_quiet(kwargs))
        if kwargs.get("_self") is None:  # called from Python, where nobody says which PyMOL
            kwargs["_self"] = pymol.cmd
        by_name = {name: x for name, x in kwargs.items() if name not in ("quiet", "_self")}
        check_typed(kwargs["_self"], function.__name__, [*knobs], args, by_name)
        try:
            # What is left blank between two commas comes as None: the default then, as for one left out.
            given = {name: x for name, x in signature.bind(*args, **kwargs).arguments.items() if x is not None}
            call = signature.bind(**given)
        except TypeError as error:
            raise EdmNoiseError(f"{error}: the arguments are {', '.join(knobs)}") from None
        call.apply_defaults()
        for name, knob in knobs.items():
            call.arguments[name] = knob.read(call.arguments[name])
        return function(*call.args, **call.kwargs)

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        import pymol

        try:
            made = job(*args, **kwargs)
            if not _quiet(kwargs):
                with watched(function.__name__) as watch:
                    return run_inline(made, watch)
            return run_inline(made)
        except EdmNoiseError as error:
            raise pymol.CmdException(str(error)) from error
        except Cancelled:
            raise pymol.CmdException("cancelled: nothing was made") from None

    run.__doc__ = help_page(function.__name__, function.__doc__ or "", knobs.values())
    vars(run).update(__signature__=signature, __wrapped__=open_to_all(signature), job=job, knobs=knobs)
    return run


def knobs_of(command: Callable[..., Any]) -> dict[str, Knob]:
    """The arguments of a command by name."""
    found: dict[str, Knob] = vars(command)["knobs"]
    return found


def _declared(function: Any) -> dict[str, Knob]:
    """The knobs that stand as the defaults of a function, by name; their own defaults take their places.

    The function's signature is then the command's, and is made once: PyMOL waits for all of them when it starts. What
    the job returns is what the command returns.
    """
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    knobs = dict(zip(names, function.__defaults__ or (), strict=True))
    function.__defaults__ = tuple(knob.default for knob in knobs.values() if knob.default is not REQUIRED)
    returned = function.__annotations__.get("return", "Job[Any]")
    function.__annotations__["return"] = returned.removeprefix("Job[").removesuffix("]")
    return knobs


def _quiet(given: Mapping[str, Any]) -> bool:
    """Whether nothing is to be printed: not where it was typed. PyMOL 2.5's parser does not say quiet=0 by itself."""
    return "_self" not in given if given.get("quiet") is None else reading.switch("quiet", given["quiet"])


def table_file(file: str | None) -> str | None:
    """Path of a table; checked before any work is done."""
    from edmnoise.base.table import check_path

    return None if file is None else check_path(file)


def output_file(file: str | None) -> tuple[str | None, bool]:
    """Path of a table or a figure, and whether it is a figure; checked before any work is done."""
    from edmnoise.study.figures.figure import check_output, is_figure

    path = None if file is None else check_output(file)
    return path, path is not None and is_figure(path)


def write(quiet: int, command: str, table: Table, path: str | None, drawn: bool = False) -> None:
    """Save a table, unless the path is that of a figure which the job has drawn."""
    if drawn:
        say(quiet, command, f"{path} written")
    elif path is not None:
        table.save(path)
        say(quiet, command, f"{path} written: {len(table)} row{'' if len(table) == 1 else 's'}")


def deliver(quiet: int, command: str, table: Table, path: str | None, save: Callable[[str], object]) -> None:
    """Show a table, and save what belongs to it."""
    show(quiet, table)
    if path is not None:
        save(path)
        say(quiet, command, f"{path} written")


def show(quiet: int, table: Table) -> None:
    if not quiet:
        print(table.head())


def say(quiet: int, command: str, message: str) -> None:
    if not quiet:
        print(f" {command}: {message}")
