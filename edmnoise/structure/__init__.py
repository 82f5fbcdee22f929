"""Floor 1: atoms in residues in chains, sums and means over them, superposition, files."""
