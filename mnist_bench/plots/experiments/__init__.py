"""Pictures of an ablation and of a contest."""
