"""Measure: how fast the trainer is, what accuracy a recipe reaches, which way of searching is better."""
