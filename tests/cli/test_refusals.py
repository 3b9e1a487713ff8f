"""What a command refuses: one sentence on stderr, its exit code, nothing as data and nothing written."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.prediction.model import UNFINISHED
from support import handmade

ONLY_NETS = "only for networks, not with --objective or --command."
NOT_A_STUDY = "is a folder. Name a study alone, conv-0, or a trial, conv-0/17; --results names the folder of studies."
RECORD = f"{NOT_A_STUDY} The record in it is "
FORMS = "Give one of --recipe, --space, --code and --json; --json can also be combined with --why."
LINES = [
    ("compare conv-0", 2, "compare takes two studies, trials or records, not 1."),
    ("compare conv-0 conv-9", 3, "No study conv-9"),
    ("doctor ../x", 2, "'../x' cannot name a study"),
    ("doctor --cut", 2, "--cut is for a study; name one"),
    ("doctor --device cuda:99", 2, "cuda:99"),
    ("doctor --repair", 2, "--repair is for a study; name one"),
    ("doctor --replay", 2, "--replay is for a study; name one"),
    ("doctor --speed --replay", 2, "--speed measures this machine"),
    ("doctor --speed conv-0", 2, "--speed measures this machine"),
    ("leaderboard --json --csv", 2, "Give one of --json and --csv."),
    ("leaderboard --learning-curves", 2, "--learning-curves needs --json or --csv."),
    ("leaderboard conv-0 elsewhere", 2, "Studies of different objectives are not in one leaderboard. conv-0: "),
    ("leaderboard new", 3, "Study new has no finished trial yet."),
    ("plot --formats pdf", 2, "formats='pdf': give png or svg."),
    ("plot --set augment.zoom=1", 2, "--set is for `mnist-bench plot digits`."),
    ("plot conv-0 digits", 2, "digits shows the data and takes no study; leave out conv-0."),
    ("plot conv-0 histroy", 2, "histroy: no such kind of plot; did you mean `history`?"),
    ("plot digits --data nowhere", 2, "nowhere: cannot be read"),
    ("plot history digits", 2, "digits shows the data and history a study; use one command for each."),
    ("plot none-7 history", 3, "No study none-7 in results."),
    ("plot paretto", 3, "paretto: no such study, and no kind of plot; did you mean `pareto`?"),
    ("plot --to file", 2, "file: cannot be created as a folder (File exists)."),
    ("plot --to closed/b", 2, "closed/b: cannot be written (closed does not allow you to write)."),
    ("predict conv-0 empty", 2, "empty: this folder contains no image; names of images end in "),
    ("predict conv-0/1 a.png", 3, "The weights of conv-0/1 are not here"),
    ("predict conv-0/0123456789 a.png", 2, "'conv-0/0123456789' is not a trial; write STUDY/17."),
    ("predict conv-0/x a.png", 2, "'conv-0/x' is not a trial; write STUDY/17."),
    ("predict none.safetensors a.png", 2, "not a file of exported weights (No such file or directory)."),
    ("predict unfinished a.png", 2, "unfinished: its export was interrupted; run the same `mnist-bench export`"),
    ("report new", 3, "Study new has no finished trial yet."),
    ("report --to closed/a.html", 2, "closed/a.html: cannot be written (closed does not allow you to write"),
    ("report --to empty", 2, "empty: cannot be written (it is a folder"),
    ("report --to file/a.html", 2, "file/a.html: cannot be written (file is a file, not a folder"),
    ("reproduce winner/", 2, f"winner: {RECORD}winner/RECORD.json."),
    ("search a.yaml --command a", 2, "a.yaml: cannot be read: No such file or directory"),
    ("search a.yaml --command a --data x", 2, f"--data: {ONLY_NETS}"),
    (
        "search a.yaml --objective a.py:f --command a",
        2,
        "Give either --objective, a function, or --command, a program.",
    ),
    ("search a.yaml --objective a.py:f --device cpu --data x", 2, f"--device and --data: {ONLY_NETS}"),
    ("search a.yaml --objective a.py:f --target nan", 2, "--target nan: not a number; write 99.4%, 0.994 or -12.5"),
    ("search a.yaml --periods 3 --stall 3s", 2, "--periods and --stall: only with --objective or --command."),
    ("search a.yaml --target 1.5", 2, "target=1.5: give a validation accuracy, above 0 and up to 1."),
    ("show ./winner", 2, f"winner: {RECORD}winner/RECORD.json."),
    ("show ../../etc", 2, "'../..' cannot name a study: "),
    ("show a/1/2", 2, "'a/1' cannot name a study: "),
    ("show conv-0 --space --json", 2, FORMS),
    ("show conv-0 --why", 2, "--why explains a single trial; name it: STUDY/17 --why."),
    ("show conv-0/", 2, "'conv-0/'"),
    ("show conv-0/0 --recipe --why", 2, FORMS),
    ("show conv-0/99", 3, "Study conv-0 has no trial 99"),
    ("show conv-0/x", 2, "'conv-0/x' is not a trial; write STUDY/17."),
    ("show empty/", 2, f"empty: {NOT_A_STUDY}"),
    ("studies --json remove conv-0 --yes", 2, "--json: write options after `studies remove`, which ignores those"),
    ("studies --results other remove conv-0 --yes", 2, "--results: write options after `studies remove`"),
    ("studies remove '' --yes", 2, "'' cannot name a study"),
    ("studies remove ../conv-0 --yes", 2, "'../conv-0' cannot name a study"),
    ("studies remove none --results other", 3, "No study none in other/; `mnist-bench studies --results other` lists"),
]


@pytest.fixture
def place(cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a runner in a folder with files that commands refuse; conv-0 is the latest study."""
    elsewhere = handmade.changed(handmade.mixed(name="elsewhere"), context={"data": {"split_hash": "f" * 64}})
    waiting = handmade.study([handmade.trial(0, periods=0, state="RUNNING")], name="new")
    cli.studies = {"elsewhere": elsewhere, "new": waiting, **cli.studies}
    for folder in ("empty", "unfinished", "winner", "closed"):
        (tmp_path / folder).mkdir()
    for file in (f"unfinished/{UNFINISHED}", "winner/RECORD.json", "file"):
        (tmp_path / file).touch()
    monkeypatch.setattr("os.access", lambda path, mode: "closed" not in str(path))
    monkeypatch.setattr("mnist_bench.plots.kinds.drawn", lambda *_: pytest.fail("it was drawn"))
    return cli


def files() -> set[str]:
    return set(map(str, Path().rglob("*")))


@pytest.mark.parametrize(("line", "code", "sentence"), LINES, ids=[line for line, *_ in LINES])
def test_it_is_one_sentence_and_nothing_is_written(place: Any, line: str, code: int, sentence: str) -> None:
    before = files()
    result = place(*shlex.split(line))
    told = result.stderr.splitlines()
    assert result.exit_code == code
    assert told[-1].startswith("Error: ")
    assert sentence in told[-1]
    assert len(told) == 1 or told[0].startswith("Usage: ")
    if result.stdout:
        assert "--json" in line
        assert json.loads(result.stdout)["error"]["message"] == told[-1].removeprefix("Error: ")
    assert files() == before
