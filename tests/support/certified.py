"""Searches of nets with a trainer that takes no time, to be certified, and their logs to be forged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.certificates.certificate import Certificate, certificate_of
from mnist_bench.certificates.verification import Verification, VerifyOptions, decided, judged
from mnist_bench.config import CODEC, TrainConfig
from mnist_bench.numerics.kinds import PORTABLE_CANARY
from mnist_bench.searches import SearchConfig, run
from search import canonical_json
from search.driver.progress import Observer
from search.driver.resume import keep_nothing
from search.event_log.events import Event, Reported
from search.event_log.records import TrialRecord
from search.executors.in_process import InProcessExecutor
from search.study.location import StudyLocation
from search.trainer_api import Report, TrainerSpec


class Trainer:
    """Has a result that follows from the configuration, the seed, the period and the state before it."""

    codec = CODEC
    numerics: Mapping[str, Any] = {
        "canary": PORTABLE_CANARY[0], "kind": "cpu-portable", "precision": "portable", "trainer_revision": 1,
        "device": "cpu", "torch": "2.13.0",
    }  # fmt: skip

    def advance(self, config: TrainConfig, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """See `search.trainer_api.Trainer`."""
        weights = canonical_json.sha256([CODEC.to_json(config), seed, period, (state or b"").hex()])
        value = 0.9 + 0.02 * period + int(weights[:4], 16) / 2**16 / 100
        metrics = {"epoch": period, "train_loss": 0.1, "val_loss": 0.1, "errors": round(1000 * (1 - value))}
        return bytes.fromhex(weights), Report(value=value, metrics=metrics, weights=weights, seconds=0.1)


def searched(patch: pytest.MonkeyPatch, results: Path, **options: Any) -> StudyLocation:
    """Return where a search of smoke has left its study; `options` are those of SearchConfig."""
    executor = InProcessExecutor(TrainerSpec(factory="support.certified:Trainer"))
    patch.setattr("mnist_bench.searches.running.executor_of", lambda setup, data: executor)
    patch.setattr("mnist_bench.searches.running.BestCheckpoints", lambda files, cost: keep_nothing)
    patch.setattr("mnist_bench.searches.running.close_test_set", lambda: None)
    asked = {"space": "smoke", "sampler": "random", "trials": 8, **options}
    return run(SearchConfig(results=results, **asked), Observer(), lambda: False).study.location


def retrained(trials: Sequence[TrialRecord]) -> dict[int, list[Report]]:
    """Train trials again, as `judged` needs it."""
    return {trial.number: curve(trial) for trial in trials}


def curve(trial: TrialRecord) -> list[Report]:
    """Return the honest reports of a trial, as many as it has."""
    state, reports = None, []
    for period in range(1, trial.next_period):
        state, report = Trainer().advance(CODEC.from_json(trial.config), trial.seed, period, state)
        reports.append(report)
    return reports


def verified(certificate: Certificate, **options: Any) -> Verification:
    """Return the result of a whole check, without workers."""
    begun = decided(certificate, VerifyOptions(**{"seed": 1, **options}))
    return judged(certificate, begun, retrained) if begun.verdict == "holds" else begun


def changed(certificate: Certificate, change: Callable[[Event], Event]) -> Certificate:
    """Return the certificate of a log in which events are changed."""
    return certificate_of([*map(change, certificate.events)])


def with_weights(certificate: Certificate, number: int, period: int) -> Certificate:
    """Return a certificate in which a period has other weights, on which no decision depends."""

    def change(event: Event) -> Event:
        if not isinstance(event, Reported) or (event.trial, event.period) != (number, period):
            return event
        return replace(event, report=replace(event.report, weights="0" * 64))

    return changed(certificate, change)
