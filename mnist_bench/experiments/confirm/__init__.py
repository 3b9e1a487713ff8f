"""`confirm`: the best configurations race with fresh seeds before the test set is opened."""
