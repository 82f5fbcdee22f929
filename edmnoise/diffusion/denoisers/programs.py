"""A `.pt2` of torch.export -> a callable of named inputs. It is a program: loading it can run what its author wants.

So a file is looked into without being loaded (the directory of the zip, the operations of a pickle), what is none is
refused by what it is, and what is one is loaded only when the user trusts it. The bytes that were looked at and hashed
are those that are loaded.
"""

from __future__ import annotations

import io
import json
import os
import pickletools
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.utils._pytree
from torch import Tensor

from ...base.errors import EdmNoiseError
from ...base.files import replacing
from ...base.trust import Ask, check_trusted
from ...structure.structure import Structure
from ..names import is_function
from .inputs import Inputs, check_atoms, check_names

PROGRAM, CHECKPOINT, MODULE, WEIGHTS = "program", "checkpoint", "module", "weights"

_ENDINGS = (".pt2", ".pt", ".pth", ".ckpt", ".safetensors")
"""Of files, which names of functions do not have."""

CHECKPOINT_FORMAT = "edmnoise network"
"""What the text of every checkpoint of `edmnoise.learning.checkpoint` says."""

_REFUSED = {
    "TorchScript": "is a TorchScript archive: export the network with torch.export and give the .pt2 of "
    "torch.export.save",
    "AOTInductor": "is an AOTInductor package, compiled for one kind of machine: give the .pt2 of torch.export.save "
    "that it was made from",
    MODULE: "is a pickled module, which runs whatever it holds when it is opened: export it with torch.export, or give "
    "package.module:function that builds it",
    WEIGHTS: "holds weights without a network: give package.module:function that builds the network and loads them",
    CHECKPOINT: "is a checkpoint of edmnoise and no program: edmnoise.learning.train.load_denoiser reads it",
    "nothing": "is empty: give the .pt2 of torch.export.save",
    "junk": "is no network: give the .pt2 of torch.export.save, or package.module:function that builds one",
}
"""What a file is that is no program, and what to do."""

_EXTRA = "edmnoise.json"
"""File in a program that says which atoms it is of."""

_LOOKED = 1 << 24
"""Most bytes of a pickle that are looked through."""

_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError),
    *(ValueError, OverflowError, IndexError),
)
"""What a zip or a pickle raises that is cut off, encrypted, or no such thing; found with 60,000 broken files."""

_HARMLESS = ("torch._utils", "torch.storage", "collections", "numpy")
"""Modules whose names a pickle of tensors alone mentions, beside torch's own storages and types."""


def write_program(path: str | os.PathLike[str], program: Any, structure: Structure) -> None:
    """Save an exported program with the names of its atoms, so that it is not taken for one of other atoms.

    Parameters
    ----------
    path
        A .pt2 name.
    program
        Of ``torch.export.export``.
    structure
        What it was trained on.
    """
    labels = [structure.label(atom) for atom in range(structure.n_atoms)]
    with replacing(path) as handle:
        torch.export.save(program, handle, extra_files={_EXTRA: json.dumps({"atoms": labels})})


def is_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a checkpoint of edmnoise; EdmNoiseError where it cannot be read."""
    return kind_of(_content(os.fspath(path))) == CHECKPOINT


def network_content(path: str, trust: bool = False) -> bytes:
    """The bytes of a network's file, a checkpoint or a program that is trusted; nothing of it is loaded.

    EdmNoiseError for no file, one that is neither (what it is instead), and no trust.
    """
    content = _content(path)
    if kind_of(content) != CHECKPOINT:
        _check_program(path, content, trust, None)
    return content


def kind_of(content: bytes) -> str:
    """What a file holds: `PROGRAM`, `CHECKPOINT`, or a key of what is refused. Nothing of it is loaded."""
    if not content:
        return "nothing"
    if not content.startswith(b"PK"):
        if content[:1] == b"\x80" and content[1:2] in b"\x02\x03\x04\x05":
            return _kind_of_pickle(content)
        length = int.from_bytes(content[:8], "little")
        if content[8:9] != b"{" or length >= len(content):
            return "junk"
        return CHECKPOINT if f'"{CHECKPOINT_FORMAT}"'.encode() in content[8 : 8 + length] else WEIGHTS
    try:
        return _kind_of_zip(content)
    except _BROKEN:
        return "junk"


def _kind_of_zip(content: bytes) -> str:
    """`kind_of` of what begins as a zip does; an error of `_BROKEN` for one that is broken."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [name.partition("/")[2] or name for name in archive.namelist()]
        if any("aotinductor/" in name or name.endswith(".so") for name in names):
            return "AOTInductor"
        if any(name.startswith("models/") and name.endswith(".json") for name in names):
            return PROGRAM
        if "serialized_exported_program.json" in names:  # of torch up to 2.6
            return PROGRAM
        if "constants.pkl" in names or any(name.startswith("code/") for name in names):
            return "TorchScript"
        if "data.pkl" not in names:
            return "junk"
        pickled = archive.infolist()[names.index("data.pkl")]
        if pickled.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # torch knows no other
            return "junk"
        with archive.open(pickled) as opened:
            return _kind_of_pickle(opened.read(_LOOKED))


def _kind_of_pickle(content: bytes) -> str:
    """Whether a pickle names more than tensors are made of, by its operations; none is carried out."""
    strings: list[str] = []
    try:
        stream = io.BytesIO(content)
        while stream.tell() < len(content):  # torch's old files are several pickles one after another
            for operation, argument, _ in pickletools.genops(stream):
                if operation.name == "GLOBAL":
                    strings.append(str(argument).split(" ")[0])
                elif isinstance(argument, str):
                    strings.append(argument)
                elif operation.name == "STACK_GLOBAL" and len(strings) > 1 and not _harmless(strings[-2]):
                    return MODULE
                if operation.name == "GLOBAL" and not _harmless(strings[-1]):
                    return MODULE
    except _BROKEN:
        return WEIGHTS if strings else "junk"  # raw numbers follow the pickles of an old file
    return WEIGHTS


def _harmless(module: str) -> bool:
    return module == "torch" or module.startswith(_HARMLESS)


@dataclass(frozen=True, eq=False)
class Program:
    """A loaded program, which is called with its inputs by name.

    Attributes
    ----------
    path
        Where it came from.
    inputs
        Names and types of its inputs, in order.
    scalar
        Whether it takes sigma as one number for the batch.
    atoms
        Which atoms it says it is of, None where it does not.
    """

    path: str
    inputs: Mapping[str, torch.dtype]
    scalar: bool
    atoms: Sequence[str] | None
    _run: Any
    _spec: Any

    def __repr__(self) -> str:
        return f"Program({os.path.basename(self.path)}: {', '.join(self.inputs)})"

    def __call__(self, **given: Tensor) -> Any:
        """What the program makes of its inputs; numbers are cast to its own precision."""
        if self.scalar:
            given["sigma"] = given["sigma"][0]
        values = [given[name].to(dtype) for name, dtype in self.inputs.items()]
        args, kwargs = torch.utils._pytree.tree_unflatten(values, self._spec)
        return self._run(*args, **kwargs)


def load_program(
    path: str | os.PathLike[str],
    structure: Structure,
    gives: str = "denoised",
    trust: bool = False,
    ask: Ask | None = None,
    device: torch.device | str = "cpu",
) -> Program:
    """Load a `.pt2` after looking that it is one, that it is trusted, and that its inputs fit; takes seconds for some.

    Parameters
    ----------
    structure
        What it is to be used on.
    gives
        As in `edmnoise.diffusion.denoisers.learned.LearnedDenoiser`.
    trust, ask
        As in `edmnoise.base.trust.check_trusted`.

    Raises
    ------
    EdmNoiseError
        For no file, one that is no program (what it is instead), no trust, and inputs that do not fit.
    """
    said = os.fspath(path)
    content = _content(said)
    _check_program(said, content, trust, ask)
    extra = {_EXTRA: ""}
    try:
        program = torch.export.load(io.BytesIO(content), extra_files=extra)
        if str(device) != "cpu":
            from torch.export.passes import move_to_device_pass

            program = move_to_device_pass(program, str(device))
    except Exception as error:  # torch raises whatever the file makes it stumble over
        raise EdmNoiseError(f"{said} cannot be loaded by torch {torch.__version__}: {first_line(error)}") from error
    wanted = set(program.graph_signature.user_inputs)
    values = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    inputs = {name: values[name] for name in values if name in wanted}
    check_names(said, inputs, gives)
    atoms = _atoms(extra[_EXTRA])
    check_atoms(said, atoms, structure)
    _check_shapes(said, inputs, Inputs(structure))
    return Program(
        path=said,
        inputs={name: value.dtype for name, value in inputs.items()},
        scalar="sigma" in inputs and inputs["sigma"].ndim == 0,
        atoms=atoms,
        _run=program.module(),
        _spec=program.call_spec.in_spec,
    )


def _check_program(path: str, content: bytes, trust: bool, ask: Ask | None) -> None:
    """EdmNoiseError for what is no program, or is not trusted."""
    kind = kind_of(content)
    if kind != PROGRAM:
        raise EdmNoiseError(f"{path} {_REFUSED[kind]}")
    check_trusted(path, content, trust, ask)


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    line = next((part.strip() for part in str(error).splitlines() if part.strip()), "")
    return f"{type(error).__name__}{f', {line}' if line else ''}"


def _content(path: str) -> bytes:
    try:
        with open(os.path.expanduser(path), "rb") as handle:
            return handle.read()
    except OSError as error:
        function = ":".join(path.rsplit(".", 1))
        meant = is_function(function) and not path.endswith(_ENDINGS)
        hint = f"; a function is given as {function}" if meant else ""
        raise EdmNoiseError(f"cannot read the network {path}: {error.strerror or error}{hint}") from error


def _atoms(text: str | bytes) -> Sequence[str] | None:
    try:
        found = json.loads(text or "{}").get("atoms")
    except (ValueError, AttributeError):
        return None
    return found if isinstance(found, list) else None


def _check_shapes(who: str, inputs: Mapping[str, Any], there: Inputs) -> None:
    """EdmNoiseError for an input that was exported in another shape, or for a batch of one size."""
    atoms, residues = there.sizes["atoms"], there.sizes["residues"]
    rows = {"atom_name": (atoms, 4), "chain": (residues,), "residue_type": (residues,), "c_noise": ("B",)}
    for name, value in inputs.items():
        if not isinstance(value, Tensor):
            raise EdmNoiseError(f"{who} takes {name} as a {type(value).__name__}: export it with tensors as inputs")
        have = tuple(value.shape)
        wanted = {"x": ("B", atoms, 3), "sigma": ("B",), **rows}.get(name, (atoms,))
        if name == "sigma" and not have:
            continue
        if name == "x" and len(have) == 3 and isinstance(have[1], int) and have[1] != atoms and have[2] == 3:
            raise EdmNoiseError(f"{who} is of {have[1]:,} atoms, and the structure has {atoms:,}: give one of the same")
        fits = len(have) == len(wanted) and all(
            not isinstance(size, int) or want in ("B", size) for size, want in zip(have, wanted, strict=True)
        )
        shown = ", ".join(str(size) if isinstance(size, int) else "any" for size in have)
        if not fits:
            raise EdmNoiseError(f"{who} takes {name} as ({shown}): export it with ({', '.join(map(str, wanted))})")
        if wanted[0] == "B" and isinstance(have[0], int):
            raise EdmNoiseError(
                f"{who} takes batches of {have[0]} alone: export it with dynamic_shapes whose first axis of {name} is "
                'torch.export.Dim("batch"), from an example of two or more'
            )
