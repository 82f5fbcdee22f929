"""Signs and numbers, as the plots write them."""

import re

LINE, DASHED, DOTTED, POINT = "━", "╍╍", "┈", "●"
"""Of a legend."""


def brief(number: float) -> str:
    """Three digits, never with an exponent that a person has to work out."""
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def in_angstrom(words: str) -> str:
    """Words of the library, which writes A, as a person reads them."""
    return re.sub(r" A\b", " Å", words)


def tinted(colour: str, words: str) -> str:
    """Words in a colour, for a label of rich text."""
    return f'<span style="color:{colour}">{words}</span>'
