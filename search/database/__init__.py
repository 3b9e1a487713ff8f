"""The database of a study: how its file is opened, and the lock that keeps it to one driver."""
