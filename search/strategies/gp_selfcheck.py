"""Fingerprint what gp proposes on made-up trials, to tell whether linear algebra gives the same bits as elsewhere.

The canary of training cannot tell: gp computes in float64, with SciPy's and torch's linear algebra.
"""

from __future__ import annotations

from functools import cache

from search import canonical_json
from search.space import Document, Space
from search.strategies.optuna_study import OptunaStudy, frozen_trial
from search.strategies.pruners import NoPruner
from search.strategies.samplers import Gp

TRIALS = 64
"""Complete trials: several blocks of a matrix kernel, so that all its code paths run."""


@cache
def gp_proposal(two_objectives: bool) -> str:
    """Return a hash of two proposals, the second made while the first trial is running; takes a few seconds."""
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
