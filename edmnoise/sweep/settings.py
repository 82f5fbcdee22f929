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
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..base.errors import EdmNoiseError
from ..diffusion.names import Counted
from ..noise.process import NoiseChoice, check_linear
from ..noise.sigma import SigmaDistribution
from ..noise.weights import Weights
from ..settings import sampling
from .case import Given, Level, NetworkFile
from .keys import CHOICES, KEYS, Wrong, meant, read_keys
from .lines import line_of, parse
from .networks import is_network, name_of, network_file
from .study import Study


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
    except Wrong as wrong:
        place = f", line {line_of(text, wrong.path)}" if wrong.path else ""
        raise EdmNoiseError(f"{file.name}{place}: {wrong}") from wrong


def _settings(given: Mapping[str, Any], folder: Path, name: str) -> Study:
    if "z" in given and "sigma" in given:
        raise Wrong("z and sigma are both given: give one of them", ["sigma"])
    if "structures" not in given:
        raise Wrong('structures is missing: give files or patterns, as in structures = ["*.pdb"]')
    value = read_keys(given, KEYS, [])
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
    facts = {key: value[key] for key in KEYS if key not in ("weights", "distribution", "z", "sigma", *CHOICES)}
    for key in ("domains", "move"):
        if not value[key]:
            del facts[key]  # so that a study without any keeps its hash
    facts |= {
        scale: value[scale],
        "weights": [list(weights.by_name.values()) for weights in value["weights"]],
        "distribution": [distribution.sigma_data, distribution.p_mean, distribution.p_std],
        **{key: [dict(choice) for choice in value[key]] for key in CHOICES},
    }
    structures = _found(value["structures"], folder)
    for key in ("domains", "move"):
        unknown = next((file for file, _ in value[key] if file and file not in structures), None)
        if unknown is not None:
            raise Wrong(f"{key} of {unknown!r}, which is none of the structures, {meant(unknown, structures)}", [key])
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
            raise Wrong(f"{what}{hint}", ["structures", place])
        found |= dict.fromkeys(names)
    return tuple(found)


def _check_weights(processes: Sequence[str], weights: Sequence[Weights]) -> None:
    """Whether some process has the weights that are given; the others are drawn once, without any."""
    if not any(NoiseChoice.parse(process).weighted for process in processes):
        for place, each in enumerate(weights):
            try:
                NoiseChoice.parse(processes[0], each)
            except EdmNoiseError as error:
                raise Wrong(str(error), ["weights", place]) from error


def _check_linear(processes: Sequence[str]) -> None:
    """Whether each process has the covariance that a sampler starts from."""
    for place, process in enumerate(processes):
        try:
            check_linear(NoiseChoice.parse(process))
        except EdmNoiseError as error:
            raise Wrong(str(error), ["processes", place]) from error


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
                raise Wrong(str(error), [key, place]) from error


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
                raise Wrong(str(error), ["samplers", place]) from error
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
                raise Wrong(str(error), ["denoisers", place]) from error
    return found
