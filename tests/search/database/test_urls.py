"""URLs of databases: which are understood, and that all that opens one means the same file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from search.database.engines import open_for_reading, open_for_writing
from search.database.urls import is_secret, redacted, resolved, sqlite_file
from search.errors import UsageError
from search.study.studies import list_studies, open_study
from support import search_fake as fake
from support.paths import DATABASE


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("sqlite:///x.db", False),
        ("sqlite:///x.db?timeout=5", False),
        ("postgresql://me@host:5432/db", False),
        ("postgresql+psycopg://me:canary@host/db", True),
        ("postgresql://me:@host/db", True),
        ("postgresql://host/db?user=me&password=canary", True),
        ("postgresql://host:port/db", True),
        ("me:canary@host", True),
        ("", True),
    ],
)
def test_whether_a_url_may_be_shown_and_how(url: str, secret: bool) -> None:
    assert is_secret(url) == secret
    assert "canary" not in redacted(url)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://team.db",
        "sqlite:///team.db?timeout=5",
        "sqlite://me:w@/team.db",
        "sqlite:///file:team.db?uri=true",
    ],
)
def test_an_sqlite_url_names_a_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.chdir(tmp_path)
    said = f"--storage {redacted(url)}: an SQLite database is a file, without options; write sqlite:///FILE."
    for use in (lambda: fake.run(Path("results"), goal=1, url=url), lambda: open_study(Path("results"), "a", url)):
        with pytest.raises(UsageError, match=f"^{re.escape(said)}$"):
            use()
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


def test_psycopg_is_meant_if_no_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        url = resolved(f"{scheme}://me:w%40rd@host/db?sslmode=require")
        assert url == "postgresql+psycopg://me:w%40rd@host/db?sslmode=require"
    monkeypatch.setattr("search.database.urls.find_spec", lambda name: None)
    for use in (open_for_writing, open_for_reading):
        with pytest.raises(UsageError, match=r"^PostgreSQL needs .* `pip install 'mnist-bench\[postgres\]'` adds it"):
            use("postgresql://me@host/db")
