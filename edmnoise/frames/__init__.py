"""What happened to a structure in a set of frames, level by level."""
