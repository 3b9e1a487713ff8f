"""Studies made by hand: a trial is given by what it gets wrong, by accuracies or by values, and the rest follows.

Value, errors, stored bits, weights, reason and state of a trial come from its reports, so they cannot contradict each
other. Studies of nets have IMAGES validation images and EPOCHS periods; those of another trainer measure values with a
unit of their own, in VALUE_PERIODS periods.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import CODEC, to_json, with_params
from search.defaults import RESULTS
from search.event_log.records import EarlyStop, TrialRecord
from search.hashed import EndReason, Reason, State
from search.space.space import Space
from search.study.folder import StudyFolder
from search.study.studies import StoredStudy
from search.trainer_api import Report

IMAGES = 1000
EPOCHS, VALUE_PERIODS, SLOTS = 6, 4, 8
HASH = "0123456789abcdef" * 4
SECTIONS: dict[str, Any] = {
    "model": {
        "batchnorm": {"choice": ["none", "before_activation", "after_activation"]},
        "hidden_layers": {"int": [0, 2]},
        "hidden_units": {"int": [10, 1000], "log": True, "when": {"hidden_layers": [1, 2]}},
    },
    "optim": {"lr": {"float": [1e-4, 1e-2], "log": True}, "momentum": {"float": [0.5, 1.0]}},
}
RIDGE: dict[str, Any] = {
    "ridge": {"rate": {"float": [1e-3, 10.0], "log": True}, "kind": {"choice": ["plain", "fast"]}},
}
REASONS: Mapping[State, Reason] = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "crashed", "RUNNING": "running"}

Run = tuple[int, float, float, float]
"""Of a period: its worker, when that was given it, the seconds it trained, and when its turn came."""


def report(period: int, wrong: Iterable[int] | None, *, last: bool = False, of: object = None) -> Report:
    """Return the report of a period after which these images are wrong; None if it diverged.

    `last` keeps which images are right; reports `of` another net have other weights.
    """
    images = None if wrong is None else sorted(wrong)
    weights = hashlib.sha256(repr((of, period, images)).encode()).hexdigest()
    if images is None:
        metrics = {"epoch": float(period), "train_loss": None, "val_loss": None, "errors": None}
        return Report(value=None, metrics=metrics, weights=weights, measured={"seconds": 1.5}, end="diverged")
    right = np.ones(IMAGES, dtype=np.bool_)
    right[images] = False
    errors, losses = len(images), {"train_loss": 0.5 / period, "val_loss": 0.01 * len(images) / period}
    return Report(
        value=1 - errors / IMAGES,
        metrics={"epoch": float(period), **losses, "errors": errors},
        weights=weights,
        measured={"seconds": 1.5},
        details={"correct": base64.b64encode(np.packbits(right).tobytes()).decode()} if last else {},
    )


def trial(
    number: int,
    wrong: Iterable[int] = (),
    *,
    curve: Sequence[float | None] | None = None,
    periods: int | None = None,
    planned: int = EPOCHS,
    runs: Sequence[Run] | None = None,
    **more: Any,
) -> TrialRecord:
    """Return a trial with these images wrong after each of so many periods, or with the accuracies of a curve.

    A curve is rounded to whole images, the first ones of which are wrong; None in it is the period that diverged.
    See `trained` for its end.
    """
    made = next((len(each) for each in (curve, runs) if each is not None), planned if periods is None else periods)
    after: list[Iterable[int] | None] = [[*wrong]] * made
    if curve is not None:
        after = [None if reached is None else range(round((1 - reached) * IMAGES)) for reached in curve]
    last = 0 if more.get("state") == "RUNNING" else made
    seed = more.get("seed", 100 + number)
    reports = [report(period, wrong, last=period == last, of=seed) for period, wrong in enumerate(after, 1)]
    config = with_params(to_json(TrainConfig(epochs=planned)), more.get("params", {}))
    more = {"config": config, "facts": {"parameters": 61_234, "macs": 2_100_000}, **more}
    return trained(number, reports, planned=planned, runs=runs, **more)


def value_trial(
    number: int, values: Sequence[float | None], *, planned: int = VALUE_PERIODS, **more: Any
) -> TrialRecord:
    """Return a trial of another trainer with these values; None is the period that diverged.

    Unless told otherwise: trial n has a rate of 0.001 · 2^n, every second one is fast, and periods begin each second.
    """
    params = {"ridge.rate": 0.001 * 2**number, "ridge.kind": ("plain", "fast")[number % 2]}
    runs = [(number % 2, 10.0 * number + n, 0.5, 10.0 * number + n + 2) for n in range(len(values))]
    more = {"config": params, "params": params, **more}
    reports = [value_report(value, of=(number, period)) for period, value in enumerate(values, 1)]
    return trained(number, reports, planned=planned, runs=runs, **more)


def value_report(value: float | None, *, of: object = None) -> Report:
    """Return a report with a value and a metric of twice its size; those `of` other periods have other weights."""
    metrics, weights = {"twice": None if value is None else 2 * value}, hashlib.sha256(repr((of, value)).encode())
    end: EndReason | None = "diverged" if value is None else None
    return Report(value=value, metrics=metrics, weights=weights.hexdigest(), measured={"seconds": 0.5}, end=end)


def trained(
    number: int,
    reports: Sequence[Report],
    *,
    planned: int | None = None,
    runs: Sequence[Run] | None = None,
    **more: Any,
) -> TrialRecord:
    """Return a trial that diverged if its last report has no value, is complete after all periods, and else was pruned.

    All are as many as `planned`, or as there are reports. `more` may hold another state and its reason.
    """
    planned = len(reports) if planned is None else planned
    diverged = bool(reports) and reports[-1].value is None
    state: State = more.pop("state", "COMPLETE" if len(reports) == planned and not diverged else "PRUNED")
    assert state != "COMPLETE" or len(reports) == planned, "it lacks periods"
    assert state != "PRUNED" or diverged or len(reports) < planned, "none of its periods is left to prune"
    if runs is not None:
        reports = [
            replace(report, worker=worker, started=started, measured={"seconds": seconds}, handled=handled)
            for report, (worker, started, seconds, handled) in zip(reports, runs, strict=True)
        ]
    given: dict[str, Any] = {
        "reason": "diverged" if diverged and state == "PRUNED" else REASONS[state],
        "params": {},
        "config": {},
        "seed": 100 + number,
        "slot": number % SLOTS,
        "logical_start": number // SLOTS * planned,
        "costs": (1,) * planned,
        **more,
    }
    return TrialRecord(number=number, state=state, reports=tuple(reports), **given)


def with_reports(trial: TrialRecord, period: int | None = None, **parts: Any) -> TrialRecord:
    """Return a trial of which the report of a period, or each, has other parts; metrics are added to its own."""
    reports = [*trial.reports]
    for n, one in enumerate(reports):
        if period in (None, n + 1):
            reports[n] = replace(one, **{**parts, "metrics": {**one.metrics, **parts.get("metrics", {})}})
    return replace(trial, reports=tuple(reports))


def study(
    trials: Sequence[TrialRecord], *, name: str = "conv-0", budget: int | None = None, **more: Any
) -> StoredStudy:
    """Return a study of these trials; its place is that of a study which no command said where to keep."""
    given = {"spec": spec(), "totals": (budget or len(trials),), **more}
    return StoredStudy(name=name, trials=tuple(trials), files=StudyFolder.of(name, RESULTS), **given)


def searched(trials: Sequence[TrialRecord], sections: Mapping[str, Any] = SECTIONS, **more: Any) -> StoredStudy:
    """Return a study of these trials over a space of these sections."""
    space = Space.of({"name": "conv", "epochs": EPOCHS, **sections})
    return study(trials, spec={**spec(), "space": space.to_spec()}, **more)


def value_study(trials: Sequence[TrialRecord], settings: Mapping[str, Any] | None = None, **more: Any) -> StoredStudy:
    """Return a study of these trials of ridge.py:Trainer, over a space with these settings."""
    space = Space.of({"name": "ridge", **RIDGE, **(settings or {})})
    context = {"trainer": {"factory": "ridge.py:Trainer", "options": {}}, "check": "77c0"}
    made = {**spec(), "space": space.to_spec(), "context": context, "numerics": {"check": "77c0"}}
    turned = [replace(trial, direction=space.aim.direction) for trial in trials]
    return study(turned, **{"name": "ridge-0", "spec": made, **more})


def mirrored(study: StoredStudy) -> StoredStudy:
    """Return a study as it is of a trainer that reports minus each value, and minimizes it."""
    trials = []
    for trial in study.trials:
        reports = tuple(replace(report, value=report.value and -report.value) for report in trial.reports)
        trials.append(replace(trial, direction="minimize", reports=reports))
    return changed(replace(study, trials=tuple(trials)), space={"settings": {"direction": "minimize"}})


def changed(study: StoredStudy, **parts: Any) -> StoredStudy:
    """Return a study with other entries in its specification; those of a mapping are added to its own."""
    return replace(study, spec=_changed(study.spec, parts))


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    both = {name: _changed(old[name], part) for name, part in new.items() if isinstance(part, dict) and name in old}
    return {**old, **new, **both}


def kept_in(results: Path, study: StoredStudy) -> StoredStudy:
    """Return a study as one that is kept in another results folder."""
    return replace(study, files=StudyFolder.of(study.name, results))


def spec() -> dict[str, Any]:
    """Return a specification as the search stores it."""
    data = {"dataset": "mnist", "subset": None, "data_hash": HASH, "split_hash": HASH}
    numerics = {"check": "77c0" + HASH[4:], "kind": "cpu-bf16", "precision": "bf16", "cpu_flags": ["avx512_bf16"]}
    return {
        "space": {"name": "conv", "settings": {"epochs": EPOCHS}, "fields": []},
        "seed": 0,
        "concurrent_trials": SLOTS,
        "order": "deterministic",
        "sampler": {"name": "tpe"},
        "pruner": {"name": "asha"},
        "periods": EPOCHS,
        "context": {"data": data, "images": {"train": 5000, "validation": IMAGES}, "trainer_revision": 1},
        "versions": {"optuna": "5.0.0"},
        "numerics": {**numerics, "trainer_revision": 1},
    }


def curve(first: float, epochs: int) -> list[float]:
    """Return accuracies of which the errors halve in each epoch, rounded up."""
    return [1 - math.ceil(round((1 - first) * IMAGES) / 2**epoch) / IMAGES for epoch in range(epochs)]


def params(number: int) -> dict[str, Any]:
    """Return parameters of SECTIONS in which even trials have no hidden layer."""
    hidden = {"model.hidden_units": 100} if number % 2 else {}
    return {
        "model.batchnorm": ("none", "before_activation", "after_activation")[number % 3],
        "model.hidden_layers": number % 2,
        **hidden,
        "optim.lr": 10.0 ** (-4 + 2 * (number % 9) / 8),
        "optim.momentum": 0.9,
    }


def mixed(**more: Any) -> StoredStudy:
    """Return a study with trials of every kind: #1 is best, #0 tied with it and cheaper, #2 far behind."""
    return study(
        [
            trial(0, range(6), params={"optim.lr": 0.01}, facts={"parameters": 30_000, "macs": 900_000}),
            trial(1, range(5), params={"optim.lr": 0.0093, "model.blocks": 3}),
            trial(2, range(100, 160), params={"optim.lr": 0.5}),
            trial(3, range(90), periods=1),
            trial(4, range(80), periods=3),
            trial(5, periods=0, reason="infeasible", constraints={"macs": 5.0}),
            trial(6, periods=0, state="FAIL", error="Traceback\nValueError: no [bold]luck[/bold]"),
            trial(7, range(70), periods=2, state="RUNNING", reason="paused"),
        ],
        **{"budget": 7, **more},
    )


def two_objectives() -> StoredStudy:
    """Return a study of accuracy and MACs: #1, #2 and #4 are on the front, #4 equal to #2 in both; #3 is pruned."""
    shapes = [(6, 300, 6), (5, 200, 6), (40, 50, 6), (1, 1, 1), (40, 50, 6), (50, 60, 6)]
    trials = [
        trial(number, range(errors), periods=periods, facts={"parameters": 1000, "macs": macs})
        for number, (errors, macs, periods) in enumerate(shapes)
    ]
    return changed(study(trials, name="two"), space={"settings": {"objective": ["val_accuracy", "macs"]}})


def ended_by_machine() -> StoredStudy:
    """Return a study whose machine ended #2 in its first epoch and #3 in its third; #0 is best."""
    timed_out: dict[str, Any] = {"reason": "timed_out", "external": True}
    return study(
        [
            trial(0, range(6), params={"optim.lr": 0.01}),
            trial(1, range(7), params={"optim.lr": 0.02}),
            trial(2, periods=0, error="Training took more than 60 s (--trial-timeout).", **timed_out),
            trial(3, range(80), periods=2, **timed_out),
        ]
    )


def ended_early() -> StoredStudy:
    """Return a study that patience ended at 4 of 9 trials.

    #1, pruned, and #2, paused, were ahead of the best, #0, at the same epoch; #3 and #4 were not.
    """
    trials = [
        trial(0, curve=[0.9, 0.95, 0.96, 0.97, 0.98, 0.99], params=params(0)),
        trial(1, curve=[0.92], params=params(1)),
        trial(2, curve=[0.9, 0.951], params=params(2), state="RUNNING", reason="paused"),
        trial(3, curve=[0.9], params=params(3)),
        trial(4, curve=[0.91, None], params=params(4)),
    ]
    stop = EarlyStop(rule="patience", limit=3, best=0, value=0.99, since=3)
    return searched(trials, budget=9, stop=stop)


def halved() -> StoredStudy:
    """Return a study of successive halving: three of nine trials go on after epoch 1, one of them after epoch 3.

    Trial n has accuracy 0.9 + n / 100 after its first epoch, and its errors halve; only the best, #8, is complete.
    """
    lengths = {6: 3, 7: 3, 8: EPOCHS}
    return searched([trial(n, curve=curve(0.9 + n / 100, lengths.get(n, 1)), params=params(n)) for n in range(9)])


def halved_values(**more: Any) -> StoredStudy:
    """Return a study of 12 trials, all below zero: #10 and #11 reach the second report, #11 alone is complete."""
    lengths = {10: 2, 11: VALUE_PERIODS}
    trials = [value_trial(n, [-12.0 + n + period / 4 for period in range(lengths.get(n, 1))]) for n in range(12)]
    return value_study(trials, **more)


@dataclass
class Replay:
    """A trainer that brings given reports, and checks that each period continues from the one before."""

    codec = CODEC
    reports: tuple[Report, ...]
    numerics: Mapping[str, Any] = field(default_factory=lambda: spec()["numerics"])

    def advance(self, config: TrainConfig, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        assert state == (None if period == 1 else f"{seed}:{period - 1}".encode())
        assert config.epochs == EPOCHS
        return f"{seed}:{period}".encode(), self.reports[period - 1]
