"""Check-ups of this machine and of a study, and the repairs that lose nothing."""
