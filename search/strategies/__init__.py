"""Samplers that propose and pruners that stop trials, by name and as Optuna computes them; which settings mattered."""
