"""The figures of the tables."""
