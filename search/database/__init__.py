"""The database of a study: SQLite or PostgreSQL, how it is opened, and the locks that keep it to one driver."""
