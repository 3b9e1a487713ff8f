"""What a confirmation is made of, without training: candidates, the selection, figures, the file that keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from mnist_bench.config.values import with_params
from mnist_bench.experiments.confirm import results as confirmed
from mnist_bench.experiments.confirm.confirming import ConfirmOptions, candidates_of, confirm_front, confirm_study
from mnist_bench.experiments.confirm.results import Evaluated, evaluated
from mnist_bench.experiments.grid import Observer
from search.errors import SearchError, StorageError, StudyLockedError, StudyNotFoundError, UsageError
from search.study.folder import StudyFolder
from search.study.studies import StoredStudy
from support import experiments, handmade
from support.experiments import ERRORS, FRONT, compared, final, found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of the study conv-0, with one for its confirmation."""
    (tmp_path / "conv-0" / "confirm").mkdir(parents=True)
    return tmp_path / "conv-0"


def ask(study: StoredStudy, folder: Path, observer: Observer | None = None, **asked: Any) -> confirmed.Confirmed:
    kept = handmade.kept_in(folder.parent, study)
    return confirm_study(kept, ConfirmOptions(**asked), observer or Observer())


def each_its_own(study: StoredStudy) -> StoredStudy:
    """Return a study whose trials have configurations of their own."""
    trials = [replace(t, config=with_params(t.config, {"optim.lr": 0.01 + t.number / 1000})) for t in study.trials]
    return replace(study, trials=tuple(trials))


def trained_for(*periods: int) -> StoredStudy:
    """Return a study whose trials, the best first, were trained for these periods."""
    trials = [handmade.trial(number, range(number + 5), periods=count) for number, count in enumerate(periods)]
    return each_its_own(handmade.study(trials))


TWINS = [handmade.trial(number, range(9 - number), params={"optim.lr": 0.01 + number % 2}) for number in range(4)]
VALUES = [handmade.value_trial(number, [float(number)] * 4) for number in range(4)]
FEW_VALUES = [handmade.value_trial(0, [1.0] * 4), *(handmade.value_trial(3 - n, [9.0] * n) for n in (1, 2))]


@pytest.mark.parametrize(
    ("study", "top", "candidates"),
    [
        (handmade.mixed(), 8, [1, 0, 2]),
        (handmade.mixed(), 2, [1, 0]),
        (each_its_own(handmade.two_objectives()), 3, [1, 0, 2]),  # the most accurate, at any cost
        (handmade.study(TWINS), 8, [3, 2]),  # of the same configuration the best
        # Pruned trials are taken if fewer than two are complete.
        (trained_for(6, 6, 3, 1), 8, [0, 1]),
        (trained_for(6, 3, 3, 1), 8, [0, 1, 2]),
        (trained_for(6, 3, 1, 1), 8, [0, 1]),
        (trained_for(3, 3, 1, 1), 8, [0, 1]),
        (trained_for(3, 1, 1), 8, [0, 1, 2]),
        (trained_for(1), 8, [0]),
        (handmade.value_study([*VALUES, handmade.value_trial(4, [9.0])]), 8, [3, 2, 1, 0]),
        (handmade.value_study(FEW_VALUES), 8, [0, 1]),
    ],
)
def test_the_candidates_are_the_best_distinct_configurations_with_as_much_training_as_the_second(
    study: StoredStudy, top: int, candidates: list[int]
) -> None:
    assert [trial.number for trial in candidates_of(study, top)] == candidates


@pytest.mark.parametrize(
    "study",
    [
        handmade.study([handmade.trial(0, range(5), periods=2, reason="diverged")]),
        handmade.value_study([handmade.value_trial(0, [None])]),
    ],
)
def test_trials_that_cannot_continue_are_no_candidates(study: StoredStudy) -> None:
    with pytest.raises(StudyNotFoundError, match="no complete or pruned trial to confirm"):
        candidates_of(study, 8)


def test_a_study_that_is_being_searched_is_refused(folder: Path) -> None:
    with pytest.raises(StudyLockedError, match=r"conv-0 is being searched; confirm it when"):
        ask(handmade.mixed(live=True), folder)
    with pytest.raises(StudyLockedError, match=r"two is being searched; confirm its front when"):
        confirm_front(replace(handmade.two_objectives(), live=True), ConfirmOptions(), Observer())


# The selection


def of_sizes(*sizes: tuple[int, int]) -> StoredStudy:
    """Return a study of trials whose nets have so many MACs and parameters."""
    facts = [{"macs": macs, "parameters": parameters} for macs, parameters in sizes]
    return handmade.study([handmade.trial(number, range(5), facts=each) for number, each in enumerate(facts)])


STEADY, WORSE = (60, 62, 61, 63), (160, 162, 161, 164)
NOISY = (66, 55, 68, 57)  # mean 61.5, like STEADY


@pytest.mark.parametrize(
    ("sizes", "results", "winner", "cheapest"),
    [
        ([(3, 3), (2, 2), (1, 1)], {0: STEADY, 1: NOISY, 2: WORSE}, 1, 1),  # equal means: the smaller net
        ([(2, 9), (2, 8), (1, 1)], {0: STEADY, 1: NOISY, 2: WORSE}, 1, 1),  # equal MACs: fewer parameters
        ([(2, 2), (2, 2), (1, 1)], {0: STEADY, 1: NOISY, 2: WORSE}, 0, 0),  # equal sizes: the earlier trial
        ([(3, 3), (1, 1), (2, 2)], {0: (59, 61, 60, 63), 1: NOISY, 2: WORSE}, 0, 1),
        ([(2, 2), (2, 2), (2, 2)], {1: (59, 61, 60, 63), 0: NOISY, 2: WORSE}, 1, 1),  # none is cheaper
        ([(2, 2), (1, 1), (1, 1)], {0: STEADY, 1: (0, 0, 0, None), 2: WORSE}, 0, 0),  # no mean without all runs
        ([(2, 2), (1, 1), (1, 1)], {0: STEADY, 1: (None,) * 4, 2: (None,) * 4}, 0, 0),
        ([(2, 2)], {0: STEADY}, 0, 0),
    ],
)
def test_the_fewest_errors_win_and_the_cheapest_of_the_tied_is_named(
    sizes: list[tuple[int, int]], results: Mapping[int, tuple[int | None, ...]], winner: int, cheapest: int
) -> None:
    rows, *selected = compared(of_sizes(*sizes), results)
    assert selected == [winner, cheapest]
    p_values = {row.number: row.p_value for row in rows}
    assert p_values.pop(winner) is None
    for number, p_value in p_values.items():
        assert (p_value is None) == (None in results[number])
        assert p_value is None or (p_value <= 0.05) == (results[number] is WORSE)


def test_of_larger_values_the_largest_wins() -> None:
    study = handmade.value_study([handmade.value_trial(number, [0.5] * 4) for number in range(2)])
    for minimized, winner in ((False, 1), (True, 0)):
        rows, *selected = compared(study, {0: (0.1, 0.3), 1: (0.2, 0.3)}, step=0.1, minimized=minimized)
        assert selected == [winner, winner]
        assert [row.size for row in rows] == [(0, 0), (0, 0)]


def test_if_no_candidate_trains_to_its_end_there_is_nothing_to_confirm() -> None:
    with pytest.raises(SearchError, match="None of the candidates trains to its end with fresh seeds"):
        compared(handmade.mixed(), {1: (60, None), 0: (None, None)})


# Figures


def figures(*errors: int | None, images: int = 10_000) -> confirmed.AccuracyOverSeeds:
    found = confirmed.figures(errors, images)
    assert found is not None
    return found


def test_figures_by_hand() -> None:
    # errors 60 64 62 66 63 63 61 65: squares about the mean 63 sum to 28; t with 7 degrees of freedom is 2.364624
    reach = 2.364624 * (28 / 7 / 8) ** 0.5 / 10_000
    fresh, test = found().fresh(1), found().test(0)
    assert fresh is not None
    assert fresh.mean == pytest.approx(0.9937)
    assert fresh.interval == pytest.approx((0.9937 - reach, 0.9937 + reach))
    assert test is not None
    assert test.mean == pytest.approx(0.9940)
    assert test.seeds == 7
    assert found().test(2) is None
    assert (found().tied, found().has_winner) == ((1, 0), False)


def test_an_interval_stays_within_what_an_accuracy_can_be_and_needs_two_seeds() -> None:
    wide = figures(0, 10, images=10).interval
    assert wide is not None
    assert 0 < wide[0] < 0.01 < 0.99 < wide[1] < 1
    single = figures(3, None, images=10)
    assert (single.mean, single.interval, single.seeds) == (0.7, None, 1)
    assert confirmed.figures((None, None), 10) is None


def test_a_seed_that_did_not_learn_is_counted_and_the_median_is_kept() -> None:
    collapsed = figures(100, 120, 110, 130, 90, 100, 8972, 110)
    assert collapsed.not_learned == (0.1028,)
    assert (collapsed.median, collapsed.mean) == pytest.approx((0.989, 0.87835))
    assert collapsed.interval is not None
    assert 0.3 < collapsed.interval[0] < collapsed.mean < collapsed.interval[1] < 0.999
    assert figures(100, 120).not_learned == ()


# The file


def test_a_result_is_kept_and_returned_for_the_same_question(folder: Path) -> None:
    study = handmade.mixed()
    assert confirmed.load(confirmed.Confirmed, folder) is None
    confirmed.save(found(), folder)
    renamed = folder.rename(folder.parent / "renamed")
    assert confirmed.load(confirmed.Confirmed, renamed) == found(study="renamed")
    renamed.rename(folder)
    assert ask(study, folder) == ask(study, folder, test=False) == found()
    # Only training looks at the data, which are not the study's here.
    other_data = pytest.raises(
        UsageError, match=r"conv-0 was trained on other data \(its hash 01234567, here 8f9dfd1a\)"
    )
    with other_data:
        ask(study, folder, top=3)
    with other_data:
        ask(replace(study, trials=(*study.trials, handmade.trial(8, range(3)))), folder)
    closed = found(finals=(), test_images=0)
    confirmed.save(closed, folder)
    assert ask(study, folder, test=False) == closed
    with other_data:
        ask(study, folder)


def test_nets_that_are_gone_and_cannot_be_trained_here_leave_the_result_as_it_is(folder: Path) -> None:
    files, heard = StudyFolder(folder).confirm, experiments.Stopping()
    experiments.write_records(files)
    confirmed.save(found(), folder)
    files.net_of(1, 3).touch()
    assert ask(handmade.mixed(), folder, heard) == found()
    (told,) = heard.news
    assert told.startswith(
        "7 networks trained on all images cannot be made again here: Study conv-0 was trained on other data"
    )


OLD, NEW = ("0" * 64, "1" * 64), ("0" * 64, "2" * 64)
"""Test files before a correction, and after it."""


def test_what_is_known_of_a_test_set_is_what_was_evaluated_on_the_same_files(folder: Path) -> None:
    first, second = found().finals
    third = final(30, 1, 2)
    confirmed.save(found(test_images=100, test_files=OLD), folder)
    confirmed.save(replace(FRONT, test_images=300, test_files=NEW, earlier=(third,)), folder)
    assert evaluated(folder, None) == Evaluated(finals=(), images=0, files=None)
    of_front = evaluated(folder, NEW)
    assert of_front == Evaluated(finals=(*FRONT.finals, third), images=300, files=NEW)
    assert of_front.but([each.number for each in FRONT.finals]) == (third,)
    assert evaluated(folder, OLD).finals == (first, second)
    # On the same files the confirmation's figures count before those of a front that has the same trial.
    confirmed.save(replace(FRONT, test_images=100, test_files=OLD), folder)
    assert {each.number: each for each in evaluated(folder, OLD).finals}[1] == first


@given(st.binary(max_size=60) | st.just(b"{}") | st.just(b'{"study": 1}'))
def test_a_damaged_file_is_one_sentence(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("study")
    (folder / "confirm").mkdir()
    (folder / "confirm" / "confirm.json").write_bytes(content)
    with pytest.raises(StorageError, match="move it away, and it is made again"):
        confirmed.load(confirmed.Confirmed, folder)


@pytest.mark.parametrize(
    "change", [{"winner": 7}, {"winner": None}, {"cheapest": 7}, {"test_images": 0}, {"finals": (final(8),)}]
)
def test_a_file_that_contradicts_itself_is_one_sentence(folder: Path, change: dict[str, Any]) -> None:
    confirmed.save(found(**change), folder)
    with pytest.raises(StorageError, match="move it away, and it is made again"):
        confirmed.load(confirmed.Confirmed, folder)


def test_the_json_has_the_file_and_the_figures() -> None:
    values = json.loads(json.dumps(found().plain()))
    assert {*asdict(found())} <= {*values}
    assert values["tied"] == [1, 0]
    assert [row["results"] for row in values["candidates"]] == [[*errors] for errors in ERRORS.values()]
    assert values["candidates"][0]["fresh"]["mean"] == pytest.approx(0.9937)
    assert values["finals"][1]["test"]["seeds"] == 7
