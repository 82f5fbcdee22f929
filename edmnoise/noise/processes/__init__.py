"""Noise processes: each draws frames and knows the covariance of what it draws."""
