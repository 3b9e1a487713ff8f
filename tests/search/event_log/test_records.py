"""Rows of trials and the digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import pytest

from search.differences import differences
from search.event_log.records import StudyRecord, TrialRecord, is_external
from search.hashed import Reason
from search.trainer_api import Report


def report(value: float | None, errors: int = 0, val_loss: float = 0.0, seconds: float = 1.0) -> Report:
    metrics = {"errors": errors, "val_loss": val_loss}
    return Report(value=value, metrics=metrics, weights=str(value), seconds=seconds)


def trial(number: int, *reports: Report) -> TrialRecord:
    return TrialRecord(
        number=number, state="COMPLETE", reason="complete", params={"optim.lr": 0.1}, config={}, seed=number, slot=0,
        logical_start=0, costs=(1, 1), reports=reports,
    )  # fmt: skip


def test_a_trials_value_is_its_last_and_not_its_best() -> None:
    assert trial(0, report(0.99), report(0.98)).value == 0.98


def test_ties_are_broken_by_errors_then_loss_then_number() -> None:
    ranked = [trial(5, report(0.9, 1, 0.1)), trial(2, report(0.8, 0)), trial(1, report(0.8, 1, 0.1)),
              trial(3, report(0.8, 1, 0.1)), trial(0, report(0.8, 1, 0.2)), trial(4)]  # fmt: skip
    assert sorted(ranked, key=TrialRecord.rank_key) == ranked


def digest(trials: Sequence[TrialRecord]) -> str:
    return StudyRecord(name="tour-0", spec={}, totals=(9,), trials=tuple(trials)).digest


def test_the_digest_sees_what_decides_and_not_what_varies() -> None:
    one, two = trial(0, report(0.9)), trial(1, report(0.8))
    same = [two, replace(one, reports=(report(0.9, seconds=7.0),), slot=3)]
    assert digest([one, two]) == digest(same)
    for other in (
        replace(one, params={"optim.lr": 0.2}), replace(one, state="PRUNED"), replace(one, reports=(report(0.91),)),
        replace(one, seed=9), replace(one, reason="pruned"), replace(one, external=True), replace(one, number=7),
    ):  # fmt: skip
        assert digest([other, two]) != digest([one, two])


def test_a_study_has_a_first_failed_trial_only_if_all_that_ended_failed_or_were_pruned() -> None:
    infeasible = replace(trial(0), state="PRUNED", reason="infeasible")
    crashed = [replace(trial(n), state="FAIL", reason="crashed", error="Traceback\nNameError: no x.") for n in (1, 2)]
    running = replace(trial(3, report(0.5)), state="RUNNING", reason="running")
    study = StudyRecord(name="tour-0", spec={}, totals=(9,), trials=(infeasible, *crashed, running))
    assert study.first_failed is crashed[0]
    assert crashed[0].cause == "NameError: no x"
    pruned = replace(trial(5, report(0.5)), state="PRUNED", reason="pruned")
    assert replace(study, trials=(pruned, *crashed)).first_failed is crashed[0]
    for trials in ((infeasible, running), (*crashed, trial(4, report(0.5))), (pruned,), ()):
        assert replace(study, trials=trials).first_failed is None


def test_the_machine_decides_where_memory_or_time_ran_out() -> None:
    external = {reason for reason in get_args(Reason) if is_external(reason)}
    assert external == {"out_of_memory", "timed_out"}


def test_a_paused_trial_counts_like_a_running_one() -> None:
    running = replace(trial(0, report(0.9)), state="RUNNING", reason="running")
    assert digest([running]) == digest([replace(running, reason="paused")])


def test_differences_name_fields_and_explain_a_check_by_the_numerics() -> None:
    stored = {"space": {"fields": [["optim.lr", {"value": 1}]]}, "numerics": {"cpu": "a", "check": "x"}}
    same_bits = {**stored, "numerics": {"cpu": "b", "check": "x"}, "space": {"fields": [["optim.lr", {"value": 2}]]}}
    assert differences(stored, same_bits) == [("space.fields.optim.lr.value", "1", "2")]
    other_bits = {**same_bits, "numerics": {"cpu": "b", "check": "y"}}
    assert ("numerics.cpu", "a", "b") in differences(stored, other_bits)


def test_a_whole_number_and_the_same_float_differ_visibly() -> None:
    assert differences({"macs": 8e6}, {"macs": 8_000_000}) == [("macs", "8000000.0", "8000000")]


def study(*trials: TrialRecord, goal: int = 9) -> StudyRecord:
    return StudyRecord(name="tour-0", spec={}, totals=(goal,), trials=trials)


def test_a_study_reads_in_three_lines() -> None:
    pruned = replace(trial(1, report(0.5)), state="PRUNED", reason="pruned")
    some = study(trial(0, report(0.9), report(0.8765432)), pruned)
    assert repr(some).splitlines() == [
        "study tour-0: 2 of 9 trials: 1 complete, 1 pruned",
        "best #0: 0.876543  optim.lr=0.1",
        f"digest {some.digest}",
    ]
    assert repr(study()).splitlines()[:2] == ["study tour-0: 0 of 9 trials: none has begun", "no complete trial"]
    many = replace(trial(0, report(0.9)), params={f"section.parameter{n}": 0.123456 for n in range(99)})
    assert max(map(len, repr(study(many)).splitlines())) <= 100


def test_a_trial_reads_in_three_lines() -> None:
    assert repr(trial(3, report(0.9), report(0.8765432))).splitlines() == [
        "trial #3: complete, 0.876543 after 2 of 2 periods in 2.0 s",
        "params: optim.lr=0.1",
        "reports: 0.9, 0.876543",
    ]
    crashed = replace(trial(4), state="FAIL", reason="crashed", error="Traceback\nNameError: no x.", params={})
    assert repr(crashed).splitlines() == [
        "trial #4: crashed, – after 0 of 2 periods in 0.0 s",
        "params: none",
        "error: NameError: no x",
    ]


def test_a_notebook_shows_a_table_in_which_all_is_escaped() -> None:
    params = {"optim.lr": 0.012345, "model.kind": "<script>alert(1)</script>\x1b[31m"}
    shown = [replace(trial(number, report(0.9 - number / 10)), params=params) for number in range(7)]
    page = study(*shown)._repr_html_()
    assert page.count("<tr>") == 1 + 5
    assert "and 2 more complete trials" in page
    assert "<td>0.0123</td>" in page
    for text in (page, shown[0]._repr_html_()):
        assert "&lt;script&gt;" in text
        assert [word for word in ("<script", "\x1b", "color:", "background") if word in text] == []


def test_a_mistyped_attribute_is_answered_with_the_closest() -> None:
    with pytest.raises(AttributeError, match=r"StudyRecord has no attribute bst; did you mean `best`\?"):
        _ = study().bst  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match=r"TrialRecord has no attribute parms; did you mean `params`\?"):
        _ = trial(0).parms  # type: ignore[attr-defined]
    assert not hasattr(study(), "_repr_png_")
