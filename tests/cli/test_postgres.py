"""The commands on a study in PostgreSQL: a tiny search with the real trainer, read with a role that may only read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support import search_fake
from support.postgres_server import CANARY, PASSWORD, QUOTED, Server, free_port
from support.programs import answer
from support.waiting import until

pytestmark = pytest.mark.integration

SPACE = """
name: tiny
epochs: 2
subset: 1000
model: {blocks: 1, filters: {int: [2, 4]}, hidden_layers: 0}
optim: {lr: {float: [1e-3, 1e-1], log: true}}
"""
SEARCH = "search tiny.yaml -n 3 --executor in-process"
READINGS = [
    f"{line} --results empty"
    for line in (
        *("leaderboard", "leaderboard --json", "show", "show tiny-0/0 --json", "studies", "studies --json"),
        *("doctor tiny-0", "report tiny-0", "plot tiny-0 history", "reproduce tiny-0/0"),
    )
]
SCRIPT = f"""
import os
from support import undrawn

undrawn.pictures()

def as_(role, line):
    os.environ["OPTUNA_STORAGE"] = os.environ[role]
    run(line)
    ran[f"{{role}} {{line}}"] = ran[line]

as_("DRIVER", "{SEARCH} --storage sqlite:///alone.db --results alone")
as_("DRIVER", "{SEARCH}")
as_("DRIVER", "{SEARCH} --results elsewhere")
for line in {READINGS!r}:
    as_("READER", line)
for role in ("WRONG", "MISSPELT", "NOWHERE"):
    for line in ("leaderboard", "-v leaderboard", "-v doctor tiny-0", "-v studies", "-v {SEARCH}",
                 "-v studies remove tiny-0 --yes"):
        as_(role, line)
as_("READER", "-v studies remove tiny-0 --yes")
as_("DRIVER", "studies remove tiny-0 --yes")
as_("DRIVER", "studies")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def ran(folder: Path, postgres: Server, in_one_process: Callable[[Path, str], dict[str, Any]]) -> dict[str, Any]:
    """Return what came of the commands, by the role and the line."""
    database = postgres.new_database()
    (folder / "tiny.yaml").write_text(SPACE)
    postgres.do("ALTER DEFAULT PRIVILEGES FOR ROLE driver GRANT SELECT ON TABLES TO reader", database)
    url = postgres.url(database)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DRIVER", url)
        environment.setenv("READER", postgres.url(database, "reader"))
        environment.setenv("WRONG", url.replace(QUOTED, f"wrong{QUOTED}"))
        environment.setenv("MISSPELT", url.replace(QUOTED, f"{CANARY}/@{CANARY}"))
        environment.setenv("NOWHERE", postgres.url(database, port=free_port()))
        return in_one_process(folder, SCRIPT)


def digest_of(ran: Any) -> str:
    (line,) = [line for line in ran.out.splitlines() if line.startswith("digest")]
    return str(line.split("(")[0])


def test_the_digest_is_that_of_a_study_in_a_file_and_a_finished_study_is_finished_on_every_machine(
    ran: dict[str, Any],
) -> None:
    options = ("", " --results elsewhere", " --storage sqlite:///alone.db --results alone")
    searches = [ran[f"DRIVER {SEARCH}{more}"] for more in options]
    assert [each.code for each in searches] == [0, 0, 0]
    assert len({digest_of(each) for each in searches}) == 1
    assert "--storage" not in searches[0].err


def test_a_reader_sees_all_of_it_without_a_folder(ran: dict[str, Any], folder: Path) -> None:
    readings = {line: ran[f"READER {line}"] for line in READINGS}
    assert {line: done.err for line, done in readings.items() if done.code} == {}
    (listed,) = json.loads(readings["studies --json --results empty"].out)["studies"]
    assert (listed["study"], listed["trials"], listed["state"]) == ("tiny-0", 3, "finished")
    assert (folder / "empty" / "tiny-0" / "report.html").exists()


def test_a_reader_cannot_remove_and_the_driver_can(ran: dict[str, Any], folder: Path) -> None:
    refused, removed = ran["READER -v studies remove tiny-0 --yes"], ran["DRIVER studies remove tiny-0 --yes"]
    assert refused.code == 1
    assert "permission denied" in refused.err
    assert (removed.code, removed.err) == (0, "Removed tiny-0.\n")
    assert "No studies in postgresql+psycopg://driver:***@" in ran["DRIVER studies"].err
    assert not (folder / "results" / "tiny-0").exists()


@pytest.mark.parametrize(
    ("role", "code", "words"),
    [
        ("WRONG", 1, "password authentication failed"),
        ("MISSPELT", 2, "in a password %40 for @"),
        ("NOWHERE", 1, "refused"),
    ],
)
def test_what_is_wrong_with_a_storage_is_one_sentence(ran: dict[str, Any], role: str, code: int, words: str) -> None:
    done = ran[f"{role} leaderboard"]
    (line,) = done.err.splitlines()
    assert (done.code, words in line) == (code, True), line


def test_no_command_prints_or_writes_the_password(ran: dict[str, Any], folder: Path) -> None:
    assert len(ran) > 30
    assert [line for line, done in ran.items() if CANARY in done.out + done.err] == []
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []


def test_optunas_dashboard_reads_a_study_with_the_readers_role(tmp_path: Path, postgres: Server) -> None:
    database = postgres.new_database()
    search_fake.run(tmp_path, goal=3, url=postgres.url(database))
    postgres.do("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", database)
    port = free_port()
    url = f"postgresql+psycopg://reader@127.0.0.1:{postgres.port}/{database}"
    command = [str(Path(sys.executable).with_name("optuna-dashboard")), url, "--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, "PGPASSWORD": PASSWORD, "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as dashboard:
        try:
            listed = until(lambda: answer(f"http://127.0.0.1:{port}/api/studies")).decode()
        finally:
            dashboard.terminate()
    assert "fake-0" in listed
