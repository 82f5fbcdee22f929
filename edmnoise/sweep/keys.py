"""The keys of a study's file: how the value of each is read, what it is where it is left out, and what it says."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..base.errors import EdmNoiseError
from ..diffusion.names import NETWORK
from ..noise.weights import Weights
from ..settings import atoms, noise, sampling
from ..settings.knob import Knob
from .case import Given
from .measures import MEASURES

Read = Callable[[Any, list[str | int]], Any]
"""A value and its place in the file -> what it means."""


def meant(name: str, known: Iterable[str]) -> str:
    """What to say behind an unknown name: the known one that it resembles, or all of them."""
    known = list(known)
    close = difflib.get_close_matches(name, known, 1)
    return f"did you mean {close[0]!r}?" if close else f"the known ones are {', '.join(known)}"


class Wrong(Exception):
    """A mistake and the keys on the way to it."""

    def __init__(self, sentence: str, path: Sequence[str | int] = ()) -> None:
        super().__init__(sentence)
        self.path = list(path)


@dataclass(frozen=True)
class Key:
    """A key of the file: how its value is read, what it is where left out, and what it says."""

    read: Read
    default: Any
    help: str


def read_keys(given: Mapping[str, Any], keys: Mapping[str, Key], path: list[str | int]) -> dict[str, Any]:
    """The value of each key, in a table that stands at a path; `Wrong` for a key or a value that cannot be."""
    for name in given:
        if name not in keys:
            raise Wrong(f"no key {name!r}, {meant(name, keys)}", [*path, name])
    return {name: key.read(given.get(name, key.default), [*path, name]) for name, key in keys.items()}


def _as_toml(kind: type | tuple[type, ...], said: str, check: Callable[[Any], Any] = lambda value: value) -> Read:
    """A reader of one value that TOML gives as of a kind."""

    def read(value: Any, path: list[str | int]) -> Any:
        right = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        if not right or (isinstance(value, float) and not math.isfinite(value)):
            raise Wrong(f"{_key(path)} is {value!r}: give {said}", path)
        try:
            return check(value)
        except EdmNoiseError as error:
            raise Wrong(str(error), path) from error

    return read


_KINDS: dict[str, type | tuple[type, ...]] = {
    "integer": int,
    "float": (int, float),
    "0/1": bool,
    "string": str,
    "level": (int, float, str),
    "floats": (list, str),  # of text with spaces between its numbers, or one of the words that a knob takes
}


def _one(knob: Knob) -> Read:
    """A reader of what a knob reads."""
    said = {"0/1": "true or false", "string": "text in quotes", "floats": "numbers in a list"}.get(
        knob.kind, knob.wanted
    )
    read = _as_toml(_KINDS[knob.kind], said, knob.read)
    return lambda value, path: None if value is None and knob.default is None else read(value, path)


def _key(path: list[str | int]) -> str:
    return str(next(name for name in reversed(path) if isinstance(name, str)))


def _several(one: Read) -> Read:
    """A reader of a list, not empty, each value once; a value alone is a list of one."""

    def read(value: Any, path: list[str | int]) -> tuple[Any, ...]:
        values = value if isinstance(value, list | tuple) else [value]
        if not values:
            raise Wrong(f"{_key(path)} is empty: give at least one", path)
        return tuple(dict.fromkeys(one(item, [*path, place]) for place, item in enumerate(values)))

    return read


def _measure(name: str) -> str:
    if name not in MEASURES:
        raise EdmNoiseError(f"no measure {name!r}, {meant(name, MEASURES)}")
    return name


def _weights(value: Any, path: list[str | int]) -> tuple[Weights, ...]:
    said = (
        "names, or lists of three numbers (chain, residue, atom) or, with domains, four (chain, domain, residue, atom)"
    )
    one = _as_toml((str, list), said, noise.WEIGHTS.read)
    alone = isinstance(value, list) and len(value) in (3, 4) and all(isinstance(part, int | float) for part in value)
    made: tuple[Weights, ...] = _several(one)([value] if alone else value, path)
    return made


def _by_file(value: Any, path: list[str | int]) -> tuple[tuple[str, str], ...]:
    """A text for all files, or a table with a text for each of some."""
    if isinstance(value, Mapping):
        return tuple((name, _text(text, [*path, name])) for name, text in value.items())
    return () if value is None else (("", _text(value, path)),)


def _choice(named: Knob, *changed: Knob) -> Callable[[Any, list[str | int]], Given]:
    """What is chosen by name, or by a table with a name and what of it is changed: what is as usual is left out."""
    keys = {"name": _of(named), **{knob.name: _of(knob) for knob in changed}}

    def read(value: Any, path: list[str | int]) -> Given:
        if isinstance(value, str):
            return (("name", _one(named)(value, path)),)
        if not isinstance(value, dict):
            raise Wrong(f"a {named.name} is {value!r}: give a name, or a table with a name", path)
        found = read_keys(value, keys, path)
        kept = {name: item for name, item in found.items() if name == "name" or item != keys[name].default}
        return tuple((name, _hashable(item)) for name, item in kept.items())

    return read


def _hashable(item: Any) -> Any:
    return tuple(item) if isinstance(item, list) else item


def _of(knob: Knob) -> Key:
    return Key(_one(knob), knob.default, knob.help)


_text = _as_toml(str, "text in quotes")

CHOICES = {
    "denoisers": _choice(
        sampling.ANY_DENOISER,
        *(sampling.STATE_WEIGHTS, sampling.FLUCTUATIONS),
        *(sampling.NETWORK_GIVES, sampling.NETWORK_RULE, sampling.DATA_SCALES, sampling.TRUST),
    ),
    "samplers": _choice(sampling.SAMPLER, *sampling.CHANGED),
}
"""Readers of what is chosen by a name or by a table."""

KEYS = {
    "structures": Key(_several(_text), None, "PDB and mmCIF files or patterns, from the folder of the study"),
    "measures": Key(_several(_as_toml(str, "names as text", _measure)), ("levels",), "what is measured, a table each"),
    "processes": Key(_several(_one(noise.PROCESS)), (noise.PROCESS.default,), "noise processes"),
    "weights": Key(_weights, (noise.WEIGHTS.default,), "names, or lists of three numbers: chain, residue, atom"),
    "domains": Key(
        _by_file,
        None,
        'domains of all files as text, "A:4-20 | A:21-35 | rest", segi or ss, or a table with a file\'s each',
    ),
    "move": Key(
        _by_file, None, 'residues that move, as text, "A:4-20 | B:", or a table with a file\'s each; the rest is held'
    ),
    "z": Key(_several(_one(noise.Z)), noise.LEVELS.default, noise.LEVELS.help),
    "sigma": Key(
        lambda value, path: None if value is None else _several(_one(noise.SIGMA))(value, path),
        None,
        "noise levels in angstrom, in place of z",
    ),
    "distribution": Key(
        _as_toml((str, list), "a name, or [P_mean, P_std, sigma_data]", noise.DISTRIBUTION.read),
        noise.DISTRIBUTION.default,
        "gives sigma from z: a name, or [P_mean, P_std, sigma_data]",
    ),
    **{
        key: Key(_several(CHOICES[key]), (knob.default,), f"names{of}, or tables with a name and what is changed")
        for key, knob, of in (
            ("denoisers", sampling.DENOISER, f" of exact ones, networks ({NETWORK}, from the study's folder)"),
            ("samplers", sampling.SAMPLER, ""),
        )
    },
    "seeds": Key(_several(_one(noise.SEED)), (noise.SEED.default,), "seeds"),
    **{
        knob.name: _of(knob)
        for knob in (
            noise.DRAWS.but(default=1),  # seeds repeat a row, and thousands of structures are long enough
            sampling.SAMPLES,
            noise.FRESH,
            atoms.HYDROGENS,
            atoms.SOLVENT,
        )
    },
}
"""Keys of a study."""
