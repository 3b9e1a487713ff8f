"""Views of a search: while it runs, and at its end."""
