"""Weights (w_chain, w_residue, w_atom) >= 0 with sum 1: each is its level's share of one atom's noise variance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..base.errors import EdmNoiseError
from ..base.numbers import check_commas, is_number

PRESETS: dict[str, tuple[float, float, float]] = {
    "flat": (0, 0, 1),
    "current": (8.2, 1.6, 1.3),
    "rebalanced": (1, 4, 4),
    "residue-heavy": (3, 8, 1),
    "balanced-residue": (2, 6, 2),
}
"""Relative (chain, residue, atom) weights by name. ``flat`` is independent noise on every atom, what AlphaFold 3 adds;
``current`` and ``rebalanced`` are the published multiscale study's two settings, the others its candidates."""

_ALLOWED = f"give three numbers separated by spaces (chain residue atom) or one of {', '.join(PRESETS)}"


@dataclass(frozen=True)
class Weights:
    """Shares of the noise variance drawn per chain, per residue and per atom; they add up to 1.

    Examples
    --------
    >>> Weights.of(1, 4, 4)
    Weights(chain=0.1111, residue=0.4444, atom=0.4444)
    >>> Weights.named("flat").atom
    1.0
    """

    chain: float
    residue: float
    atom: float

    @classmethod
    def of(cls, chain: float, residue: float, atom: float) -> Weights:
        """Normalise relative weights; EdmNoiseError for a negative, NaN or infinite one and when all are zero."""
        given = (float(chain), float(residue), float(atom))
        total = sum(given)
        if not (min(given) >= 0 and 0 < total < math.inf):
            shown = " ".join(f"{w:g}" for w in given)
            raise EdmNoiseError(
                f"weights are {shown}: give three finite numbers (chain residue atom), none negative, not all zero"
            )
        return cls(*(w / total for w in given))

    @classmethod
    def named(cls, name: str) -> Weights:
        """A preset by name; EdmNoiseError lists the names for an unknown one."""
        if name not in PRESETS:
            raise EdmNoiseError(f"no weights {name!r}: {_ALLOWED}")
        return cls.of(*PRESETS[name])

    def __iter__(self) -> Iterator[float]:
        """Chain, residue, atom: ``chain, residue, atom = weights``."""
        return iter((self.chain, self.residue, self.atom))

    @property
    def by_level(self) -> tuple[float, float, float]:
        """(atom, residue, chain): finest first, the order of a structure's levels."""
        return self.atom, self.residue, self.chain

    @property
    def label(self) -> str:
        """The preset's name if there is one, else the three shares."""
        for name in PRESETS:
            if self.close_to(Weights.named(name)):
                return name
        return f"{self.chain:.3g}/{self.residue:.3g}/{self.atom:.3g}"

    def close_to(self, other: Weights) -> bool:
        """Whether both are the same shares to nine digits."""
        mine, theirs = self.by_level, other.by_level
        return all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) for a, b in zip(mine, theirs, strict=True))

    def __repr__(self) -> str:
        return f"Weights(chain={self.chain:.4g}, residue={self.residue:.4g}, atom={self.atom:.4g})"


def parse_weights(text: str | Sequence[float] | Weights) -> Weights:
    """Weights from a preset's name, from text like "8.2 1.6 1.3" or "8.2/1.6/1.3", or from three numbers."""
    if isinstance(text, Weights):
        return text
    if isinstance(text, str):
        check_commas("weights are", text)
        parts: Sequence[str | float] = text.replace("/", " ").split()
        if len(parts) == 1 and not _is_number(str(parts[0])):
            return Weights.named(str(parts[0]))
    else:
        try:
            parts = list(text)
        except TypeError:  # one number, which Python's users may give
            parts = [str(text)]
    if len(parts) != 3 or not all(_is_number(part) for part in parts):
        shown = text if isinstance(text, str) else " ".join(map(str, parts))
        raise EdmNoiseError(f"weights are {shown!r}: {_ALLOWED}")
    return Weights.of(*map(float, parts))


def _is_number(part: str | float) -> bool:
    if isinstance(part, str):
        return is_number(part)
    try:
        float(part)
    except (TypeError, ValueError):
        return False
    return True
