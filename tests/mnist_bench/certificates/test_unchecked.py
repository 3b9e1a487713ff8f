"""What a check takes from the log is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.certificates.certificate import Certificate, certify
from mnist_bench.certificates.unchecked import sentences
from mnist_bench.start_lists import UNPRUNED
from search.event_log.events import GoalSet, Resumed, Stopped
from search.study.location import StudyLocation
from search.study.start_list import StartList
from support import certified
from support.paths import ROOT


def told(certificate: Certificate, **changes: Any) -> list[str]:
    return [*sentences(replace(certificate, **changes))]


def ended(certificate: Certificate, **reasons: str) -> Certificate:
    """Return the certificate with other ends of trials, by `trial_3="crashed"`."""
    trials = list(certificate.study.trials)
    for name, reason in reasons.items():
        number = int(name.removeprefix("trial_"))
        trials[number] = replace(trials[number], reason=reason)  # type: ignore[arg-type]
    return replace(certificate, study=replace(certificate.study, trials=tuple(trials)))


def test_nothing_is_told_of_a_plain_search(certificate: Certificate) -> None:
    assert told(certificate) == []


def test_ends_that_only_a_machine_knows_are_named(certificate: Certificate) -> None:
    forged = ended(certificate, trial_1="crashed", trial_3="crashed", trial_5="timed_out", trial_6="out_of_memory")
    assert told(forged) == [
        "2 trials crashed, as only the author's machine knows: #1, #3.",
        "1 trial ran out of time, as only the author's machine knows: #5.",
        "1 trial ran out of memory, as only the author's machine knows: #6.",
    ]


def test_first_configurations_are_named(certificate: Certificate) -> None:
    spec = replace(certificate.spec, enqueued=({}, {}))
    assert told(certificate, spec=spec) == ["The author chose 2 first configurations (`search --enqueue`)."]


def test_a_warm_start_from_a_study_is_named(certificate: Certificate) -> None:
    start = StartList(made_of=("conv-0",), configurations=({}, {}, {}))
    (line,) = told(certificate, spec=replace(certificate.spec, start=start))
    assert line == "The author chose a warm start of 3 configurations, made of conv-0."


def test_a_warm_start_from_bundled_tables_is_made_again() -> None:
    certificate = certify(StudyLocation.of("portable", ROOT / "results" / "published" / "studies"))
    assert len(told(certificate)) == 1  # the seed
    start = certificate.spec.start
    assert len(told(certificate, spec=replace(certificate.spec, start=replace(start, unpruned=UNPRUNED)))) == 1
    other = replace(start, configurations=start.configurations[::-1])
    lines = told(certificate, spec=replace(certificate.spec, start=other))
    assert lines[1] == "The author chose a warm start of 10 configurations, made of conv-5k, conv-5k-wrong."


def test_the_trials_of_an_earlier_study_are_named(certificate: Certificate) -> None:
    taken = {"trial": 0, "params": {}, "seed": 5}
    continued = {"study": "smoke-0", "digest": "0" * 64, "trials": [taken, taken]}
    study = replace(certificate.study, spec={**certificate.study.spec, "continues": continued})
    assert told(certificate, study=study) == [
        "The author chose 2 first trials and their seeds, those of study smoke-0."
    ]


def test_rules_and_raised_budgets_are_named(certificate: Certificate) -> None:
    events = (
        *certificate.events, GoalSet(goal=20), Stopped(rule="patience", limit=5.0, best=0), Resumed(),
    )  # fmt: skip
    assert told(certificate, events=events) == [
        "The author raised the trial budget during the search: 8 → 20 trials.",
        "A rule of the author's ended the search before its trial budget (patience 5).",
        "The author continued the search after it had ended by a rule.",
    ]


def test_a_search_that_a_rule_ended_holds_and_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    location = certified.searched(monkeypatch, tmp_path, receiver="x", patience=1)
    found = certified.verified(certify(location))
    assert found.verdict == "holds"
    assert any(line.startswith("A rule of the author's ended the search") for line in found.unchecked)
