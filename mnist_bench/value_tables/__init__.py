"""Tabular benchmarks of any task: a value for each configuration of a whole space, seed and report."""

from mnist_bench.value_tables.made import load as load
