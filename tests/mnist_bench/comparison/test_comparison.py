from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.comparison.comparison import Comparison, compare, tables_of
from mnist_bench.comparison.differences import judged
from mnist_bench.comparison.sides import side_of
from mnist_bench.result_table import Table
from mnist_bench.statistics import fisher, mcnemar, wilson
from mnist_bench.studies.claims import Claim
from mnist_bench.value_kind import correct_bits
from search.errors import StudyNotFoundError, UsageError
from search.study.studies import StoredStudy
from support import handmade

HERE = Path("results")


def named(name: str, **changes: object) -> StoredStudy:
    return handmade.mixed(name=name, **changes)


def with_loss(study: StoredStudy, number: int, period: int, loss: float) -> StoredStudy:
    trials = [*study.trials]
    trials[number] = handmade.with_reports(trials[number], period, metrics={"train_loss": loss})
    return replace(study, trials=tuple(trials))


def compared(*studies: StoredStudy) -> Comparison:
    return compare(studies, HERE)


def test_equal_studies_share_all_trials_and_do_not_part() -> None:
    found = compared(named("a"), named("b"))
    assert (len(found.shared), found.identical, found.same_configurations) == (6, 6, 4)
    assert (found.parting, found.differing, found.settings) == (None, None, ())
    assert found.same_images
    assert tables_of(found)[-1].footnotes[1:] == [
        "a and b share #0, #1, #2, #3, #4, #7.",
        "a and b do not part: everything that both have is the same, bit for bit.",
    ]


@pytest.mark.parametrize(
    ("numbers", "shared"),
    [
        (range(5, 8), "a and b share #0 (#5 there), #1 (#6 there), #2 (#7 there)."),
        (range(10), "a and b share #0, #1, #2, #3, #4, #5, #6, #7 and 2 more."),
        ((), None),
    ],
)
def test_shared_trials_are_named_by_both_numbers_and_many_are_counted(
    numbers: Sequence[int], shared: str | None
) -> None:
    trials = [handmade.trial(n, range(n + 1), seed=7 + n) for n in range(10)]
    others = [replace(trials[place], number=number) for place, number in enumerate(numbers)]
    others = others or [handmade.trial(0, range(3), seed=99)]
    lines = tables_of(compared(handmade.study(trials, name="a"), handmade.study(others, name="b")))[-1].footnotes
    assert [line for line in lines if " share " in line] == ([] if shared is None else [shared])


def test_as_data_a_side_has_its_figures_and_a_pair_the_trials_that_both_have() -> None:
    document = tables_of(compared(named("a"), named("b", totals=(9,))))[0].document
    first, second = document["sides"]
    low, high = wilson(995, 1000)
    figures = {"trial": 1, "seed": 101, "value": 0.995, "low": low, "high": high, "errors": 5, "images": 1000}
    assert {name: first[name] for name in figures} == {name: second[name] for name in figures} == figures
    assert first["digest"] == named("a").digest
    assert [(each["first"], each["second"], each["difference"]) for each in document["shared"]][:2] == [
        (0, 0, None), (1, 1, None)
    ]  # fmt: skip
    assert document["settings"] == [{"setting": "trials", "values": ["7", "9"], "follows": False}]


def test_values_are_of_the_same_images_for_there_are_none() -> None:
    values = handmade.value_study([handmade.value_trial(0, [0.1] * 4)])
    assert compared(values, replace(values, name="b")).same_images


def test_a_shared_trial_with_another_result_is_told_besides_where_the_search_parts() -> None:
    other = with_loss(named("b"), 2, 4, 0.75)
    found = compared(named("a"), replace(other, trials=(replace(other.trials[0], seed=7), *other.trials[1:])))
    assert (len(found.shared), found.identical) == (5, 4)
    assert found.differing is not None
    assert (found.differing.then.label, found.differing.now.label) == ("a/2", "b/2")
    lines = tables_of(found)[-1].footnotes
    assert "a and b part at the seed of trial 0: 100 in a, 7 in b." in lines
    assert "The first shared trial with another result is a/2: period 4, train loss, 0.125 and 0.75." in lines


def test_a_search_with_one_more_trial_parts_where_that_begins() -> None:
    trials = [handmade.trial(number, range(number)) for number in range(3)]
    short, long = (handmade.study(trials[:count], name=f"of-{count}") for count in (2, 3))
    lines = tables_of(compared(short, long))[-1].footnotes
    next_events = "trial 0 reports period 1 in of-2, trial 2 begins in of-3"
    assert f"of-2 and of-3 part after 2 events that agree; next: {next_events}." in lines


def test_a_trial_that_one_side_trained_further_is_the_same_as_far_as_both_went() -> None:
    short, long = (handmade.study([handmade.trial(0, range(9), periods=n)], name=f"to-{n}") for n in (3, 6))
    found = compared(short, long)
    assert (len(found.shared), found.identical) == (1, 1)


def test_the_settings_in_which_the_best_trials_differ_are_columns_and_what_follows_from_others_is_told_below() -> None:
    study = handmade.mixed(name="b")
    context = {**study.spec["context"], "costs": {"mac_ps": 1}}
    trials = [handmade.trial(1, range(4), params={"optim.lr": 0.5, "model.blocks": 1})]
    other = replace(study, spec={**study.spec, "seed": 1, "context": context}, trials=tuple(trials), totals=(1,))
    runs, settings, _ = tables_of(compared(named("a"), other))
    cells = dict(zip([column.heading for column in runs.columns], runs.texts()[1], strict=True))
    assert (cells["blocks"], cells["lr → drops"], cells["errors"]) == ("1", ".5", "4")
    assert [texts[0] for texts in settings.texts()] == ["seed", "trials"]
    assert settings.footnotes[-1].startswith("1 value more follows from these: ")


def test_on_a_narrow_screen_the_names_remain_the_longest() -> None:
    made = named("b")
    runs, settings, shared = tables_of(compared(named("a"), replace(made, spec={**made.spec, "seed": 1})))

    def kept(table: Table[Any]) -> list[str]:
        return [column.heading for column in sorted(table.columns, key=lambda column: -column.importance)]

    assert kept(runs)[:6] == ["side", "trial", "validation", "errors", "images", "trials"]
    assert kept(settings) == ["setting", "a", "b"]
    assert kept(shared) == ["compared with", "trials", "shared", "identical", "same configuration"]


def test_a_study_without_a_complete_trial_is_not_tested() -> None:
    found = compared(named("a"), handmade.study([handmade.trial(0, periods=1)], name="b"))
    assert found.test is None
    assert tables_of(found)[0].footnotes[1:] == ["a and b are not tested: b has no complete trial."]


@pytest.mark.parametrize(
    ("sides", "words"),
    [
        ([named("a")], "compare takes two studies, trials or records, not 1"),
        ([named(f"a{n}") for n in range(3)], "not 3"),
        ([named("a"), named("a")], "a: is named twice; name two that may differ"),
        (
            [named("a"), handmade.value_study([handmade.value_trial(0, [0.1])])],
            "a has networks, and ridge-0 was made by another trainer",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(sides: Sequence[StoredStudy], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        compare(sides, HERE)


def test_a_trial_without_a_report_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.study.studies.open_study", lambda results, name: named(name))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyNotFoundError, match=r"Trial conv-0/6 \(crashed\) has no report yet"):
        compare(["conv-0/1", "conv-0/6"], HERE)


def run_with(wrong: Sequence[int], name: str, *, weights: str = "", **data: Any) -> Claim:
    """Return a run of a study of this name that gets these images wrong; `data` are entries of its data set."""
    study = handmade.study([handmade.trial(0, wrong)], name=name)
    study.spec["context"]["data"].update(data)
    run = side_of(study, Path("results")).run
    assert run is not None
    return replace(run, curve=(*run.curve[:-1], replace(run.curve[-1], weights=weights or name)))


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        (
            run_with(range(6), "a"),
            run_with(range(3, 40), "b"),
            "On the same 1,000 images, a/0 alone is right on 34, and b/0 alone on 3. a/0 is significantly better, by "
            "3.10 percentage points [1.89, 4.30] (McNemar, p < 0.0001).",
        ),
        (
            run_with(range(3, 40), "b"),
            run_with(range(6), "a"),
            "On the same 1,000 images, b/0 alone is right on 3, and a/0 alone on 34. a/0 is significantly better, by "
            "3.10 percentage points [1.89, 4.30] (McNemar, p < 0.0001).",
        ),
        (
            run_with(range(6), "a"),
            run_with(range(3, 10), "b"),
            "On the same 1,000 images, a/0 alone is right on 4, and b/0 alone on 3. No significant difference "
            "(McNemar, p = 1): a/0 is ahead by 0.10 percentage points [−0.49, 0.69].",
        ),
        (
            run_with(range(3), "a"),
            run_with(range(3, 6), "b"),
            "On the same 1,000 images, a/0 alone is right on 3, and b/0 alone on 3. No significant difference "
            "(McNemar, p = 1): 0.00 percentage points [−0.55, 0.55].",
        ),
    ],
)
def test_on_the_same_images_the_test_is_paired_and_the_better_one_named(
    first: Claim, second: Claim, sentence: str
) -> None:
    test = judged(first, second)
    assert (test.method, test.images, test.sentence) == ("paired", (1000, 1000), sentence)
    assert test.is_significant == ("significantly better" in sentence)
    assert first.record is not None
    assert second.record is not None
    assert test.p_value == mcnemar(*(correct_bits(str(run.correct)) for run in (first, second)))


@pytest.mark.parametrize("changed", [{"split_hash": "f" * 64}, {"data_hash": "f" * 64}])
def test_on_different_images_the_test_is_unpaired(changed: dict[str, str]) -> None:
    first, second = run_with(range(6), "a"), run_with(range(40), "b", **changed)
    test = judged(first, second)
    assert (test.method, test.same_images, test.only_first) == ("unpaired", False, None)
    assert test.p_value == fisher((994, 960), (1000, 1000))
    assert test.sentence.startswith("a/0 was judged on 1,000 images, and b/0 on 1,000 other ones. a/0 is significantly")


def test_without_the_correct_images_the_same_images_are_tested_unpaired() -> None:
    first, second = run_with(range(6), "a"), run_with(range(40), "b")
    assert second.record is not None
    test = judged(first, replace(second, correct=None))
    assert (test.method, test.same_images) == ("unpaired", True)
    assert test.sentence.startswith(
        "On the same 1,000 images, it was not kept which of them each classified correctly."
    )


def test_equal_weights_need_no_test() -> None:
    test = judged(run_with(range(6), "a", weights="w"), run_with(range(6), "b", weights="w"))
    assert test.sentence == "a/0 and b/0 are not tested against each other, because they have the same weights."


def test_a_network_that_was_trained_on_its_images_is_not_tested() -> None:
    first, second = run_with(range(6), "a"), run_with(range(6), "b")
    assert second.record is not None
    on_all = replace(second, record=replace(second.record, recipe={**second.record.recipe, "train_on": "all"}))
    test = judged(first, on_all)
    assert (test.method, test.reason) == ("none", "b/0 was trained on the validation images, too")


def test_values_are_not_tested() -> None:
    runs = [
        side_of(replace(handmade.value_study([handmade.value_trial(0, [0.1, 0.2, 0.3, 0.4])]), name=name), Path("r"))
        for name in "ab"
    ]
    first, second = (side.run for side in runs)
    assert first is not None
    assert second is not None
    test = judged(first, second)
    assert (test.method, test.p_value) == ("none", None)
    assert "a/0 has one value and no images" in test.sentence
