"""URLs of databases: which are understood, and that all that opens one means the same file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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
        "sqlite:///team.db?timeout=5",
        "sqlite://me:w@/team.db",
        "sqlite:///file:team.db?uri=true",
        "sqlite:team.db",
        "mysql://host/team",
    ],
)
def test_an_sqlite_url_names_a_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.chdir(tmp_path)
    said = f"--storage {url}: a study's database is a file, without options; write sqlite:///FILE."
    for use in (lambda: fake.run(Path("results"), goal=1, url=url), lambda: open_study(Path("results"), "a", url)):
        with pytest.raises(UsageError, match=f"^{re.escape(said)}$"):
            use()
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
