"""Rows of trials and the digest."""

from __future__ import annotations

from dataclasses import replace

from search.differences import differences
from search.event_log.records import ENDS, StudyRecord, TrialRecord
from search.trainer_api import Report


def report(value: float | None, errors: int = 0, val_loss: float = 0.0, seconds: float = 1.0) -> Report:
    metrics = {"errors": errors, "val_loss": val_loss}
    return Report(value=value, metrics=metrics, weights=str(value), measured={"seconds": seconds})


def trial(number: int, *reports: Report) -> TrialRecord:
    return TrialRecord(
        number=number, state="COMPLETE", reason="complete", params={"optim.lr": 0.1}, config={}, seed=number, slot=0,
        logical_start=0, costs=(1, 1), reports=reports,
    )  # fmt: skip


def test_ties_are_broken_by_errors_then_loss_then_number() -> None:
    ranked = [trial(5, report(0.9, 1, 0.1)), trial(2, report(0.8, 0, 0.3)), trial(1, report(0.8, 1, 0.1)),
              trial(3, report(0.8, 1, 0.1)), trial(0, report(0.8, 1, 0.2)), trial(4)]  # fmt: skip
    assert sorted(ranked, key=TrialRecord.rank_key) == ranked


def study(*trials: TrialRecord) -> StudyRecord:
    return StudyRecord(name="tour-0", spec={}, totals=(9,), trials=trials)


def test_the_digest_sees_what_decides_and_not_what_varies() -> None:
    one, two = trial(0, report(0.9)), trial(1, report(0.8))
    digest = study(one, two).digest
    assert study(two, replace(one, reports=(report(0.9, seconds=7.0),), slot=3)).digest == digest
    for other in (
        replace(one, params={"optim.lr": 0.2}), replace(one, state="PRUNED"), replace(one, reports=(report(0.91),)),
        replace(one, seed=9), replace(one, reason="pruned"), replace(one, external=True), replace(one, number=7),
    ):  # fmt: skip
        assert study(other, two).digest != digest
    running = replace(one, state="RUNNING", reason="running")
    assert study(running).digest == study(replace(running, reason="paused")).digest


def test_a_study_has_a_first_failed_trial_only_if_all_that_ended_failed_or_were_pruned() -> None:
    infeasible = replace(trial(0), state="PRUNED", reason="infeasible")
    crashed = [replace(trial(n), state="FAIL", reason="crashed", error="Traceback\nNameError: no x.") for n in (1, 2)]
    running = replace(trial(3, report(0.5)), state="RUNNING", reason="running")
    pruned = replace(trial(5, report(0.5)), state="PRUNED", reason="pruned")
    for trials in ((infeasible, *crashed, running), (pruned, *crashed)):
        assert study(*trials).first_failed is crashed[0]
    for trials in ((infeasible, running), (*crashed, trial(4, report(0.5))), (pruned,), ()):
        assert study(*trials).first_failed is None


def test_the_machine_decides_where_memory_or_time_ran_out() -> None:
    external = {reason for reason, end in ENDS.items() if end.external}
    assert external == {"out_of_memory", "timed_out"}


def test_differences_name_fields_and_explain_a_check_by_the_numerics() -> None:
    stored = {"space": {"fields": [["optim.lr", {"value": 1}]]}, "numerics": {"cpu": "a", "check": "x"}}
    same_bits = {**stored, "numerics": {"cpu": "b", "check": "x"}, "space": {"fields": [["optim.lr", {"value": 2}]]}}
    assert differences(stored, same_bits) == [("space.fields.optim.lr.value", "1", "2")]
    other_bits = {**same_bits, "numerics": {"cpu": "b", "check": "y"}}
    assert ("numerics.cpu", "a", "b") in differences(stored, other_bits)


def test_a_whole_number_and_the_same_float_differ_visibly() -> None:
    assert differences({"macs": 8e6}, {"macs": 8_000_000}) == [("macs", "8000000.0", "8000000")]


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
