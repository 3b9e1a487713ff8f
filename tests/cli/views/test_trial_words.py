from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mnist_bench.cli.views.trial_words import NetWords, TrialWords, ValueWords, words_of
from search.event_log.records import TrialRecord
from search.space.space import Space
from search.strategies.pruners import Asha
from search.strategies.samplers import Tpe
from search.study.spec import StudySpec
from support import handmade, search_fake

VALUES, NETS = ValueWords(), NetWords(handmade.IMAGES)
STOPPED = handmade.ended_by_machine().trials[2:]
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


@pytest.mark.parametrize(
    ("words", "ended", "line"),
    [
        (
            VALUES,
            trial(1, value=-12.5),
            "#3  PRUNED  -12.5  report 1/6  0.5 s  lr 0.00573  way adam  model.depth 3",
        ),
        (
            VALUES,
            trial(1, value=1234567.0, of=1),
            "#3  COMPLETE  1.23457e+06  0.5 s  lr 0.00573  way adam  model.depth 3",
        ),
        (
            VALUES,
            trial(0, state="FAIL", error="Traceback\n  File\nValueError: no value"),
            "#3  FAIL (crashed)  –  report 0/6  0.0 s  lr 0.00573  way adam  model.depth 3  (ValueError: no value)",
        ),
        (NETS, STOPPED[0], "#2  PRUNED (timed out)  –  epoch 0/6  0.0 s  "),
        (NETS, STOPPED[1], "#3  PRUNED (timed out)  92.00%  epoch 2/6  3.0 s  "),
    ],
)
def test_an_ended_trial_has_its_value_its_reports_and_what_ended_it(
    words: TrialWords, ended: TrialRecord, line: str
) -> None:
    told = words.ended(ended)
    assert told.startswith(line) if words is NETS else told == line
