"""A name as people write it -> the one that is known: "AF3", "AlphaFold-3" and "alphafold3" are the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def known_name(given: str, known: Iterable[str], aliases: Mapping[str, str]) -> str | None:
    """The name that is meant, whatever its capitals, hyphens, spaces and underscores; None where none is.

    Examples
    --------
    >>> known_name("AlphaFold-3", ["alphafold3"], {}), known_name("AF3", ["alphafold3"], {"af3": "alphafold3"})
    ('alphafold3', 'alphafold3')
    """
    if given in known:
        return given
    meant = {_plain(name): name for name in known} | {_plain(name): name for name in aliases}
    found = meant.get(_plain(given))
    return aliases.get(found, found) if found is not None else None


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter not in "-_ ")
