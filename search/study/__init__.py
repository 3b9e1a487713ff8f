"""A study at rest: its specification, its files and folder, its checkpoints, its rows in Optuna's tables."""
