"""Tabular benchmarks: recorded results of many configurations, on which search methods are compared."""

from mnist_bench.tables.recorded_benchmark import load as load
from mnist_bench.tables.value_table import load as load_values

__all__ = ["load", "load_values"]
