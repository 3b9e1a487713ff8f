"""`mnist-bench bench cost-model`: fitted on a few images, and judged on a study made by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, replace

import pytest
from typer.testing import Result

from mnist_bench.nets.cost_model import Coefficients
from search.event_log.records import StudyRecord
from support import handmade

Run = Callable[..., Result]


@pytest.mark.integration
def test_it_prints_coefficients_as_they_ship(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_bench.bench.cost_fit.TRAINED", 128)
    monkeypatch.setattr("mnist_bench.bench.cost_fit.EVALUATED", 50)
    monkeypatch.setattr("mnist_bench.cli.options.cores", lambda: 1)
    result = cli("bench", "cost-model", "--nets", "12", "--device", "cpu", "--precision", "fp32")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.splitlines() == ["10 of 24 runs", "20 of 24 runs", "24 of 24 runs"]
    printed = re.search(
        r'^        case "cpu-fp32":\n            return (Coefficients\(.*?\))$', result.stdout, re.MULTILINE | re.DOTALL
    )
    assert printed is not None
    coefficients = eval(printed[1], {"Coefficients": Coefficients})  # noqa: S307
    assert any(value > 0 for value in asdict(coefficients).values())
    lines = [line.split() for line in result.stdout.splitlines()]
    assert [line[0] for line in lines if line[:1] in (["fitted"], ["shipped"])][:2] == ["fitted", "shipped"]


def study() -> StudyRecord:
    """Return a study of one trial, whose periods of 1, 2 and 4 estimated seconds took 2, 4 and 4."""
    made = handmade.trial(0, range(9), periods=3)
    times = zip((2.0, 4.0, 4.0), (0.0, 2.0, 6.0), strict=True)
    reports = [
        replace(report, worker=0, started=1e9 + start, seconds=seconds, handled=1e9 + start + seconds)
        for report, (seconds, start) in zip(made.reports, times, strict=True)
    ]
    costs = (1_000_000, 2_000_000, 4_000_000, 8_000_000)
    return handmade.study([replace(made, reports=tuple(reports), costs=costs)])


def test_a_studys_estimates_are_judged_without_training(cli: Run) -> None:
    cli.studies["conv-1"] = study()  # type: ignore[attr-defined]
    result = cli("bench", "cost-model", "--study", "conv-1")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "conv-0: 3 periods took 2.00 times their estimates.",
        "That factor apart, an estimate is off by 0.0 % in the median, nine in ten by less than 80.0 %.",
        "Waiting for the logical order took 0.0 s of 10.0 s of worker time, 0.0 %.",
    ]
    found = json.loads(cli("bench", "cost-model", "--study", "conv-1", "--json").stdout)
    assert (found["ratios"], found["misfit"]["factor"], found["lost"]) == ([2, 2, 1], 2, 0)


def test_no_such_study(cli: Run) -> None:
    result = cli("bench", "cost-model", "--study", "nothing")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("Error: No study nothing")


def test_too_few_nets_for_a_fit_are_refused(cli: Run) -> None:
    assert cli("bench", "cost-model", "--nets", "3").exit_code == 2
