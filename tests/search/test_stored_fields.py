"""What of a dataclass stands in files, and what is said of files that a newer version wrote."""

from __future__ import annotations

from dataclasses import dataclass, field, make_dataclass, replace
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from search.errors import NewerVersionError
from search.event_log import codec
from search.stored_fields import FORMAT, First, check_format, standing, stored, unknown_in
from search.strategies import registry
from search.strategies.samplers import Tpe
from search.strategies.strategy import whole
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
    later: Inner = field(default_factory=Inner)
    pairs: tuple[int, ...] = ()


FIRST: First = {Outer: ("inner", "parts"), Inner: ("width",)}


def test_a_later_field_stands_only_where_it_differs_from_its_default() -> None:
    assert stored(Outer("a"), FIRST) == {"name": "a", "inner": {"width": 8}, "parts": []}
    assert stored(Outer("a", pairs=(1, 2)), FIRST)["pairs"] == [1, 2]


def test_nested_classes_follow_the_same_rule() -> None:
    values = stored(Outer("a", Inner(slope=0.1), (Inner(), Inner(9)), Inner(slope=0.2)), FIRST)
    assert values == {
        "name": "a", "inner": {"width": 8, "slope": 0.1}, "parts": [{"width": 8}, {"width": 9}],
        "later": {"width": 8, "slope": 0.2},
    }  # fmt: skip


def test_values_can_be_had_as_they_are() -> None:
    assert standing(Outer("a"), FIRST) == {"name": "a", "inner": Inner(), "parts": ()}


def test_what_is_absent_is_read_as_its_default() -> None:
    made = Outer("a", Inner(slope=0.1), pairs=(3,))
    assert TypeAdapter(Outer).validate_python(stored(made, FIRST)) == made


def test_a_field_that_nobody_has_is_found_with_its_place() -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Outer).validate_python({"name": "a", "inner": {"leak": 0.1}}, extra="forbid")
    assert unknown_in(caught.value) == "inner.leak"
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Outer).validate_python({"name": "a", "inner": {"no name": 1, "width": "x"}}, extra="forbid")
    assert unknown_in(caught.value) is None


def test_a_newer_format_is_named_with_the_way_out() -> None:
    check_format(FORMAT, "Study a")
    sentence = (
        f"Study a was made by a newer mnist-bench: format {FORMAT + 1}, this version reads up to {FORMAT}; install a "
        "newer version."
    )
    with pytest.raises(NewerVersionError) as caught:
        check_format(FORMAT + 1, "Study a")
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("text", "number"), [("{}", 1), ('{"format": 7, "spec": 1}', 7), ('{"format": "x"}', 1), ("", 1)]
)
def test_the_first_studies_do_not_name_their_format(text: str, number: int) -> None:
    assert codec.format_of(text) == number


def test_a_later_option_of_a_sampler_changes_no_specification(monkeypatch: pytest.MonkeyPatch) -> None:
    Later = make_dataclass("Later", [("window", int, whole(0, least=0))], bases=(Tpe,), frozen=True, kw_only=True)
    monkeypatch.setattr("search.strategies.registry.SAMPLERS", {"tpe": Later})
    monkeypatch.setattr("search.strategies.registry.FIRST", {Later: registry.FIRST[Tpe]})
    before = {"name": "tpe", "n_startup_trials": 10, "n_ei_candidates": 24}
    assert registry.to_spec(registry.sampler(before)) == before
    assert registry.to_spec(registry.sampler({"name": "tpe", "window": 3})) == {**before, "window": 3}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"sampler": {"name": "tpe", "nosuch": 3}}, "sampler.nosuch is a setting that this version does not know"),
        ({"pruner": {"name": "asha", "nosuch": 3}}, "pruner.nosuch is a setting that this version does not know"),
        (
            {"sampler": {"name": "no-such-sampler"}},
            "sampler: no-such-sampler is a setting that this version does not know",
        ),
    ],
)
def test_a_sampler_or_pruner_of_a_newer_version_is_named(change: dict[str, Any], named: str) -> None:
    known = {"sampler": {"name": "tpe"}, "pruner": {"name": "none"}}
    registry.check_known(known)
    with pytest.raises(NewerVersionError, match=named):
        registry.check_known({**known, **change})


def test_a_report_stands_with_the_fields_of_the_first_format() -> None:
    report = Report(value=0.9, metrics={"errors": 1}, weights="a", seconds=1.0)
    assert [*report.to_json()] == [
        "value", "metrics", "weights", "seconds", "end", "details", "worker", "started", "handled",
    ]  # fmt: skip
    assert Report.from_json(report.to_json()) == report
    assert Report.from_json({"value": 0.9, "metrics": {"errors": 1}, "weights": "a", "seconds": 1.0}) == report
    assert replace(report, worker=1).to_json()["worker"] == 1


def test_a_report_of_a_newer_version_is_named() -> None:
    with pytest.raises(NewerVersionError, match=r"report\.nosuch is a setting that this version does not know"):
        Report.from_json({"value": 0.9, "metrics": {}, "weights": "a", "seconds": 1.0, "nosuch": 3})
    for none in ([None], {"nosuch": 3}):
        with pytest.raises(TypeError):
            Report.from_json(none)
