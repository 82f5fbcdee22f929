"""Atoms in residues in chains, sums and means over them, superposition, files."""
