"""The installed distribution that a program's module is of, and the version of it that was tried."""

from __future__ import annotations

import importlib.metadata
import os
import re
from collections.abc import Mapping
from types import ModuleType
from typing import Any


def distribution_of(module: ModuleType, spec: Mapping[str, Any]) -> dict[str, Any]:
    """The program of a spec and the distribution that its module is of, as ``run.json`` names them."""
    about = {"program": spec["program"]}
    found = [d for d in map(_distribution, spec["distributions"]) if d is not None]
    if len(found) > 1:
        file = os.path.realpath(module.__file__ or "")
        found = [d for d in found if any(os.path.realpath(str(d.locate_file(own))) == file for own in d.files or ())]
    if not found:
        return about
    name = next(name for name in spec["distributions"] if _same(name, found[0].metadata["Name"]))
    return about | {"distribution": name, "program_version": found[0].version, "tried": spec["distributions"][name]}


def _distribution(name: str) -> Any:
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _same(name: str, other: str) -> bool:
    return re.sub(r"[-_.]+", "-", name).lower() == re.sub(r"[-_.]+", "-", other).lower()
