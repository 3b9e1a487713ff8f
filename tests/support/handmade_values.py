"""Studies of another trainer made by hand: their values have a unit of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from search.event_log.records import TrialRecord
from search.hashed import Reason, State
from search.space.space import Space
from search.study.studies import StoredStudy
from search.trainer_api import Report
from support import handmade

PERIODS = 4
SECTIONS: dict[str, Any] = {
    "ridge": {"rate": {"float": [1e-3, 10.0], "log": True}, "kind": {"choice": ["plain", "fast"]}},
}


def trial(number: int, values: Sequence[float | None], *, periods: int = PERIODS, **more: Any) -> TrialRecord:
    """Return a trial with these values; complete after all periods, pruned before, diverged at None.

    Unless told otherwise: trial n has a rate of 0.001 · 2^n, and every second one is fast.
    """
    state: State = "COMPLETE" if len(values) == periods else "PRUNED"
    reason: Reason = "diverged" if values and values[-1] is None else "complete" if state == "COMPLETE" else "pruned"
    params = {"ridge.rate": 0.001 * 2**number, "ridge.kind": ("plain", "fast")[number % 2]}
    given: dict[str, Any] = {
        "state": "PRUNED" if reason == "diverged" else state,
        "reason": reason,
        "params": params,
        "config": params,
        **more,
    }
    return TrialRecord(
        number=number, seed=number, slot=0, logical_start=0, costs=(1,) * periods,
        reports=tuple(report(value, worker=number % 2, started=10.0 * number + n) for n, value in enumerate(values)),
        **given,
    )  # fmt: skip


def report(value: float | None, **more: Any) -> Report:
    """Return a report with a value and a metric of twice its size."""
    metrics = {"twice": None if value is None else 2 * value}
    given: dict[str, Any] = {"handled": more.get("started", 0.0) + 2, **more}
    return Report(
        value=value, metrics=metrics, weights=handmade.HASH, seconds=0.5, end="diverged" if value is None else None,
        **given,
    )  # fmt: skip


def study(trials: Sequence[TrialRecord], settings: Mapping[str, Any] | None = None, **more: Any) -> StoredStudy:
    """Return a study of these trials, made by ridge.py:Trainer, over a space with these settings."""
    direction = (settings or {}).get("direction", "maximize")
    made = handmade.study([replace(trial, direction=direction) for trial in trials], name="ridge-0", **more)
    space = Space.of({"name": "ridge", **SECTIONS, **(settings or {})})
    context = {"trainer": {"factory": "ridge.py:Trainer", "options": {}}, "check": "77c0"}
    spec = {**made.spec, "space": space.to_spec(), "context": context, "numerics": {"check": "77c0"}}
    return replace(made, spec=spec)


def halved(**more: Any) -> StoredStudy:
    """Return a study of 12 trials, all below zero: #10 and #11 reach the second report, #11 alone is complete."""
    lengths = {10: 2, 11: PERIODS}
    return study([trial(n, [-12.0 + n + period / 4 for period in range(lengths.get(n, 1))]) for n in range(12)], **more)
