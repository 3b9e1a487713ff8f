"""Training and scoring in a worker process, for a precision that this process does not compute in."""
