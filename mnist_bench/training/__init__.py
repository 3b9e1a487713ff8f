"""Training one period: the pure function on which everything is built, and its parts."""
