"""Check whether a custom sampler or pruner decides the same again, on trainings that take no time."""
