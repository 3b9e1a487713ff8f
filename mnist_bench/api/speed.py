"""How fast this machine trains."""

from __future__ import annotations

from collections.abc import Callable

from mnist_bench import bench
from mnist_bench.numerics.kinds import PrecisionName, cores


def measure_speed(
    *,
    repeats: int = 5,
    workers: int | None = None,
    device: str = "auto",
    precision: PrecisionName = "auto",
    on_round: Callable[[int], None] = lambda number: None,
) -> bench.Speed:
    """Measure how fast this machine trains four fixed networks, on all cores at once; as `mnist-bench doctor --speed`.

    Args:
        repeats: repetitions of every measurement.
        workers: processes on a CPU; None for one per core. A GPU has one.
        device: auto, cpu, cuda or cuda:1.
        precision: bf16, fp32 or portable; auto for the device's fastest.
        on_round: called with the number of each round that begins, 0 for the warm-up.

    Raises:
        UsageError: an argument is out of range.
        DeviceError: there is no such device.
        WorkerError: training fails in a process, or processes die.

    Examples:
        >>> found = measure_speed(repeats=1)  # doctest: +SKIP
        >>> speeds = {net.net: net.median for net in found.nets}  # images per second  # doctest: +SKIP
    """
    asked = bench.SpeedOptions(
        repeats=repeats, workers=cores() if workers is None else workers, device=device, precision=precision
    )
    return bench.measure_speed(asked, on_round)
