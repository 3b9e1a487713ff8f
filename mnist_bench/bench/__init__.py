"""How fast the trainer is, and how its time is spent."""
