"""Networks that learn to denoise a structure, and how they are trained and kept."""
