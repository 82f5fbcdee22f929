"""A study in TOML -> settings that are checked, each mistake with its line.

.. code-block:: toml

   structures = ["*.pdb", "more/1tii.cif.gz"]   # files and patterns, from the folder of this file
   measures = ["levels", "freeze_out"]
   weights = ["flat", "current", [1, 4, 4]]
   z = [-1, 0, 1]                               # or sigma = [...], angstrom
   seeds = [0, 1]
"""

from __future__ import annotations

import difflib
import glob
import hashlib
import json
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..base.errors import EdmNoiseError
from ..base.legible import Legible
from ..base.seeds import check_seed
from ..noise.process import MULTISCALE, NoiseChoice
from ..noise.sigma import SigmaDistribution, check_sigma, parse_distribution
from ..noise.weights import Weights, parse_weights
from .lines import line_of, parse
from .measures import MEASURES

Given = tuple[tuple[str, Any], ...]
"""A table of the file, as pairs."""


@dataclass(frozen=True)
class Level:
    """A noise level: its normal score and sigma, angstrom."""

    z: float
    sigma: float


@dataclass(frozen=True, repr=False)
class Study(Legible):
    """What a study asks for.

    Attributes
    ----------
    structures
        Files, as the tables name them: from the study's own folder, sorted within each pattern, each once.
    measures, processes, weights, levels, samplers, seeds
        Their combinations are the tasks of each structure; a measure takes those that it depends on. A sampler is the
        arguments of `edmnoise.diffusion.samplers.choice.SamplerChoice`.
    distribution
        Gives sigma from z.
    draws
        Frames of each row that draws noise.
    samples
        Samples of each row that samples.
    fresh
        Whether each row has draws of its own; otherwise all rows of a seed scale the same draws.
    hydrogens, solvent
        Whether they are kept.
    folder
        Where the study's file lies; relative names start there.
    facts
        The same as plain numbers and texts, without ``structures`` found: what the study's hash is made of.
    """

    structures: tuple[str, ...]
    measures: tuple[str, ...]
    processes: tuple[str, ...]
    weights: tuple[Weights, ...]
    levels: tuple[Level, ...]
    samplers: tuple[Given, ...]
    seeds: tuple[int, ...]
    distribution: SigmaDistribution
    draws: int
    samples: int
    fresh: bool
    hydrogens: bool
    solvent: bool
    folder: Path = field(compare=False)
    name: str = field(compare=False)
    facts: Mapping[str, Any] = field(compare=False)

    @property
    def digest(self) -> str:
        """Hash of all that changes a number, but of no file name that a pattern has found, comment or layout."""
        return hashlib.sha256(json.dumps(self.facts, sort_keys=True).encode()).hexdigest()[:16]


def read_settings(path: str | os.PathLike[str]) -> Study:
    """Read a study.

    Raises
    ------
    EdmNoiseError
        For a file that is not there or not TOML; an unknown key (its line, and what was meant); a value of the wrong
        kind; structures that are not there; a pattern that finds nothing. One sentence that begins with the file's
        name and line.
    """
    file = Path(path).expanduser()
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise EdmNoiseError(f"cannot read {os.fspath(path)}: {reason}") from error
    try:
        given = parse(text)
    except ValueError as error:
        raise EdmNoiseError(f"{file.name} is no TOML: {error}") from error
    try:
        return _settings(given, file.resolve().parent, file.stem)
    except _Wrong as wrong:
        place = f", line {line_of(text, wrong.path)}" if wrong.path else ""
        raise EdmNoiseError(f"{file.name}{place}: {wrong}") from wrong


def meant(name: str, known: Iterable[str]) -> str:
    """What to say behind an unknown name: the known one that it resembles, or all of them."""
    known = list(known)
    close = difflib.get_close_matches(name, known, 1)
    return f"did you mean {close[0]!r}?" if close else f"the known ones are {', '.join(known)}"


class _Wrong(Exception):
    """A mistake and the keys on the way to it."""

    def __init__(self, sentence: str, path: Sequence[str | int] = ()) -> None:
        super().__init__(sentence)
        self.path = list(path)


def _settings(given: Mapping[str, Any], folder: Path, name: str) -> Study:
    if "z" in given and "sigma" in given:
        raise _Wrong("z and sigma are both given: give one of them", ["sigma"])
    if "structures" not in given:
        raise _Wrong('structures is missing: give files or patterns, as in structures = ["*.pdb"]')
    value = _read(given, KEYS, [])
    distribution: SigmaDistribution = value["distribution"]

    def level(key: str, place: int, number: float) -> Level:
        try:
            if key == "sigma":
                return Level(distribution.z(number), check_sigma(number))
            return Level(number, distribution.sigma(number))
        except EdmNoiseError as error:
            raise _Wrong(str(error), [key, place]) from error

    scale = "sigma" if "sigma" in given else "z"
    levels = tuple(level(scale, place, number) for place, number in enumerate(value[scale]))
    if "samplers" in given and "freeze_out" in value["measures"]:
        _check_samplers(value["samplers"])
    facts = {key: value[key] for key in KEYS if key not in ("weights", "distribution", "z", "sigma", "samplers")}
    facts |= {
        scale: value[scale],
        "weights": [list(weights.by_name.values()) for weights in value["weights"]],
        "distribution": [distribution.sigma_data, distribution.p_mean, distribution.p_std],
        "samplers": [dict(sampler) for sampler in value["samplers"]],
    }
    return Study(
        structures=_found(value["structures"], folder),
        levels=levels,
        distribution=distribution,
        folder=folder,
        name=name,
        facts=json.loads(json.dumps(facts)),
        **{
            key: value[key]
            for key in "measures processes weights samplers seeds draws samples fresh hydrogens solvent".split()
        },
    )


def _found(patterns: Sequence[str], folder: Path) -> tuple[str, ...]:
    """The files of all patterns, each once."""
    found: dict[str, None] = {}
    for place, pattern in enumerate(patterns):
        wide = os.path.expanduser(pattern)
        if (folder / wide).is_file():
            found[Path(wide).as_posix()] = None
            continue
        names = sorted(
            Path(name).as_posix()
            for name in glob.glob(wide, root_dir=folder, recursive=True)
            if (folder / name).is_file()
        )
        if not names:
            beside = (folder / wide).parent
            close = difflib.get_close_matches(Path(wide).name, os.listdir(beside) if beside.is_dir() else [], 1)
            hint = f": did you mean {close[0]!r}?" if close else f" in {folder}"
            what = f"no file fits {pattern!r}" if glob.has_magic(wide) else f"there is no file {pattern!r}"
            raise _Wrong(f"{what}{hint}", ["structures", place])
        found |= dict.fromkeys(names)
    return tuple(found)


def _check_samplers(samplers: Sequence[Given]) -> None:
    from ..diffusion.samplers.choice import SamplerChoice  # torch: only who samples waits for it

    for place, sampler in enumerate(samplers):
        try:
            SamplerChoice(**dict(sampler)).build()
        except EdmNoiseError as error:
            raise _Wrong(str(error), ["samplers", place]) from error


@dataclass(frozen=True)
class Key:
    """A key of the file: how its value is read, what it is where left out, and what it says."""

    read: Callable[[Any, list[str | int]], Any]
    default: Any
    help: str


def _read(given: Mapping[str, Any], keys: Mapping[str, Key], path: list[str | int]) -> dict[str, Any]:
    for name in given:
        if name not in keys:
            raise _Wrong(f"no key {name!r}, {meant(name, keys)}", [*path, name])
    return {name: key.read(given.get(name, key.default), [*path, name]) for name, key in keys.items()}


def _kind(kind: type | tuple[type, ...], said: str, check: Callable[[Any], Any] = lambda value: value) -> Any:
    """A reader of one value of a kind."""

    def read(value: Any, path: list[str | int]) -> Any:
        right = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        if not right or (isinstance(value, float) and not math.isfinite(value)):
            raise _Wrong(f"{_key(path)} is {value!r}: give {said}", path)
        try:
            return check(value)
        except EdmNoiseError as error:
            raise _Wrong(str(error), path) from error

    return read


def _key(path: list[str | int]) -> str:
    return str(next(name for name in reversed(path) if isinstance(name, str)))


def _several(one: Callable[[Any, list[str | int]], Any]) -> Callable[[Any, list[str | int]], tuple[Any, ...]]:
    """A reader of a list, not empty, each value once; a value alone is a list of one."""

    def read(value: Any, path: list[str | int]) -> tuple[Any, ...]:
        values = value if isinstance(value, list | tuple) else [value]
        if not values:
            raise _Wrong(f"{_key(path)} is empty: give at least one", path)
        return tuple(dict.fromkeys(one(item, [*path, place]) for place, item in enumerate(values)))

    return read


def _named(what: str, known: Iterable[str]) -> Callable[[Any, list[str | int]], str]:
    def check(name: str) -> str:
        if name not in known:
            raise EdmNoiseError(f"no {what} {name!r}, {meant(name, known)}")
        return name

    return _kind(str, "names as text", check)


def _process(value: Any, path: list[str | int]) -> str:
    """A process's text with all its knobs, so that each is told from others and keeps its meaning."""
    text: str = _kind(str, "names as text", lambda given: NoiseChoice.parse(given).text())(value, path)
    return text


def _count(value: Any, path: list[str | int]) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _Wrong(f"{_key(path)} is {value!r}: give a whole number from 1", path)
    return value


def _weights(value: Any, path: list[str | int]) -> tuple[Weights, ...]:
    one = _kind((str, list), "names, or lists of three numbers (chain, residue, atom)", parse_weights)
    alone = isinstance(value, list) and len(value) == 3 and all(isinstance(part, int | float) for part in value)
    return _several(one)([value] if alone else value, path)


def _distribution(value: Any, path: list[str | int]) -> SigmaDistribution:
    return _kind((str, list), "a name, or [P_mean, P_std, sigma_data]", parse_distribution)(value, path)


def _sampler(value: Any, path: list[str | int]) -> Given:
    if isinstance(value, str):
        return (("name", value),)
    if not isinstance(value, dict):
        raise _Wrong(f"a sampler is {value!r}: give a name, or a table with a name", path)
    read = _read(value, SAMPLER_KEYS, path)
    return tuple((name, item) for name, item in read.items() if item is not None)


def _maybe(one: Callable[[Any, list[str | int]], Any]) -> Callable[[Any, list[str | int]], Any]:
    return lambda value, path: None if value is None else one(value, path)


_number = _kind((int, float), "a number", float)
_text = _kind(str, "text in quotes")
_flag = _kind(bool, "true or false")

SAMPLER_KEYS = {
    "name": Key(_text, "heun", "a solver or a published sampler"),
    "steps": Key(_maybe(_count), None, "number of steps"),
    **{
        name: Key(_maybe(_number), None, text)
        for name, text in (
            ("sigma_max", "highest level, Å"),
            ("sigma_min", "lowest level, Å"),
            ("rho", "spacing of the levels"),
            ("churn", "noise added before each step"),
            ("step_scale", "factor of the step"),
            ("noise_scale", "factor of the added noise"),
        )
    },
    **{
        name: Key(_maybe(_flag), None, text)
        for name, text in (
            ("center", "centre the samples before each step"),
            ("augment", "turn and shift them at random"),
            ("align", "superpose them on the estimate"),
        )
    },
}
"""Keys of a table in ``samplers``."""

KEYS = {
    "structures": Key(_several(_text), None, "PDB and mmCIF files or patterns, from the folder of the study"),
    "measures": Key(_several(_named("measure", MEASURES)), ("levels",), "what is measured, a table each"),
    "processes": Key(_several(_process), (MULTISCALE,), "noise processes: a name, its knobs behind it"),
    "weights": Key(_weights, ("flat",), "names, or lists of three numbers: chain, residue, atom"),
    "z": Key(_several(_number), (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0), "noise levels as normal scores"),
    "sigma": Key(_maybe(_several(_number)), None, "noise levels in Å, in place of z"),
    "distribution": Key(_distribution, "alphafold3", "gives sigma from z: a name, or [P_mean, P_std, sigma_data]"),
    "samplers": Key(_several(_sampler), ("heun",), "names, or tables with a name and what is changed"),
    "seeds": Key(_several(_kind(int, "a whole number", check_seed)), (0,), "seeds"),
    "draws": Key(_count, 1, "frames in each row"),
    "samples": Key(_count, 1, "samples in each row"),
    "fresh": Key(_flag, True, "each row has draws of its own; false: all scale the same"),
    "hydrogens": Key(_flag, True, "keep hydrogens"),
    "solvent": Key(_flag, False, "keep water"),
}
"""Keys of a study."""
