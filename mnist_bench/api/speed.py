"""How fast this machine trains, and how well a period's time is estimated."""

from __future__ import annotations

from collections.abc import Callable

from mnist_bench.bench import CostModel, EstimateErrors, cost_fit, estimate_errors, speed
from mnist_bench.numerics import PrecisionName, cores
from search.event_log import StudyRecord


def measure_speed(
    *,
    repeats: int = 5,
    workers: int | None = None,
    device: str = "auto",
    precision: PrecisionName = "auto",
    on_round: Callable[[int], None] = lambda number: None,
) -> speed.Speed:
    """Measure how fast this machine trains four fixed nets, on all cores at once; as `mnist-bench bench speed`.

    Args:
        repeats: of every measurement, in turn.
        workers: processes on a CPU; None for one a core. A GPU has one.
        device: auto, cpu, cuda or cuda:1.
        precision: of convolutions: bf16, fp32, or auto for the device's fastest.
        on_round: hears the number of each round that begins, 0 for the warm-up.

    Raises:
        UsageError: an argument is none that it can be.
        DeviceError, WorkerError: see there.

    Examples:
        >>> found = measure_speed(repeats=1)  # doctest: +SKIP
        >>> speeds = {net.net: net.images_per_second.median for net in found.nets}  # doctest: +SKIP
    """
    asked = speed.Options(repeats=repeats, workers=_or_one_a_core(workers), device=device, precision=precision)
    return speed.run(asked, on_round)


def fit_cost_model(
    *,
    nets: int = 40,
    workers: int | None = None,
    device: str = "auto",
    precision: PrecisionName = "auto",
    on_run: Callable[[int], None] = lambda done: None,
) -> CostModel:
    """Train random nets, two epochs each, and fit on this machine what a period costs; as `mnist-bench bench
    cost-model`. `on_run` hears how many runs are done; the other arguments are those of `measure_speed`.

    Raises:
        UsageError: an argument is none that it can be, or the nets are too few for a fit.
        DeviceError, WorkerError: see there.

    Examples:
        >>> ours, shipped = (found := fit_cost_model()).fitted.median, found.shipped.median  # doctest: +SKIP
    """
    asked = cost_fit.Options(nets=nets, workers=_or_one_a_core(workers), device=device, precision=precision)
    return cost_fit.run(asked, on_run)


def judge_cost_model(study: StudyRecord) -> EstimateErrors:
    """Return how far the estimates of a study's periods were from what they took; as `mnist-bench bench cost-model
    --study`. Nothing is trained.

    Raises:
        StudyNotFoundError: nothing was trained to the end of a period, or it is not known where and when.

    Examples:
        >>> judge_cost_model(open_study("finished")).study
        'finished'
    """
    return estimate_errors(study)


def _or_one_a_core(workers: int | None) -> int:
    return cores() if workers is None else workers
