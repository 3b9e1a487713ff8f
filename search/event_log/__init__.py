"""The event log, the only state of a search, and its meaning: history, logical time, trials as plain records."""
