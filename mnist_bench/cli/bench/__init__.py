"""`mnist-bench bench`: what is measured."""
