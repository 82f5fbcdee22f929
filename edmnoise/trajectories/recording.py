"""``with record(model, "denoise", x="x", sigma="sigma")``: one's own model, listened to while the block runs."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from os import PathLike
from typing import Any

from ..base.errors import EdmNoiseError
from .listening.functions import Argument, Place
from .listening.recorder import Recorder

Moving = tuple[Any, ...]
"""Module or class, name of a function, its argument with coordinates, and where it aligns them, that with estimates."""


@contextmanager
def record(
    model: Any,
    method: str,
    x: str | int,
    sigma: str | int,
    out: str | int | None = None,
    path: str | PathLike[str] = "run.trace",
    keep: str = "both",
    every: int = 1,
    info: Mapping[str, Any] | None = None,
    motion: Moving | Sequence[Moving] = (),
) -> Iterator[Recorder]:
    """Record every denoiser call that is made while the block runs; `edmnoise.trajectories.trace.open_trace` reads it.

    Results are the same to the bit with and without it. A fault of the recorder is one line on the standard error, ends
    the recording and never the run.

    Parameters
    ----------
    model
        The model, its class, or a module with a function. The calls of all models of the class are recorded: a copy
        that holds averaged weights is another model than the one that was trained.
    method
        Name of the denoiser call: what is given noisy coordinates and returns the estimate of clean ones.
    x, sigma
        Its arguments that hold the noisy coordinates, (..., N, 3) or (..., 3, N) in angstrom, and their one level,
        angstrom: by name, or by position from 0 without ``self``.
    out
        Where the estimate, of the shape of x, stands in what it returns: a key, an attribute or an index; None where it
        returns the estimate.
    path
        A folder that is not there yet, or an empty one.
    keep
        "both" x and estimate, or "x0", the estimate alone.
    every
        Of each sample the calls 1, 1 + every, 1 + 2 every, ... are kept.
    info
        More for ``run.json``, as JSON has it: seed, settings, names.
    motion
        What turns all samples between two calls, so that their steps can be laid in one frame: (module or class, name
        of a function, its argument with the coordinates), which returns them moved, or a tuple that begins with them.
        Several of these where there are several. With a fourth part, its argument with estimates, the function is one
        that aligns x onto them; where the third is None it returns rotations R, (samples, 3, 3), of x R.

    Yields
    ------
    Recorder
        Hand the sampler's result to its ``final``, that the trace may end with it.

    Raises
    ------
    EdmNoiseError
        No such method, function or argument, a folder that is not empty or cannot be made, another ``keep`` or
        ``every``, an ``info`` that JSON cannot hold.

    Notes
    -----
    As many rows as are told the first level are the samples that are made together, in one call or in several; each
    call after holds the next of them in turn. A level more than twice the one before begins other samples.

    A method that is compiled as one graph together with its loop cannot be listened to; one whose model is compiled
    inside it can.
    """
    owner = model if inspect.isclass(model) or inspect.ismodule(model) else type(model)
    function = _found(model, owner, method)
    is_method = not inspect.ismodule(owner)
    home = f"{owner.__module__}.{owner.__qualname__}" if is_method else owner.__name__
    about = {"program": f"{home}.{method}", "command": sys.argv}
    if info is None or isinstance(info, Mapping):  # what else it may be is refused below
        info = about | dict(info or {})
    try:
        for which in (x, sigma):  # before a folder is made
            Argument.of(function, which, is_method)
        movers = _movers(motion)
        recorder = Recorder(path, keep, every, info, motion=bool(movers))
        wrapped = recorder.wrap(function, x, sigma, out, is_method)
        heard = [(at, recorder.wrap_motion(at.function, moved, onto, None, at.bound)) for at, moved, onto in movers]
    except ValueError as error:
        raise EdmNoiseError(str(error)) from None
    ended = False
    try:
        with ExitStack() as given_back:
            for place, ear in [*heard, (Place(owner, method, function, None, is_method), wrapped)]:
                given_back.enter_context(_replaced(place, ear))
            yield recorder
        ended = True
    finally:
        recorder.close(ended)


def _movers(motion: Moving | Sequence[Moving]) -> list[tuple[Place, Any, Any]]:
    """Functions, their x, and what they align it onto; ValueError where one is none."""
    movers = []
    several = motion if not motion or isinstance(motion[0], tuple | list) else [motion]
    for one in several:
        if not (isinstance(one, tuple | list) and len(one) in (3, 4) and isinstance(one[1], str)):
            raise ValueError(f"motion holds {one!r}: give (module or class, name of a function, its argument x)")
        owner = one[0] if inspect.isclass(one[0]) or inspect.ismodule(one[0]) else type(one[0])
        place = Place.of(owner, one[1])
        for which in one[2:]:
            if which is not None:
                Argument.of(place.function, which, place.bound)
        movers.append((place, one[2], one[3] if len(one) == 4 else None))
    return movers


@contextmanager
def _replaced(place: Place, ear: Callable[..., Any]) -> Iterator[None]:
    before = vars(place.owner).get(place.name)
    place.put(ear)
    try:
        yield
    finally:
        if before is None:  # a class that has it from another
            delattr(place.owner, place.name)
        else:
            setattr(place.owner, place.name, before)


def _found(model: Any, owner: Any, method: str) -> Any:
    """The plain function of that name, which can be replaced."""
    name = owner.__name__
    function = inspect.getattr_static(owner, method, None)
    if function is None:
        raise EdmNoiseError(f"{name} has no {method!r}: give the name of the method that denoises")
    if not inspect.isfunction(function):
        raise EdmNoiseError(f"{method} of {name} is a {type(function).__name__}: give a function written in Python")
    if model is not owner and method in getattr(model, "__dict__", {}):
        raise EdmNoiseError(
            f"this {name} has a {method} of its own, apart from its class: record a method of the class"
        )
    return function
