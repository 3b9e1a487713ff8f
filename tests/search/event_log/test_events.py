"""Events as rows: an event is written as it was read, to the byte."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from search import canonical_json
from search.errors import OtherVersionError
from search.event_log.events import Created, GoalSet, from_row, to_row
from search.strategies.pruners import Asha
from search.strategies.samplers import Random
from support import search_fake as fake
from support.paths import DATABASE

REPORT = {"value": 1, "metrics": {"errors": 3, "train_loss": 2}, "weights": "a", "measured": {"peak": 0},
          "details": {"correct": "x"}, "started": 7, "handled": 8.0}  # fmt: skip
REPORTED = {"period": 1, "report": REPORT, "prune": False, "verdict": True, "attributes": {"a": 1.0}}
SPEC = fake.make_spec(Random(), Asha(), 4, 0).to_json()


@pytest.mark.parametrize("order", ["deterministic", "as-completed"])
def test_events_of_this_version_are_written_as_they_were_read(tmp_path: Path, order: Any) -> None:
    assert fake.run(tmp_path, budget=6, order=order, concurrent_trials=2, patience=1).study.stop is not None
    fake.run(tmp_path, budget=6, order=order, concurrent_trials=2)
    with closing(sqlite3.connect(tmp_path / "fake-0" / DATABASE)) as connection:
        query = "SELECT kind, time, trial, external, payload FROM search_events ORDER BY seq"
        found = connection.execute(query).fetchall()
    assert {kind for kind, *_ in found} == {"create", "goal", "ask", "report", "tell", "decline", "stop", "resume"}
    for kind, time, trial, external, text in found:
        columns = kind, time, trial, bool(external), text
        assert to_row(from_row(*columns)) == columns


@pytest.mark.parametrize(
    ("kind", "trial", "payload"),
    [("report", 0, REPORTED), ("goal", None, {"goal": 3, "deadline": [1, 2.0]})],
    ids=["integers stay so", "fields of a later version are kept"],
)
def test_a_payload_is_written_as_it_was_read(kind: str, trial: int | None, payload: dict[str, Any]) -> None:
    event = from_row(kind, 0, trial, False, canonical_json.dumps(payload))
    assert repr(json.loads(to_row(event).payload)) == repr(json.loads(canonical_json.dumps(payload)))


def test_a_report_of_a_later_version_is_named() -> None:
    later = {**REPORTED, "report": {**REPORT, "nosuch": 3}}
    with pytest.raises(OtherVersionError, match=r"report\.nosuch is a setting that this version does not know"):
        from_row("report", 0, 0, False, json.dumps(later))


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (("pause", 0, None, False, "{}"), "there are no events of the kind 'pause'"),
        (("report", 0, None, False, json.dumps(REPORTED)), "'report' with no trial"),
        (("decline", 0, 3, False, "{}"), "'decline' with a trial"),
        (("decline", 0, None, True, "{}"), "'decline' is not an event that the machine causes"),
        (("decline", "0", None, False, "{}"), "a column holds a value of another type"),
        (("goal", 0, None, False, '{"goal": -1}'), "goal: Input should be greater than or equal to 0"),
        (("goal", 0, None, False, '{"goal": 1, "later": NaN}'), "NaN is not a finite number"),
        (("report", 0, 0, False, json.dumps({**REPORTED, "period": 0})), "period: Input should be"),
        (("report", 0, 0, False, json.dumps({**REPORTED, "report": {**REPORT, "value": "x"}})), "report.value: "),
    ],
)
def test_what_no_search_writes_is_refused_with_the_place(columns: tuple[Any, ...], why: str) -> None:
    with pytest.raises(ValueError, match=f"^{why}"):
        from_row(*columns)


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"goal": -1}, "goal: Input should be greater than or equal to 0"),
        ({"enqueued_from": {}}, "spec.enqueued_from"),
        ({"enqueued_from": [3]}, "spec.enqueued_from.0"),
        ({"enqueued_from": ["old/3", {}]}, "spec.enqueued_from.1"),
        ({"concurrent_trials": 1_000_001}, "spec.concurrent_trials: Input should be less than or equal to 1000000"),
        ({"seed": 2**64 + 1}, "18446744073709551617... is too large an integer"),
        ({"seed": -(2**64) - 1}, "-1844674407370955161... is too large an integer"),
    ],
)
def test_an_event_that_could_not_be_read_back_has_no_row(wrong: dict[str, Any], fault: str) -> None:
    event = GoalSet(**wrong) if "goal" in wrong else Created(name="made-0", spec={**SPEC, **wrong})
    with pytest.raises(ValueError, match=f"^{re.escape(fault)}"):
        to_row(event)


def test_whole_numbers_are_read_up_to_the_largest_that_is_written() -> None:
    for largest in ({"concurrent_trials": 1_000_000}, {"seed": 2**64}, {"seed": -(2**64)}):
        to_row(Created(name="made-0", spec={**SPEC, **largest}))
