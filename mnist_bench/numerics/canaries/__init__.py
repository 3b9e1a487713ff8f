"""Hashes of what this process computes, by which two machines are compared."""
