"""Start lists: the best configurations of earlier studies or recorded benchmarks, to be tried first in a search."""
