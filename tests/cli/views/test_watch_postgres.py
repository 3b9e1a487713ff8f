"""A search on one machine, watched from another one that has the database alone: its folder of results is empty."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import search_cli
from support.paths import IMPORTABLE
from support.postgres_server import Server

pytestmark = pytest.mark.integration

MAIN = """
from mnist_bench.cli.app import main
from support import undrawn

undrawn.pictures()
main()
"""


@pytest.fixture
def database(postgres: Server) -> str:
    """Return a database in which one role searches and another one may only read."""
    name = postgres.new_database()
    postgres.do("ALTER DEFAULT PRIVILEGES FOR ROLE driver GRANT SELECT ON TABLES TO reader", name)
    return name


def started(url: str, *words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": IMPORTABLE, "OPTUNA_STORAGE": url}
    return subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


@pytest.fixture
def search(postgres: Server, database: str, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Return a search of ten trials whose events are in the database."""
    options = ["--trials", "10", "--workers", "2", "--results", str(tmp_path / "here")]
    process = started(postgres.url(database), search_cli.__file__, "0.3", "search", "smoke", *options)
    while not _has_begun(postgres, database):
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    yield process
    process.kill()
    process.communicate()


def _has_begun(postgres: Server, database: str) -> bool:
    there = postgres.do("SELECT count(*) FROM pg_tables WHERE tablename = 'search_events'", database)
    return bool(there[0][0]) and bool(postgres.do("SELECT count(*) FROM search_events", database)[0][0])


def test_the_view_and_the_page_need_the_database_alone(
    postgres: Server, database: str, search: subprocess.Popen[str], tmp_path: Path
) -> None:
    url, there = postgres.url(database, "reader"), tmp_path / "there"
    there.mkdir()
    page = there / "page.html"
    watch = started(url, "-c", MAIN, "watch", "smoke-0", "--results", str(there))
    follow = started(url, "-c", MAIN, "report", "smoke-0", "--follow", "--output", str(page), "--results", str(there))
    states = set()
    while follow.poll() is None:
        text = page.read_text() if page.exists() else ""
        states.add(text.partition('data-state="')[2].partition('"')[0])
        time.sleep(0.05)
    watched, shown = watch.communicate(timeout=60)
    printed, told = follow.communicate()
    assert (watch.returncode, follow.returncode, search.wait(60)) == (0, 0, 0), told
    assert "10/10  #" in shown
    assert "of 10 trials" in watched
    assert "running" in states
    assert printed == f"{page}\n"
    assert "A report of mnist-bench" in page.read_text()
    assert url.partition("@")[0] not in shown + told + watched + page.read_text()
