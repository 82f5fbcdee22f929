"""How a frames object was made, written into its states' titles: it survives renaming, copying and saved sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edmnoise.base.errors import EdmNoiseError
from edmnoise.noise.process import AppliedNoise, NoiseChoice
from edmnoise.noise.weights import parse_weights

_MARK, _SAMPLE_MARK, _REFERENCE = "edmnoise", "edmsample", "ref "


@dataclass(frozen=True)
class Provenance:
    """What `edm_noise` did: enough to draw the frames again and to know their closed forms."""

    noise: NoiseChoice
    sigma: float
    z: float
    seed: int
    hydrogens: bool
    solvent: bool
    ligands: str = "residue"
    moved: int = 0
    """Number of atoms that moved while the others were held; 0 for all."""

    @property
    def applied(self) -> AppliedNoise:
        """What the closed forms need."""
        return AppliedNoise(self.sigma, self.noise)

    def titles(self, frames: int) -> list[str]:
        """Titles of all states: the reference, then the frames.

        PyMOL shows a state's title in the object panel, cut to a few letters, where it would show the state's number
        otherwise: so the number comes first.
        """
        facts = (
            f"z={self.z:.6g} sigma={self.sigma!r} weights={self.noise.weights.text(between='/')} seed={self.seed} "
            f"process={self.noise.text(between='/')} hydrogens={int(self.hydrogens)} solvent={int(self.solvent)} "
            f"ligands={self.ligands} "
        )
        facts += (f"moved={self.moved} " if self.moved else "") + _MARK
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
                noise=NoiseChoice.parse(facts["process"], parse_weights(facts["weights"])),
                sigma=float(facts["sigma"]),
                z=float(facts["z"]),
                seed=int(facts["seed"]),
                hydrogens=facts["hydrogens"] == "1",
                solvent=facts["solvent"] == "1",
                ligands=facts.get("ligands", "residue"),
                moved=int(facts.get("moved", 0)),
            )
        except (KeyError, ValueError, TypeError, EdmNoiseError):
            return None


def final_samples(titles: Sequence[str]) -> list[int]:
    """Which states of an object, from 1, are final samples: of what edm_sample made not its reference and its steps; of
    others all of them.

    Examples
    --------
    >>> final_samples(["ref", "1/2 sample edmsample", "2/2 sample edmsample"]), final_samples(["", ""])
    ([2, 3], [1, 2])
    """
    said = [title.split() for title in titles]
    ours = [number for number, words in enumerate(said, 1) if words and words[-1] == _SAMPLE_MARK]
    ends = [number for number in ours if "sample" in said[number - 1] or said[number - 1][0] == "end"]
    return ends or [number for number in range(1, len(titles) + 1) if number not in ours]


_FACTS = {"step": "step {}", "z": "z = {:.4g}", "sigma": "σ {:.3g} Å"}
"""Facts of a title that tell one state from another, and how they read."""


def caption(title: str) -> str:
    """What a state is, in a few words, from its title; the title itself where this program did not write it.

    Examples
    --------
    >>> caption("3/10 z=-0.5 sigma=2.2799 weights=0.0/0.0/1.0 seed=0 edmnoise")
    'frame 3 / 10, z = -0.5, σ 2.28 Å'
    >>> caption("7/41 step=12 sigma=4.5 partial edmsample")
    'step 12, σ 4.5 Å, partial'
    """
    words = title.split()
    if not words or words[-1] not in (_MARK, _SAMPLE_MARK):
        return "reference" if words == ["ref"] else title
    facts = dict(word.split("=", 1) for word in words if "=" in word)
    number, _, total = words[0].partition("/")
    if words[0] == _REFERENCE.strip():
        return "reference"
    if total and "step" in facts:
        found = []
    elif total:
        found = [f"{'sample' if 'sample' in words else 'frame'} {number} / {total}"]
    else:
        found = [words[0]]
    for name, pattern in _FACTS.items():
        if name in facts:
            found.append(pattern.format(facts[name] if name == "step" else float(facts[name])))
    return ", ".join([*found, *(["partial"] if "partial" in words else [])])
