"""The reference of space files: every field with its type, bounds, default and meaning."""
