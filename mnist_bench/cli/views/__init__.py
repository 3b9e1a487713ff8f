"""What commands show of searches and experiments."""
