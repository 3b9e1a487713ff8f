"""Proposals: points spread over the feasible region, or a model of all learning curves so far."""
