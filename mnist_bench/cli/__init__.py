"""The command line, the only package that depends on a terminal."""
