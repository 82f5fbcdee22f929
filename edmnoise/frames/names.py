"""What can be removed from frames before they are measured, by name; without torch."""

ALIGNMENTS = ("none", "center", "superpose")
"""Nothing, each frame's translation, or its translation and rotation."""
