"""The commands that list studies, annotate and remove them."""
