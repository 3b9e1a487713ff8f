"""Plans and reports check themselves, where they are made."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from search.errors import UsageError
from search.trainer_api import Plan, Report


def plan(**parts: Any) -> Plan[dict[str, Any]]:
    return Plan(**{"config": {}, "costs": (1, 1), **parts})


def report(**parts: Any) -> Report:
    return Report(**{"value": 0.5, "metrics": {}, "weights": "a", **parts})


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"costs": 5}, "Plan.costs=5: give a tuple of whole microseconds, one for each period."),
        ({"costs": ()}, "Plan.costs=[]: give a tuple of"),
        ({"costs": (1, 2.0)}, "Plan.costs=[1, 2.0]: give a tuple of"),
        ({"costs": (1, -1)}, "Plan.costs=[1, -1]: give a tuple of"),
        ({"costs": "12"}, "Plan.costs=12: give a tuple of"),
        ({"constraints": None}, "Plan.constraints=null: give a mapping of names to values, each a finite number."),
        ({"constraints": {"macs": "many"}}, "Plan.constraints['macs']=many: give a finite number."),
        ({"constraints": {"macs": math.nan}}, "Plan.constraints['macs']=nan: give a finite number."),
        ({"constraints": {"macs": True}}, "Plan.constraints['macs']=true: give a finite number."),
        ({"constraints": {3: 1.0}}, "Plan.constraints[3]=1.0: give a finite number."),
        ({"facts": ["wide"]}, "Plan.facts=[wide]: give a mapping of names to values, each a number or a text."),
        ({"facts": {"filters": [16, 32]}}, "Plan.facts['filters']=[16, 32]: give a number or a text."),
        ({"facts": {"wide": None}}, "Plan.facts['wide']=null: give a number or a text."),
        ({"facts": {"wide": np.int64(8)}}, "Plan.facts['wide']=8: give a number or a text."),
        ({"facts": {"share": math.inf}}, "Plan.facts['share']=inf: give a number or a text."),
    ],
)
def test_a_plan_that_no_study_can_keep_is_refused(parts: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(said)}"):
        plan(**parts)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"value": "0.9"}, "Report.value=0.9: give a number of a float's size, or None."),
        ({"value": 10**400}, "Report.value=1000"),
        ({"metrics": [0.9]}, "Report.metrics=[0.9]: give a mapping of names to values, each a number of"),
        ({"metrics": {"share": Fraction(1, 3)}}, "Report.metrics['share']=1/3: give a number of a float's size, or"),
        ({"metrics": {"share": True}}, "Report.metrics['share']=true: give a number of a float's size, or None."),
        ({"weights": b"a"}, "Report.weights=b'a': give a text."),
        ({"measured": {"seconds": None}}, "Report.measured['seconds']=null: give a finite number."),
        ({"measured": {"peak": math.nan}}, "Report.measured['peak']=nan: give a finite number."),
        ({"measured": dict.fromkeys(map(str, range(101)), 1.0)}, "Report.measured: 101 figures; give at most 100."),
        ({"end": "failed"}, "Report.end=failed: give diverged, out_of_memory or finished, or None."),
        ({"details": {"share": math.nan}}, "Report.details: give plain JSON values (Out of range float values are not"),
        ({"details": {"share": Fraction(1, 3)}}, "Report.details: give plain JSON values (Object of type Fraction"),
    ],
)
def test_a_report_that_no_study_can_keep_is_refused(parts: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(said)}"):
        report(**parts)


def test_what_a_study_can_keep_is_taken_as_it_is() -> None:
    made = plan(costs=[0, 2**53], constraints={"macs": np.float64(-1)}, facts={"macs": 3, "net": "small"})
    assert made.feasible
    ended = report(value=math.nan, metrics={"loss": math.inf, "errors": 3, "accuracy": None}, end="diverged")
    assert Report.from_json(ended.to_json()).metrics == ended.metrics
