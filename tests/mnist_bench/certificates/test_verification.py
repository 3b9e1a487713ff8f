"""The check of a certificate: what holds, what is refuted, and what cannot be told here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.certificates import installation
from mnist_bench.certificates.certificate import Certificate, certificate_of, certify
from mnist_bench.certificates.verification import VerifyOptions, decided, judged, to_train
from mnist_bench.studies.receiver_seed import seed_of
from search.errors import UsageError
from search.event_log.events import Asked, Created, Event, GoalSet, Reported
from search.event_log.records import TrialRecord
from search.trainer_api import Report
from support import certified
from support.certified import changed, retrained, verified, with_weights


def other_trial(certificate: Certificate) -> int:
    return next(trial.number for trial in certificate.study.trials if trial.number != certificate.best.number)


def test_an_honest_certificate_holds(certificate: Certificate) -> None:
    found = verified(certificate)
    assert (found.verdict, found.difference, found.conditions, found.unchecked) == ("holds", None, (), ())
    assert found.decisions == len(certificate.events)
    assert found.checked[0].number == certificate.best.number
    assert found.trained == len(certificate.leaves)


def test_the_drawn_trials_are_trained_whole_and_no_other(certificate: Certificate) -> None:
    found = verified(certificate, periods=2)
    drawn = to_train(certificate, found)
    assert (drawn.total(), found.drawn) == (2, 2)
    assert [(trial.number, trial.drawn) for trial in found.checked] == [(certificate.best.number, 0), *drawn.items()]
    lengths = {trial.number: len(trial.reports) for trial in certificate.study.trials}
    assert all(trial.periods == lengths[trial.number] for trial in found.checked)


def test_a_draw_repeats_and_another_one_differs(certificate: Certificate) -> None:
    asked = VerifyOptions(periods=2)
    draws = [decided(certificate, asked).seed for _ in range(3)]
    assert len({*draws}) == 3
    again = decided(certificate, replace(asked, seed=draws[0]))
    assert to_train(certificate, again) == to_train(certificate, replace(again))


def test_other_weights_of_the_best_trial_are_always_found(certificate: Certificate) -> None:
    forged = with_weights(certificate, certificate.best.number, 2)
    for seed in range(5):
        found = verified(forged, periods=1, seed=seed)
        assert found.verdict == "refuted"
        assert str(found.difference).startswith(f"trial {certificate.best.number}: period 2, weights (0000")
        assert len(found.checked) == 1


def test_other_weights_elsewhere_are_found_if_their_trial_is_drawn(certificate: Certificate) -> None:
    number = other_trial(certificate)
    forged = with_weights(certificate, number, 1)
    for seed in range(12):
        found = verified(forged, periods=2, seed=seed)
        assert (found.verdict == "refuted") == (number in to_train(forged, found))


def test_an_accuracy_that_was_raised_changes_decisions_or_the_training(certificate: Certificate) -> None:
    def raised(event: Event) -> Event:
        if not isinstance(event, Reported) or event.report.value is None:
            return event
        return replace(event, report=replace(event.report, value=event.report.value + 0.001))

    assert verified(changed(certificate, raised)).verdict == "refuted"


def test_another_proposal_is_refuted_without_training(certificate: Certificate) -> None:
    def other(event: Event) -> Event:
        if not isinstance(event, Asked) or event.trial != 3:
            return event
        return replace(event, params={**event.params, "optim.lr": 0.01})

    found = verified(changed(certificate, other))
    assert (found.verdict, found.checked) == ("refuted", ())
    assert "ask of #3: params.optim.lr" in str(found.difference)


def test_a_log_on_which_the_driver_fails_is_refuted(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("mnist_bench.certificates.verification.replay", fail)
    assert (
        decided(certificate, VerifyOptions()).difference
        == "no search makes these decisions (ZeroDivisionError: by zero)"
    )


def with_spec(certificate: Certificate, **entries: Any) -> Certificate:
    return changed(
        certificate,
        lambda event: replace(event, spec={**event.spec, **entries}) if isinstance(event, Created) else event,
    )


def test_a_seed_that_was_chosen_is_refuted(certificate: Certificate) -> None:
    found = verified(with_spec(certificate, seed=7))
    assert found.verdict == "refuted"
    assert str(found.difference).startswith("its seed is 7, and that of this search for 'alice' is ")


def test_another_receiver_has_another_seed(certificate: Certificate) -> None:
    context = {**certificate.study.spec["context"], "certificate": {"name": "bob", "trials": 8}}
    assert "for 'bob' is" in str(verified(with_spec(certificate, context=context)).difference)


def test_a_trial_budget_that_was_raised_is_refuted(certificate: Certificate) -> None:
    context = {**certificate.study.spec["context"], "certificate": {"name": "alice", "trials": 9}}
    forged = with_spec(certificate, context=context)
    forged = with_spec(forged, seed=seed_of(forged.study.spec))
    found = verified(forged)
    assert found.difference == "its trial budget is 8, and its seed is that of a search for 9 trials"


def test_another_version_is_no_accusation(certificate: Certificate) -> None:
    forged = with_weights(certificate, certificate.best.number, 1)
    elsewhere = with_spec(forged, versions={**forged.study.spec["versions"], "torch": "2.12.0"}, seed=0)
    context = {name: value for name, value in forged.study.spec["context"].items() if name != "certificate"}
    begun = decided(with_spec(elsewhere, context=context), VerifyOptions(seed=1))
    assert any(text.startswith("torch 2.12.0, here ") for text in begun.conditions)
    found = judged(elsewhere, replace(begun, difference=None), retrained)
    assert (found.verdict, found.difference is None) == ("cannot tell", False)


def test_too_little_memory_is_no_accusation(certificate: Certificate) -> None:
    def short(trials: Sequence[TrialRecord]) -> Mapping[int, Sequence[Report]]:
        ended = Report(value=None, metrics={}, weights="", seconds=0.0, end="out_of_memory")
        return {trial.number: [ended] for trial in trials}

    found = judged(certificate, decided(certificate, VerifyOptions()), short)
    assert found.verdict == "cannot tell"
    assert found.impossible == f"This machine has too little memory for #{certificate.best.number}."


def test_a_seed_that_the_author_chose_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = verified(certify(certified.searched(monkeypatch, tmp_path, seed=5)))
    assert (found.verdict, found.receiver) == ("holds", None)
    assert found.unchecked == (
        "The author chose the seed, 5: the search was not made for a receiver (`search --for NAME`).",
    )


@pytest.mark.parametrize("options", [{"periods": 0}, {"periods": 1.5}, {"seed": -1}, {"seed": 2**53}, {"seed": "x"}])
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"^(periods|draw)="):
        VerifyOptions(**options)


def test_conditions_of_workers(certificate: Certificate) -> None:
    here = certified.Trainer.numerics
    assert installation.of_workers(certificate, here) == []
    assert installation.of_workers(certificate, {**here, "trainer_revision": 9}) == ["trainer_revision 1, here 9"]


def test_a_package_that_is_missing_is_a_condition(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.study.spec.installed_version", lambda package: "none")
    assert any(
        "needs optuna and numpy, which this installation lacks" in text
        for text in installation.of_decisions(certificate)
    )


def test_a_log_with_a_larger_budget_is_refuted(certificate: Certificate) -> None:
    found = verified(certificate_of([*certificate.events[:2], GoalSet(goal=9), *certificate.events[2:]]))
    assert found.difference == "its trial budget is 9, and its seed is that of a search for 8 trials"
