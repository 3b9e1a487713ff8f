"""A study that somebody sent, in which files lead elsewhere: commands refuse them, and leave what they name alone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from support import canned
from support.commands import Ran, in_one_process

pytestmark = pytest.mark.slow  # a process that imports PyTorch and draws
SEARCH = "search small.yaml --trials 9 --concurrent-trials 4 --study-name finished --executor in-process"
CONFIRM, ABLATE = "confirm confirmed --top 2", "ablate confirmed --baseline notebook/linear --seeds 3"
REFUSED = [
    *((SEARCH, name) for name in ("driver.lock", "study.db", "study.db-wal", "states")),
    *((CONFIRM, name) for name in ("confirm", "confirm/driver.lock", "confirm/confirm.json")),
    *((ABLATE, name) for name in ("ablation", "ablation/driver.lock", "ablation/ablation.json")),
    *(("report confirmed", name) for name in ("report.html", "confirm", "weights", "commands.jsonl")),
    ("plot confirmed history", "plots"),
    *(("export confirmed --to new", name) for name in ("weights", "study.db-shm")),
    *(("doctor confirmed --repair", name) for name in ("driver.lock", "ablation/driver.lock")),
    *(("studies remove confirmed --yes", name) for name in ("driver.lock", "study.db")),
    *(("show confirmed", name) for name in ("study.db", "driver.lock", "report.html")),
    ("predict confirmed seven.png", "weights"),
    ("reproduce confirmed", "study.db"),
    ("leaderboard confirmed", "test-openings.jsonl"),
]  # fmt: skip
"""Commands, and a name that leads elsewhere."""
UNHARMED = [
    *(("studies", name) for name in ("study.db", "driver.lock", "test-openings.jsonl")),
    *(("studies remove confirmed --yes", name) for name in ("confirm", "report.html")),
]
"""Those that do their work without it."""
PIPED = [
    *(
        (SEARCH, "study.db"),
        ("show confirmed", "study.db"),
        ("studies", "study.db"),
        ("reproduce confirmed", "study.db"),
    ),
    *(("doctor confirmed --repair", "driver.lock"), ("studies remove confirmed --yes", "driver.lock")),
    *(("report confirmed", "report.html"), ("predict confirmed seven.png", "weights")),
]
"""Those that are tried with a pipe of that name, too, at which they must not wait."""
CASES = [*((*case, "link") for case in (*REFUSED, *UNHARMED)), *((*case, "pipe") for case in PIPED)]


def line(number: int) -> str:
    return f"{CASES[number][0]} --results results-{number}"


def set_up(root: Path, number: int) -> None:
    """Copy a study for a case, in which a name leads to a victim with its content, or to nothing if there is none."""
    command, name, kind = CASES[number]
    study = root / f"results-{number}" / ("finished" if command == SEARCH else "confirmed")
    shutil.copytree(canned.studies() / study.name if command == SEARCH else canned.CONFIRMED, study)
    path, victim = study / name, root / f"victim-{number}"
    path.parent.mkdir(exist_ok=True)
    if path.name == "driver.lock":  # the published study has none
        path.touch()
    if path.exists():
        path.rename(victim)
    if kind == "link":
        path.symlink_to(victim)
    else:
        os.mkfifo(path)


def contents(victim: Path) -> dict[str, bytes] | None:
    """Return the files of a victim, None where there is none."""
    if not victim.exists():
        return None
    files = victim.rglob("*") if victim.is_dir() else [victim]
    return {str(path): path.read_bytes() for path in files if path.is_file()}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("received")
    shutil.copy(canned.SMALL, root)
    for number in range(len(CASES)):
        set_up(root, number)
    return root


@pytest.fixture(scope="module")
def before(root: Path) -> list[dict[str, bytes] | None]:
    return [contents(root / f"victim-{number}") for number in range(len(CASES))]


@pytest.fixture(scope="module")
def ran(root: Path, before: object) -> dict[str, Ran]:
    return in_one_process(root, "\n".join(f"run({line(number)!r})" for number in range(len(CASES))))


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: f"{CASES[number]}")
def test_what_is_elsewhere_is_left_alone(
    number: int, root: Path, before: list[dict[str, bytes] | None], ran: dict[str, Ran]
) -> None:
    (command, name, kind), done = CASES[number], ran[line(number)]
    assert contents(root / f"victim-{number}") == before[number]
    if (command, name) in UNHARMED:
        assert done.code == 0, done.err
        return
    assert done.code == 1, done.out
    what = "is a symbolic link" if kind == "link" else "is neither a file nor a folder"
    assert f"{name}: {what}" in " ".join(done.err.split())


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_the_list_goes_on_past_such_a_study_and_says_why(ran: dict[str, Ran], kind: str) -> None:
    listed = ran[line(CASES.index(("studies", "study.db", kind)))]
    assert "confirmed cannot be read: " in listed.err
    assert "unreadable" in listed.out
