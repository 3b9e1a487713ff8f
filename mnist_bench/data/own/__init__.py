"""Your own data: read once, checked, and kept as IDX files, the test part under the guarded names."""
