"""A line as PyMOL's parser took it apart -> what its author meant, where a comma is one too many or one is missing."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from inspect import Parameter, Signature
from itertools import pairwise
from typing import Any

from edmnoise.base.errors import EdmNoiseError
from edmnoise.base.numbers import is_number, readings
from edmnoise.noise.process import PROCESSES
from edmnoise.settings.networks import OF_A_NETWORK

Typed = list[tuple[str | None, Any]]

_GLUED = re.compile(r"(\S+)\s+([A-Za-z_]\w*)\s*=(?!=)")
_AND_SO_ON = frozenset("and or not in like & | ! + -".split())
"""Behind these a word with = belongs to the selection: "1tii and z=3"."""

_OWN_WORDS = frozenset({("edm_compare", "sampler"), ("edm_design", "fixed")})
"""Arguments whose values may hold "word=number"."""

_OF_NETWORKS = frozenset((command, "denoiser") for command in ("edm_error", "edm_judge", "edm_compare"))
"""Those whose values may hold what is said of a network: mymodel:build gives=residual."""


def open_to_all(signature: Signature) -> Callable[..., None]:
    """A function of the same arguments and any more: PyMOL's parser counts no arguments of such a one, so that what is
    wrong with a line reaches the command and gets a sentence; "edm_noise ?" still prints its usage."""
    names = [name for name, p in signature.parameters.items() if p.kind is not Parameter.KEYWORD_ONLY]
    last = [name for name, p in signature.parameters.items() if p.kind is Parameter.KEYWORD_ONLY]
    needed = [name for name in names if signature.parameters[name].default is Parameter.empty]
    given = [name if name in needed else f"{name}=None" for name in names]
    return eval(f"lambda {', '.join([*given, '*_', *(f'{name}=None' for name in last)])}: None")


def _close(word: str, words: Collection[str], most: int, alike: float = 0.6) -> list[str]:
    """Words that resemble one; PyMOL does not wait for difflib when it starts."""
    from difflib import get_close_matches

    return get_close_matches(word, words, most, alike)


def check_typed(cmd: Any, command: str, names: Sequence[str], values: Sequence[Any], named: Mapping[str, Any]) -> None:
    """Refuse arguments that a comma tore apart, or that are one for want of a comma; EdmNoiseError says what to write.

    Parameters
    ----------
    cmd
        PyMOL, whose parser knows in which order the arguments were typed.
    command, names
        The command and its arguments.
    values, named
        What it was given: by place, and by name.
    """
    line = _line(cmd, values, named)
    _check_torn(names, line)
    for name, value in (*zip(names, values, strict=False), *named.items()):
        if isinstance(value, str) and (command, name) not in _OWN_WORDS and value[:1] not in ("'", '"'):
            _check_glued(names, value, _own_words(command, name))
    for name in named:
        if name not in names:
            near = _close(name, names, 1)
            meant = f", perhaps {near[0]}" if near else ""
            raise EdmNoiseError(f"{command} has no argument {name!r}{meant}: the arguments are {', '.join(names)}")
    if len(values) > len(names):
        raise EdmNoiseError(f"{len(values)} values for the {len(names)} arguments of {command}: {', '.join(names)}")


def _line(cmd: Any, values: Sequence[Any], named: Mapping[str, Any]) -> Typed:
    """The arguments of the line that PyMOL's parser is at, in their order; none where they are not those given."""
    from pymol import parsing

    parser = getattr(cmd, "_parser", None)
    layer = parser.layer.get(parser.nest) if parser is not None else None
    text = getattr(layer, "com2", "")
    if (not values and not named) or not text.strip():
        return []
    try:
        typed: Typed = parsing.parse_arg(text, _self=cmd)
    except Exception:  # the line of another command, which PyMOL takes apart in another way
        return []
    same = [value for name, value in typed if name is None] == list(values) and (
        {name: value for name, value in typed if name not in (None, "quiet")} == dict(named)
    )
    return typed if same else []


def _check_torn(names: Sequence[str], line: Typed) -> None:
    """What stands unnamed behind a named argument belongs to that one, where all of it are numbers."""
    order = [name for name, _ in line]
    for name in filter(None, order):
        if order.count(name) > 1:
            raise EdmNoiseError(f"{name} is given twice: give it once")
    start = next((k for k, pair in enumerate(pairwise(order)) if pair[0] is not None and pair[1] is None), None)
    if start is None:
        return
    (key, first), place = line[start], start + 1
    end = next((k for k in range(place, len(line)) if order[k] is not None), len(line))
    pieces = [str(value) for _, value in line[start:end]]
    whole = ",".join(pieces)
    if all(is_number(number) for piece in pieces for number in piece.split()):
        write = " or ".join(f"{key}={way}" for way in readings(whole))
        raise EdmNoiseError(f"{key}={whole}: a comma ends an argument: write {write}")
    free = place < len(names) and names[place] not in order
    write = f"{names[place]}={line[place][1]}" if free else "the name of its argument and = before it"
    raise EdmNoiseError(f"{line[place][1]!r} stands behind {key}={first} without a name: write {write}")


def _own_words(command: str, name: str) -> Collection[str]:
    """What may stand before = in an argument's value: what is said of a network, or the knobs of a process."""
    if name == "process":
        return {knob for known in PROCESSES.values() for knob in known.knobs}
    return OF_A_NETWORK if (command, name) in _OF_NETWORKS else ()


def _check_glued(names: Sequence[str], value: str, own: Collection[str]) -> None:
    for found in _GLUED.finditer(value):
        before, word = found.groups()
        if before.lower() in _AND_SO_ON or before.endswith(("(", "|", "&", "!", "=", "<", ">")):
            continue
        if word in names or (len(word) > 2 and _close(word, names, 1, 0.8)):
            # What resembles a word of the argument's own is for the argument to refuse: it knows the others.
            if word in own or (word not in names and _close(word, own, 1, 0.8)):
                continue
            front, rest = value[: found.start(2)].rstrip(), value[found.start(2) :]
            raise EdmNoiseError(f"a comma is missing before {word}=: write {front}, {rest}")
