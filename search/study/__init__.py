"""A study at rest: its specification, its folder, its checkpoints, its rows in Optuna's tables."""
