"""Studies made by hand, with the figures that a test asks for."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mnist_bench.config.json import to_json, with_params
from mnist_bench.config.settings import TrainConfig
from search.event_log.records import TrialRecord
from search.hashed import Reason, State
from search.study.folder import RESULTS
from search.study.location import StudyLocation
from search.study.studies import StoredStudy
from search.trainer_api import Report

IMAGES = 1000
HASH = "0123456789abcdef" * 4


def packed(wrong: Iterable[int]) -> str:
    """Return the stored correctness of a net that gets these images wrong."""
    bits = np.ones(IMAGES, dtype=np.bool_)
    bits[list(wrong)] = False
    return base64.b64encode(np.packbits(bits).tobytes()).decode()


def report(period: int, wrong: Sequence[int], *, last: bool = False) -> Report:
    """Return the report of a period after which these images are wrong."""
    metrics = {
        "epoch": float(period), "train_loss": 0.5 / period, "val_loss": 0.01 * len(wrong) / period, "errors": len(wrong)
    }  # fmt: skip
    details = {"correct": packed(wrong)} if last else {}
    return Report(
        value=1 - len(wrong) / IMAGES,
        metrics=metrics,
        weights=HASH[period:] + HASH[:period],
        seconds=1.5,
        details=details,
    )


def trial(
    number: int,
    wrong: Sequence[int] = (),
    *,
    periods: int = 6,
    state: State = "COMPLETE",
    reason: Reason | None = None,
    params: dict[str, Any] | None = None,
    facts: dict[str, Any] | None = None,
    **more: Any,
) -> TrialRecord:
    """Return a trial that trained so many periods and ends with these images wrong."""
    reasons: dict[State, Reason] = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "crashed", "RUNNING": "running"}
    ended = state != "RUNNING"
    return TrialRecord(
        number=number, state=state, reason=reason or reasons[state], params=params or {},
        config=with_params(to_json(TrainConfig()), params or {}), seed=100 + number, slot=0, logical_start=0,
        costs=(1,) * 6, facts=facts or {"parameters": 61_234, "macs": 2_100_000},
        reports=tuple(report(n, wrong, last=ended and n == periods) for n in range(1, periods + 1)), **more,
    )  # fmt: skip


def study(trials: Sequence[TrialRecord], *, name: str = "conv-0", goal: int | None = None, **more: Any) -> StoredStudy:
    """Return a study of these trials; its place is that of a study which no command said where to keep."""
    return StoredStudy(
        name=name, spec=spec(), totals=(goal or len(trials),), trials=tuple(trials),
        location=StudyLocation.of(name, RESULTS), **more,
    )  # fmt: skip


def mirrored(study: StoredStudy) -> StoredStudy:
    """Return a study as it is of a trainer that reports minus each value, and minimizes it."""
    trials = [
        replace(trial, direction="minimize", reports=tuple(map(_mirrored, trial.reports))) for trial in study.trials
    ]
    space = study.spec["space"]
    settings = {**space["settings"], "direction": "minimize"}
    return replace(study, spec={**study.spec, "space": {**space, "settings": settings}}, trials=tuple(trials))


def _mirrored(report: Report) -> Report:
    return replace(report, value=None if report.value is None else -report.value)


def kept_in(results: Path, study: StoredStudy, storage: str | None = None) -> StoredStudy:
    """Return a study as one that is kept in another results folder."""
    return replace(study, location=StudyLocation.of(study.name, results, storage))


def spec() -> dict[str, Any]:
    """Return a specification as the search stores it."""
    data = {"dataset": "mnist", "subset": None, "data_hash": HASH, "split_hash": HASH}
    return {
        "space": {"name": "conv", "settings": {"epochs": 6}, "fields": []},
        "seed": 0,
        "concurrent_trials": 8,
        "order": "deterministic",
        "sampler": {"name": "tpe"},
        "pruner": {"name": "asha"},
        "periods": 6,
        "context": {"data": data, "images": {"train": 5000, "validation": IMAGES}, "trainer_revision": 1},
        "versions": {"optuna": "5.0.0"},
        "numerics": {
            "check": "77c0" + HASH[4:],
            "kind": "cpu-bf16",
            "precision": "bf16",
            "trainer_revision": 1,
            "cpu_flags": ["avx512_bf16"],
        },
    }


def two_objectives() -> StoredStudy:
    """Return a study of accuracy and MACs: #1, #2 and #4 are on the front, #4 equal to #2 in both; #3 is pruned."""
    shapes = [(range(6), 300), (range(5), 200), (range(40), 50), (range(1), 1), (range(40), 50), (range(50), 60)]
    facts = [{"parameters": 1000, "macs": macs} for _, macs in shapes]
    trials = [trial(number, wrong, facts=facts[number]) for number, (wrong, _) in enumerate(shapes)]
    trials[3] = trial(3, shapes[3][0], facts=facts[3], periods=1, state="PRUNED")
    made = study(trials, name="two")
    made.spec["space"]["settings"]["objective"] = ["val_accuracy", "macs"]
    return made


def mixed() -> StoredStudy:
    """Return a study with trials of every kind: #1 is best, #0 tied with it, #2 far behind."""
    return study(
        [
            trial(0, range(6), params={"optim.lr": 0.01}),
            trial(1, range(5), params={"optim.lr": 0.0093, "model.blocks": 3}),
            trial(2, range(100, 160), params={"optim.lr": 0.5}),
            trial(3, range(90), periods=1, state="PRUNED"),
            trial(4, range(80), periods=3, state="PRUNED"),
            trial(5, periods=0, state="PRUNED", reason="infeasible", constraints={"macs": 5.0}),
            trial(6, periods=0, state="FAIL", error="Traceback\nValueError: no [bold]luck[/bold]"),
            trial(7, range(70), periods=2, state="RUNNING", reason="paused"),
        ],
        goal=7,
    )


def ended_by_machine() -> StoredStudy:
    """Return a study whose machine ended #2 in its first epoch and #3 in its third; #0 is best."""
    timed_out: dict[str, Any] = {"state": "PRUNED", "reason": "timed_out", "external": True}
    return study(
        [
            trial(0, range(6), params={"optim.lr": 0.01}),
            trial(1, range(7), params={"optim.lr": 0.02}),
            trial(2, periods=0, error="Training took more than 60 s (--trial-timeout).", **timed_out),
            trial(3, range(80), periods=2, **timed_out),
        ]
    )
