"""What every other room needs and what needs no other room."""
