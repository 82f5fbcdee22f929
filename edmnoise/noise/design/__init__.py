"""From what noise shall do to weights and levels that do it."""
