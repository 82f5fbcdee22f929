"""Floor 0: what every other room needs and what needs no other room."""
