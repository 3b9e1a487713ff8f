"""A running search: the driver decides, workers train, and a search that was killed is resumed."""
