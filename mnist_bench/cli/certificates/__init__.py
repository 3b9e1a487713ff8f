"""Commands that write and check certificates."""
