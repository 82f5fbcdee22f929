"""From noise to structures: schedules, solvers, published settings, and the loop that they share."""
