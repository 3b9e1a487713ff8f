"""Configurations trained to answer a question, on one grid: one package or module per question."""
