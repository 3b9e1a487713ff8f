"""Commands that take the winner of a study away, and use it."""
