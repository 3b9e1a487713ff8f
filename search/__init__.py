"""What to try next: spaces, samplers, pruners, and the driver that decides. Knows Optuna; knows nothing of nets."""
