"""`mnist-bench space`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from mnist_bench.space_files import space_sources
from support.own_data import arrays, write_npz

Cli = Callable[..., Result]
Show = Callable[..., Result]

LR = "optim: {lr: {float: [0.1, 0.2]}}\n"
BAD = "name: mine\nmodel:\n  batchnrom: none\n  block_dropout: {float: [0, 1.3]}\n"
CONSTRAINED = "model: {filters: {int: [8, 16], step: 8}, hidden_units: {levels: [64, 128]}}\nconstraints: [FIELDS]"
LIMITED = "limits: {parameters: 10_000}\nmodel: {blocks: 3, filters: {int: [2, 4]}, hidden_layers: 0}\n"


@pytest.fixture
def show(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Show:
    """Return a function that shows a space with these lines, mine.yaml, with options, and checks the exit code."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def shown(text: str, *options: str, code: int = 0) -> Result:
        Path("mine.yaml").write_text(text)
        result = cli("space", "show", "mine.yaml", *options)
        assert result.exit_code == code, result.stderr
        assert code == 0 or result.stdout == ""
        return result

    return shown


def document(result: Result) -> Any:
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            BAD,
            [
                "mine.yaml:3:3  model.batchnrom: no such field; did you mean `batchnorm`?",
                "mine.yaml:4:30  model.block_dropout: 1.3 is not below 1 (0 <= block_dropout < 1)",
            ],
        ),
        (
            CONSTRAINED.replace("FIELDS", "hidden_units <= 8 * filter"),
            ["mine.yaml:2:35  constraints[0]: the file sets no field filter; did you mean `filters`?"],
        ),
    ],
)
def test_every_problem_is_told_with_its_place(show: Show, text: str, lines: list[str]) -> None:
    told = show(text, code=2).stderr.splitlines()[: len(lines)]
    assert all(line.startswith(words) for line, words in zip(told, lines, strict=True)), told


def test_a_file_comes_from_standard_input(cli: Cli) -> None:
    assert cli("space", "show", "-", stdin="epochs: 0\n").stderr.startswith("stdin:1:9  epochs: 0 is below 1")


def test_hostile_names_do_not_reach_the_terminal(show: Show) -> None:
    told = show('"[red]x": 1\nmodel: {activation: "\\u202e[bold]x"}\n', code=2).stderr
    assert "[red]x: no such setting" in told
    assert "[bold]x is not relu" in told
    assert "\u202e" not in told
    assert "\x1b" not in show('"\\e[31m": 1\n', code=2).stderr


def test_what_is_wrong_with_the_data_or_the_net_is_no_fault_of_the_file(show: Show) -> None:
    write_npz(Path("few.npz"), arrays(classes=2, train=6))
    for option, source, words in (
        ("--data", "few.npz", f"{Path.cwd()}/few.npz: 6 training images are too few to split; at least 10 are needed"),
        ("--data", "none.npz", f"{Path.cwd()}/none.npz: cannot be read (No such file or directory)"),
        ("--net", "none.py:build", "No net none.py:build"),
    ):
        assert show(LR, option, source, code=2).stderr.startswith(f"Error: {words}")


def test_constraints_are_shown_with_the_share_that_meets_them(show: Show) -> None:
    shown = show(CONSTRAINED.replace("FIELDS", "hidden_units <= 8 * filters")).stdout
    assert "mine  ·  2 ranges, 0 constants, 1 constraint  ·  6 epochs  ·  curves" in shown
    share = re.search(r"constraint      hidden_units <= 8 \* filters   met by (\d+)% of random configurations\n", shown)
    assert share is not None
    assert 60 < int(share[1]) < 90
    assert f"infeasible      {100 - int(share[1])}% of random configurations miss a constraint; they are not" in shown


def test_show_tells_apart_what_exceeds_a_limit_and_what_cannot_be_built(show: Show) -> None:
    sizes = "{blocks: {int: [1, 2]}, filters: {choice: [[4], [4, 8]]}, hidden_layers: 1}"
    text = f"limits: {{parameters: 100_000}}\nmodel: {sizes}\n"
    words = r"^infeasible .*\d\d% of random configurations exceed a limit and \d\d% cannot be built;"
    assert re.search(words, show(text).stdout, re.MULTILINE)
    estimate = document(show(text, "--json"))["estimate"]
    assert 0 < estimate["impossible"] < estimate["infeasible"] < 1


def test_show_warns_without_an_error(show: Show) -> None:
    shown = show("optim: {lr: {float: [0.1, 0.1]}}\n", "--json")
    assert shown.stderr == "mine.yaml:1:21  warning: optim.lr: a range of one value; as a constant it is written 0.1\n"
    assert [warning["column"] for warning in document(shown)["warnings"]] == [21]


def test_nets_are_checked_for_the_pictures_of_the_data(show: Show) -> None:
    show(LIMITED)
    for data, code, words in (
        ({"classes": 20, "side": 128}, 0, "warning: limits: none of 200 random networks meets them"),
        ({"classes": 3, "side": 4, "train": 60, "test": 12}, 2, "model: no network can be built from these settings"),
    ):
        write_npz(Path("mine.npz"), arrays(**data))
        assert words in show(LIMITED, "--data", "mine.npz", code=code).stderr


@pytest.mark.parametrize(("source", "channels"), [("--data", 3), ("dataset: mnist-red", 3), ("", 1)])
def test_nets_are_those_for_the_pictures(source: str, channels: int, show: Show) -> None:
    data = ["--data", str(write_npz(Path("mine.npz"), arrays(classes=10, side=28)))] if source == "--data" else []
    more = source if ":" in source else ""
    text = f"model: {{blocks: 1, filters: {{int: [4, 5]}}, hidden_layers: 0}}\n{more}\n"
    macs = document(show(text, *data, "--json"))["extremes"]["macs"]
    assert macs == [28 * 28 * 9 * channels * maps + 14 * 14 * maps * 10 for maps in (4, 5)]


def test_times_are_those_for_as_many_images(show: Show) -> None:
    few = write_npz(Path("few.npz"), arrays(classes=10, side=28, channels=1, train=600))
    whole, small = (document(show(LR, *data, "--json"))["estimate"]["seconds"] for data in ([], ["--data", str(few)]))
    assert small < whole / 20
    told = show(f"subset: 1000\n{LR}", "--data", str(few), code=2).stderr
    assert told.startswith("mine.yaml:1:9  subset: 1000 is more than there are: 600 images; leave it out")


def test_show(cli: Cli) -> None:
    lines = cli("space", "show", "smoke", "--set", "epochs=4").stdout.splitlines()
    assert lines[0].startswith(
        "smoke  ·  11 ranges, 1 constant  ·  4 epochs  ·  precision portable  ·  subset 6000  ·  curves"
    )
    assert any(line.startswith("model.hidden_units") and "hidden_layers is 1" in line for line in lines)
    assert "parameters      3,212 to 94,830   limit 100,000" in lines
    assert re.match(r"time {12}about [\d.]+ (s|min) for 50 trials with \d+ workers?: a rough estimate, for ", lines[-1])
    shown = document(cli("space", "show", "smoke", "--json"))
    assert shown["extremes"]["parameters"] == [3212, 94830]
    assert shown["fields"] == json.loads(json.dumps(space_sources.load("smoke").to_spec()["fields"]))
    estimate = shown["estimate"]
    assert (estimate["trials"], estimate["device"], estimate["infeasible"]) == (50, "cpu-portable", 0)
    assert 0 < estimate["seconds"] < 120


def test_show_of_a_recipe(show: Show) -> None:
    shown = show("model: {blocks: 0, hidden_layers: 0}\n").stdout
    assert shown.startswith("mine  ·  a recipe  ·  6 epochs  ·  curves")
    assert "7,850 to 7,850" in shown
    assert "time " not in shown


def test_list(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {row["name"] for row in document(cli("space", "list", "--json"))["spaces"]}
    assert names >= {"conv", "conv-gpu", "smoke"}
    Path("mine.yaml").write_text(BAD)
    monkeypatch.setattr("mnist_bench.space_files.space_sources.FOLDERS", (Path.cwd(),))
    lines = cli("space", "list").stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["name", "holds"], ["mine", "problems"]]
