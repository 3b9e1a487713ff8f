"""Pictures of a search: its history, curves, parameters, workers."""
