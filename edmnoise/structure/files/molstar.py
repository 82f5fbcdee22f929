"""An .mvsx file is a zip archive: index.mvsj, the tree of a picture in the format MolViewSpec, and what it names.

https://molstar.org/mol-view-spec-docs/: every model is a snapshot, whose tree takes the model out of models.cif and its
colours and tooltips out of a list of residues or atoms. Nothing is fetched when it is opened.
"""

from __future__ import annotations

import json
import math
import os
import zipfile
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray

from ... import __version__
from ...base.errors import EdmNoiseError
from ...base.files import replacing
from ...base.shading import Shading
from ..structure import Structure
from .layout import RESIDUE_NUMBER
from .mmcif import MmcifLayout
from .valued import check_models, residue_rows
from .writing import Models, write_models

VERSION = "1"
"""Of the format; what is used here has been there from the first."""

_MODELS = "models.cif"
_LARGEST = 2**31 - 2**20
"""Bytes of a file in an archive as Mol* reads it, which is without the extension for larger ones."""

_LINGER = 400
"""Milliseconds that each model is shown while they play."""

_FIELD = math.radians(45)
"""A camera's angle of view; the format says where it stands for any other."""

_WIDE, _LEAST = 1.3, 10.0
"""A picture's width over its height, at least; angstrom that it shows, at least."""

_REPRESENTATIONS = {"polymer": "cartoon", "branched": "ball_and_stick", "ligand": "ball_and_stick", "ion": "spacefill"}
"""How each part of a molecule is drawn; water is not."""

Node = dict[str, Any]


def write_molstar(
    path: str,
    structure: Structure,
    polymer: NDArray[np.bool_],
    models: Models,
    shading: Shading,
    remarks: Sequence[str],
    secondary: NDArray[np.str_] | None,
) -> int:
    """Write the archive; parameters as in `write_view`."""
    layout = MmcifLayout(os.path.splitext(path)[0] + ".cif", structure, polymer, remarks, secondary)
    reach = _Reach()
    with replacing(path) as handle, zipfile.ZipFile(handle, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(_MODELS, "w") as inside:
            count = write_models(inside, layout, _fitting(path, reach.over(models), layout.table.nbytes))
        check_models(shading, count)
        for number, values in enumerate(shading.rows, 1):
            archive.writestr(_colours(number), json.dumps(_rows(structure, shading, values)))
        archive.writestr("index.mvsj", json.dumps(_states(shading, count, reach.camera(), remarks)))
    return count


def _fitting(path: str, models: Models, size: int) -> Models:
    """The models as they come; EdmNoiseError for more than the archive holds, of so many bytes each."""
    for seen, model in enumerate(models, 1):
        if seen * size > _LARGEST:
            raise EdmNoiseError(
                f"cannot write {path} with {seen:,} models of {size / 2**20:,.2f} MiB: Mol*'s archives hold 2 GiB"
            )
        yield model


def _colours(number: int) -> str:
    return f"colours_{number}.json"


class _Reach:
    """Where the models lie: a camera that is the same for all, so that the picture does not jump.

    A camera of the format that is said to be as far away as a sphere is wide shows just that sphere, whatever the angle
    of view: one of the angle f stands 1 / (2 sin(f / 2)) times as far away as it is said to.
    """

    def __init__(self) -> None:
        self._axes = np.eye(3)
        self._ends = np.zeros((2, 3))

    def over(self, models: Models) -> Models:
        """The models as they come."""
        for seen, (number, xyz) in enumerate(models):
            if seen == 0:
                about = xyz - xyz.mean(axis=0)
                self._axes = np.linalg.svd(about.T @ about)[0].T  # the longest first
                self._ends = np.stack([np.full(3, np.inf), np.full(3, -np.inf)])
            along = xyz @ self._axes.T
            self._ends[0] = np.minimum(self._ends[0], along.min(axis=0))
            self._ends[1] = np.maximum(self._ends[1], along.max(axis=0))
            yield number, xyz

    def camera(self) -> Node:
        """Looks along the shortest axis of the first model; the longest one lies across."""
        across, height, depth = self._ends[1] - self._ends[0]
        centre = self._ends.mean(axis=0) @ self._axes
        half = max(height, across / _WIDE, _LEAST) / 2
        away = 2 * (
            half * math.cos(_FIELD / 2) + depth / 2 * math.sin(_FIELD / 2)
        )  # of a sphere as large in the picture
        places = {"target": centre, "position": centre + away * self._axes[2], "up": self._axes[1]}
        return _node("camera", {name: [round(x, 4) for x in place.tolist()] for name, place in places.items()})


def _rows(structure: Structure, shading: Shading, values: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Colour and tooltip of each residue, or of each atom where those of a residue differ."""
    atoms = structure.atoms
    residues = residue_rows(atoms, shading)
    rows = np.arange(len(atoms)) if residues is None else residues
    found = []
    for atom, colour, value in zip(rows.tolist(), shading.colours(values[rows]), values[rows].tolist(), strict=True):
        number = RESIDUE_NUMBER.fullmatch(str(atoms.number[atom]))
        assert number is not None  # the layout has refused others
        row: dict[str, Any] = {"auth_asym_id": str(atoms.chain[atom]), "auth_seq_id": int(number[1])}
        if number[2]:
            row["pdbx_PDB_ins_code"] = number[2]
        if residues is None:
            row = {"atom_index": atom}
        said = "no value" if math.isnan(value) else f"{value:.3f} Å" if shading.unit else f"{value:.3f}"
        found.append({**row, "color": colour, "tooltip": f"{shading.title}: {said}"})
    return found


def _states(shading: Shading, count: int, camera: Node, remarks: Sequence[str]) -> Node:
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    snapshots = [
        {
            "root": _tree(model, _colours(model if shading.by_model else 1), camera),
            "metadata": {
                "key": f"frame_{model}",
                "title": f"Frame {model} of {count}",
                "description": _legend(shading),
                "description_format": "markdown",
                "linger_duration_ms": _LINGER,
                "transition_duration_ms": 0,
            },
        }
        for model in range(1, count + 1)
    ]
    said = "\n\n".join([*remarks, f"Written by edmnoise {__version__}."])
    metadata = {"title": shading.title, "description": said, "timestamp": now, "version": VERSION}
    return {"kind": "multiple", "metadata": metadata, "snapshots": snapshots}


def _legend(shading: Shading) -> str:
    """Mol*'s own Markdown, in which a picture's address may be a palette."""
    colours = urlencode({"color-palette-colors": ",".join(shading.palette), "color-palette-width": "200px"})
    unit = ", in Å per coordinate" if shading.unit else ""
    return f"{shading.title}{unit}:\n\n{shading.low:.3f} ![palette](!{colours}) {shading.high:.3f}"


def _tree(model: int, colours: str, camera: Node) -> Node:
    source = {"uri": colours, "format": "json", "schema": "all_atomic"}
    parts = [
        _node(
            "component",
            {"selector": part},
            _node("representation", {"type": drawn}, _node("color_from_uri", source)),
        )
        for part, drawn in _REPRESENTATIONS.items()
    ]
    structure = _node(
        "structure",
        {"type": "model", "model_index": model - 1},
        *parts,
        _node("tooltip_from_uri", source),
    )
    parsed = _node("parse", {"format": "mmcif"}, structure)
    loaded = _node("download", {"url": _MODELS}, parsed)
    return _node("root", {}, loaded, camera, _node("canvas", {"background_color": "white"}))


def _node(kind: str, params: Node, *children: Node) -> Node:
    found: Node = {"kind": kind}
    if params:
        found["params"] = params
    if children:
        found["children"] = list(children)
    return found
