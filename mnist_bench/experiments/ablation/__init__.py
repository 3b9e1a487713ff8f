"""`ablate`: the path from a baseline to the winner, one group of settings at a time."""
