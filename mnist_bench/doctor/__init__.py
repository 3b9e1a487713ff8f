"""Check-ups of this machine and of a study."""
