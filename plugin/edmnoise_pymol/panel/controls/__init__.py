"""Controls that several parts of the panel use."""
