"""Stands in the place of a denoiser that a sampler is handed, and is it in all else."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from .functions import tracer

Listening = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Callable[..., Any]]


class StandIn:
    """The denoiser, whose calls go where the run wants them.

    Parameters
    ----------
    denoiser
        What the sampler was handed.
    listening
        Given what calls it and the arguments of a call, what is to be called in its place.
    """

    def __init__(self, denoiser: Any, listening: Listening) -> None:
        self.__dict__.update(_edmnoise_denoiser=denoiser, _edmnoise_called=_called(denoiser))
        self.__dict__.update(_edmnoise_listening=listening, _edmnoise_tracing=tracer())

    def __call__(self, *given: Any, **named: Any) -> Any:
        if self.__dict__["_edmnoise_tracing"]():
            return self.__dict__["_edmnoise_denoiser"](*given, **named)
        listening = self.__dict__["_edmnoise_listening"](self.__dict__["_edmnoise_called"], given, named)
        return listening(*given, **named)

    def __getattr__(self, name: str) -> Any:
        denoiser = self.__dict__["_edmnoise_denoiser"]
        return self if name == "forward" and hasattr(denoiser, "forward") else getattr(denoiser, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__dict__["_edmnoise_denoiser"], name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.__dict__["_edmnoise_denoiser"], name)

    def __dir__(self) -> list[str]:
        return dir(self.__dict__["_edmnoise_denoiser"])

    def __repr__(self) -> str:
        return repr(self.__dict__["_edmnoise_denoiser"])

    def __eq__(self, other: object) -> bool:
        own = self.__dict__["_edmnoise_denoiser"]
        return bool(own == (other.__dict__["_edmnoise_denoiser"] if type(other) is StandIn else other))

    def __hash__(self) -> int:
        return hash(self.__dict__["_edmnoise_denoiser"])

    def __reduce_ex__(self, protocol: Any) -> Any:  # copies are copies of the denoiser
        return self.__dict__["_edmnoise_denoiser"].__reduce_ex__(protocol)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # for isinstance
        return type(self.__dict__["_edmnoise_denoiser"])


def _called(denoiser: Any) -> Callable[..., Any]:
    """A function that calls it, and says what it is called with."""

    def called(*given: Any, **named: Any) -> Any:
        return denoiser(*given, **named)

    with suppress(TypeError, ValueError):
        called.__signature__ = inspect.signature(_forward(denoiser))  # type: ignore[attr-defined]
    return called


def _forward(denoiser: Any) -> Any:
    """Torch's modules say in ``forward`` what they are called with; those around another one leave it to that."""
    if isinstance(denoiser, functools.partial) and not denoiser.args:
        denoiser = denoiser.func
    for inner in ("_orig_mod", "module"):  # of torch.compile, of DistributedDataParallel
        denoiser = getattr(denoiser, inner, denoiser)
    return getattr(denoiser, "forward", denoiser)
