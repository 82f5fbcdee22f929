"""The panel's upper half: what is asked for."""
