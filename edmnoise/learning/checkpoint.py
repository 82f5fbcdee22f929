"""A checkpoint: named tensors and text in one file of the safetensors format, which is data and no program."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..base.errors import EdmNoiseError
from ..base.files import appearing, check_target
from ..diffusion.denoisers.programs import CHECKPOINT_FORMAT
from ..structure.structure import Structure

FORMAT, VERSION = CHECKPOINT_FORMAT, 1
"""What the text of every checkpoint begins with."""

ENDING = ".safetensors"

_COLUMNS = ("name", "element", "residue_name")
"""Of an atom, what a network knows."""


class Checkpoint(NamedTuple):
    """What a file holds."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def check_installed() -> None:
    """EdmNoiseError where the package is not there that files are written with."""
    try:
        import safetensors.torch  # noqa: F401
    except ImportError:
        raise EdmNoiseError("checkpoints need safetensors: pip install 'edmnoise[learn]'") from None


def check_checkpoint(path: str | os.PathLike[str]) -> str:
    """Return a path that a checkpoint can be written to; EdmNoiseError for another ending or where no file can be."""
    if os.path.splitext(path)[1].lower() != ENDING:
        raise EdmNoiseError(f"a checkpoint cannot be written as {os.fspath(path)!r}: end the name in {ENDING}")
    check_installed()
    return check_target(path)


def write_checkpoint(
    path: str | os.PathLike[str], structure: Structure, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]
) -> None:
    """Write a file that appears whole or not at all.

    Parameters
    ----------
    structure
        The atoms that the tensors are about; they are written along.
    tensors
        By name; copied to the CPU.
    facts
        What JSON can hold.

    Raises
    ------
    EdmNoiseError
        Where it cannot be written (a full disk, no folder), or does not read back as it was; what was at ``path``
        stays.
    """
    check_installed()
    from safetensors.torch import load_file, save

    # What is not contiguous it refuses; as NumPy arrays, safetensors 0.8.0 writes them scrambled and says nothing.
    held = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    held |= {f"structure/{name}": values for name, values in _groups(structure).items()}
    text = json.dumps({"version": VERSION, "atoms": _atoms(structure), **facts})
    with appearing(path) as part:
        with open(part, "xb") as handle:
            handle.write(save(held, {"format": FORMAT, "facts": text}))
            handle.flush()
            os.fsync(handle.fileno())
        back = load_file(part)
        if back.keys() != held.keys() or not all(torch.equal(back[name], held[name]) for name in held):
            raise EdmNoiseError(f"cannot write {os.fspath(path)}: it does not read back as it was written")


def read_checkpoint(path: str | os.PathLike[str], structure: Structure) -> Checkpoint:
    """What was written; EdmNoiseError for no such file, another kind of file, or other atoms than the structure's."""
    name = os.path.expanduser(path)
    with _opened(name) as (opened, facts):
        tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118 - it is no mapping
    _check_atoms(
        name, facts.pop("atoms"), {key: tensors.pop(f"structure/{key}") for key in _groups(structure)}, structure
    )
    return Checkpoint(tensors, facts)


def read_facts(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The text alone, of whatever atoms; EdmNoiseError for no such file and another kind of file."""
    with _opened(os.path.expanduser(path)) as (_, facts):
        return facts


@contextmanager
def _opened(name: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    """A file as safetensors opens it, and its text."""
    check_installed()
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(name, framework="pt") as opened:
            said = opened.metadata() or {}
            if said.get("format") != FORMAT:
                raise EdmNoiseError(f"{name} is no checkpoint of edmnoise")
            facts = json.loads(said["facts"])
            if facts["version"] != VERSION:
                raise EdmNoiseError(f"{name} has the version {facts['version']}: this edmnoise reads version {VERSION}")
            yield opened, facts
    except SafetensorError:
        raise EdmNoiseError(f"{name} is no checkpoint: it is not in the safetensors format, or cut off") from None
    except OSError as error:
        why = error.strerror or str(error).removesuffix(f": {name}")  # safetensors says the name, too
        raise EdmNoiseError(f"cannot read {name}: {why}") from error


def _atoms(structure: Structure) -> list[list[str]]:
    return [getattr(structure.atoms, column).tolist() for column in _COLUMNS]


def _groups(structure: Structure) -> dict[str, Tensor]:
    hierarchy = structure.hierarchy
    return {name: torch.from_numpy(hierarchy.ancestors(0, level)) for level, name in ((1, "residue"), (2, "chain"))}


def _check_atoms(name: str, atoms: list[list[str]], groups: dict[str, Tensor], structure: Structure) -> None:
    theirs, ours = list(zip(*atoms, strict=True)), list(zip(*_atoms(structure), strict=True))
    counts = "" if len(theirs) == len(ours) else f" ({len(theirs):,} for {len(ours):,})"
    for atom, (there, here) in enumerate(zip_longest(theirs, ours)):
        if there != here:
            label = structure.label(atom) if here else f"number {atom + 1:,}"
            was = f"is {there[0]} ({there[1]}) of {there[2]}" if there else "is missing"
            missing = "" if here else ", and missing here"
            raise EdmNoiseError(
                f"{name} is for other atoms{counts}: the first that differs, {label}, {was} there{missing}"
            )
    for level, own in _groups(structure).items():
        other = torch.nonzero(groups[level] != own)
        if len(other):
            raise EdmNoiseError(
                f"{name} is for other {level}s: the first atom that lies in another is {structure.label(int(other[0]))}"
            )
