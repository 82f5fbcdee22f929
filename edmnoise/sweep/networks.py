"""A network in a study: by the content of its file it is told from others, trusted, and known by whoever runs a task.

Of ``package.module:function`` it is the module's file; what the function reads besides nobody knows.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.errors import EdmNoiseError
from ..diffusion.names import DENOISERS, is_function
from .case import Given, NetworkFile

if TYPE_CHECKING:
    from ..diffusion.denoisers.denoiser import Denoiser
    from ..noise.process import NoiseChoice
    from ..structure.part import Part
    from ..structure.structure import Structure


def name_of(denoiser: Given | None) -> str:
    """As the study names it; "" for none."""
    return str(dict(denoiser or ()).get("name", ""))


def is_network(denoiser: Given | None) -> bool:
    """Whether a denoiser is a network, and none of the exact ones."""
    return name_of(denoiser) not in ("", *DENOISERS)


def is_made(denoiser: Given | None) -> bool:
    """Whether a function of the user's makes it."""
    return is_function(name_of(denoiser))


def network_file(name: str, folder: Path, trust: bool) -> NetworkFile:
    """The file of a network, from the folder of the study; EdmNoiseError for what is none or is not trusted."""
    if is_function(name):
        return _file_of_module(name)
    from ..diffusion.denoisers.programs import network_content

    path = str(folder / os.path.expanduser(name))
    try:
        content = network_content(path, trust)
    except EdmNoiseError as error:
        raise EdmNoiseError(str(error).replace(path, name).replace("trust=1", "trust = true")) from error
    return NetworkFile(path, hashlib.sha256(content).hexdigest())


def built(
    structure: Structure, denoiser: Given, network: NetworkFile, noise: NoiseChoice, part: Part | None
) -> Denoiser:
    """The network of a task, where its file is still the one that was trusted when the sweep was planned."""
    from ..diffusion.denoisers.choice import DenoiserChoice

    settings: dict[str, Any] = dict(denoiser)
    name = settings.pop("name")
    now = _file_of_module(name).digest if is_function(name) else _digest(network.path)
    if now != network.digest:
        raise EdmNoiseError(f"{name} is not the file that it was when the sweep began: start it again")
    choice = DenoiserChoice(name if is_function(name) else network.path, **settings)
    covariance = noise.on(part or structure).covariance
    states = structure.coordinates[None]
    return choice.build(structure, states, covariance, ask=lambda _, d: d == network.digest, part=part)


@cache  # Python reads a module once: what has changed in its file since then does not run in this process
def _file_of_module(name: str) -> NetworkFile:
    from ..diffusion.denoisers.learned import found_function

    path = getattr(found_function(name)[0], "__file__", None) or ""
    return NetworkFile(path, _digest(path))


def _digest(path: str) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""
