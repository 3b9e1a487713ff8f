"""The order of trials, ties and fronts; several studies in one order; what is counted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from mnist_bench.leaderboard.board import curve_of, cut, table_of
from mnist_bench.leaderboard.ranking import leaderboard_of, ordered, pareto_front, ties_of
from mnist_bench.next_commands import NextCommands
from mnist_bench.statistics import wilson
from search.errors import StorageError, UsageError
from search.event_log.records import StudyRecord, TrialRecord
from search.hashed import Reason
from search.study.studies import StoredStudy
from support import handmade


def test_complete_trials_come_first_then_those_that_may_continue_then_pruned_by_how_far_they_went() -> None:
    board = leaderboard_of(handmade.mixed())
    assert [row.trial.number for row in board.rows] == [1, 0, 2, 7, 4, 3, 6]
    assert [row.rank for row in board.rows] == [1, 2, 3, None, None, None, None]


@pytest.mark.parametrize("reason", ["running", "paused"])
def test_of_a_search_under_way_the_most_promising_trials_come_first(reason: Reason) -> None:
    trials = [
        handmade.trial(0, range(60), periods=1),
        handmade.trial(1, range(20), periods=2, state="RUNNING", reason=reason),
        handmade.trial(2, range(40), periods=3),
        handmade.trial(3, range(12), periods=1, state="RUNNING", reason=reason),
        handmade.trial(4, periods=0, state="RUNNING", reason=reason),
        handmade.trial(5, periods=0, state="FAIL"),
    ]
    study = handmade.study(trials, budget=9)
    assert [row.trial.number for row in leaderboard_of(study).rows] == [3, 1, 2, 0, 4, 5]
    assert [trial.number for trial in ordered(study)] == [3, 1, 2, 0, 4, 5]


@pytest.mark.parametrize(
    "study",
    [
        handmade.halved_values(),
        handmade.value_study(
            [
                handmade.value_trial(n, [n, n + 1.0, 9 - n, 5 * n][: n + 2], facts={"bytes": 9 - n % 3})
                for n in range(5)
            ],
            {"objective": ["speed", "bytes"]},
        ),
        handmade.value_study([handmade.value_trial(0, [1.0, 2, 3, 4]), handmade.value_trial(1, [9.0])]),
    ],
    ids=["one objective", "two objectives", "ahead"],
)
def test_a_study_that_minimizes_is_ordered_as_one_that_maximizes_minus_its_values(study: StoredStudy) -> None:
    board, mirrored = (leaderboard_of(each) for each in (study, handmade.mirrored(study)))
    assert (mirrored.front, mirrored.ahead) == (board.front, board.ahead)
    for row, other in zip(board.rows, mirrored.rows, strict=True):
        assert replace(other, trial=row.trial, first_then=row.first_then) == row


def test_what_a_trainer_of_ones_own_measures_hides_no_column_of_a_curve() -> None:
    trial = handmade.trial(0, range(3), periods=1)
    (report,) = trial.reports
    metrics = {"period": 99, "number": 7, "length": 1.5}
    measured = {"seconds": 2.0, "value": 3.0, "length": 4.0, "peak": 5.0}
    (found,) = curve_of(replace(trial, reports=(replace(report, metrics=metrics, measured=measured),)))
    named = {"metrics.period": 99, "metrics.number": 7, "length": 1.5}
    further = {"measured.value": 3.0, "measured.length": 4.0, "peak": 5.0}
    assert found == {"period": 1, **named, "value": report.value, "seconds": 2.0, **further}


def test_infeasible_trials_are_counted_and_not_listed() -> None:
    board = leaderboard_of(handmade.mixed())
    assert board.counts == {"complete": 3, "pruned": 2, "failed": 1, "running": 1, "infeasible": 1}
    assert 5 not in [row.trial.number for row in board.rows]
    assert leaderboard_of(handmade.mixed(), infeasible=True).rows[-1].trial.number == 5
    assert leaderboard_of(handmade.study([], budget=5)).rows == ()


@pytest.mark.parametrize(
    ("wrong", "images"),
    [(5, 1000), (0, 1000), (0, 1001)],  # 1001 is no multiple of 8, as which correctness is kept
)
def test_intervals_are_wilsons_on_the_validation_images_that_the_study_names(wrong: int, images: int) -> None:
    study = handmade.study([handmade.trial(0, range(wrong))])
    study.spec["context"]["images"]["validation"] = images
    (row,) = table_of(leaderboard_of(study)).records()
    assert (row["errors"], row["low"], row["high"]) == (wrong, *wilson(images - wrong, images))


def test_without_its_errors_or_with_more_than_there_are_images_an_accuracy_has_no_interval() -> None:
    trials = [handmade.with_reports(handmade.trial(0, [1]), metrics={"errors": errors}) for errors in (None, 1001)]
    rows = table_of(leaderboard_of(handmade.study(trials))).records()
    assert [(row["low"], row["high"]) for row in rows] == [(None, None)] * 2


def test_a_trial_that_errs_on_nearly_the_same_images_is_tied_and_one_far_behind_is_not() -> None:
    study = handmade.mixed()
    board = leaderboard_of(study)
    assert [row.tied for row in board.rows] == [False, True, False, False, False, False, False]
    # Of 65 images that one of the two alone gets right, 5 or fewer: McNemar's test, Holm-adjusted for two.
    far = 2 * 2 * sum(math.comb(65, wrong) for wrong in range(6)) / 2**65
    p_values = [row.p_value for row in board.rows]
    assert p_values == [None, 1.0, pytest.approx(far), None, None, None, None]
    bare = [handmade.with_reports(trial, details={}) for trial in study.trials]
    untested = (replace(study, trials=tuple(bare)), handmade.study([handmade.trial(0)]), handmade.study([]))
    tied = [each.tied for each in (board, *map(leaderboard_of, untested))]
    assert tied == [2, 0, 0, 0]


def test_ties_are_corrected_for_the_number_of_trials() -> None:
    first = handmade.trial(0, range(0))
    second = handmade.trial(1, range(7))  # 7 against 0: p = 2/128
    assert not leaderboard_of(handmade.study([first, second])).rows[1].tied
    others = [handmade.trial(number, range(7)) for number in range(2, 6)]  # smallest adjusted p = 5 * 2/128
    assert all(row.tied for row in leaderboard_of(handmade.study([first, second, *others])).rows[1:])


def test_top_cuts_rows_and_changes_no_tie() -> None:
    whole, cut = leaderboard_of(handmade.mixed()), leaderboard_of(handmade.mixed(), top=2)
    assert cut.rows == whole.rows[:2]
    assert (cut.hidden, cut.tied) == (5, whole.tied)


def test_only_settings_that_differ_are_shown() -> None:
    best = leaderboard_of(handmade.mixed()).rows[0]
    assert dict(best.settings) == {"blocks": "3", "filters": "16·32·64", "lr → drops": ".0093"}


def test_saved_epochs_are_those_of_pruned_trials_of_the_budgets_of_all_ended_ones() -> None:
    board = leaderboard_of(handmade.mixed())
    assert (board.saved, board.budget) == (5 + 3, 36)


def test_damaged_correctness_is_a_sentence() -> None:
    damaged = handmade.with_reports(handmade.trial(0, [1]), 6, details={"correct": "?not base64?"})
    with pytest.raises(StorageError, match="damaged"):
        leaderboard_of(handmade.study([damaged]))


def test_with_two_objectives_the_front_comes_first_and_ranks_are_by_accuracy() -> None:
    board = leaderboard_of(handmade.two_objectives())
    assert [(row.trial.number, row.rank, row.on_front) for row in board.rows] == [
        (1, 1, True), (2, 3, True), (4, 4, True), (0, 2, False), (5, 5, False), (3, None, False)
    ]  # fmt: skip
    assert [row.trial.number for row in board.rows if row.tied] == [0]
    for whole in (board, leaderboard_of(handmade.two_objectives(), top=1)):
        assert (whole.cost, whole.front) == ("macs", (1, 2, 4))
    single = leaderboard_of(handmade.mixed())
    assert (single.cost, single.front, {row.on_front for row in single.rows}) == (None, (), {None})


@example([(3, 1, True), (3, 2, True)])
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9), st.booleans()), max_size=12))
def test_the_front_is_what_no_complete_trial_dominates(shapes: list[tuple[int, int, bool]]) -> None:
    trials = [
        handmade.trial(n, range(wrong), periods=6 if done else 1, facts={"macs": macs})
        for n, (wrong, macs, done) in enumerate(shapes)
    ]
    study = handmade.study(trials, budget=12)
    study.spec["space"]["settings"]["objective"] = ["val_accuracy", "macs"]
    complete = [(n, wrong, macs) for n, (wrong, macs, done) in enumerate(shapes) if done]
    expected = {
        n
        for n, wrong, macs in complete
        if not any(w <= wrong and m <= macs and (w, m) != (wrong, macs) for _, w, m in complete)
    }
    front = pareto_front(study)
    assert {trial.number for trial in front} == expected
    assert [trial.rank_key() for trial in front] == sorted(trial.rank_key() for trial in front)


def test_the_best_trial_is_looked_for_a_few_times_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look compares all complete trials, so that a look per row took minutes in a study of 5,000."""
    looks = 0
    best = StudyRecord.__dict__["best"].fget

    def counted(study: StudyRecord) -> TrialRecord | None:
        nonlocal looks
        looks += 1
        found: TrialRecord | None = best(study)
        return found

    monkeypatch.setattr(StudyRecord, "best", property(counted))
    board = leaderboard_of(handmade.study([handmade.trial(n, range(n)) for n in range(30)]))
    assert board.first == 0
    assert looks < 5


def complete(*wrong: range) -> list[TrialRecord]:
    """Return complete trials that get these images wrong, best first."""
    return handmade.study([handmade.trial(number, images) for number, images in enumerate(wrong)]).complete()


@pytest.mark.parametrize(
    ("wrong", "tied", "accuracies"),
    [
        ([range(5)], [0], "99.50% each"),
        ([range(5), range(5)], [0, 1], "99.50% each"),
        ([range(5), range(7), range(100, 160)], [0, 1], "99.30 to 99.50%"),
    ],
)
def test_the_first_and_those_tied_with_it(wrong: list[range], tied: list[int], accuracies: str) -> None:
    ties = ties_of(complete(*wrong))
    assert [trial.number for trial in ties.all] == tied
    assert [trial.number for trial in ties.tied] == tied[1:]
    assert ties.accuracies == accuracies
    assert [*ties.p_values] == [*range(1, len(wrong))]


def test_trials_whose_correct_images_were_not_kept_are_not_tested() -> None:
    first, second, third = complete(range(5), range(6), range(7))
    bare = [handmade.with_reports(trial, details={}) for trial in (first, second)]
    assert [*ties_of([first, bare[1], third]).p_values] == [2]
    assert not ties_of([bare[0], second, third]).p_values
    assert not ties_of([bare[0], second, third]).tied


def study(name: str, *wrong: Sequence[int], **more: Any) -> StoredStudy:
    return handmade.study([handmade.trial(n, each, **more) for n, each in enumerate(wrong)], name=name)


FIRST = study("a", range(20), range(5), range(300))
SECOND = study("b", range(6), range(7), range(100, 140))


def test_the_trials_of_all_studies_are_in_one_order_with_the_ranks_and_ties_of_their_own() -> None:
    board = leaderboard_of(FIRST, SECOND)
    assert [(row.study, row.rank, row.trial.number, row.tied) for row in board.rows] == [
        ("a", 1, 1, False), ("b", 1, 0, False), ("b", 2, 1, True), ("a", 2, 0, False), ("b", 3, 2, False),
        ("a", 3, 2, False),
    ]  # fmt: skip
    assert (board.counts["complete"], board.trial_budget) == (6, 6)
    assert board.counts == {**leaderboard_of(FIRST).counts, "complete": 6}


def test_what_trials_have_not_ended_or_were_not_trained_comes_after_all_complete_ones() -> None:
    found = handmade.mixed(name="a")
    board = leaderboard_of(found, SECOND, infeasible=True)
    assert [(row.study, row.trial.state) for row in board.rows[6:]] == [
        ("a", "RUNNING"), ("a", "PRUNED"), ("a", "PRUNED"), ("a", "FAIL"), ("a", "PRUNED")
    ]  # fmt: skip
    assert board.rows[-1].trial.reason == "infeasible"
    assert table_of(board).divisions() == {7: "ended early"}


def test_what_holds_of_one_of_them_holds_of_all() -> None:
    assert leaderboard_of(replace(FIRST, live=True), SECOND).live
    assert not leaderboard_of(FIRST, SECOND).live
    normed = study("normed", range(6), params={"model.batchnorm": "after_activation"})
    (params,) = [column for column in table_of(leaderboard_of(FIRST, normed)).columns if column.heading == "params"]
    assert params.legend == ["params: running statistics of batchnorm included"]


def test_of_two_objectives_the_best_are_shown_and_not_the_front_alone() -> None:
    two = handmade.two_objectives()
    every = leaderboard_of(two, replace(two, name="again"))
    assert [row.on_front for row in every.rows[:4]] == [True, True, False, False]
    few = leaderboard_of(two, replace(two, name="again"), top=3)
    assert ([row.trial.number for row in few.rows], few.hidden) == ([row.trial.number for row in every.rows[:3]], 9)


def test_the_table_names_the_study_first_and_says_that_nothing_is_tested_across() -> None:
    table = table_of(
        leaderboard_of(FIRST, SECOND, top=2), commands=NextCommands(study="a", place=("--results", "mine"))
    )
    assert [column.heading for column in table.columns][:4] == ["study", "rank", "trial", "validation"]
    assert table.caption == ("a, b: 6 complete of 6 trials.", "Accuracy of 1,000 validation images, 95% intervals.")
    assert table.footnotes == [
        "4 more; `mnist-bench leaderboard a b --top 6 --results mine` shows all.",
        "Ranks, `=` and `ahead` are those within each study: no test was made across studies. "
        "`mnist-bench compare a b --results mine` tests two studies.",
        "The test set has not been evaluated.",
    ]
    assert table.whole == "`mnist-bench leaderboard a b --wide --results mine`"


def test_data_name_the_study_of_each_row_and_settings_in_which_studies_differ_are_columns() -> None:
    table = table_of(cut(leaderboard_of(FIRST, SECOND), 2))
    assert [(record["study"], record["rank"]) for record in table.records()] == [("a", 1), ("b", 1)]
    document = table.document
    digests = [(each["study"], each["digest"]) for each in document["studies"]]
    assert (digests, document["hidden"]) == ([("a", FIRST.digest), ("b", SECOND.digest)], 4)
    assert [(row["study"], row["number"]) for row in document["rows"]] == [("a", 1), ("b", 0)]
    table = table_of(leaderboard_of(FIRST, study("slow", range(6), params={"model.blocks": 3})))
    (blocks,) = [place for place, column in enumerate(table.columns) if column.heading == "blocks"]
    assert [texts[blocks] for texts in table.texts()] == ["2", "3", "2", "2"]
    assert [record["model.blocks"] for record in table.records()][:2] == [None, 3]


def test_values_of_one_objective_are_one_table_the_best_first() -> None:
    smaller = {"objective": "twice", "direction": "minimize"}
    one, two = (
        replace(
            handmade.value_study([handmade.value_trial(0, [value] * 4), handmade.value_trial(1, [9.0] * 4)], smaller),
            name=name,
        )
        for name, value in [("one", 2.0), ("two", 1.0)]
    )
    two = replace(two, trials=tuple(replace(trial, params={"size": 7}) for trial in two.trials))
    table = table_of(leaderboard_of(one, two))
    assert [row.study for row in table.rows] == ["two", "one", "one", "two"]
    assert [column.heading for column in table.columns][:4] == ["study", "rank", "trial", "twice"]
    assert [record["size"] for record in table.records()] == [7, None, None, 7]
    assert table.footnotes[0].endswith("`mnist-bench compare one two` compares two studies.")


def test_studies_of_different_objectives_are_refused_with_those_of_each() -> None:
    context = FIRST.spec["context"]
    other = {**context, "data": {**context["data"], "split_hash": "f" * 64}}
    apart = replace(study("c", range(3)), spec={**FIRST.spec, "context": other})
    values = handmade.value_study([handmade.value_trial(0, [1.0] * 4)])
    with pytest.raises(UsageError) as refused:
        leaderboard_of(FIRST, apart, SECOND, values)
    assert str(refused.value) == (
        "Studies of different objectives are not in one leaderboard. "
        "a and b: accuracy on 1,000 validation images of mnist (files 01234567, split 01234567); "
        "c: accuracy on 1,000 validation images of mnist (files 01234567, split ffffffff); "
        "ridge-0: value, larger is better."
    )
    with pytest.raises(UsageError, match=r"a: accuracy on 1,000 .*; two: accuracy and macs on 1,000 "):
        leaderboard_of(FIRST, handmade.two_objectives())
    with pytest.raises(UsageError, match="2 studies have the name a; in one leaderboard each needs its own"):
        leaderboard_of(FIRST, FIRST)
