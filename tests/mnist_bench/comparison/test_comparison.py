from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.comparison.comparison import Comparison, compare, tables_of
from mnist_bench.comparison.differences import judged
from mnist_bench.comparison.sides import Side, side_of
from mnist_bench.statistics import mcnemar, wilson
from search.errors import StudyNotFoundError, UsageError
from search.study.studies import StoredStudy
from support import handmade

HERE = Path("results")
A, B = (handmade.mixed(name=name) for name in "ab")


def values(name: str = "ridge-0") -> StoredStudy:
    return handmade.value_study([handmade.value_trial(0, [0.1, 0.2, 0.3, 0.4])], name=name)


def compared(first: StoredStudy, second: StoredStudy) -> Comparison:
    return compare((first, second), HERE)


def test_equal_studies_share_all_trials_and_do_not_part() -> None:
    found = compared(A, B)
    assert (len(found.shared), found.identical, found.same_configurations) == (6, 6, 4)
    assert (found.parting, found.differing, found.settings) == (None, None, ())
    assert tables_of(found)[-1].footnotes[1:] == [
        "a and b share #0, #1, #2, #3, #4, #7.",
        "a and b do not differ: everything that both have is the same, bit for bit.",
    ]


TEN = [handmade.trial(n, range(n + 1), seed=7 + n) for n in range(10)]


@pytest.mark.parametrize(
    ("others", "shared"),
    [
        (
            [replace(TEN[place], number=number) for place, number in enumerate(range(5, 8))],
            ["a and b share #0 (#5 there), #1 (#6 there), #2 (#7 there)."],
        ),
        (TEN, ["a and b share #0, #1, #2, #3, #4, #5, #6, #7 and 2 more."]),
        ([handmade.trial(0, range(3), seed=99)], []),
    ],
)
def test_shared_trials_are_named_by_both_numbers_and_many_are_counted(others: Any, shared: list[str]) -> None:
    lines = tables_of(compared(handmade.study(TEN, name="a"), handmade.study(others, name="b")))[-1].footnotes
    assert [line for line in lines if " share " in line] == shared


def test_as_data_a_side_has_its_figures_and_a_pair_the_trials_that_both_have() -> None:
    runs, *_ = tables_of(compared(A, replace(B, totals=(9,))))
    assert [one.heading for one in runs.columns if one.align == "right"] == ["trial", "errors", "images", "trials"]
    document = runs.document
    first, second = document["sides"]
    low, high = wilson(995, 1000)
    figures = {"trial": 1, "seed": 101, "value": 0.995, "low": low, "high": high, "errors": 5, "images": 1000}
    assert {name: first[name] for name in figures} == {name: second[name] for name in figures} == figures
    assert first["digest"] == A.digest
    assert [(each["first"], each["second"], each["difference"]) for each in document["shared"]][:2] == [
        (0, 0, None), (1, 1, None)
    ]  # fmt: skip
    assert document["settings"] == [{"setting": "trials", "values": ["7", "9"], "follows": False}]


def test_a_shared_trial_with_another_result_is_told_besides_where_the_search_parts() -> None:
    trials = [*B.trials]
    trials[0] = replace(trials[0], seed=7)
    trials[2] = handmade.with_reports(trials[2], 4, metrics={"train_loss": 0.75})
    found = compared(A, replace(B, trials=tuple(trials)))
    assert (len(found.shared), found.identical) == (5, 4)
    assert found.differing is not None
    assert (found.differing.then.label, found.differing.now.label) == ("a/2", "b/2")
    assert tables_of(found)[-1].footnotes[-2:] == [
        "a and b first differ at the seed of trial 0: 100 in a, 7 in b.",
        "The first shared trial with another result is a/2: period 4, train loss, 0.125 and 0.75.",
    ]


@pytest.mark.parametrize(
    ("first", "second", "shared", "line"),
    [
        (
            [handmade.trial(number, range(number)) for number in range(2)],
            [handmade.trial(number, range(number)) for number in range(3)],
            2,
            "a and b first differ after 2 events that agree; next: trial 0 reports period 1 in a, trial 2 begins in b.",
        ),
        # A trial that one side trained further is the same as far as both went.
        (
            [handmade.trial(0, range(9), periods=3)],
            [handmade.trial(0, range(9), periods=6)],
            1,
            "a and b first differ after 4 events that agree; next: trial 0 ends in a, trial 0 reports period 4 in b.",
        ),
    ],
)
def test_a_search_that_went_further_parts_where_the_other_ends(first: Any, second: Any, shared: int, line: str) -> None:
    found = compared(handmade.study(first, name="a"), handmade.study(second, name="b"))
    assert (len(found.shared), found.identical) == (shared, shared)
    assert tables_of(found)[-1].footnotes[-1] == line


def test_the_settings_in_which_the_best_trials_differ_are_columns_and_what_follows_from_others_is_told_below() -> None:
    trials = [handmade.trial(1, range(4), params={"optim.lr": 0.5, "model.blocks": 1})]
    other = handmade.changed(handmade.study(trials, name="b"), seed=1, context={"costs": {"mac_ps": 1}})
    runs, settings, _ = tables_of(compared(A, other))
    cells = dict(zip([column.heading for column in runs.columns], runs.texts()[1], strict=True))
    assert (cells["blocks"], cells["lr → drops"], cells["errors"]) == ("1", ".5", "4")
    assert [texts[0] for texts in settings.texts()] == ["seed", "trials"]
    assert settings.footnotes[-1].startswith("1 value more follows from these: ")


def test_a_study_without_a_complete_trial_is_not_tested() -> None:
    found = compared(A, handmade.study([handmade.trial(0, periods=1)], name="b"))
    assert tables_of(found)[0].footnotes[1:] == ["No test: b has no complete trial."]


@pytest.mark.parametrize(
    ("sides", "error", "words"),
    [
        ([A], UsageError, "compare takes two studies, trials or records, not 1"),
        ([A, B, A], UsageError, "not 3"),
        ([A, A], UsageError, "a: is named twice; name two that may differ"),
        ([A, values()], UsageError, "a has networks, and ridge-0 was made by another trainer"),
        (["conv-0/1", "conv-0/6"], StudyNotFoundError, r"Trial conv-0/6 \(crashed\) has no report yet"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    sides: Sequence[Any], error: type[Exception], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.study.studies.open_study", lambda results, name: handmade.mixed(name=name))
    with pytest.raises(error, match=words):
        compare(sides, HERE)


def with_run(side: Side, **changes: Any) -> Side:
    assert side.run is not None
    return replace(side, run=replace(side.run, **changes))


def side_with(wrong: Sequence[int], name: str, *, weights: str = "", **data: Any) -> Side:
    """Return a study of this name whose run gets these images wrong; `data` are entries of its data set."""
    study = handmade.changed(handmade.study([handmade.trial(0, wrong)], name=name), context={"data": data})
    side = side_of(study, HERE)
    *before, last = side.run.curve if side.run else ()
    return with_run(side, curve=(*before, replace(last, weights=weights or name)))


SIX, FORTY = side_with(range(6), "a"), side_with(range(40), "b")
A_WINS = "a/0 is significantly better, by 3.10 percentage points [1.89, 4.30] (McNemar, p < 0.0001)."


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        (SIX, side_with(range(3, 40), "b"), f"a/0 alone is right on 34, and b/0 alone on 3. {A_WINS}"),
        (side_with(range(3, 40), "b"), SIX, f"b/0 alone is right on 3, and a/0 alone on 34. {A_WINS}"),
        (
            SIX,
            side_with(range(3, 10), "b"),
            "a/0 alone is right on 4, and b/0 alone on 3. No significant difference (McNemar, p = 1): a/0 is ahead by "
            "0.10 percentage points [−0.49, 0.69].",
        ),
        (
            side_with(range(3), "a"),
            side_with(range(3, 6), "b"),
            "a/0 alone is right on 3, and b/0 alone on 3. No significant difference (McNemar, p = 1): 0.00 percentage "
            "points [−0.55, 0.55].",
        ),
    ],
)
def test_on_the_same_images_the_test_is_paired_and_the_better_one_named(
    first: Side, second: Side, sentence: str
) -> None:
    test = judged(first, second)
    assert test.sentence == f"On the same 1,000 images, {sentence}"
    assert (test.images, test.is_significant) == (1000, A_WINS in sentence)
    assert test.p_value == mcnemar(test.only_first or 0, test.only_second or 0)


RECORD = FORTY.run.record if FORTY.run else None
ON_ALL = replace(RECORD, recipe={**RECORD.recipe, "train_on": "all"}) if RECORD else None
ON_OTHERS = "a/0 was validated on 1,000 images of your own data (split 01234567), and b/0 on 1,000 images of your own"


@pytest.mark.parametrize(
    ("sides", "reason"),
    [
        ([SIX, side_with(range(40), "b", split_hash="f" * 64)], f"{ON_OTHERS} data (split ffffffff)."),
        ([SIX, side_with(range(40), "b", data_hash="f" * 64)], f"{ON_OTHERS} data (split 01234567)."),
        ([SIX, with_run(FORTY, correct="/w==")], f"{ON_OTHERS} data (split 01234567)."),
        (
            [SIX, with_run(FORTY, correct=None)],
            "b/0 has no accuracy, or which images it classified correctly was not kept.",
        ),
        ([side_with(range(6), name, weights="w") for name in "ab"], "a/0 and b/0 have the same weights."),
        ([SIX, with_run(FORTY, record=ON_ALL)], "b/0 was trained on the validation images, too."),
        (
            [side_of(values(name), HERE) for name in "ab"],
            "a/0 has one value and no images; `mnist-bench confirm` gives it several seeds.",
        ),
        ([SIX, replace(FORTY, run=None)], "b has no complete trial."),
    ],
)
def test_what_no_test_can_compare_is_not_tested_with_the_reason(sides: list[Side], reason: str) -> None:
    test = judged(*sides)
    assert (test.p_value, test.difference, test.is_significant) == (None, None, False)
    assert test.sentence == f"No test: {reason}"
