"""PDB and mmCIF files in and out: verbs in `reading` and `writing`, what is said where in `pdb` and `mmcif`."""

from .reading import one_conformer, read_frames, read_structure
from .writing import write_frames

__all__ = ["one_conformer", "read_frames", "read_structure", "write_frames"]
