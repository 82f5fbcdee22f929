"""Every setting once: what it is called, read from, limited to and said to be. No torch and no NumPy."""
