"""Ranked trials with intervals and ties, and how the workers' time was spent."""
