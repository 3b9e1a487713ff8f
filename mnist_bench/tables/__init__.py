"""Tabular benchmarks: learning curves of the built-in trainer, each of which can be trained again."""

from mnist_bench.tables.shipped import load as load
