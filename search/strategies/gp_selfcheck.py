"""What gp proposes on made-up trials: whether linear algebra comes to the same bits here as where a study was made."""

from __future__ import annotations

from functools import cache

from search import canonical_json
from search.space import Document, Space
from search.strategies.optuna_study import OptunaStudy, frozen_trial
from search.strategies.pruners import NoPruner
from search.strategies.samplers import Gp

TRIALS = 64
"""Complete trials; with many more than a kernel's block, all of its paths are walked."""


@cache
def gp_proposal(two_objectives: bool) -> str:
    """Return a hash of two proposals, the second with a trial under way; takes a few seconds."""
    ranges = {"a": {"float": [0.0, 1.0]}, "b": {"int": [0, 63]}, "c": {"choice": ["p", "q", "r"]}}
    space = Space.from_document(Document("probe", "", {"probe": ranges}))
    cost = "b" if two_objectives else None
    optuna_study = OptunaStudy(name="probe", space=space, sampler=Gp(), pruner=NoPruner(), seed=0, periods=1, cost=cost)
    for number in range(TRIALS):
        a, b = number * 37 % TRIALS / TRIALS, number * 11 % TRIALS
        params = {"probe.a": a, "probe.b": b, "probe.c": "pqr"[number % 3]}
        trial = frozen_trial(optuna_study.ranges, state="COMPLETE", params=params, value=a * (1 - a) - b / 1000)
        optuna_study.restore(trial, {"b": b})
    return canonical_json.sha256([optuna_study.ask(TRIALS), optuna_study.ask(TRIALS + 1)])
