"""Tabular benchmarks: learning curves of the built-in trainer, each of which can be trained again."""
