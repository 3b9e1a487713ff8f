"""Which studies have a certificate, and what it holds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.certificates.certificate import Certificate, certificate_of, certify, rows
from mnist_bench.errors import ForeignStudyError
from search.errors import StorageError, StudyNotFoundError, UsageError
from search.event_log.events import Asked, Created, Event, Told
from search.study.location import StudyLocation
from search.study.studies import open_study
from support import certified
from support.paths import ROOT

PUBLISHED = ROOT / "results" / "published" / "studies"


def test_a_certificate_says_what_the_study_says(study: StudyLocation, certificate: Certificate) -> None:
    stored = open_study(study.folder.parent, study.name)
    assert (certificate.study.digest, certificate.best.number) == (stored.digest, stored.complete()[0].number)
    assert certificate.receiver is not None
    assert (certificate.receiver.name, certificate.receiver.trials) == ("alice", 8)
    assert len(certificate.leaves) == sum(len(trial.reports) for trial in stored.trials)


def test_it_holds_no_times_and_no_workers(certificate: Certificate) -> None:
    reports = [report for trial in certificate.study.trials for report in trial.reports]
    assert {(report.seconds, report.worker, report.started, report.handled) for report in reports} == {
        (0.0, None, None, None)
    }
    assert not any(report.details for report in reports)


def test_it_holds_no_text_of_an_error(study: StudyLocation, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(event: Event) -> Event:
        return replace(event, error="/home/alice/net.py, line 3") if isinstance(event, Told) else event

    events = [crash(event) for event in certify(study).events]
    monkeypatch.setattr("mnist_bench.certificates.certificate.read_events", lambda location: events)
    assert "alice/net" not in json.dumps([*rows(certify(study).events)])


def test_a_published_study_has_a_certificate() -> None:
    found = certify(StudyLocation.of("portable", PUBLISHED))
    assert (found.receiver, found.best.number, len(found.leaves)) == (None, 40, 184)


def test_it_is_named_by_its_root(certificate: Certificate) -> None:
    assert repr(certificate).startswith(f"certificate {certificate.root[:8]} of study smoke-alice for alice: ")


def test_another_receiver_is_refused(study: StudyLocation) -> None:
    assert certify(study, "alice").study.name == "smoke-alice"
    with pytest.raises(UsageError, match=r"was searched for alice, .* `mnist-bench search smoke --for bob` makes a"):
        certify(study, "bob")
    with pytest.raises(UsageError, match=r"^Study portable was searched without a receiver, "):
        certify(StudyLocation.of("portable", PUBLISHED), "bob")


def test_a_study_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyNotFoundError):
        certify(StudyLocation.of("none", tmp_path))


def with_spec(certificate: Certificate, **entries: Any) -> list[Event]:
    return [
        replace(event, spec={**event.spec, **entries}) if isinstance(event, Created) else event
        for event in certificate.events
    ]


def test_what_others_cannot_repeat_is_refused(certificate: Certificate) -> None:
    own = {"name": "mine.py:Mine", "options": {}, "code": {"module": "mine.py", "sha256": "0" * 64}}
    settings = {**certificate.study.spec["space"], "settings": {"net_code": "net.py:Net@00"}}
    for entries, message in (
        ({"sampler": own}, "used your own sampler"),
        ({"pruner": own}, "used your own pruner"),
        ({"order": "arrival"}, "a certificate needs the deterministic order"),
        ({"space": settings}, "used your own network"),
    ):
        with pytest.raises((UsageError, StorageError), match=message):
            certificate_of(with_spec(certificate, **entries))


def test_another_trainers_study_is_refused(certificate: Certificate) -> None:
    context = {"trainer": {"factory": "mine.py:Trainer", "options": {}}, "canary": "0"}
    with pytest.raises(ForeignStudyError, match="a certificate needs networks"):
        certificate_of(with_spec(certificate, context=context))


def test_a_search_that_has_not_ended_is_refused(certificate: Certificate) -> None:
    with pytest.raises(UsageError, match=r"^Study smoke-alice has not ended \(\d of 8 trials\); continue it first"):
        certificate_of(certificate.events[:-2])


def test_a_search_without_a_complete_trial_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    location = certified.searched(monkeypatch, tmp_path, receiver="x", trials=1)
    events = certify(location).events
    ended = [
        replace(event, state="FAIL", reason="crashed", value=None, error="") if isinstance(event, Told) else event
        for event in events
    ]
    with pytest.raises((StudyNotFoundError, StorageError)):
        certificate_of(ended)


def test_an_entry_about_the_receiver_that_no_search_writes_is_refused(certificate: Certificate) -> None:
    context = {**certificate.study.spec["context"], "certificate": {"name": "alice", "trials": 0}}
    with pytest.raises(StorageError, match="its specification is not one that a search writes"):
        certificate_of(with_spec(certificate, context=context))


def test_every_event_changes_the_root(certificate: Certificate) -> None:
    asked = next(event for event in certificate.events if isinstance(event, Asked))
    facts = {**asked.facts, "macs": 1}
    other = certified.changed(certificate, lambda event: replace(event, facts=facts) if event is asked else event)
    assert (other.root != certificate.root, other.leaves == certificate.leaves) == (True, True)
