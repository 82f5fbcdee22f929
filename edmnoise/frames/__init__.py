"""Floor 4: what happened to a structure in a set of frames, level by level, and the colours that show it."""
