"""A search of nets: its options, its setup, its first trials; and running it."""
