"""Weights (w_chain, w_domain, w_residue, w_atom) >= 0 with sum 1: shares of one atom's noise variance, by level.

Domains are a level that a structure may have; where it has none, there are three weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from ..base.errors import EdmNoiseError
from ..base.numbers import check_commas, is_number

if TYPE_CHECKING:
    from ..structure.hierarchy import Hierarchy

T = TypeVar("T")

PRESETS: dict[str, tuple[float, float, float]] = {
    "flat": (0, 0, 1),
    "current": (8.2, 1.6, 1.3),
    "rebalanced": (1, 4, 4),
    "residue-heavy": (3, 8, 1),
    "balanced-residue": (2, 6, 2),
}
"""Relative (chain, residue, atom) weights by name. ``flat`` is independent noise on every atom, what AlphaFold 3 adds;
``current`` and ``rebalanced`` are the published multiscale study's two settings, the others its candidates."""

_ALLOWED = (
    "give three numbers separated by spaces (chain residue atom; chain domain residue atom where there are domains) or "
    f"one of {', '.join(PRESETS)}"
)


_SUM = 2e-6
"""How far the sum of shares may be from 1: those that were written with six digits add up so."""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Shares of the noise variance drawn per chain, per domain, per residue and per atom; they add up to 1.

    Parameters
    ----------
    chain, residue, atom, domain
        Shares, by their names alone: bare numbers would have an order that can be mistaken. `Weights.of` takes
        weights in any unit, in the order in which people type them. Domains have a share where a structure has them
        (`edmnoise.structure.structure.Structure.with_domains`).

    Raises
    ------
    EdmNoiseError
        For a share that is negative or not finite, and for shares whose sum is not 1 (to six digits).

    Notes
    -----
    These are the weights of a structure's levels. `MultiscaleNoise`, `NestedCovariance` and `NoiseStatistics` take a
    dictionary by the level's name in their place, for groups of any depth.

    Examples
    --------
    >>> Weights.of(1, 4, 4)
    Weights(chain=0.1111, residue=0.4444, atom=0.4444)
    >>> Weights.named("flat").atom
    1.0
    >>> parse_weights("4 3 2 1")
    Weights(chain=0.4, domain=0.3, residue=0.2, atom=0.1)
    """

    chain: float
    residue: float
    atom: float
    domain: float = 0.0

    def __post_init__(self) -> None:
        for level in ("chain", "residue", "atom", "domain"):  # a NumPy number would show in titles
            object.__setattr__(self, level, float(getattr(self, level)))
        check_shares(self.by_name)

    @classmethod
    def of(cls, chain: float, residue: float, atom: float, domain: float = 0.0) -> Weights:
        """Normalise relative weights, which have names or stand in the order of the text "chain residue atom".

        EdmNoiseError for a negative, NaN or infinite one and when all are zero.
        """
        given = {"chain": chain, "domain": domain, "residue": residue, "atom": atom}
        shown = {level: float(w) for level, w in given.items() if level != "domain" or float(w) != 0}
        total = sum(shown.values())
        if not (min(shown.values()) >= 0 and 0 < total < math.inf):
            said, words = " ".join(f"{w:g}" for w in shown.values()), " ".join(shown)
            count = "three" if len(shown) == 3 else "four"
            raise EdmNoiseError(
                f"weights are {said}: give {count} finite numbers ({words}), none negative, not all zero"
            )
        return cls(**{level: w / total for level, w in shown.items()})

    @classmethod
    def named(cls, name: str) -> Weights:
        """A preset by name; EdmNoiseError lists the names for an unknown one."""
        if name not in PRESETS:
            raise EdmNoiseError(f"no weights {name!r}: {_ALLOWED}")
        return cls.of(*PRESETS[name])

    def __iter__(self) -> NoReturn:
        raise EdmNoiseError(
            "Weights have no order to be taken apart in: give them whole, as Weights.of(1, 4, 4) made them, "
            "or name weights.chain, weights.residue, weights.atom"
        )

    @property
    def by_level(self) -> tuple[float, ...]:
        """(atom, residue, chain), with domains before the chain where they have a share: finest first."""
        return tuple(reversed(self.by_name.values()))

    @property
    def by_name(self) -> dict[str, float]:
        """The shares by the name of their level, that of domains where there is one."""
        domain = {"domain": self.domain} if self.domain else {}
        return {"chain": self.chain, **domain, "residue": self.residue, "atom": self.atom}

    def on(self, names: Sequence[str]) -> tuple[float, ...]:
        """The shares of levels by their names, finest first; EdmNoiseError for a share of domains where none are."""
        self.check_domains(names)
        return tuple({"domain": 0.0, **self.by_name}[name] for name in names)

    def check_domains(self, names: Sequence[str]) -> None:
        """EdmNoiseError where domains have a share and there are none among the names of the levels."""
        if self.domain and "domain" not in names:
            raise EdmNoiseError(
                f"weights {self.text('.3g')} give domains a share, and there are no domains: set them (edm_domains), "
                "or give three weights (chain residue atom)"
            )

    def text(self, form: str = "", between: str = " ") -> str:
        """The shares as `parse_weights` reads them, "chain residue atom" or "chain domain residue atom"; all their
        digits without a format."""
        return between.join(format(w, form) if form else repr(w) for w in self.by_name.values())

    @property
    def label(self) -> str:
        """The preset's name if there is one, else the shares."""
        for name in PRESETS:
            if self.close_to(Weights.named(name)):
                return name
        return self.text(".3g", "/")

    def close_to(self, other: Weights) -> bool:
        """Whether both are the same shares to nine digits."""
        mine, theirs = ((w.chain, w.domain, w.residue, w.atom) for w in (self, other))
        return all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) for a, b in zip(mine, theirs, strict=True))

    def __repr__(self) -> str:
        return f"Weights({', '.join(f'{level}={share:.4g}' for level, share in self.by_name.items())})"


def check_shares(shares: Mapping[str, float]) -> None:
    """EdmNoiseError unless shares of the variance, by level, are finite, not negative, and add up to 1."""
    shown = ", ".join(f"{level} {share:.10g}" for level, share in shares.items())
    if not all(0 <= share < math.inf for share in shares.values()):
        raise EdmNoiseError(f"weights are {shown}: give finite numbers, none negative")
    total = math.fsum(shares.values())
    if abs(total - 1) > _SUM:
        raise EdmNoiseError(
            f"weights are {shown} and add up to {total:.10g}: give shares that add up to 1, or Weights.of(chain, "
            "residue, atom), which divides by the sum"
        )


def check_weights(given: Any) -> Weights:
    """Return what is `Weights`; EdmNoiseError for bare numbers, whose order would have to be guessed."""
    if not isinstance(given, Weights):
        raise EdmNoiseError(f"weights are {_brief(given)}: give edmnoise Weights, e.g. Weights.of(1, 4, 4)")
    return given


def level_values(
    hierarchy: Hierarchy, given: Weights | Mapping[str, T], what: str = "weights"
) -> tuple[float | T, ...]:
    """A value for each level of nested groups, finest first; 0 for a level that is not named.

    Parameters
    ----------
    hierarchy
        Nested groups of any depth.
    given
        `Weights`, or a dictionary by the level's name: ``{"atom": 0.5, "pair": 0.5}``.
    what
        What the values are called where they are refused.

    Raises
    ------
    EdmNoiseError
        For bare numbers, whose order would have to be guessed, and for a level that the groups do not have.
    """
    if isinstance(given, Weights):
        given.check_domains(hierarchy.names)
    named: Any = given.by_name if isinstance(given, Weights) else given
    if not isinstance(named, Mapping):
        raise EdmNoiseError(
            f"{what} are {_brief(given)}: give edmnoise Weights, e.g. Weights.of(1, 4, 4), or a dictionary by level "
            f"({', '.join(hierarchy.names)})"
        )
    return hierarchy.by_level(named, 0.0)


def _brief(given: Any) -> str:
    shown = " ".join(repr(given).split())
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


def parse_weights(text: str | Sequence[float] | Weights) -> Weights:
    """Weights from a preset's name, from text like "8.2 1.6 1.3" or "8.2/1.6/1.3", or from three or four numbers."""
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
    if len(parts) not in (3, 4) or not all(_is_number(part) for part in parts):
        shown = text if isinstance(text, str) else " ".join(map(str, parts))
        raise EdmNoiseError(f"weights are {shown!r}: {_ALLOWED}")
    chain, *domain, residue, atom = map(float, parts)
    return Weights.of(chain, residue, atom, *domain)


def _is_number(part: str | float) -> bool:
    if isinstance(part, str):
        return is_number(part)
    try:
        float(part)
    except (TypeError, ValueError):
        return False
    return True
