"""The tasks of replayed searches: trainings that are looked up in a table."""
