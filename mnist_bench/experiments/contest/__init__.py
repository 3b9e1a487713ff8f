"""`bench search`: search methods compared at the same budget."""
