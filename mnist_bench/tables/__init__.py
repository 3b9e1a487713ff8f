"""Tabular benchmarks: trainings of MNIST, each of which can be trained again, and values of other tasks."""

from mnist_bench.tables.recorded_benchmark import load as load
from mnist_bench.tables.value_table import load as load_values

__all__ = ["load", "load_values"]
