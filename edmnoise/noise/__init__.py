"""How noise is spread over atoms, residues and chains, and what follows from it in closed form."""
