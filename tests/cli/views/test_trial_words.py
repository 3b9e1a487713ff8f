from __future__ import annotations

from dataclasses import replace
from typing import Any

from mnist_bench.cli.views.trial_words import NetWords, ValueWords, words_of
from search.driver.progress import Progress
from search.event_log.records import TrialRecord
from search.space.space import Space
from search.strategies.pruners import Asha
from search.strategies.samplers import Tpe
from search.study.spec import StudySpec
from support import handmade, search_fake

WORDS = ValueWords()
PARAMS = {"config.lr": 0.00573, "config.way": "adam", "model.depth": 3}


def trial(periods: int, *, value: float = 0.25, of: int = 6, **more: Any) -> TrialRecord:
    return handmade.value_trial(3, [value] * periods, planned=of, params=PARAMS, **more)


def test_a_search_of_networks_has_their_words_and_any_other_those_of_values() -> None:
    nets = StudySpec(
        space=search_fake.space(), seed=0, concurrent_trials=8, sampler=Tpe(), pruner=Asha(), periods=6,
        numerics={"check": "77c0"}, context=handmade.spec()["context"], order="deterministic", versions={},
    )  # fmt: skip
    own = replace(nets, space=Space.of({"x": 1}, "config"), context={"trainer": {"factory": "mine.py:f"}})
    assert isinstance(words_of(nets), NetWords)
    assert isinstance(words_of(own), ValueWords)


def test_settings_are_the_parameters_without_the_section_of_the_top_level() -> None:
    assert WORDS.settings(trial(6)) == "lr 0.00573  way adam  model.depth 3"


def test_an_ended_trial_has_its_value_and_if_there_may_be_several_its_reports() -> None:
    pruned = trial(1, value=-12.5)
    assert WORDS.ended(pruned).startswith("#3  PRUNED  -12.5  report 1/6  0.5 s  lr 0.00573")
    single = trial(1, value=1234567.0, of=1)
    assert WORDS.ended(single).startswith("#3  COMPLETE  1.23457e+06  0.5 s  lr 0.00573")


def test_a_crashed_trial_ends_with_its_error() -> None:
    crashed = trial(0, state="FAIL", error="Traceback\n  File\nValueError: no value")
    assert WORDS.ended(crashed) == (
        "#3  FAIL (crashed)  –  report 0/6  0.0 s  lr 0.00573  way adam  model.depth 3  (ValueError: no value)"
    )


def test_the_columns_of_running_trials_are_as_wide_before_and_after_the_first_report() -> None:
    lines = [WORDS.running(trial(periods), waits) for periods, waits in ((0, "a worker"), (3, ""), (5, "its turn"))]
    assert len({len(line) for line in lines}) == 1
    assert [line.split()[:2] for line in lines] == [["report", "0/6"], ["report", "3/6"], ["report", "5/6"]]
    assert "waits for its turn" in lines[2]


def test_pruning_saves_reports() -> None:
    progress = Progress(
        goal=5, finished=2, complete=1, pruned=1, failed=0, infeasible=0, running=(), best=None, seconds=1.0,
        saved_periods=3, total_periods=9, order_cost=0.0, workers=1,
    )  # fmt: skip
    assert WORDS.unit(progress) == "reports"
