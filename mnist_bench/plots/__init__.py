"""Pictures: of a study, of its best trial, of the data. Each kind is a module with pure `rows`, then `draw`."""
