"""A data set of the user's own: read once, checked, and kept as IDX files, the test part under the guarded names."""
