"""What no search can be asked for."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_bench.searches.config import SearchConfig
from search.errors import UsageError
from search.strategies.pruners import NoPruner


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"trials": 0}, "trials=0: give an integer from 1 to "),
        ({"concurrent_trials": "8"}, "concurrent_trials='8': give an integer from 1 to "),
        ({"order": "x"}, "order='x': give deterministic or as-completed."),
        ({"executor": "lokal"}, "executor='lokal': give local, in-process or ray; did you mean `local`?"),
        ({"seed": None}, "seed=None: give an integer from 0 to "),
        ({"results": Path("caf\udce9")}, "results='caf\\udce9': the name is not UTF-8"),
        ({"enqueue": ("conv", Path("\udce9.yaml"))}, "enqueue='\\udce9.yaml': the name is not UTF-8"),
        ({"data": Path("\udce9")}, "data='\\udce9': the name is not UTF-8"),
        ({"target": True}, "target=True: give a number."),
        ({"timeout": "90s"}, "timeout='90s': give seconds, a number of at least 0."),
        ({"trial_timeout": math.nan}, "trial_timeout=nan: give seconds"),
        ({"target": "99.4%"}, "target='99.4%': give a number."),
        ({"sampler": 3}, "sampler=3: give a name, or a mapping of name and options."),
        ({"pruner": NoPruner()}, "pruner=NoPruner(): give a name, or a mapping of name and options."),
        ({"overrides": "a=1"}, "overrides='a=1': give a list of them, [...]."),
        ({"periods": 2}, "--periods: only with --objective or --command."),
        ({"objective": "a.py:f", "device": "cpu"}, "--device: only for networks, not with --objective or --command."),
    ],
)
def test_an_argument_that_no_search_can_have_is_named(given: dict[str, Any], fault: str) -> None:
    with pytest.raises(UsageError) as refused:
        SearchConfig(space="smoke", **given)
    assert str(refused.value).startswith(fault)


def test_a_target_may_be_a_number_of_numpys() -> None:
    rules = SearchConfig(space="smoke", target=np.float64(0.99)).stop_rules
    assert type(rules.target) is float
