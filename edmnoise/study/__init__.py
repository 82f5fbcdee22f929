"""Floor 5: whole questions answered: what a noise level does to a structure, measured beside derived."""
