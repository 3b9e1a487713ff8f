"""A study at rest: its specification, its location and folder, its checkpoints, its rows in Optuna's tables."""
