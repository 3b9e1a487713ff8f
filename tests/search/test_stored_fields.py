"""What of a dataclass stands in files, and what is said of files that a newer version wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from search.errors import OtherVersionError
from search.event_log.events import format_of
from search.stored_fields import FORMAT, check_format, stored, unknown_in
from search.strategies import registry
from search.trainer_api import Report


@dataclass(frozen=True)
class Inner:
    width: int = 8
    slope: float = 0.0


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner = field(default_factory=Inner)
    parts: tuple[Inner, ...] = ()
    pairs: tuple[int, ...] = ()


def test_a_field_stands_only_where_it_differs_from_its_default_in_nested_classes_too() -> None:
    assert stored(Outer("a", pairs=(1, 2)), without=("name",)) == {"pairs": [1, 2]}
    made = Outer("a", Inner(slope=0.1), (Inner(), Inner(9)))
    assert stored(made) == {"name": "a", "inner": {"slope": 0.1}, "parts": [{}, {"width": 9}]}
    assert TypeAdapter(Outer).validate_python(stored(made)) == made


def test_a_field_that_nobody_has_is_found_with_its_place() -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Outer).validate_python({"name": "a", "inner": {"leak": 0.1}}, extra="forbid")
    assert unknown_in(caught.value) == "inner.leak"
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Outer).validate_python({"name": "a", "inner": {"no name": 1, "width": "x"}}, extra="forbid")
    assert unknown_in(caught.value) is None


def test_another_format_is_named_with_the_way_out() -> None:
    check_format(FORMAT, "Study a")
    newer = f"newer mnist-bench: format {FORMAT + 1}, this version reads up to {FORMAT}; install a newer version"
    for found, sentence in ((FORMAT + 1, newer), (7, "older mnist-bench; version 0.3.0 (commit 5a98ef84) reads it")):
        with pytest.raises(OtherVersionError, match=rf"^Study a was made by an? {re.escape(sentence)}\.$"):
            check_format(found, "Study a")


@pytest.mark.parametrize(
    ("text", "number"), [("{}", 1), ('{"format": 7, "spec": 1}', 7), ('{"format": "x"}', None), ("", None)]
)
def test_the_first_studies_do_not_name_their_format(text: str, number: int | None) -> None:
    assert format_of(text) == number


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"sampler": {"name": "tpe", "nosuch": 3}}, "sampler.nosuch"),
        ({"pruner": {"name": "asha", "nosuch": 3}}, "pruner.nosuch"),
        ({"sampler": {"name": "no-such-sampler"}}, "sampler: no-such-sampler"),
        ({"sampler": {"name": "mine.py:Mine", "options": {}, "code": {}, "signature": ""}}, "sampler.signature"),
    ],
)
def test_a_sampler_or_pruner_of_a_newer_version_is_named(change: dict[str, Any], named: str) -> None:
    known = {"sampler": {"name": "tpe"}, "pruner": {"name": "none"}}
    registry.check_known(known)
    with pytest.raises(OtherVersionError, match=f"^{named} is a setting that this version does not know"):
        registry.check_known({**known, **change})


def test_a_report_is_read_as_it_was() -> None:
    report = Report(value=0.9, metrics={"errors": 1}, weights="a", measured={"seconds": 1.0})
    assert [*report.to_json()] == ["value", "metrics", "weights", "measured"]
    for made in (report, replace(report, worker=1)):
        assert Report.from_json(made.to_json()) == made
    stored = report.to_json()
    assert Report.from_json({**stored, "seconds": 1.0} | {"measured": {}}) == report  # of the first studies
    for none in ([None], {"nosuch": 3}):
        with pytest.raises(TypeError):
            Report.from_json(none)
