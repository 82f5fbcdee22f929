"""Denoisers in a list, as they are typed -> what they choose, by the names that tables give them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edmnoise.base.errors import EdmNoiseError
from edmnoise.diffusion import names

if TYPE_CHECKING:
    from edmnoise.diffusion.denoisers.choice import DenoiserChoice
    from edmnoise.settings.networks import Listed


def chosen(
    given: Sequence[Listed],
    fluctuations: Sequence[float] | str | None,
    gives: str,
    rule: str,
    data_scales: Sequence[float] | None,
    trust: bool,
    state_weights: Sequence[float] | None = None,
) -> dict[str, DenoiserChoice]:
    """What the command says of networks is said of those that say nothing of themselves.

    Where there are none it is refused, as of an exact denoiser.
    """
    from edmnoise.diffusion.denoisers.choice import DenoiserChoice

    of_all: dict[str, Any] = {"gives": gives, "rule": rule, "data_scales": data_scales}
    DenoiserChoice("states", state_weights, fluctuations)  # refuses what they cannot be, whatever is given
    found, heard = {}, False
    for each in given:
        if each.label in found:
            raise EdmNoiseError(f"denoiser {each.label!r} is given twice: give it once")
        exact = each.name in names.DENOISERS
        silent = not exact and not each.own.keys() & of_all.keys()
        settings: dict[str, Any] = {"trust": not exact and trust, **(of_all if silent else {}), **each.own}
        heard = heard or silent
        found[each.label] = (
            DenoiserChoice(each.name, state_weights, fluctuations, **settings)
            if exact
            else DenoiserChoice(each.name, **settings)
        )
    if not heard:
        DenoiserChoice("states", None, None, **of_all)
    return found
