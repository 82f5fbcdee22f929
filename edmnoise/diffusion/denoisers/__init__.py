"""D(x, sigma): the mean of what can lie behind a noisy structure, for data that are known."""
