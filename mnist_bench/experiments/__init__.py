"""Configurations trained to answer a question, on one grid: one module per question."""
