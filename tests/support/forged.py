"""A study whose rows and files somebody else has written, with text that would like to be obeyed.

    python forged.py

In an empty folder it makes a/b, where it searches, forges and runs commands over what came of it. It prints one line of
JSON: `ran`, of every command its arguments, exit code, stdout and stderr; `touched`, the paths in the empty folder that
names which cannot be names have changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import cycle
from pathlib import Path
from typing import Any

from PIL import Image
from typer.testing import CliRunner

from mnist_bench.cli.app import app
from support import drawn
from support.damage import chain_anew
from support.paths import DATABASE, LOCK

STUDY = "smoke-0"
SEARCH = ("search", "smoke", "--sampler", "tpe", "--trials", "4", "--concurrent-trials", "2", "--set", "subset=1000",
          "--set", "epochs=2", "--executor", "in-process")  # fmt: skip
TEXT = (
    "=HYPERLINK(1)\x1b]0;owned\x07\x1b[31m\x9b2J\r\nError: forged [/x][link=http://evil]y[/link] "
    "<script>alert(1)</script><img src=x onerror=alert(1)> $\\frac{ \u202e {{ 7 * 7 }} | `a`"
)
NAMES = (
    "../../etc/passwd", "/etc/passwd", "..", ".", "", " ", "a\0b", "a\nError: forged", "\x1b[31mred", "[/x]",
    "[link=http://evil]y[/link]", "a/b/c", "-rf", "x" * 65, "\u202egnp", "é", "=1+1", "a\\b", "%s{0}", "~", "$HOME",
)  # fmt: skip
WORST = ("../../etc/passwd", "", "a\0b", "\x1b[31mred", "[/x]", "-rf")
WAYS_IN: tuple[tuple[str, ...], ...] = (
    ("show", "{name}/1"), ("studies", "remove", "{name}", "--yes"), ("train", "{name}"),
)  # fmt: skip
"""One command for each way that a name takes: to a study, a folder that is removed, a file."""
COMMANDS = (
    *WAYS_IN, ("search", "smoke", "--study-name", "{name}"),
    ("leaderboard", "{name}"), ("show", "{name}"), ("report", "{name}"), ("plot", "{name}"), ("doctor", "{name}"),
    ("doctor", "{name}", "--repair"), ("reproduce", "{name}"), ("confirm", "{name}"), ("ablate", "{name}"),
    ("space", "show", "{name}"), ("bench", "notebook", "{name}"), ("compare", "{name}", STUDY),
)  # fmt: skip
READING: tuple[tuple[str, ...], ...] = (
    ("leaderboard",), ("leaderboard", "--csv"), ("leaderboard", "--json"), ("leaderboard", "--markdown"),
    ("show",), ("show", "--json"), ("show", f"{STUDY}/0"), ("show", f"{STUDY}/1"), ("show", f"{STUDY}/1", "--json"),
    ("studies",), ("studies", "--json"),
    ("report",), ("plot", STUDY, "--formats", "svg"), ("doctor", STUDY), ("doctor", STUDY, "--json"),
    ("show", "--all"), ("show", "--space"), ("show", f"{STUDY}/0", "--why"), ("show", f"{STUDY}/1", "--why"),
    ("show", f"{STUDY}/1", "--recipe"), ("leaderboard", "--all"), ("leaderboard", "--wide"),
    ("leaderboard", "--learning-curves", "--csv"), ("leaderboard", "--learning-curves", "--json"),
    ("predict", STUDY, "digit.png"), ("export", STUDY, "--to", "winner"),
)  # fmt: skip
TRAINING: tuple[tuple[str, ...], ...] = (
    ("confirm", STUDY, "--top", "1", "--no-test", "--workers", "1"),
    ("ablate", STUDY, "--seeds", "2", "--budget", "1s", "--workers", "1"),
)
Change = Callable[[dict[str, Any]], None]

ran: list[tuple[str, list[str], int, str, str]] = []


def run(what: str, *arguments: str) -> None:
    """Run a command and note what came of it, under the name of what was forged."""
    result = CliRunner().invoke(app, list(arguments))
    ran.append((what, list(arguments), result.exit_code, result.stdout, result.stderr))


def forge(kind: str, trial: int | None, change: Change) -> None:
    """Change the payload of the last event of this kind, and of a trial where one is named."""
    with closing(sqlite3.connect(Path("results") / STUDY / DATABASE)) as database, database:
        query = "SELECT seq, payload FROM search_events WHERE kind = ? AND ifnull(trial, -1) = ? ORDER BY seq DESC"
        seq, text = database.execute(query, [kind, -1 if trial is None else trial]).fetchone()
        payload = json.loads(text)
        change(payload)
        database.execute("UPDATE search_events SET payload = ? WHERE seq = ?", [json.dumps(payload), seq])
    chain_anew(Path("results") / STUDY / DATABASE)


def decorate() -> None:
    """Write text wherever a study may have text, and rows of others into Optuna's tables."""

    def of_the_study(payload: dict[str, Any]) -> None:
        spec = payload["spec"]
        spec["numerics"] |= {"cpu": TEXT, TEXT: TEXT, "libraries": [TEXT]}
        spec["versions"] |= {"torch": TEXT, TEXT: TEXT}
        spec["context"] |= {TEXT: {TEXT: TEXT}}
        spec["space"] |= {"name": TEXT}
        spec["space"]["settings"] |= {TEXT: TEXT}
        choice = next(form for path, form in spec["space"]["fields"] if path == "model.batchnorm")
        choice["choice"].append(TEXT)

    def of_a_crash(payload: dict[str, Any]) -> None:
        payload |= {"state": "FAIL", "reason": "crashed", "error": TEXT, "value": None}

    def of_a_report(payload: dict[str, Any]) -> None:
        payload["report"]["metrics"] |= {TEXT: 1.0}
        payload["report"] |= {"weights": TEXT, "details": {"correct": None, TEXT: TEXT}}

    forge("create", None, of_the_study)
    forge("tell", 0, of_a_crash)
    forge("report", 1, of_a_report)
    forge("ask", 0, lambda payload: payload["facts"].update({TEXT: TEXT}))
    forge("ask", 0, lambda payload: payload["constraints"].update({TEXT: 5.0}))
    with closing(sqlite3.connect(Path("results") / STUDY / DATABASE)) as database, database:
        database.execute("UPDATE search_events SET at = ?", [TEXT])
        database.execute("UPDATE trial_user_attributes SET value_json = ?", [json.dumps(TEXT)])
        database.execute("UPDATE trial_user_attributes SET key = 'x' || trial_user_attribute_id || ?", [TEXT])
    chain_anew(Path("results") / STUDY / DATABASE)
    (Path("results") / STUDY / LOCK).write_text(json.dumps({"host": TEXT, "pid": 1, "since": TEXT}))
    (Path("results") / "test-openings.jsonl").write_text(TEXT)


def at(*path: str | int, put: Any) -> Change:
    """Return a change that puts a value at a path."""

    def change(payload: dict[str, Any]) -> None:
        inner: Any = payload
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = put

    return change


REFUSED: dict[str, tuple[str, int | None, Change]] = {
    "no numerics_check": ("create", None, at("spec", "numerics", put={})),
    "no data": ("create", None, at("spec", "context", put={})),
    "no validation images": ("create", None, at("spec", "context", "images", "validation", put=0)),
    "a data set by path": ("create", None, at("spec", "context", "data", "dataset", put="../../etc")),
    "a million concurrent trials and one": ("create", None, at("spec", "concurrent_trials", put=1_000_001)),
    "another name": ("create", None, at("name", put=TEXT)),
    "a field that is none": ("create", None, at("spec", "space", "fields", 0, put=[TEXT, {TEXT: TEXT}])),
    "an objective that is none": ("create", None, at("spec", "space", "settings", "objective", put=[])),
    "an endless budget": ("ask", 1, at("config", "epochs", put=10**12)),
    "an unknown setting": ("ask", 1, at("config", TEXT, put=TEXT)),
    "a net of no size": ("ask", 1, at("facts", "parameters", put="many")),
    "a value beyond its range": ("ask", 1, at("params", "optim.lr", put=1e300)),
    "a slot that is not there": ("ask", 1, at("slot", put=99)),
    "an accuracy above one": ("report", 1, at("report", "value", put=7.5)),
    "a time after all times": ("report", 1, at("report", "handled", put=1e300)),
    "a huge count of errors": ("report", 1, at("report", "metrics", "errors", put=10**18)),
    "a reason of its own": ("tell", 1, at("reason", put=TEXT)),
    "a state of its own": ("tell", 1, at("state", put=TEXT)),
    "nothing": ("tell", 1, lambda payload: payload.clear()),
}
"""What no search writes, by name: the event whose payload is changed, and how."""


def contents(folder: Path) -> dict[str, str]:
    """Return all that lies in a folder and below, by its path: the SHA-256 of a file, and nothing of a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in folder.rglob("*")
    }


def draw_a_digit() -> None:
    picture = Image.new("L", (28, 28), 255)
    picture.paste(0, (12, 4, 16, 24))
    picture.save("digit.png")


def main() -> None:
    """See the module."""
    outside = Path.cwd()
    inside = outside / "a" / "b"  # two folders deep, so that ../../etc/passwd beside the studies is not out of sight
    inside.mkdir(parents=True)
    os.chdir(inside)
    draw_a_digit()
    drawn.no_pictures()  # those of the study that is only text are drawn by `plot`
    run("undisturbed", *SEARCH)
    run("undisturbed", "report")
    whole = Path(shutil.copytree("results", "whole"))
    decorate()
    for command in READING:
        run("text", *command)
    shutil.copytree("results", "text")
    for command in TRAINING:
        run("text", *command)
    run("text", *SEARCH)
    run("text", "reproduce", f"{STUDY}/1")
    run("text", "train", f"{STUDY}/1")
    run("text", "doctor", STUDY, "--repair")
    readers = cycle([("show", f"{STUDY}/1"), ("report",), ("plot",), SEARCH])  # all of them ask the log
    for what, (kind, trial, change) in REFUSED.items():
        shutil.rmtree("results")
        shutil.copytree(whole, "results")
        forge(kind, trial, change)
        for command in (("leaderboard",), ("doctor", STUDY), next(readers)):
            run(what, *command)
    before = contents(outside)
    for command in COMMANDS:
        for name in NAMES if command in WAYS_IN else WORST:
            run("name", *(part.format(name=name) for part in command))
    changed = dict(before.items() ^ contents(outside).items())
    print(json.dumps({"ran": ran, "touched": sorted(changed)}))


if __name__ == "__main__":
    main()
