"""Files of structures in and out: verbs in `reading`, `writing` and `views`; what is said where, a module a format."""

from .reading import one_conformer, read_frames, read_structure
from .views import write_view
from .writing import write_frames

__all__ = ["one_conformer", "read_frames", "read_structure", "write_frames", "write_view"]
