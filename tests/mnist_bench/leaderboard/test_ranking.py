"""The order of trials, ties and fronts; several studies in one order; what is counted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from mnist_bench.leaderboard.board import curve_of, cut, headline, table_of
from mnist_bench.leaderboard.ranking import first_then, is_ahead, leaderboard_of, ordered, pareto_front, ties_of
from mnist_bench.next_commands import NextCommands
from mnist_bench.statistics import wilson
from search.errors import StorageError, UsageError
from search.event_log.records import StudyRecord, TrialRecord
from search.hashed import Reason
from search.study.studies import StoredStudy
from support import handmade


def test_complete_trials_come_first_then_those_that_may_continue_then_pruned_by_how_far_they_went() -> None:
    board, every = leaderboard_of(handmade.mixed()), leaderboard_of(handmade.mixed(), infeasible=True)
    # Of 65 images that #1 or #2 alone gets right, 5 or fewer: McNemar's test, Holm-adjusted for two.
    far = pytest.approx(2 * 2 * sum(math.comb(65, wrong) for wrong in range(6)) / 2**65)
    assert [(row.trial.number, row.rank, row.p_value, row.tied) for row in board.rows] == [
        (1, 1, None, False), (0, 2, 1.0, True), (2, 3, far, False),
        *((number, None, None, False) for number in (7, 4, 3, 6)),
    ]  # fmt: skip
    assert [row.trial.number for row in every.rows] == [1, 0, 2, 7, 4, 3, 6, 5]
    (ranked,) = board.studies
    assert ranked.counts == {"complete": 3, "pruned": 2, "failed": 1, "running": 1, "infeasible": 1}
    assert (ranked.tied, ranked.saved, ranked.budget) == (2, 5 + 3, 36)
    assert (board.cost, ranked.front, {row.on_front for row in board.rows}) == (None, (), {None})
    assert dict(board.rows[0].settings) == {"blocks": "3", "filters": "16·32·64", "lr → drops": ".0093"}
    few = leaderboard_of(handmade.mixed(), top=2)
    assert (few.rows, few.hidden, few.studies[0].tied) == (board.rows[:2], 5, 2)
    assert leaderboard_of(handmade.study([], budget=5)).rows == ()


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
    assert (mirrored.studies[0].front, mirrored.studies[0].ahead) == (board.studies[0].front, board.studies[0].ahead)
    for row, other in zip(board.rows, mirrored.rows, strict=True):
        assert replace(other, trial=row.trial, first_then=row.first_then) == row


RIGHT = st.integers(0, handmade.IMAGES)


@given(st.lists(RIGHT, min_size=1, max_size=6), st.lists(RIGHT, min_size=6, max_size=6))
def test_no_complete_trial_is_ahead_and_a_stopped_one_only_where_it_was_better(
    stopped: list[int], best: list[int]
) -> None:
    curves = [[right / handmade.IMAGES for right in each] for each in (best, stopped)]
    first, trial = (handmade.trial(number, curve=each) for number, each in enumerate(curves))
    assert is_ahead(trial, first) == (len(stopped) < 6 and stopped[-1] > best[len(stopped) - 1])
    assert not is_ahead(first, first)
    assert first_then(trial, None) is None
    assert first_then(replace(first, state="PRUNED", reason="pruned"), first) == first.value


def test_what_a_trainer_of_ones_own_measures_hides_no_column_of_a_curve() -> None:
    trial = handmade.trial(0, range(3), periods=1)
    (report,) = trial.reports
    metrics = {"period": 99, "number": 7, "length": 1.5}
    measured = {"seconds": 2.0, "value": 3.0, "length": 4.0, "peak": 5.0}
    (found,) = curve_of(replace(trial, reports=(replace(report, metrics=metrics, measured=measured),)))
    named = {"metrics.period": 99, "metrics.number": 7, "length": 1.5}
    further = {"measured.value": 3.0, "measured.length": 4.0, "peak": 5.0}
    assert found == {"period": 1, **named, "value": report.value, "seconds": 2.0, **further}


@pytest.mark.parametrize(
    ("errors", "images", "interval"),
    [
        (5, 1000, wilson(995, 1000)),
        (0, 1000, wilson(1000, 1000)),
        (0, 1001, wilson(1001, 1001)),  # no multiple of 8, as which correctness is kept
        (None, 1000, (None, None)),
        (1001, 1000, (None, None)),
    ],
)
def test_intervals_are_wilsons_on_the_validation_images_that_the_study_names(
    errors: int | None, images: int, interval: tuple[float | None, float | None]
) -> None:
    trial = handmade.with_reports(handmade.trial(0), metrics={"errors": errors})
    study = handmade.changed(handmade.study([trial]), context={"images": {"validation": images}})
    (row,) = table_of(leaderboard_of(study)).records()
    assert (row["errors"], row["low"], row["high"]) == (errors, *interval)


def test_ties_are_corrected_for_the_number_of_trials() -> None:
    first = handmade.trial(0, range(0))
    second = handmade.trial(1, range(7))  # 7 against 0: p = 2/128
    assert not leaderboard_of(handmade.study([first, second])).rows[1].tied
    others = [handmade.trial(number, range(7)) for number in range(2, 6)]  # smallest adjusted p = 5 * 2/128
    assert all(row.tied for row in leaderboard_of(handmade.study([first, second, *others])).rows[1:])


def complete(*wrong: range, bare: Sequence[int] = ()) -> list[TrialRecord]:
    """Return complete trials that get these images wrong, best first; what the bare ones got right was not kept."""
    trials = [handmade.trial(number, images) for number, images in enumerate(wrong)]
    return [handmade.with_reports(each, details={}) if each.number in bare else each for each in trials]


@pytest.mark.parametrize(
    ("trials", "tied", "tested", "accuracies"),
    [
        (complete(range(5)), [], [], "99.50% each"),
        (complete(range(5), range(5)), [1], [1], "99.50% each"),
        (complete(range(5), range(7), range(100, 160)), [1], [1, 2], "99.30 to 99.50%"),
        (complete(range(5), range(6), range(7), bare=[1]), [2], [2], "99.30 to 99.50%"),
        (complete(range(5), range(6), range(7), bare=[0]), [], [], "99.50% each"),
    ],
)
def test_the_first_and_those_tied_with_it(
    trials: list[TrialRecord], tied: list[int], tested: list[int], accuracies: str
) -> None:
    ties = ties_of(trials)
    assert ([trial.number for trial in ties.tied], [*ties.p_values], ties.accuracies) == (tied, tested, accuracies)
    assert ties.all == (ties.first, *ties.tied)
    assert leaderboard_of(handmade.study(trials)).studies[0].tied == (len(ties.all) if tested else 0)


def test_damaged_correctness_is_a_sentence() -> None:
    damaged = handmade.with_reports(handmade.trial(0, [1]), 6, details={"correct": "?not base64?"})
    with pytest.raises(StorageError, match="damaged"):
        leaderboard_of(handmade.study([damaged]))


def test_with_two_objectives_the_front_comes_first_and_ranks_are_by_accuracy() -> None:
    two = handmade.two_objectives()
    board = leaderboard_of(two)
    assert [(row.trial.number, row.rank, row.on_front, row.tied) for row in board.rows] == [
        (1, 1, True, False), (2, 3, True, False), (4, 4, True, False), (0, 2, False, True), (5, 5, False, False),
        (3, None, False, False),
    ]  # fmt: skip
    for whole in (board, leaderboard_of(two, top=1)):
        assert (whole.cost, whole.studies[0].front) == ("macs", (1, 2, 4))
    # Of several studies the best are shown, not the front alone.
    every, few = (leaderboard_of(two, replace(two, name="again"), top=top) for top in (None, 3))
    assert [row.on_front for row in every.rows[:4]] == [True, True, False, False]
    assert ([row.trial.number for row in few.rows], few.hidden) == ([row.trial.number for row in every.rows[:3]], 9)


@example([(3, 1, True), (3, 2, True)])
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9), st.booleans()), max_size=12))
def test_the_front_is_what_no_complete_trial_dominates(shapes: list[tuple[int, int, bool]]) -> None:
    trials = [
        handmade.trial(n, range(wrong), periods=6 if done else 1, facts={"macs": macs})
        for n, (wrong, macs, done) in enumerate(shapes)
    ]
    complete = [(n, wrong, macs) for n, (wrong, macs, done) in enumerate(shapes) if done]
    expected = {
        n
        for n, wrong, macs in complete
        if not any(w <= wrong and m <= macs and (w, m) != (wrong, macs) for _, w, m in complete)
    }
    front = pareto_front(
        handmade.changed(handmade.study(trials), space={"settings": {"objective": ["val_accuracy", "macs"]}})
    )
    assert {trial.number for trial in front} == expected
    assert [trial.rank_key() for trial in front] == sorted(trial.rank_key() for trial in front)


def test_the_best_trial_is_looked_for_a_few_times_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look compares all complete trials, so that a look per row took minutes in a study of 5,000."""
    looks: list[StudyRecord] = []
    best = StudyRecord.__dict__["best"].fget

    def counted(study: StudyRecord) -> Any:
        looks.append(study)
        return best(study)

    monkeypatch.setattr(StudyRecord, "best", property(counted))
    board = leaderboard_of(handmade.study([handmade.trial(n, range(n)) for n in range(30)]))
    assert board.rows[0].trial.number == 0
    assert len(looks) < 5


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
    assert headline(board) == "a, b: 6 complete of 6 trials."
    assert headline(leaderboard_of(replace(FIRST, live=True), SECOND)) == "a, b: 6 complete of 6 trials, running now."
    # What has not ended or was not trained comes after all complete ones.
    board = leaderboard_of(handmade.mixed(name="a"), SECOND, infeasible=True)
    assert [(row.study, row.trial.reason) for row in board.rows[6:]] == [
        ("a", "paused"), ("a", "pruned"), ("a", "pruned"), ("a", "crashed"), ("a", "infeasible")
    ]  # fmt: skip
    assert table_of(board).divisions() == {7: "ended early"}


def test_the_table_names_the_study_first_and_says_that_nothing_is_tested_across() -> None:
    board = leaderboard_of(FIRST, SECOND, top=2)
    table = table_of(board, commands=NextCommands(study="a", place=("--results", "mine")))
    assert [column.heading for column in table.columns][:4] == ["study", "rank", "trial", "validation"]
    assert table.caption == ("a, b: 6 complete of 6 trials.", "Accuracy of 1,000 validation images, 95% intervals.")
    assert table.footnotes == [
        "4 more; `mnist-bench leaderboard a b --top 6 --results mine` shows all.",
        "Ranks, `=` and `ahead` are those within each study: no test was made across studies. "
        "`mnist-bench compare a b --results mine` tests two studies.",
        "The test set has not been evaluated.",
    ]
    assert table.whole == "`mnist-bench leaderboard a b --wide --results mine`"
    assert [(record["study"], record["rank"]) for record in table.records()] == [("a", 1), ("b", 1)]
    digests = [(each["study"], each["digest"]) for each in table.document["studies"]]
    assert (digests, table.document["hidden"]) == ([("a", FIRST.digest), ("b", SECOND.digest)], 4)
    assert [(row["study"], row["number"]) for row in table.document["rows"]] == [("a", 1), ("b", 0)]


def test_settings_in_which_studies_differ_are_columns_and_their_signs_are_those_of_all() -> None:
    slow = study("slow", range(6), params={"model.blocks": 3, "model.batchnorm": "after_activation"})
    table = table_of(cut(leaderboard_of(FIRST, slow), 3))
    by_heading = {column.heading: column for column in table.columns}
    assert [by_heading["blocks"].text(row) for row in table.rows] == ["2", "3", "2"]
    assert [record["model.blocks"] for record in table.records()] == [None, 3, None]
    assert by_heading["params"].legend == ["params: running statistics of batchnorm included"]


def test_values_of_one_objective_are_one_table_the_best_first() -> None:
    smaller = {"objective": "twice", "direction": "minimize"}
    one, two = (
        handmade.value_study(
            [handmade.value_trial(n, [value] * 4, params=params) for n, value in enumerate((best, 9.0))],
            smaller,
            name=name,
        )
        for name, best, params in (("one", 2.0, {}), ("two", 1.0, {"size": 7}))
    )
    table = table_of(leaderboard_of(one, two))
    assert [row.study for row in table.rows] == ["two", "one", "one", "two"]
    assert [column.heading for column in table.columns][:4] == ["study", "rank", "trial", "twice"]
    assert [record["size"] for record in table.records()] == [7, None, None, 7]
    assert table.footnotes[0].endswith("`mnist-bench compare one two` compares two studies.")


ACCURACY = "accuracy on 1,000 validation images of mnist (files 01234567, split 01234567)"


@pytest.mark.parametrize(
    ("studies", "words"),
    [
        (
            [
                FIRST,
                handmade.changed(study("c", range(3)), context={"data": {"split_hash": "f" * 64}}),
                SECOND,
                handmade.halved_values(),
            ],
            f"Studies of different objectives are not in one leaderboard. a and b: {ACCURACY}; "
            f"c: {ACCURACY.replace('split 01234567', 'split ffffffff')}; ridge-0: value, larger is better.",
        ),
        (
            [FIRST, handmade.two_objectives()],
            "Studies of different objectives are not in one leaderboard. "
            f"a: {ACCURACY}; two: {ACCURACY.replace('accuracy', 'accuracy and macs')}.",
        ),
        ([FIRST, FIRST], "2 studies have the name a; in one leaderboard each needs its own."),
    ],
)
def test_studies_of_different_objectives_are_refused_with_those_of_each(studies: list[StoredStudy], words: str) -> None:
    with pytest.raises(UsageError) as refused:
        leaderboard_of(*studies)
    assert str(refused.value) == words
