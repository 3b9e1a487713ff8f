"""URLs of databases: which are understood, and that all that opens one means the same file."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.database.urls import redacted, sqlite_file
from search.errors import UsageError
from search.study.studies import list_studies, open_study
from support import search_fake as fake
from support.paths import DATABASE


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://team.db",
        "sqlite://host/team.db",
        "sqlite:///team.db?timeout=5",
        "sqlite://me:w@/team.db",
        "sqlite:///file:team.db?uri=true",
    ],
)
def test_an_sqlite_url_names_a_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.chdir(tmp_path)
    said = f"--storage {redacted(url)}: an SQLite database is a file, without options; write sqlite:///FILE."
    with pytest.raises(UsageError) as refused:
        fake.run(tmp_path / "results", goal=1, url=url)
    assert str(refused.value) == said
    with pytest.raises(UsageError) as refused:
        open_study(tmp_path / "results", "fake-0", url)
    assert str(refused.value) == said
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_an_sqlite_url_that_cannot_be_read_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"^The URL of the storage is not valid; write sqlite:///FILE or "):
        fake.run(tmp_path / "results", goal=1, url="sqlite:team.db")
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+pysqlite"])
@pytest.mark.parametrize("name", ["team.db", "te am{x}@b:c#d.db"])
def test_what_is_searched_in_a_file_is_read_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    url = f"{scheme}:///{name}"
    study = fake.run(tmp_path / "results", goal=1, url=url).study
    assert open_study(tmp_path / "results", "fake-0", url).digest == study.digest
    assert [summary.name for summary in list_studies(tmp_path / "results", url)] == ["fake-0"]
    assert (tmp_path / name).is_file()


def test_a_studys_own_database_may_lie_in_a_folder_of_any_name(tmp_path: Path) -> None:
    results = tmp_path / "50%20off? {x}"
    study = fake.run(results, goal=1).study
    assert open_study(results, "fake-0").digest == study.digest
    assert (results / "fake-0" / DATABASE).is_file()
    assert [path.name for path in tmp_path.iterdir()] == [results.name]


def test_other_databases_have_no_file() -> None:
    assert sqlite_file("postgresql://me@host/db") is None
    assert sqlite_file("sqlite:////srv/team.db") == Path("/srv/team.db")
