"""A study whose rows somebody else has written: believed as it is, or refused in one sentence; never half of both."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from search.database import open_for_writing
from search.errors import SearchError, StorageError
from search.event_log.history import History
from search.study.folder import StudyFolder
from search.study.optuna_tables import OptunaTables, rebuild
from search.study.studies import list_studies, open_study, read_events
from support import search_fake as fake
from support.damage import chain_anew
from support.dose import dose
from support.paths import DATABASE

NAME = "fake-0"
BUDGET = 6
AFTER = 4
"""Events between a search's going on and its being stopped again."""
HOSTILE: list[Any] = [
    None, True, -1, 0, 10**30, 1.5, "", "\x1b]0;x\x07\n[/x]", "9", [], [[]], {}, {"\x1b[2J": {"a": 1}}, [None] * 3,
]  # fmt: skip
RAW = ["NaN", "-Infinity", "1e999", "9" * 5000, '"\\ud800"', "[" * 100_000 + "]" * 100_000, "", "{", '{"a": 1} x']
"""What stands in place of a value and is no JSON, or none that may be there."""
FORGERIES = dose(1000)
COLUMNS = ("kind", "time", "trial", "external", "seq", "payload")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the results of a search that was stopped on its way."""
    results = tmp_path_factory.mktemp("study")
    assert fake.run(results, budget=BUDGET, concurrent_trials=2, patience=1).study.stop is not None
    assert not fake.run(results, budget=BUDGET, concurrent_trials=2, stopping=fake.StopAfter(AFTER)).reached
    with closing(sqlite3.connect(results / NAME / DATABASE)) as database:
        database.execute("PRAGMA journal_mode=DELETE")
    return results


@pytest.fixture
def results(study: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(study, tmp_path / "copy"))


def payloads(results: Path) -> dict[int, Any]:
    """Return the first event of each kind: its number and its payload."""
    first: dict[str, tuple[int, Any]] = {}
    with closing(sqlite3.connect(results / NAME / DATABASE)) as database:
        for seq, kind, payload in database.execute("SELECT seq, kind, payload FROM search_events ORDER BY seq"):
            first.setdefault(kind, (seq, json.loads(payload)))
    return dict(first.values())


def write(results: Path, statement: str, *values: Any) -> None:
    """Change a row as somebody else might, who leaves the checksums right."""
    with closing(sqlite3.connect(results / NAME / DATABASE)) as database, database:
        database.execute(statement, values)
    chain_anew(results / NAME / DATABASE)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def mutations(results: Path) -> Iterator[tuple[int, str]]:
    """Yield (number of an event, hostile text of its payload), every place with every value."""
    for seq, payload in payloads(results).items():
        for path in places(payload):
            yield from ((seq, json.dumps(replaced(payload, path, value))) for value in HOSTILE)
            marked = json.dumps(replaced(payload, path, "MARK"))
            yield from ((seq, marked.replace('"MARK"', raw)) for raw in RAW)


def read(results: Path) -> str | None:
    """Return the digest of what is believed, None where it is refused in one sentence."""
    digests: list[str] = []
    refused = refusal(lambda: digests.append(open_study(results, NAME).digest))
    assert refused is None or (len(refused.splitlines()) == 1 and len(refused) < 500)
    return None if refused else digests[0]


def refusal(act: Callable[[], object]) -> str | None:
    """Return the sentence in which something is refused; None where it is done."""
    try:
        act()
    except SearchError as error:
        return str(error)
    return None


@pytest.mark.slow
@pytest.mark.dosed
def test_a_forged_payload_is_believed_or_refused(results: Path) -> None:
    refused = 0
    for seq, text in random.Random(0).sample(list(mutations(results)), FORGERIES):
        with closing(sqlite3.connect(results / NAME / DATABASE)) as database, database:
            (before,) = database.execute("SELECT payload FROM search_events WHERE seq = ?", [seq]).fetchone()
        write(results, "UPDATE search_events SET payload = ? WHERE seq = ?", text, seq)
        refused += read(results) is None
        write(results, "UPDATE search_events SET payload = ? WHERE seq = ?", before, seq)
    assert refused > FORGERIES // 2
    assert read(results) is not None


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_of_another_type_is_refused(results: Path, column: str) -> None:
    whole = read(results)
    for number, value in enumerate(("\x1b[31m", b"\xff\x00", 1.5, -7, 2**62)):
        copy = Path(shutil.copytree(results, results.with_name(f"copy-{number}")))
        write(copy, f"UPDATE search_events SET {column} = ? WHERE seq = 3", value)  # noqa: S608
        assert read(copy) in (None, whole if column in ("external", "time") else None)


@pytest.mark.parametrize("kind", ["create", "ask", "report", "tell"])
def test_events_in_an_order_that_no_search_decides_are_refused(results: Path, kind: str) -> None:
    kinds: list[str] = [event.kind for event in read_events(StudyFolder.of(NAME, results))]
    statement = (
        "INSERT INTO search_events SELECT study, ?, kind, time, trial, external, at, payload, '' FROM search_events "
        "WHERE seq = ?"
    )
    write(results, statement, len(kinds), kinds.index(kind))
    assert read(results) is None
    with pytest.raises(StorageError, match=rf"^Event {len(kinds)} of study {NAME} was not written by a search"):
        fake.run(results, budget=BUDGET, concurrent_trials=2)


@pytest.mark.slow
@pytest.mark.dosed
def test_going_on_with_a_forged_study_ends_in_its_end_or_in_a_sentence(results: Path) -> None:
    for number, (seq, text) in enumerate(random.Random(1).sample(list(mutations(results)), max(12, dose(60)))):
        copy = Path(shutil.copytree(results, results.with_name(f"copy-{number}")))
        write(copy, "UPDATE search_events SET payload = ? WHERE seq = ?", text, seq)
        told = refusal(lambda copy=copy: fake.run(copy, budget=BUDGET, concurrent_trials=2))  # type: ignore[misc]
        assert told or open_study(copy, NAME).digest
        shutil.rmtree(copy)


def test_a_study_under_anothers_name_is_refused(results: Path) -> None:
    (results / NAME).rename(results / "other")
    with closing(sqlite3.connect(results / "other" / DATABASE)) as database, database:
        database.execute("UPDATE search_events SET study = 'other'")
    chain_anew(results / "other" / DATABASE)
    with pytest.raises(StorageError, match="it belongs to another study"):
        open_study(results, "other")


def test_names_that_cannot_be_names_are_left_out(results: Path) -> None:
    for name in ("../../etc", "a\nb", "\x1b[31m", "[/x]", "a\0b", ""):
        write(
            results, "INSERT INTO search_events SELECT ?, seq, kind, time, trial, external, '9', payload, '' "
            "FROM search_events WHERE study = ?", name, NAME,
        )  # fmt: skip
    assert [summary.name for summary in list_studies(results)] == [NAME]
    (results / NAME).rename(results / "other")
    assert open_study(results, None).name == "other"


TABLES = [
    ("trials", "state"), ("trials", "number"), ("trials", "datetime_start"),
    ("trial_params", "param_value"), ("trial_params", "distribution_json"), ("trial_params", "param_name"),
    ("trial_values", "value"), ("trial_values", "value_type"),
    ("trial_intermediate_values", "intermediate_value"), ("trial_intermediate_values", "step"),
    ("trial_user_attributes", "value_json"), ("trial_user_attributes", "key"),
    ("trial_system_attributes", "value_json"), ("study_directions", "direction"),
    ("study_user_attributes", "value_json"), ("study_system_attributes", "value_json"),
]  # fmt: skip


FORGED: list[Any] = ["\x1b[2J{", 2**62, b"\xff", "[[[["]
FORGED_ROWS = [
    pytest.param(*place, value, id=f"{'.'.join(place)}-{value!r}")
    for row, place in enumerate(TABLES)
    for column, value in enumerate(FORGED)
    if dose(4) == 4 or (row + row // 4) % 4 == column  # each place with one value, each value in four places
]


@pytest.mark.slow
@pytest.mark.dosed
@pytest.mark.parametrize(("table", "column", "value"), FORGED_ROWS)
def test_forged_rows_in_optunas_tables_do_no_harm(results: Path, table: str, column: str, value: Any) -> None:
    whole = read(results)
    write(results, f"UPDATE OR IGNORE {table} SET {column} = ?", value)  # noqa: S608
    assert read(results) == whole
    told = refusal(lambda: fake.run(results, budget=BUDGET, concurrent_trials=2))
    assert told is None or len(told.splitlines()) == 1
    place = StudyFolder.of(NAME, results)
    events = read_events(place)
    history = History.of(events)
    with closing(open_for_writing(place.database)) as connection:
        tables = OptunaTables(connection, history)
        tables.compare(events)
        rebuild(connection, history)
        assert not tables.compare(events)
