"""How a frames object was made, written into its states' titles: it survives renaming, copying and saved sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edmnoise.base.errors import EdmNoiseError
from edmnoise.noise.weights import Weights
from edmnoise.study.report import AppliedNoise

_MARK, _REFERENCE = "edmnoise", "ref "


@dataclass(frozen=True)
class Provenance:
    """What `edm_noise` did: enough to draw the frames again and to know their closed forms."""

    process: str
    weights: Weights
    sigma: float
    z: float
    seed: int
    hydrogens: bool
    solvent: bool

    @property
    def noise(self) -> AppliedNoise:
        """What the closed forms need."""
        return AppliedNoise(self.sigma, self.weights)

    def titles(self, frames: int) -> list[str]:
        """Titles of all states: the reference, then the frames.

        PyMOL shows a state's title in the object panel, cut to a few letters, where it would show the state's number
        otherwise: so the number comes first.
        """
        w = self.weights
        facts = (
            f"z={self.z:.6g} sigma={self.sigma!r} weights={w.chain!r}/{w.residue!r}/{w.atom!r} seed={self.seed} "
            f"process={self.process} hydrogens={int(self.hydrogens)} solvent={int(self.solvent)} {_MARK}"
        )
        return [f"{_REFERENCE}{facts}", *(f"{frame}/{frames} {facts}" for frame in range(1, frames + 1))]

    @classmethod
    def of(cls, titles: Sequence[str]) -> Provenance | None:
        """How an object was made, from the titles of its states; None unless they are a reference and its frames."""
        made = cls.parse(titles[0]) if titles else None
        if made is None or not titles[0].startswith(_REFERENCE):
            return None
        return made if all(cls.parse(t) == made and not t.startswith(_REFERENCE) for t in titles[1:]) else None

    @classmethod
    def parse(cls, title: str) -> Provenance | None:
        """Read a title; None for one that this program did not write."""
        words = title.split()
        if not words or words[-1] != _MARK:
            return None
        facts = dict(word.split("=", 1) for word in words if "=" in word)
        try:
            return cls(
                facts["process"],
                Weights.of(*map(float, facts["weights"].split("/"))),
                float(facts["sigma"]),
                float(facts["z"]),
                int(facts["seed"]),
                facts["hydrogens"] == "1",
                facts["solvent"] == "1",
            )
        except (KeyError, ValueError, TypeError, EdmNoiseError):
            return None
