"""The commands on a study in PostgreSQL: a tiny search with the real trainer, read with a role that may only read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.postgres_server import CANARY, QUOTED, Server, free_port
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
for line in ("leaderboard", "leaderboard --json", "show", "show tiny-0/0 --json", "studies", "studies --json",
             "doctor tiny-0", "report tiny-0", "plot tiny-0 history", "reproduce tiny-0/0"):
    as_("READER", f"{{line}} --results empty")
for role in ("WRONG", "MISSPELT", "NOWHERE"):
    for line in ("leaderboard", "-v leaderboard", "-v doctor tiny-0", "-v studies", "-v {SEARCH}",
                 "-v studies remove tiny-0 --yes"):
        as_(role, line)
as_("READER", "-v studies remove tiny-0 --yes")
as_("DRIVER", "studies remove tiny-0 --yes")
as_("DRIVER", "studies")
"""
Ran = Any
"""See conftest.py."""


@dataclass
class Searched:
    folder: Path
    ran: dict[str, Ran]


@pytest.fixture(scope="module")
def searched(
    tmp_path_factory: pytest.TempPathFactory,
    postgres: Server,
    in_one_process: Callable[[Path, str], dict[str, Ran]],
) -> Searched:
    """Return the folder of a search, and what came of the commands."""
    folder, database = tmp_path_factory.mktemp("run"), postgres.new_database()
    (folder / "tiny.yaml").write_text(SPACE)
    postgres.do("ALTER DEFAULT PRIVILEGES FOR ROLE driver GRANT SELECT ON TABLES TO reader", database)
    url = postgres.url(database)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DRIVER", url)
        environment.setenv("READER", postgres.url(database, "reader"))
        environment.setenv("WRONG", url.replace(QUOTED, f"wrong{QUOTED}"))
        environment.setenv("MISSPELT", url.replace(QUOTED, f"{CANARY}/@{CANARY}"))
        environment.setenv("NOWHERE", postgres.url(database, port=free_port()))
        return Searched(folder, in_one_process(folder, SCRIPT))


def digest_of(ran: Ran) -> str:
    (line,) = [line for line in ran.out.splitlines() if line.startswith("digest")]
    return str(line.split("(")[0])


def test_the_digest_is_that_of_a_study_in_a_file(searched: Searched) -> None:
    alone = searched.ran[f"DRIVER {SEARCH} --storage sqlite:///alone.db --results alone"]
    team = searched.ran[f"DRIVER {SEARCH}"]
    assert (alone.code, team.code) == (0, 0), team.err
    assert digest_of(team) == digest_of(alone)
    assert "--storage" not in team.err


def test_a_finished_study_is_finished_on_every_machine(searched: Searched) -> None:
    again = searched.ran[f"DRIVER {SEARCH} --results elsewhere"]
    assert again.code == 0, again.err
    assert digest_of(again) == digest_of(searched.ran[f"DRIVER {SEARCH}"])


def test_a_reader_sees_all_of_it_without_a_folder(searched: Searched) -> None:
    readings = {line: ran for line, ran in searched.ran.items() if line.startswith("READER") and "empty" in line}
    assert len(readings) == 10
    assert {line: ran.err for line, ran in readings.items() if ran.code} == {}
    (listed,) = json.loads(readings["READER studies --json --results empty"].out)["studies"]
    assert (listed["study"], listed["trials"], listed["state"]) == ("tiny-0", 3, "finished")
    assert (searched.folder / "empty" / "tiny-0" / "report.html").exists()


def test_a_reader_cannot_remove_and_the_driver_can(searched: Searched) -> None:
    refused = searched.ran["READER -v studies remove tiny-0 --yes"]
    assert refused.code == 1
    assert "permission denied" in refused.err
    removed = searched.ran["DRIVER studies remove tiny-0 --yes"]
    assert removed.code == 0
    assert removed.err == "Removed tiny-0.\n"
    assert "No studies in postgresql+psycopg://driver:***@" in searched.ran["DRIVER studies"].err
    assert not (searched.folder / "results" / "tiny-0").exists()


@pytest.mark.parametrize(
    ("role", "code", "words"),
    [
        ("WRONG", 1, "password authentication failed"),
        ("MISSPELT", 2, "in a password %40 for @"),
        ("NOWHERE", 1, "refused"),
    ],
)
def test_what_is_wrong_with_a_storage_is_one_sentence(searched: Searched, role: str, code: int, words: str) -> None:
    ran = searched.ran[f"{role} leaderboard"]
    assert ran.code == code
    (line,) = ran.err.splitlines()
    assert words in line


def test_no_command_prints_or_writes_the_password(searched: Searched) -> None:
    assert len(searched.ran) > 30
    assert [line for line, ran in searched.ran.items() if CANARY in ran.out + ran.err] == []
    files = [path for path in searched.folder.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []


def test_optunas_dashboard_reads_a_study_with_the_readers_role(tmp_path: Path, postgres: Server) -> None:
    from support import search_fake

    database = postgres.new_database()
    search_fake.run(tmp_path, goal=3, url=postgres.url(database))
    postgres.do("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", database)
    port = free_port()
    url = f"postgresql+psycopg://reader@127.0.0.1:{postgres.port}/{database}"
    command = [str(Path(sys.executable).with_name("optuna-dashboard")), url, "--host", "127.0.0.1", "--port", str(port)]
    from support.postgres_server import PASSWORD

    environment = {**os.environ, "PGPASSWORD": PASSWORD, "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as dashboard:
        try:
            listed = until(lambda: answer(f"http://127.0.0.1:{port}/api/studies")).decode()
        finally:
            dashboard.terminate()
    assert "fake-0" in listed
