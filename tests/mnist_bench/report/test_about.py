"""The line under a report's title."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mnist_bench import space_files
from mnist_bench.report import about
from support import handmade


def test_ranges_machine_and_weights_stand_in_it() -> None:
    study, space = handmade.mixed(), space_files.load("smoke")
    ranges = sum(field.distribution is not None for field in space.fields)
    numerics = {**study.spec["numerics"], "cpu": "AMD EPYC"}
    known = replace(study, spec={**study.spec, "numerics": numerics})
    assert about.line(known, space, Path("results/conv-0/weights")) == (
        f"{ranges} ranges of the space smoke searched on AMD EPYC (bf16). "
        "Weights of the best trials: `results/conv-0/weights`."
    )


@pytest.mark.parametrize(
    ("seconds", "told"), [(10.0, "60 s"), (56.0, "5 min 36 s"), (60.0, "6 min 0 s"), (1250.2, "2 h 5 min")]
)
def test_the_time_is_told_where_it_was_recorded(seconds: float, told: str) -> None:
    trial = handmade.trial(0, range(5))
    timed = [
        replace(report, started=seconds * period, seconds=seconds, handled=seconds * (period + 1), worker=0)
        for period, report in enumerate(trial.reports)
    ]
    study = handmade.study([replace(trial, reports=tuple(timed))])
    assert about.line(study, study.space, None) == (
        f"0 ranges of the space conv searched in {told}, 1 training at a time, on a processor without a name "
        "(bf16). No weights are kept here."
    )
