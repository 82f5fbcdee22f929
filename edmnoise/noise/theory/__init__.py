"""What follows from a process and a structure in closed form."""
