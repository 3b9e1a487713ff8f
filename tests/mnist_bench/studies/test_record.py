from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from mnist_bench.studies import record
from mnist_bench.studies.kept_files import KEY
from search.errors import OtherVersionError, StudyNotFoundError, UsageError
from search.event_log.records import TrialRecord
from support import handmade

SEALED = record.to_json(record.record_of(handmade.mixed(), handmade.mixed().trials[1]))
GOOD = {name: value for name, value in SEALED.items() if name != KEY}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def parse(values: Any) -> record.Record:
    return record.parse(json.dumps(values), "RECORD.json")


@pytest.mark.parametrize("trial", handmade.mixed().trials, ids=lambda trial: str(trial.number))
def test_a_record_survives_the_way_through_json_and_a_trial_that_trained_nothing_has_none(trial: TrialRecord) -> None:
    if trial.reports:
        made = record.record_of(handmade.mixed(), trial)
        assert parse(record.to_json(made)) == made
    else:
        with pytest.raises(StudyNotFoundError, match=f"conv-0/{trial.number}.*no report yet"):
            record.record_of(handmade.mixed(), trial)


def test_a_record_may_be_unsealed_with_its_version_first_but_not_changed_under_its_seal() -> None:
    assert parse({"schema_version": 2, **GOOD}).trial == 1
    with pytest.raises(UsageError, match="it is damaged, or was changed by hand"):
        parse({**SEALED, "seed": SEALED["seed"] + 1})
    with pytest.raises(OtherVersionError, match="by an older mnist-bench"):
        parse({**GOOD, "schema_version": 1})


def test_figures_that_are_not_finite_become_null() -> None:
    report = replace(handmade.report(1, [1]), metrics={"train_loss": math.nan, "errors": 1})
    assert record.period_of(report).metrics == {"train_loss": None, "errors": 1}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": "7"}, "seed"),
        ({"curve": []}, "curve"),
        ({"data": {**GOOD["data"], "data_hash": "short"}}, "data.data_hash"),
        ({"data": {**GOOD["data"], "dataset": "../../etc"}}, "data.dataset"),
        ({"recipe": {"epochs": 10**9}}, "epochs"),
        ({"recipe": {"model": {"blocks": 2, "filters": [8]}}}, "filters has 1 entries for 2 blocks"),
        ({"recipe": {**GOOD["recipe"], "epochs": 1}, "curve": GOOD["curve"] * 2}, "its recipe 1"),
        ({"correct": "no base64!"}, "damaged"),
        ({"curve": [{**GOOD["curve"][0], "metrics": {"epoch": 10**400}}]}, "curve"),
        ({"curve": [{**GOOD["curve"][0], "metrics": {"errors": -1}}]}, "errors: -1 is not a number of images"),
    ],
)
def test_faults_are_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=named.replace(".", r"\.")) as caught:
        parse({**GOOD, **change})
    assert str(caught.value).startswith("RECORD.json: ")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"leak": 1}, "leak is a setting that this version does not know; a newer mnist-bench made it."),
        ({"data": {**GOOD["data"], "leak": 1}}, "data.leak is a setting that this version does not know"),
        ({"recipe": {**GOOD["recipe"], "model": {"leak": 0.1}}}, "model.leak is a setting that this version does not"),
        (
            {"schema_version": 3},
            "was made by a newer mnist-bench: format 3, this version reads up to 2",
        ),
    ],
)
def test_a_record_of_a_newer_version_is_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(OtherVersionError) as caught:
        parse({**GOOD, **change})
    assert str(caught.value).startswith("RECORD.json")
    assert named in str(caught.value)


@pytest.mark.parametrize("text", ['{"hello": 1}', '{"schema_version": 2, "counts": {}}'])
def test_other_json_is_told_as_no_record_and_not_as_a_newer_one(text: str) -> None:
    refused = r"not a record of a trial \(.*\); `mnist-bench show STUDY/17 --json` prints one"
    with pytest.raises(UsageError, match=refused):
        record.parse(text, "RECORD.json")


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "[" * 100_000, '{"seed": NaN}', "\ud800", b"\xff\xfe"])
def test_hostile_texts_are_refused_in_a_sentence(text: str | bytes) -> None:
    with pytest.raises(UsageError):
        record.parse(text, "RECORD.json")


@given(field=st.sampled_from(sorted(GOOD)), value=json_values)
def test_any_value_in_any_field_is_taken_or_refused_in_a_sentence(field: str, value: Any) -> None:
    try:
        made = parse({**GOOD, field: value})
    except (UsageError, OtherVersionError):
        return
    assert parse(record.to_json(made)) == made


def test_a_huge_record_is_refused_unread_and_a_missing_file_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="larger than any record"):
        record.parse(b" " * (record.MAX_BYTES + 1), "RECORD.json")
    with pytest.raises(UsageError, match=r"none\.json: cannot be read"):
        record.read(tmp_path / "none.json")
