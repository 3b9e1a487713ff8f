"""A search in memory, in virtual time: the real driver over a trainer that answers at once."""
