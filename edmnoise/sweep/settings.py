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
from ..diffusion.names import NETWORK, Counted
from ..noise.process import NoiseChoice, check_linear
from ..noise.sigma import SigmaDistribution
from ..noise.weights import Weights
from ..settings import atoms, noise, sampling
from ..settings.knob import Knob
from .case import Given, Level, NetworkFile
from .lines import line_of, parse
from .measures import MEASURES
from .networks import is_network, name_of, network_file

Read = Callable[[Any, list[str | int]], Any]
"""A value and its place in the file -> what it means."""


@dataclass(frozen=True, repr=False)
class Study(Legible):
    """What a study asks for.

    Attributes
    ----------
    structures
        Files, as the tables name them: from the study's own folder, sorted within each pattern, each once.
    measures, processes, weights, levels, denoisers, samplers, seeds
        Their combinations are the tasks of each structure; a measure takes those that it depends on. A denoiser is the
        arguments of `edmnoise.diffusion.denoisers.choice.DenoiserChoice`, a sampler those of
        `edmnoise.diffusion.samplers.choice.SamplerChoice`.
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
    domains
        Files with their domains, as `edmnoise.structure.domains` reads them; "" stands for every file.
    move
        Files with the residue ranges that move in them while the rest is held, in the same way.
    folder
        Where the study's file lies; relative names start there.
    facts
        The same as plain numbers and texts, without ``structures`` found: what the study's hash is made of.
    networks
        The file of each denoiser that is a network, by its name. Like a structure's, its content is no part of the
        study's hash, but of those of its tasks.
    """

    structures: tuple[str, ...]
    measures: tuple[str, ...]
    processes: tuple[str, ...]
    weights: tuple[Weights, ...]
    levels: tuple[Level, ...]
    denoisers: tuple[Given, ...]
    samplers: tuple[Given, ...]
    seeds: tuple[int, ...]
    distribution: SigmaDistribution
    draws: int
    samples: int
    fresh: bool
    hydrogens: bool
    solvent: bool
    domains: tuple[tuple[str, str], ...]
    move: tuple[tuple[str, str], ...]
    folder: Path = field(compare=False)
    name: str = field(compare=False)
    facts: Mapping[str, Any] = field(compare=False)
    networks: Mapping[str, NetworkFile] = field(compare=False)

    def network(self, denoiser: Given | None) -> NetworkFile | None:
        """The file of a denoiser that is a network."""
        return self.networks.get(name_of(denoiser))

    def domains_of(self, name: str) -> str:
        """The domains of a file, as text; "" where it has none."""
        return dict(self.domains).get(name, dict(self.domains).get("", ""))

    def moved_of(self, name: str) -> str:
        """The residue ranges that move in a file, as text; "" where all do."""
        return dict(self.move).get(name, dict(self.move).get("", ""))

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

    scale = "sigma" if "sigma" in given else "z"
    of = distribution.z if scale == "sigma" else distribution.sigma
    levels = tuple(Level(*((of(x), x) if scale == "sigma" else (x, of(x)))) for x in value[scale])
    _check_weights(value["processes"], value["weights"] if "weights" in given else ())
    trusted = _trusted(value["denoisers"])
    value["denoisers"] = tuple(trusted)
    value["samplers"] = _in_angstrom(value["samplers"], distribution)
    networks: dict[str, NetworkFile] = {}
    if "freeze_out" in value["measures"]:
        _check_linear(value["processes"])
        _check_choices({key: value[key] for key in ("denoisers", "samplers") if key in given})
        networks = _networks(trusted, folder)
    facts = {key: value[key] for key in KEYS if key not in ("weights", "distribution", "z", "sigma", *_CHOICES)}
    for key in ("domains", "move"):
        if not value[key]:
            del facts[key]  # so that a study without any keeps its hash
    facts |= {
        scale: value[scale],
        "weights": [list(weights.by_name.values()) for weights in value["weights"]],
        "distribution": [distribution.sigma_data, distribution.p_mean, distribution.p_std],
        **{key: [dict(choice) for choice in value[key]] for key in _CHOICES},
    }
    structures = _found(value["structures"], folder)
    for key in ("domains", "move"):
        unknown = next((file for file, _ in value[key] if file and file not in structures), None)
        if unknown is not None:
            raise _Wrong(f"{key} of {unknown!r}, which is none of the structures, {meant(unknown, structures)}", [key])
    return Study(
        structures=structures,
        levels=levels,
        distribution=distribution,
        folder=folder,
        name=name,
        facts=json.loads(json.dumps(facts)),
        networks=networks,
        **{key: value[key] for key in _AS_READ},
    )


_AS_READ = (
    "measures processes weights denoisers samplers seeds draws samples fresh hydrogens solvent domains move".split()
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


def _check_weights(processes: Sequence[str], weights: Sequence[Weights]) -> None:
    """Whether some process has the weights that are given; the others are drawn once, without any."""
    if not any(NoiseChoice.parse(process).weighted for process in processes):
        for place, each in enumerate(weights):
            try:
                NoiseChoice.parse(processes[0], each)
            except EdmNoiseError as error:
                raise _Wrong(str(error), ["weights", place]) from error


def _check_linear(processes: Sequence[str]) -> None:
    """Whether each process has the covariance that a sampler starts from."""
    for place, process in enumerate(processes):
        try:
            check_linear(NoiseChoice.parse(process))
        except EdmNoiseError as error:
            raise _Wrong(str(error), ["processes", place]) from error


def _check_choices(given: Mapping[str, Sequence[Given]]) -> None:
    """Whether denoisers and samplers can be what they are said to be; only who gives some waits for torch."""
    if not given:
        return
    from ..diffusion.denoisers.choice import DenoiserChoice
    from ..diffusion.samplers.choice import SamplerChoice

    for key, choices in given.items():
        for place, choice in enumerate(choices):
            try:
                if key == "samplers":
                    SamplerChoice(**dict(choice)).build()
                else:
                    DenoiserChoice(**dict(choice))
            except EdmNoiseError as error:
                raise _Wrong(str(error), [key, place]) from error


def _trusted(denoisers: Sequence[Given]) -> dict[Given, bool]:
    """Each without its trust, which changes no number, and whether it is trusted."""
    found: dict[Given, bool] = {}
    for denoiser in denoisers:
        bare = tuple(pair for pair in denoiser if pair[0] != sampling.TRUST.name)
        found[bare] = found.get(bare, False) or len(bare) < len(denoiser)
    return found


def _in_angstrom(samplers: Sequence[Given], distribution: SigmaDistribution) -> tuple[Given, ...]:
    """Each sampler once, its sigma_max in angstrom: the same level is the same task, whatever its unit."""
    found: dict[Given, None] = {}
    for place, sampler in enumerate(samplers):
        changed = dict(sampler)
        level = changed.get(sampling.SIGMA_MAX.name)
        if isinstance(level, Counted):
            from ..diffusion.samplers.units import sigma_of  # only who gives such a level waits for torch

            try:
                changed[sampling.SIGMA_MAX.name] = sigma_of(level, distribution, sampling.SIGMA_MAX.name)
            except EdmNoiseError as error:
                raise _Wrong(str(error), ["samplers", place]) from error
        found[tuple(changed.items())] = None
    return tuple(found)


def _networks(denoisers: Mapping[Given, bool], folder: Path) -> dict[str, NetworkFile]:
    """The file of each network by its name, once it is known to be one and to be trusted."""
    found = {}
    for place, (denoiser, trust) in enumerate(denoisers.items()):
        if is_network(denoiser):
            try:
                found[name_of(denoiser)] = network_file(name_of(denoiser), folder, trust)
            except EdmNoiseError as error:
                raise _Wrong(str(error), ["denoisers", place]) from error
    return found


@dataclass(frozen=True)
class Key:
    """A key of the file: how its value is read, what it is where left out, and what it says."""

    read: Read
    default: Any
    help: str


def _read(given: Mapping[str, Any], keys: Mapping[str, Key], path: list[str | int]) -> dict[str, Any]:
    for name in given:
        if name not in keys:
            raise _Wrong(f"no key {name!r}, {meant(name, keys)}", [*path, name])
    return {name: key.read(given.get(name, key.default), [*path, name]) for name, key in keys.items()}


def _as_toml(kind: type | tuple[type, ...], said: str, check: Callable[[Any], Any] = lambda value: value) -> Read:
    """A reader of one value that TOML gives as of a kind."""

    def read(value: Any, path: list[str | int]) -> Any:
        right = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        if not right or (isinstance(value, float) and not math.isfinite(value)):
            raise _Wrong(f"{_key(path)} is {value!r}: give {said}", path)
        try:
            return check(value)
        except EdmNoiseError as error:
            raise _Wrong(str(error), path) from error

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
            raise _Wrong(f"{_key(path)} is empty: give at least one", path)
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
            raise _Wrong(f"a {named.name} is {value!r}: give a name, or a table with a name", path)
        found = _read(value, keys, path)
        kept = {name: item for name, item in found.items() if name == "name" or item != keys[name].default}
        return tuple((name, _hashable(item)) for name, item in kept.items())

    return read


def _hashable(item: Any) -> Any:
    return tuple(item) if isinstance(item, list) else item


def _of(knob: Knob) -> Key:
    return Key(_one(knob), knob.default, knob.help)


_text = _as_toml(str, "text in quotes")

_CHOICES = {
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
        key: Key(_several(_CHOICES[key]), (knob.default,), f"names{of}, or tables with a name and what is changed")
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
