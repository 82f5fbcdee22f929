"""What the panel's plots show, as numbers."""
