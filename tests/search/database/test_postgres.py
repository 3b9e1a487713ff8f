"""A study in PostgreSQL: one driver on whatever machine, outages waited out, and the same end as in SQLite."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
import pytest

from search.database.engines import open_for_reading, open_for_writing, sqlite_url
from search.driver.progress import Observer
from search.errors import SearchError, StorageError, StudyLockedError, StudyNotFoundError, UsageError
from search.event_log.records import TrialRecord
from search.study import studies
from search.study.location import StudyLocation
from search.study.studies import remove_study
from support import postgres_server, search_fake as fake
from support.paths import DATABASE
from support.postgres_server import CANARY, Server, Wire
from support.waiting import until

pytestmark = pytest.mark.integration

GOAL = 8
LONGER = 14
"""Trials of a search in a process of its own, which others meet on its way."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the results of the search that nothing disturbs, in SQLite."""
    results = tmp_path_factory.mktemp("undisturbed")
    assert fake.run(results, goal=GOAL).reached
    return results


@pytest.fixture(scope="module")
def digest(undisturbed: Path) -> str:
    return studies.open_study(undisturbed, None).digest


@pytest.fixture
def database(postgres: Server) -> str:
    """Return the name of a new database."""
    return postgres.new_database()


@pytest.fixture
def url(postgres: Server, database: str) -> str:
    return postgres.url(database)


@pytest.fixture
def wire(postgres: Server) -> Iterator[Wire]:
    with postgres_server.wire(postgres.port) as wire:
        yield wire


@dataclass
class Watcher(Observer):
    """Does something when so many periods have been handled, and remembers what the user is told."""

    after: int = 0
    does: Callable[[], Any] = lambda: None
    again: bool = False
    told: list[tuple[str, float]] = field(default_factory=list)
    """With the time, in seconds since 1970."""
    reports: int = 0

    def on_report(self, trial: TrialRecord) -> None:
        self.reports += 1
        if self.reports == self.after or (self.again and self.reports % self.after == 0):
            self.does()

    def on_notice(self, text: str) -> None:
        self.told.append((text, time.time()))


def tables(url: str, name: str = "fake-0") -> list[Any]:
    """Return what Optuna's tables say of a study, times and ids aside."""
    storage = open_for_writing(url)
    try:
        trials = storage.get_all_trials(storage.get_study_id_from_name(name))
    finally:
        storage.engine.dispose()
    return [
        [t.number, t.state, t.values, t.params, t.intermediate_values, t.user_attrs, t.system_attrs] for t in trials
    ]


def tables_in_sqlite(results: Path) -> list[Any]:
    return tables(sqlite_url(results / "fake-0" / DATABASE))


def background(results: Path, url: str, *, delay: float) -> subprocess.Popen[str]:
    """Start a search in a process of its own, which learns of its database by the environment."""
    command = [sys.executable, fake.__file__, str(results), "2", str(delay)]
    environment = {**os.environ, "OPTUNA_STORAGE": url, "FAKE_GOAL": str(LONGER)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def periods(url: str, results: Path) -> int:
    try:
        return sum(len(trial.reports) for trial in studies.open_study(results, None, url).trials)
    except StudyNotFoundError:
        return 0


def test_a_study_in_postgresql_is_the_same_as_in_sqlite(
    undisturbed: Path, digest: str, tmp_path: Path, url: str
) -> None:
    assert fake.run(tmp_path, goal=GOAL, url=url, workers=2).study.digest == digest
    assert studies.open_study(tmp_path / "elsewhere", None, url).digest == digest
    assert tables(url) == tables_in_sqlite(undisturbed)


def test_a_second_driver_is_refused_by_name_and_takes_over_when_the_first_has_died(tmp_path: Path, url: str) -> None:
    alone = fake.run(tmp_path / "alone", goal=LONGER).study.digest
    with background(tmp_path / "here", url, delay=0.05) as process:
        until(lambda: periods(url, tmp_path / "here") > 8)
        holder = rf"^Study fake-0 is in use by process {process.pid} on {socket.gethostname()} since 20\S+; "
        with pytest.raises(StudyLockedError, match=holder):
            fake.run(tmp_path / "there", goal=LONGER, url=url)
        with pytest.raises(StudyLockedError, match=holder):
            remove_study(tmp_path / "there", "fake-0", url)
        assert studies.open_study(tmp_path / "there", None, url).live
        process.kill()
    until(lambda: not studies.open_study(tmp_path / "there", None, url).live)
    assert studies.open_study(tmp_path / "there", None, url).digest != alone
    there = fake.run(tmp_path / "there", goal=LONGER, url=url)
    assert there.study.digest == alone
    assert fake.run(tmp_path / "here", goal=LONGER, url=url).study.digest == alone


def test_a_server_that_is_killed_and_comes_back_costs_nothing(tmp_path: Path, postgres: Server, url: str) -> None:
    def stop() -> None:
        postgres.stop()
        threading.Timer(5, postgres.start).start()

    alone = fake.run(tmp_path / "alone", goal=8, concurrent_trials=8)
    watcher = Watcher(after=1, does=stop)
    run = fake.run(
        tmp_path, goal=8, concurrent_trials=8, url=url, workers=2, delay=0.1, observer=watcher, max_outage=60
    )
    assert run.study.digest == alone.study.digest
    assert tables(url) == tables_in_sqlite(tmp_path / "alone")
    (away, down), (back, up) = watcher.told
    assert away.startswith("The database is unreachable (")
    assert away.endswith("the connection is retried for up to 60 s.")
    assert back.startswith("The database is back after ")
    starts = [report.started for trial in run.study.trials for report in trial.reports if report.started]
    assert any(down < start < up - 0.5 for start in starts), "no worker went on"


@pytest.mark.soak
def test_an_outage_of_a_minute_costs_nothing(digest: str, tmp_path: Path, postgres: Server, url: str) -> None:
    def stop() -> None:
        postgres.stop()
        threading.Timer(60, postgres.start).start()

    watcher = Watcher(after=8, does=stop)
    assert fake.run(tmp_path, goal=GOAL, url=url, observer=watcher, max_outage=600).study.digest == digest
    assert "for up to 600 s" in watcher.told[0][0]


def test_connections_that_break_all_the_time_are_not_worth_a_word(
    undisturbed: Path, digest: str, tmp_path: Path, postgres: Server, database: str, url: str
) -> None:
    watcher = Watcher(after=1, again=True, does=lambda: postgres.end_sessions(database))
    assert fake.run(tmp_path, goal=GOAL, url=url, observer=watcher).study.digest == digest
    assert tables(url) == tables_in_sqlite(undisturbed)
    assert watcher.told == []


@pytest.mark.parametrize(("every", "late"), [(4, 0.0), (5, 0.3)])  # to settle one takes three
def test_a_commit_of_which_nobody_knows_whether_it_came_through_is_settled(
    undisturbed: Path, digest: str, tmp_path: Path, postgres: Server, database: str, wire: Wire, every: int, late: float
) -> None:
    wire.late = late

    def cutting() -> None:
        wire.cut_every = every

    watcher = Watcher(after=1, does=cutting)
    url = postgres.url(database, port=wire.port)
    assert fake.run(tmp_path, goal=GOAL, url=url, observer=watcher).study.digest == digest
    wire.cut_every = 0
    assert wire.cuts > 8
    assert tables(url) == tables_in_sqlite(undisturbed)


def test_an_outage_past_the_bound_is_a_sentence_and_the_search_goes_on_later(
    digest: str, tmp_path: Path, postgres: Server, url: str
) -> None:
    expected = (
        r"^The study cannot be written: the database has been unreachable for more than 1 s \(.*the same command again"
    )
    with pytest.raises(StorageError, match=expected) as caught:
        fake.run(tmp_path, goal=GOAL, url=url, observer=Watcher(after=8, does=postgres.stop), max_outage=1)
    try:
        assert "\n" not in str(caught.value)
        with pytest.raises(StorageError, match=r"^Cannot open the database .*\*\*\*@127.0.0.1.*refused\.$"):
            fake.run(tmp_path, goal=GOAL, url=url)
        with pytest.raises(StorageError, match=r"^Cannot read the database .*refused\.$"):
            studies.open_study(tmp_path, None, url)
    finally:
        postgres.start()
    assert fake.run(tmp_path, goal=GOAL, url=url).study.digest == digest


def test_a_search_can_be_stopped_in_an_outage(
    digest: str, tmp_path: Path, postgres: Server, database: str, wire: Wire
) -> None:
    url = postgres.url(database, port=wire.port)
    watcher = Watcher(after=8, does=wire.cut)
    with pytest.raises(StorageError, match="the search was stopped while the database is unreachable"):
        fake.run(tmp_path, goal=GOAL, url=url, observer=watcher, stopping=lambda: bool(watcher.told))
    wire.mend()
    assert fake.run(tmp_path, goal=GOAL, url=url).study.digest == digest


@pytest.mark.parametrize("is_done", [True, False])
def test_a_driver_that_was_cut_off_stops_where_another_has_gone_on(
    digest: str, tmp_path: Path, postgres: Server, database: str, wire: Wire, is_done: bool
) -> None:
    def is_free() -> bool:
        return not studies.open_study(tmp_path / "there", None, postgres.url(database)).live

    def be_replaced() -> None:
        wire.cut()
        until(is_free)
        goes_on = fake.StopAfter(10_000 if is_done else 9)
        fake.run(tmp_path / "there", goal=GOAL, url=postgres.url(database), stopping=goes_on)
        until(is_free)  # its session may outlive it for a moment
        wire.mend()

    with pytest.raises(StudyLockedError, match=r"^Another driver has continued study fake-0 while the database was"):
        fake.run(
            tmp_path / "here", goal=GOAL, url=postgres.url(database, port=wire.port),
            observer=Watcher(after=8, does=be_replaced),
        )  # fmt: skip
    assert fake.run(tmp_path / "here", goal=GOAL, url=postgres.url(database)).study.digest == digest


def test_a_driver_that_was_cut_off_stops_where_another_holds_the_lock(
    tmp_path: Path, postgres: Server, database: str, wire: Wire
) -> None:
    url = postgres.url(database)
    others: list[subprocess.Popen[str]] = []

    def be_replaced() -> None:
        wire.cut()
        before = periods(url, tmp_path)
        others.append(background(tmp_path / "there", url, delay=0.05))
        until(lambda: periods(url, tmp_path) > before)
        wire.mend()

    try:
        with pytest.raises(StudyLockedError) as caught:
            fake.run(
                tmp_path / "here", url=postgres.url(database, port=wire.port),
                goal=LONGER, observer=Watcher(after=8, does=be_replaced),
            )  # fmt: skip
        assert f"by process {others[0].pid} on" in str(caught.value)
    finally:
        for other in others:
            other.kill()
            other.communicate()


def test_events_that_the_database_lost_are_told(tmp_path: Path, postgres: Server, database: str, wire: Wire) -> None:
    def lose() -> None:
        wire.cut()
        postgres.do("DELETE FROM search_events WHERE seq >= 5", database)
        wire.mend()

    with pytest.raises(StorageError, match=r"^The database has lost events of study fake-0: it has 5, and \d+ were"):
        fake.run(tmp_path, goal=GOAL, url=postgres.url(database, port=wire.port), observer=Watcher(after=8, does=lose))


def test_searches_that_begin_together_in_an_empty_database(tmp_path: Path, url: str) -> None:
    script = (
        "import os; from support import search_fake; from pathlib import Path; from sys import argv; search_fake.run("
    )
    script += "Path(argv[1]), goal=4, seed=int(argv[2]), name='fake-' + argv[2], url=os.environ['OPTUNA_STORAGE'])"
    environment = {**os.environ, "OPTUNA_STORAGE": url}
    searches = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path), str(seed)], env=environment) for seed in range(3)
    ]
    assert [search.wait() for search in searches] == [0, 0, 0]
    for seed in range(3):
        alone = fake.run(tmp_path / "alone", goal=4, seed=seed, name=f"fake-{seed}").study.digest
        assert studies.open_study(tmp_path, f"fake-{seed}", url).digest == alone


def test_a_removed_study_leaves_the_others_alone(tmp_path: Path, postgres: Server, database: str, url: str) -> None:
    for name in ("one", "two"):
        fake.run(tmp_path, goal=3, name=name, url=url)
    two = tables(url, "two")
    remove_study(tmp_path, "one", url)
    with pytest.raises(StudyNotFoundError, match=r"^No study one in postgresql\+psycopg://driver:\*\*\*@"):
        remove_study(tmp_path, "one", url)
    assert [summary.name for summary in studies.list_studies(tmp_path, url)] == ["two"]
    assert tables(url, "two") == two
    assert not (tmp_path / "one").exists()
    assert postgres.do("SELECT count(*) FROM studies", database) == [(1,)]
    assert postgres.do("SELECT study FROM search_drivers", database) == [("two",)]
    assert fake.run(tmp_path, goal=3, name="one", url=url).reached


def test_checkpoints_of_another_study_of_the_same_name_are_not_believed(tmp_path: Path, url: str) -> None:
    fake.run(tmp_path / "here", goal=GOAL, url=url, stopping=fake.StopAfter(12))
    remove_study(tmp_path / "there", "fake-0", url)
    assert list((tmp_path / "here" / "fake-0" / "states").iterdir())
    for begin in (lambda: None, lambda: fake.run(tmp_path / "there", goal=GOAL, seed=1, url=url)):
        begin()
        with pytest.raises(UsageError, match=r"here/fake-0 holds files of another study of this name, begun 20"):
            fake.run(tmp_path / "here", goal=GOAL, seed=1, url=url)


def test_a_role_that_may_only_read_is_enough_to_read(
    undisturbed: Path, tmp_path: Path, postgres: Server, database: str, url: str
) -> None:
    fake.run(tmp_path, goal=GOAL, url=url)
    reading = postgres.url(database, "reader")
    with pytest.raises(StorageError, match=r"^Cannot read the database .*permission denied"):
        studies.open_study(tmp_path, None, reading)
    postgres.do("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", database)
    read = studies.open_study(tmp_path / "elsewhere", None, reading)
    assert read.digest == studies.open_study(undisturbed, None).digest
    assert tables(reading) == tables_in_sqlite(undisturbed)
    theirs = optuna.storages.RDBStorage(reading)
    assert len(optuna.load_study(study_name="fake-0", storage=theirs).trials) == len(read.trials)
    theirs.engine.dispose()
    with pytest.raises(StorageError, match="permission denied"):
        remove_study(tmp_path, "fake-0", reading)
    with pytest.raises(StorageError, match="permission denied"):
        fake.run(tmp_path, goal=GOAL, url=reading)


def test_a_reader_cannot_write_whatever_its_role_may(tmp_path: Path, url: str) -> None:
    fake.run(tmp_path, goal=2, url=url)
    engine = open_for_reading(url)
    with engine.connect() as connection, pytest.raises(Exception, match="read-only"):
        connection.exec_driver_sql("DELETE FROM search_events")
    engine.dispose()


def test_a_driver_needs_no_right_to_make_tables_where_they_are(
    digest: str, tmp_path: Path, postgres: Server, database: str, url: str
) -> None:
    fake.run(tmp_path, goal=2, name="first", url=url)
    postgres.do("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO reader", database)
    postgres.do("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO reader", database)
    try:
        assert fake.run(tmp_path, goal=GOAL, url=postgres.url(database, "reader")).study.digest == digest
    finally:
        postgres.do("DROP OWNED BY reader", database)


def test_libpqs_own_files_name_the_server_and_the_password(
    digest: str, tmp_path: Path, postgres: Server, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, passwords = tmp_path / "service", tmp_path / "passwords"
    service.write_text(f"[lab]\nhost=127.0.0.1\nport={postgres.port}\ndbname={database}\nuser=driver\n")
    escaped = postgres_server.PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    passwords.write_text(f"127.0.0.1:{postgres.port}:*:driver:{escaped}\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGSERVICEFILE", str(service))
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    assert fake.run(tmp_path, goal=GOAL, url="postgresql:///?service=lab").study.digest == digest
    monkeypatch.setenv("PGSERVICE", "lab")
    assert studies.open_study(tmp_path / "elsewhere", None, "postgresql://").digest == digest


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://driver:{}@127.0.0.1:1/x",
        "postgresql://driver:{}@127.0.0.1:{port}/x",
        "postgresql://driver:wrong{}@127.0.0.1:{port}/postgres",
        "postgresql://127.0.0.1:{port}/postgres?user=driver&password=wrong{}",
        "postgresql://driver:x@{}@127.0.0.1:{port}/postgres",
        "postgresql://driver:{}/x@127.0.0.1:{port}/postgres",
        "postgresql://driver:x/{}:y@127.0.0.1:{port}",
        "postgresql://127.0.0.1:{}/postgres",
        "postgresql://driver:{}@127.0.0.1:{port}/postgres?nonsense=1",
        "nosuchdialect://driver:{}@host/x",
        "driver:{}@host",
        "{}",
    ],
)
def test_no_message_repeats_a_password(tmp_path: Path, postgres: Server, url: str) -> None:
    url = url.replace("{port}", str(postgres.port)).replace("{}", CANARY)
    uses: list[Callable[[], Any]] = [
        lambda: fake.run(tmp_path, goal=1, url=url),
        lambda: studies.open_study(tmp_path, "fake-0", url),
        lambda: studies.list_studies(tmp_path, url),
        lambda: remove_study(tmp_path, "fake-0", url),
    ]
    for use in uses:
        with pytest.raises(SearchError) as caught:
            use()
        error: BaseException | None = caught.value
        while error is not None:  # -v shows what led to it, too
            assert CANARY not in f"{error} {error!r}"
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


@pytest.mark.cold
def test_the_password_is_nowhere(tmp_path: Path, postgres: Server, database: str, url: str) -> None:
    with background(tmp_path, url, delay=0.01) as process:
        until(lambda: periods(url, tmp_path) > 5)
        lines = postgres_server.command_lines(os.getpid())
        assert sum("search.executors.local.worker" in line for line in lines.values()) == 2
        process.communicate()
    storage, place = open_for_writing(url), StudyLocation.of("fake-0", tmp_path, url)
    pickled = pickle.dumps(storage)
    storage.engine.dispose()
    content = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(content) >= 3
    everywhere = [*map(str.encode, lines.values()), *content, pickled, repr(place).encode(), *rows(postgres, database)]
    assert not [text for text in everywhere if CANARY.encode() in text]


def rows(postgres: Server, database: str) -> list[bytes]:
    """Return everything in a database's tables."""
    named = postgres.do("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database)
    assert ("search_events",) in [tuple(row) for row in named]
    return [repr(postgres.do(f"SELECT * FROM {table}", database)).encode() for (table,) in named]  # noqa: S608
