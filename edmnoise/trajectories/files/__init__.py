"""Trajectory files that other programs write, opened as traces: `read_trajectory`, and a module for each program."""

from .reading import read_trajectory

__all__ = ["read_trajectory"]
