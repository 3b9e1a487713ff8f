"""Tabular benchmarks: recorded results of many configurations, on which search methods are compared."""

from mnist_bench.tables import recorded_benchmark, value_table
from mnist_bench.tables.recorded_benchmark import load as load
from mnist_bench.tables.value_table import load as load_values

SHIPPED = (*recorded_benchmark.SHA256, *value_table.SHA256)
"""The names of all tables that the package ships."""
__all__ = ["SHIPPED", "load", "load_values"]
