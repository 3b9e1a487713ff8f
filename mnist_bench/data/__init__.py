"""The data sets as arrays and tensors: read, hashed, split; and the only way to the test set."""
