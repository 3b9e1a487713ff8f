"""Your own networks: loaded by name, built, counted, with isolated random number generators."""
