"""A hash tree over the periods of a search: one hash that changes with each of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from search import canonical_json
from search.event_log import StudyRecord, TrialRecord
from search.trainer_api import Report


def leaves(study: StudyRecord) -> tuple[str, ...]:
    """Return the leaf of each period, by trial and period."""
    return tuple(leaf for trial in study.trials for leaf in _leaves_of(trial))


def _leaves_of(trial: TrialRecord) -> Iterator[str]:
    configuration, before = canonical_json.sha256(dict(trial.config)), None
    for period, report in enumerate(trial.reports, start=1):
        bound = [trial.number, period, configuration, trial.seed, _result(report), before, report.weights]
        yield canonical_json.sha256(["period", *bound])
        before = report.weights


def _result(report: Report) -> list[Any]:
    """Return what a report says that is the same in every run; the weights are those of the state after it."""
    return [report.value, dict(report.metrics), report.end]


def root(log: str, of_periods: Sequence[str]) -> str:
    """Return the hash that names a certificate, from the hash of its log and the leaves of its periods.

    A level's hashes are joined in pairs; a hash without a partner goes to the next level as it is.
    """
    level = list(of_periods)
    while len(level) > 1:
        pairs = [level[index : index + 2] for index in range(0, len(level), 2)]
        level = [_joined(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return _joined(log, *level)


def _joined(*hashes: str) -> str:
    # The first byte, which no leaf's JSON begins with, keeps a node from being taken for a leaf.
    return hashlib.sha256(b"\x01" + b"".join(map(bytes.fromhex, hashes))).hexdigest()
