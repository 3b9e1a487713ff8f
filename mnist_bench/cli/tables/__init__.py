"""Commands on recorded benchmarks."""
