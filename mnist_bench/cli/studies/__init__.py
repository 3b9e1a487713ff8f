"""Commands that make and read studies."""
