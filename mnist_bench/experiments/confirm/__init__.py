"""`confirm`: the best configurations are retrained with fresh seeds before the test set is opened."""
