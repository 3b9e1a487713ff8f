"""`mnist-bench space`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mnist_bench.cli.space import app
from mnist_bench.space_files import space_sources
from search.errors import SpaceError
from support import own_nets
from support.own_data import arrays, write_npz

Cli = Callable[..., Result]

BAD = "name: mine\nmodel:\n  batchnrom: none\n  block_dropout: {float: [0, 1.3]}\n"


def run(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=text)


@pytest.fixture
def bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a file with two problems, in the folder where we work."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(BAD)
    return "mine.yaml"


def problems(result: Result) -> str:
    """Return what is wrong with a space, which the program prints on stderr."""
    assert isinstance(result.exception, SpaceError)
    return str(result.exception)


def test_every_problem_is_told_with_its_place_and_exit_code_2(bad: str, cli: Cli) -> None:
    result = cli("space", "show", bad)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[:2] == [
        "mine.yaml:3:3  model.batchnrom: no such field; did you mean `batchnorm`?",
        "mine.yaml:4:30  model.block_dropout: 1.3 is not below 1 (0 <= block_dropout < 1)",
    ]


CONSTRAINED = """\
model:
  filters: {int: [8, 16], step: 8}
  hidden_units: {levels: [64, 128]}
constraints:
  - hidden_units <= 8 * filters
"""


def test_constraints_are_checked_and_shown_with_the_share_that_meets_them(tmp_path: Path) -> None:
    file = tmp_path / "tied.yaml"
    file.write_text(CONSTRAINED)
    shown = run("show", str(file)).stdout
    assert "tied  ·  2 ranges, 0 constants, 1 constraint  ·  6 epochs  ·  curves" in shown
    share = re.search(r"constraint      hidden_units <= 8 \* filters   met by (\d+)% of random configurations\n", shown)
    assert share is not None
    assert 60 < int(share[1]) < 90
    assert f"infeasible      {100 - int(share[1])}% of random configurations miss a constraint; they are not" in shown


def test_faulty_constraints_are_told_once_each(tmp_path: Path) -> None:
    file = tmp_path / "tied.yaml"
    file.write_text(CONSTRAINED.replace("filters\n", "filter\n"))
    where = f"{file}:5:25  constraints[0]: the file sets no field filter; did you mean `filters`?"
    assert "".join(problems(run("show", str(file))).split()) == "".join(where.split())
    file.write_text("model: {filters: {int: [8, 16]}}\nconstraints: []\n")
    assert "1 range, 0 constants" in run("show", str(file)).stdout
    file.write_text("constraints: {a: {int: [8, 16]}}\n")
    assert "constraints: needs a list of conditions" in problems(run("show", str(file)))


def test_show_warns_without_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("odd.yaml").write_text("optim: {lr: {float: [0.1, 0.1]}}\n")
    result = run("show", "odd.yaml")
    assert result.exit_code == 0
    assert result.stdout.startswith("odd  ·  1 range, 0 constants")
    assert result.stderr == "odd.yaml:1:21  warning: optim.lr: a range of one value; as a constant it is written 0.1\n"
    warnings = json.loads(run("show", "--json", "odd.yaml").stdout)["warnings"]
    assert [warning["column"] for warning in warnings] == [21]


LIMITED = "limits: {parameters: 10_000}\nmodel: {blocks: 3, filters: {int: [2, 4]}, hidden_layers: 0}\n"


def test_nets_are_checked_for_the_pictures_of_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(LIMITED)
    assert run("show", "mine.yaml").exit_code == 0
    write_npz(Path("large.npz"), arrays(classes=20, side=128))
    found = run("show", "mine.yaml", "--data", "large.npz")
    assert "limits.parameters: the smallest network has" in problems(found)
    write_npz(Path("small.npz"), arrays(classes=3, side=4, train=60, test=12))
    found = run("show", "mine.yaml", "--data", "small.npz")
    assert "model: no network can be built from these settings" in problems(found)


def test_a_subset_that_the_data_do_not_hold_is_told_at_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("subset: 1000\noptim: {lr: {float: [0.1, 0.2]}}\n")
    write_npz(Path("mine.npz"), arrays())
    found = " ".join(problems(run("show", "mine.yaml", "--data", "mine.npz")).split())
    assert "mine.yaml:1:9 subset: 1000 is more than there are: 400 images;" in found


def test_a_table_that_there_is_not_is_told_at_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("search: {start: [conv-5k, nosuch]}\noptim: {lr: {float: [0.1, 0.2]}}\n")
    found = problems(run("show", "mine.yaml"))
    assert found.startswith("mine.yaml:1:27  search.start: no table nosuch; there are conv-5k and conv-5k-wrong")


def test_what_is_wrong_with_the_data_or_the_net_is_no_fault_of_the_file(cli: Cli) -> None:
    Path("mine.yaml").write_text("optim: {lr: {float: [0.1, 0.2]}}\n")
    write_npz(Path("few.npz"), arrays(classes=2, train=6))
    for option, source, words in (
        ("--data", "few.npz", f"{Path.cwd()}/few.npz: 6 training images are too few to split; at least 10 are needed"),
        ("--data", "none.npz", f"{Path.cwd()}/none.npz: cannot be read (No such file or directory)"),
        ("--net", "none.py:build", "No net none.py:build"),
    ):
        found = cli("space", "show", "mine.yaml", option, source)
        assert (found.exit_code, found.stdout) == (2, "")
        assert found.stderr.startswith(f"Error: {words}")


@pytest.mark.parametrize(("source", "channels"), [("--data", 3), ("dataset: mnist-red", 3), ("", 1)])
def test_nets_are_those_for_the_pictures(
    source: str, channels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(
        f"model: {{blocks: 1, filters: {{int: [4, 5]}}, hidden_layers: 0}}\n{source if ':' in source else ''}\n"
    )
    data = ["--data", str(write_npz(Path("mine.npz"), arrays(classes=10, side=28)))] if source == "--data" else []
    shown = json.loads(run("show", "mine.yaml", *data, "--json").stdout)
    assert shown["extremes"]["macs"] == [28 * 28 * 9 * channels * maps + 14 * 14 * maps * 10 for maps in (4, 5)]


def test_constraints_are_counted_over_nets_for_the_pictures(tmp_path: Path) -> None:
    (tmp_path / "red.yaml").write_text(
        "dataset: mnist-red\noptim: {lr: {float: [0.1, 0.2]}}\nconstraints: [lr < 0.15]\n"
    )
    net = own_nets.write(tmp_path, own_nets.THREE_CHANNELS)
    found = run("show", str(tmp_path / "red.yaml"), "--net", net)
    assert found.exit_code == 0, found.stdout
    assert "constraint      lr < 0.15   met by " in found.stdout


def test_times_are_those_for_as_many_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    few = write_npz(tmp_path / "few.npz", arrays(classes=10, side=28, channels=1, train=600))
    seconds = [
        json.loads(run("show", "grid", *data, "--json").stdout)["estimate"]["seconds"]
        for data in ([], ["--data", str(few)])
    ]
    assert seconds[1] < seconds[0] / 20


def test_show_tells_apart_what_exceeds_a_limit_and_what_cannot_be_built(tmp_path: Path) -> None:
    file = tmp_path / "odd.yaml"
    sizes = "{blocks: {int: [1, 2]}, filters: {choice: [[4], [4, 8]]}, hidden_layers: 1}"
    file.write_text(f"limits: {{parameters: 100_000}}\nmodel: {sizes}\n")
    result = run("show", str(file))
    line = next(line for line in result.stdout.splitlines() if line.startswith("infeasible"))
    assert re.search(r"\d\d% of random configurations exceed a limit and \d\d% cannot be built;", line)
    shown = json.loads(run("show", str(file), "--json").stdout)["estimate"]
    assert 0 < shown["impossible"] < shown["infeasible"] < 1


def test_show_of_the_standard_input() -> None:
    assert problems(run("show", "-", text="epochs: 0\n")).startswith("stdin:1:9  epochs: 0 is below 1")


def test_hostile_names_do_not_reach_the_terminal(bad: str, cli: Cli) -> None:
    Path(bad).write_text('"[red]x": 1\nmodel: {activation: "\\u202e[bold]x"}\n')
    result = cli("space", "show", bad)
    assert result.exit_code == 2
    assert "[red]x: no such setting" in result.stderr
    assert "[bold]x is not relu" in result.stderr
    assert "\u202e" not in result.stderr
    Path(bad).write_text('"\\e[31m": 1\n')
    assert "\x1b" not in cli("space", "show", bad).stderr


def test_show() -> None:
    result = run("show", "smoke", "--set", "epochs=4")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith(
        "smoke  ·  11 ranges, 1 constant  ·  4 epochs  ·  precision portable  ·  subset 6000  ·  curves"
    )
    assert any(line.startswith("model.hidden_units") and "hidden_layers is 1" in line for line in lines)
    assert "parameters      3,212 to 101,178   limit 100,000" in lines
    assert re.match(r"time {12}about [\d.]+ (s|min) for 50 trials with \d+ workers?: a rough estimate, for ", lines[-1])


def test_show_as_json() -> None:
    result = run("show", "smoke", "--json")
    shown = json.loads(result.stdout)
    assert shown["extremes"]["parameters"] == [3212, 101178]
    assert shown["fields"] == json.loads(json.dumps(space_sources.load("smoke").to_spec()["fields"]))
    estimate = shown["estimate"]
    assert (estimate["trials"], estimate["device"], estimate["infeasible"]) == (50, "cpu-portable", 0)
    assert 0 < estimate["seconds"] < 120


def test_show_of_a_recipe(tmp_path: Path) -> None:
    file = tmp_path / "linear.yaml"
    file.write_text("model: {blocks: 0, hidden_layers: 0}\n")
    result = run("show", str(file))
    assert result.exit_code == 0
    assert result.stdout.startswith("linear  ·  a recipe  ·  6 epochs  ·  curves")
    assert "7,850 to 7,850" in result.stdout
    assert "time " not in result.stdout


def test_list(monkeypatch: pytest.MonkeyPatch, bad: str) -> None:
    names = [row["name"] for row in json.loads(run("list", "--json").stdout)["spaces"]]
    assert {"conv", "conv-gpu", "smoke"} <= set(names)
    monkeypatch.setattr("mnist_bench.space_files.space_sources.FOLDERS", (Path.cwd(),))
    lines = run("list").stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["name", "holds"], ["mine", "problems"]]
