"""The command line; only here are terminals known."""
