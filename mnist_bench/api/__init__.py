"""The commands as Python functions, which return what the commands print."""
