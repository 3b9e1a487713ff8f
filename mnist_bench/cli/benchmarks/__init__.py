"""Commands on recorded benchmarks, and commands that measure: speed, recipes, search methods."""
