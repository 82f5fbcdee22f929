"""Whole questions answered: measured beside derived, as tables."""
