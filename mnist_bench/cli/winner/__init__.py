"""Commands that export the winner of a study, and use it."""
