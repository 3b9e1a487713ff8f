"""A forecast of a search: the lines of `--dry-run`, this machine's pace, how long the search takes."""
