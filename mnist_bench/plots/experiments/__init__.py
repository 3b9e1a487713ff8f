"""Pictures of a contest."""
