"""What a run's ``run.json`` says of it: seed, settings and names, read from what a sampler was called with.

Where it stands is said by a spec, in paths: ``feats.record.0.id`` is an argument, its key or attribute, an index, and
so on; ``self.levels(steps)`` is called with what stands at ``steps``; ``self.levels_{kind}`` is named by what stands at
``kind``; of a list the first that is there counts; nothing need stand at a path that ends in ``?``; what is no text
stands for itself. ``module`` is the program's.
"""

from __future__ import annotations

import functools
import importlib
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arguments = Mapping[str, Any]

_SYMBOLS = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb "
    "Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au "
    "Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts "
    "Og"
).split()

_LONGEST = 100_000
"""Numbers at most of a setting."""

_NAME = 4
"""Letters of an atom's name in features."""


def facts(spec: Mapping[str, Any], arguments: Arguments, atoms: int) -> dict[str, Any]:
    """For ``run.json``; what could not be read stands under ``unread``, with its error.

    Parameters
    ----------
    spec
        Of a program.
    arguments
        What its sampler was called with, by name.
    atoms
        How many it moves.
    """
    found: dict[str, Any] = {"command": list(sys.argv)}
    found |= {key: spec[key] for key in ("preset", "align", "read_only") if key in spec}
    unread: dict[str, str] = {}

    def read(key: str, into: dict[str, Any], name: str, value: Callable[[], Any]) -> None:
        try:
            into[name] = value()
        except Exception as error:
            unread[key] = " ".join(f"{type(error).__name__}: {error}".split())

    torch = sys.modules.get("torch")
    if torch is not None:
        read("seed", found, "seed", lambda: torch.initial_seed())
    if "seed" in spec:
        read("seed", found, "seed", lambda: _setting(at([spec["seed"], found.get("seed")], arguments), arguments))
    if "calls_per_step" in spec:
        read("calls_per_step", found, "calls_per_step", lambda: 1 + bool(at(spec["calls_per_step"], arguments)))
    if "name" in spec:
        read("name", found, "name", lambda: str(at(spec["name"], arguments)))
    settings: dict[str, Any] = {}
    for name, path in spec.get("settings", {}).items():
        read(f"settings.{name}", settings, name, functools.partial(_setting, path, arguments))
    names: dict[str, Any] = {}
    if "names" in spec:
        columns = _array_columns if "atom_array" in spec["names"] else _padded_columns
        for name, column in columns(spec["names"], arguments, atoms).items():
            read(f"names.{name}", names, name, column)
    if all(names.get("mask", [0])):  # all atoms are real
        names.pop("mask", None)
    for key, value in (("settings", settings), ("names", names), ("unread", unread)):
        if value:
            found[key] = value
    return found


def at(path: Any, arguments: Arguments) -> Any:
    """What stands at a path.

    Raises
    ------
    LookupError, AttributeError
        Nothing stands there.
    """
    if isinstance(path, list):
        for choice in path:
            try:
                value = at(choice, arguments)
            except (LookupError, AttributeError):
                continue
            if value is not None:
                return value
        raise LookupError(f"nothing stands at {' or '.join(map(str, path))}")
    if not isinstance(path, str):
        return path
    if path.endswith("?"):
        try:
            return at(path[:-1], arguments)
        except (LookupError, AttributeError):
            return None
    path = re.sub(r"\{([\w.]+)\}", lambda within: str(at(within[1], arguments)), path)
    call = re.fullmatch(r"([\w.]+)\((.*)\)", path)
    if call:
        return at(call[1], arguments)(*(at(part.strip(), arguments) for part in call[2].split(",") if part.strip()))
    first, *rest = path.split(".")
    value = arguments[first]
    for part in rest:
        value = _within(value, part)
    return value


def _within(value: Any, part: str) -> Any:
    if isinstance(value, Mapping):
        return value[part]
    return value[int(part)] if part.isdigit() else getattr(value, part)


def _setting(path: Any, arguments: Arguments) -> Any:
    """As JSON has it."""
    value = at(path, arguments)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    array = _array(value)
    if array.size > _LONGEST or array.dtype.kind not in "biuf":
        raise ValueError(f"a {type(value).__name__} is no number, text or list of numbers")
    return array.tolist()


def _array(value: Any) -> NDArray[Any]:
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float().numpy() if value.is_floating_point() else value.numpy()
    return np.asarray(value)


def _array_columns(about: Mapping[str, Any], arguments: Arguments, atoms: int) -> dict[str, Callable[[], Any]]:
    """Names from a biotite AtomArray."""

    def column(name: str, kind: type) -> list[Any]:
        values = [kind(value) for value in getattr(at(about["atom_array"], arguments), name)]
        if len(values) == atoms:
            return values
        real = _mask(about, arguments, atoms)
        if len(values) != sum(real):
            raise ValueError(f"{len(values)} names for {atoms} atoms, of which {sum(real)} are real")
        rest = iter(values)
        return [next(rest) if here else kind() for here in real]

    columns: dict[str, Callable[[], Any]] = {
        "atom": lambda: column("atom_name", str),
        "element": lambda: [symbol.capitalize() for symbol in column("element", str)],
        "residue": lambda: column("res_id", int),
        "residue_name": lambda: column("res_name", str),
        "chain": lambda: column("chain_id", str),
    }
    return columns | ({"mask": lambda: _mask(about, arguments, atoms)} if "mask" in about else {})


def _padded_columns(about: Mapping[str, Any], arguments: Arguments, atoms: int) -> dict[str, Callable[[], Any]]:
    """Names from a network's features, of all atoms or of the real ones, which come first where ``first`` says so."""
    if "first" not in about:
        return _feature_columns(about, arguments, atoms)
    real = len(at(about["first"], arguments))

    def padded(column: Callable[[], Any]) -> list[Any]:
        values: list[Any] = column()
        return values + [type(values[0])()] * (atoms - real)

    columns = {"mask": lambda: [1] * real} | _feature_columns(about, arguments, real)
    return {name: functools.partial(padded, column) for name, column in columns.items()}


def _feature_columns(about: Mapping[str, Any], arguments: Arguments, atoms: int) -> dict[str, Callable[[], Any]]:
    """Names from a network's features, by atom or by token."""

    def feature(name: str) -> tuple[dict[str, Any], NDArray[Any]]:
        entry = about[name] if isinstance(about[name], dict) else {"path": about[name]}
        return entry, _array(at(entry["path"], arguments))

    def of_token(name: str) -> tuple[dict[str, Any], list[int]]:
        """For each atom."""
        entry, values = feature(name)
        if "token" not in about:
            return entry, _indices(_rows(values, atoms), 1).tolist()
        tokens = _rows(feature("token")[1], atoms)
        # One-hot, a token has its column; else there are as many as the longest axis has.
        count = tokens.shape[1] if tokens.ndim > 1 else _tokens(values, int(tokens.max()) + 1)
        return entry, _indices(_rows(values, count), 1)[_indices(tokens, 1)].tolist()

    def atom() -> list[str]:
        letters = _rows(feature("atom")[1], atoms)
        if letters.dtype.kind == "U":
            return [str(name) for name in letters]
        if letters.ndim == 2 and letters.shape[1] > _NAME:  # one-hot, laid in a row
            letters = letters.reshape(atoms, _NAME, -1)
        codes = _indices(letters, 2)
        return ["".join(chr(code + 32) for code in row if code).strip() for row in codes.tolist()]

    def element() -> list[str]:
        entry, values = feature("element")
        numbers = _indices(_rows(values, atoms), 1) + entry.get("offset", 0)
        return [_SYMBOLS[number - 1] if 1 <= number <= len(_SYMBOLS) else "" for number in numbers.tolist()]

    def residue() -> list[int]:
        entry, values = of_token("residue")
        return [value + entry.get("base", 0) for value in values]

    def table(name: str) -> list[str]:
        entry, values = of_token(name)
        if "table" not in entry:
            order = {value: place for place, value in enumerate(sorted(set(values)))}
            return [_letters(order[value]) for value in values]
        known = _table(entry, arguments)
        return [known[value] for value in values]

    readers: dict[str, Callable[[], Any]] = {
        "atom": atom,
        "element": element,
        "residue": residue,
        "residue_name": lambda: table("residue_name"),
        "chain": lambda: table("chain"),
        "mask": lambda: _mask(about, arguments, atoms),
    }
    return {name: readers[name] for name in readers if name in about}


def _mask(about: Mapping[str, Any], arguments: Arguments, atoms: int) -> list[int]:
    """1 for a real atom."""
    if "mask" not in about:
        return [1] * atoms
    values: list[int] = (_rows(_array(at(about["mask"], arguments)), atoms) > 0).astype(int).tolist()
    return values


def _rows(values: NDArray[Any], rows: int) -> NDArray[Any]:
    """Without the axes before that of so many: of a batch the first counts."""
    given = values.shape
    while values.ndim > 1 and values.shape[0] != rows:
        values = values[0]
    if values.shape[0] != rows:
        raise ValueError(f"the shape {given} has no axis of {rows}")
    return values


def _tokens(values: NDArray[Any], least: int) -> int:
    return next(axis for axis in values.shape if axis >= least)


def _indices(values: NDArray[Any], axes: int) -> NDArray[np.int64]:
    """Whole numbers of so many axes; with one more they are one-hot, 0 where nothing is marked."""
    while values.ndim > axes + 1 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim == axes + 1:
        return np.asarray(values.argmax(-1), np.int64)
    if values.ndim != axes:
        raise ValueError(f"the shape {values.shape} is neither numbers nor one-hot")
    return np.asarray(values, np.int64)


def _table(entry: Mapping[str, Any], arguments: Arguments) -> Mapping[int, str]:
    """Names by number: from a list, or a dictionary in either direction, of a module or at a path."""
    where = entry["table"]
    if isinstance(where, str) and ":" in where:
        module, _, name = where.partition(":")
        found = at(f"module.{name}", {"module": importlib.import_module(module)})
    else:
        found = where if isinstance(where, list) else at(where, arguments)
    if isinstance(found, Mapping):
        return (
            {int(k): str(v) for k, v in found.items()} if _by_number(found) else {int(v): k for k, v in found.items()}
        )
    return {number: str(_named(value, entry)) for number, value in enumerate(found)}


def _by_number(found: Mapping[Any, Any]) -> bool:
    return all(isinstance(key, int) for key in found)


def _named(value: Any, entry: Mapping[str, Any]) -> Any:
    return getattr(value, entry["attribute"]) if "attribute" in entry else value


def _letters(number: int) -> str:
    """A, B, ..., Z, AA, AB, ..."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(65 + rest) + text
    return text
