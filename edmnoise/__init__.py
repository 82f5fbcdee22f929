"""See, measure and design the noise that trains diffusion models of biomolecules."""

__version__ = "0.1.0"
