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


def test_check_takes_changes_as_show_does(bad: str) -> None:
    result = run("check", "conv", "--set", "epochs=0", "--set", "optim.lr=0.01")
    assert result.exit_code == 2
    assert "epochs" in result.stdout


@pytest.mark.slow
def test_check_of_good_files() -> None:
    result = run("check", "conv", "smoke")
    assert result.exit_code == 0
    assert [line.split(": ")[0] for line in result.stdout.splitlines()] == ["conv", "smoke"]
    assert result.stdout.count("no problems") == 2


def test_check_lists_every_problem(bad: str) -> None:
    result = run("check", bad, "smoke", "nowhere")
    assert result.exit_code == 2
    assert result.stdout.splitlines()[:2] == [
        "mine.yaml:3:3   model.batchnrom: no such field; did you mean `batchnorm`?",
        "mine.yaml:4:30  model.block_dropout: 1.3 is not below 1 (0 <= block_dropout < 1)",
    ]
    assert "nowhere: no such file or bundled space" in result.stdout
    assert "smoke: " in result.stdout
    assert result.stderr == "3 errors. `mnist-bench space show conv` prints a good file's fields.\n"


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
    checked, shown = run("check", str(file)).stdout, run("show", str(file)).stdout
    share = re.search(r"2 ranges, 0 constants, 1 constraint \(met by (\d+)% of random conf.*\), no problems", checked)
    assert share is not None
    assert 60 < int(share[1]) < 90
    assert "tied  ·  2 ranges, 0 constants, 1 constraint  ·  6 epochs  ·  curves" in shown
    assert f"constraint      hidden_units <= 8 * filters   met by {share[1]}% of random configurations\n" in shown
    assert f"infeasible      {100 - int(share[1])}% of random configurations miss a constraint; they are not" in shown


def test_faulty_constraints_are_told_once_each(tmp_path: Path) -> None:
    file = tmp_path / "tied.yaml"
    file.write_text(CONSTRAINED.replace("filters\n", "filter\n"))
    result = run("check", str(file))
    assert result.exit_code == 2
    where = f"{file}:5:25  constraints[0]: the file sets no field filter; did you mean `filters`?"
    assert "".join(result.stdout.split()) == "".join(where.split())
    file.write_text("model: {filters: {int: [8, 16]}}\nconstraints: []\n")
    assert "1 range, 0 constants, no problems" in run("check", str(file)).stdout
    file.write_text("constraints: {a: {int: [8, 16]}}\n")
    assert "constraints: needs a list of conditions" in run("check", str(file)).stdout


def test_check_warns_without_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("odd.yaml").write_text("optim: {lr: {float: [0.1, 0.1]}}\n")
    result = run("check", "odd.yaml")
    assert result.exit_code == 0
    assert result.stdout == "odd.yaml: 1 range, 0 constants, no problems, 1 warning\n"
    assert result.stderr == "odd.yaml:1:21  warning: optim.lr: a range of one value; as a constant it is written 0.1\n"
    (row,) = json.loads(run("check", "--json", "odd.yaml").stdout)["files"]
    assert [warning["column"] for warning in row["warnings"]] == [21]


LIMITED = "limits: {parameters: 10_000}\nmodel: {blocks: 3, filters: {int: [2, 4]}, hidden_layers: 0}\n"


def test_check_is_about_the_pictures_of_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(LIMITED)
    assert "no problems" in run("check", "mine.yaml").stdout
    write_npz(Path("large.npz"), arrays(classes=20, side=128))
    found = run("check", "mine.yaml", "--data", "large.npz")
    assert found.exit_code == 2
    assert "limits.parameters: the smallest network has" in found.stdout
    write_npz(Path("small.npz"), arrays(classes=3, side=4, train=60, test=12))
    (row,) = json.loads(run("check", "mine.yaml", "--data", "small.npz", "--json").stdout)["files"]
    assert "model: no network can be built from these settings" in row["problems"][0]["message"]


def test_a_subset_that_the_data_do_not_hold_is_told_at_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("subset: 1000\noptim: {lr: {float: [0.1, 0.2]}}\n")
    write_npz(Path("mine.npz"), arrays())
    for command in ("check", "show", "sample"):
        found = run(command, "mine.yaml", "--data", "mine.npz")
        assert "mine.yaml:1:9 subset: 1000 is more than there are: 400 images;" in " ".join(
            f"{found.stdout}{found.exception}".split()
        )


def test_a_table_that_there_is_not_is_told_at_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("search: {start: [conv-5k, nosuch]}\noptim: {lr: {float: [0.1, 0.2]}}\n")
    (row,) = json.loads(run("check", "mine.yaml", "--json").stdout)["files"]
    (problem,) = row["problems"]
    assert (problem["line"], problem["column"]) == (1, 27)
    assert problem["message"].startswith("search.start: no table nosuch; there are conv-5k, ")


def test_what_is_wrong_with_the_data_or_the_net_is_no_fault_of_the_file(cli: Cli) -> None:
    Path("mine.yaml").write_text("optim: {lr: {float: [0.1, 0.2]}}\n")
    write_npz(Path("few.npz"), arrays(classes=2, train=6))
    for option, source, words in (
        ("--data", "few.npz", f"{Path.cwd()}/few.npz: 6 training images are too few to split; at least 10 are needed"),
        ("--data", "none.npz", f"{Path.cwd()}/none.npz: cannot be read (No such file or directory)"),
        ("--net", "none.py:build", "No net none.py:build"),
    ):
        found = cli("space", "check", "mine.yaml", option, source)
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
    drawn = run("sample", "mine.yaml", *data, "-n", "1").stdout
    maps = int(next(line for line in drawn.splitlines() if "model.filters" in line).split()[-1])
    assert f"{28 * 28 * 9 * channels * maps + 14 * 14 * maps * 10:,}" in drawn


def test_constraints_are_counted_over_nets_for_the_pictures(tmp_path: Path) -> None:
    (tmp_path / "red.yaml").write_text(
        "dataset: mnist-red\noptim: {lr: {float: [0.1, 0.2]}}\nconstraints: [lr < 0.15]\n"
    )
    net = own_nets.write(tmp_path, own_nets.THREE_CHANNELS)
    found = run("check", str(tmp_path / "red.yaml"), "--net", net)
    assert found.exit_code == 0, found.stdout
    assert "1 constraint (met by " in found.stdout


def test_times_are_those_for_as_many_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    few = write_npz(tmp_path / "few.npz", arrays(classes=10, side=28, channels=1, train=600))
    minutes = [
        json.loads(run("show", "grid", *data, "--json").stdout)["estimate"]["minutes"]
        for data in ([], ["--data", str(few)])
    ]
    assert minutes[1] < minutes[0] / 20


def test_show_tells_apart_what_exceeds_a_limit_and_what_cannot_be_built(tmp_path: Path) -> None:
    file = tmp_path / "odd.yaml"
    sizes = "{blocks: {int: [1, 2]}, filters: {choice: [[4], [4, 8]]}, hidden_layers: 1}"
    file.write_text(f"limits: {{parameters: 100_000}}\nmodel: {sizes}\n")
    result = run("show", str(file))
    line = next(line for line in result.stdout.splitlines() if line.startswith("infeasible"))
    assert re.search(r"\d\d% of random configurations exceed a limit and \d\d% cannot be built;", line)
    shown = json.loads(run("show", str(file), "--json").stdout)["estimate"]
    assert 0 < shown["impossible"] < shown["infeasible"] < 1


def test_check_as_json(bad: str) -> None:
    result = run("check", "--json", bad, "smoke")
    assert result.exit_code == 2
    mine, smoke = json.loads(result.stdout)["files"]
    assert [(problem["line"], problem["column"]) for problem in mine["problems"]] == [(3, 3), (4, 30)]
    assert (smoke["file"], smoke["problems"]) == ("smoke", [])


def test_check_of_the_standard_input() -> None:
    result = run("check", "-", text="epochs: 0\n")
    assert result.exit_code == 2
    assert result.stdout.startswith("stdin:1:9  epochs: 0 is below 1")


def test_hostile_names_do_not_reach_the_terminal(bad: str) -> None:
    Path(bad).write_text('"[red]x": 1\nmodel: {activation: "\\u202e[bold]x"}\n')
    result = run("check", bad)
    assert result.exit_code == 2
    assert "[red]x: no such setting" in result.stdout
    assert "[bold]x is not relu" in result.stdout
    assert "\u202e" not in result.stdout
    Path(bad).write_text('"\\e[31m": 1\n')
    assert "\x1b" not in run("check", bad).stdout


def test_show() -> None:
    result = run("show", "smoke", "--set", "epochs=4")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith(
        "smoke  ·  11 ranges, 1 constant  ·  4 epochs  ·  precision portable  ·  subset 6000  ·  curves"
    )
    assert any(line.startswith("model.hidden_units") and "hidden_layers is 1" in line for line in lines)
    assert "parameters      3,212 to 101,178   limit 100,000" in lines
    assert re.match(
        r"time {12}about [\d.]+ (s|min) \([\d.]+ to [\d.]+ (seconds|minutes)\) for 50 trials on ", lines[-1]
    )
    assert lines[-1].endswith("at the usual speed (cpu-portable); `search --dry-run` measures this machine")


def test_show_as_json() -> None:
    result = run("show", "smoke", "--json")
    shown = json.loads(result.stdout)
    assert shown["extremes"]["parameters"] == [3212, 101178]
    assert shown["fields"] == json.loads(json.dumps(space_sources.load("smoke").to_spec()["fields"]))
    estimate = shown["estimate"]
    assert 0 < estimate["minutes"] < 2
    assert estimate["low"] < estimate["seconds"] == 60 * estimate["minutes"] < estimate["high"]
    assert estimate["infeasible"] == 0


def test_show_of_a_recipe(tmp_path: Path) -> None:
    file = tmp_path / "linear.yaml"
    file.write_text("model: {blocks: 0, hidden_layers: 0}\n")
    result = run("show", str(file))
    assert result.exit_code == 0
    assert result.stdout.startswith("linear  ·  a recipe  ·  6 epochs  ·  curves")
    assert "7,850 to 7,850" in result.stdout
    assert "time " not in result.stdout


def test_sample_is_one_column_a_trial() -> None:
    lines = run("sample", "smoke", "-n", "3", "--seed", "1").stdout.splitlines()
    assert lines[0].split() == ["field", "1", "2", "3"]
    assert [line.split()[0] for line in lines[1:]] == [
        *(field.path for field in space_sources.load("smoke").fields if field.distribution is not None),
        *("parameters", "macs"),
    ]
    assert run("sample", "smoke", "-n", "3", "--seed", "1").stdout.splitlines() == lines
    assert run("sample", "smoke", "-n", "3", "--seed", "2").stdout.splitlines() != lines


def test_sample_as_json_can_be_trained() -> None:
    samples = json.loads(run("sample", "conv", "-n", "4", "--json").stdout)["samples"]
    assert len(samples) == 4
    space = space_sources.load("conv")
    assert all(space_sources.config(space, params) for params in samples)


def test_sample_leaves_open_what_cannot_be_built(tmp_path: Path) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text("model: {blocks: {int: [1, 2]}, filters: {choice: [[4], [4, 8]]}, hidden_layers: 0}\n")
    rows = [line.split() for line in run("sample", str(file), "-n", "6").stdout.splitlines()]
    assert {len(row) for row in rows if row[0] in ("parameters", "macs")} != {7}


def test_list(monkeypatch: pytest.MonkeyPatch, bad: str) -> None:
    names = [row["name"] for row in json.loads(run("list", "--json").stdout)["spaces"]]
    assert {"conv", "conv-gpu", "smoke"} <= set(names)
    monkeypatch.setattr("mnist_bench.space_files.space_sources.FOLDERS", (Path.cwd(),))
    lines = run("list").stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["name", "holds"], ["mine", "problems"]]


def test_fields_are_listed_by_the_beginning_of_their_paths() -> None:
    lines = run("fields", "optim.beta1").stdout.splitlines()
    assert lines == [
        "optim.beta1",
        "  number, at least 0, below 1; default 0.9; ranges: float, int, levels, choice",
        "  Adam's decay of the first moment.",
    ]
    paths = [row["path"] for row in json.loads(run("fields", "optim", "--json").stdout)["fields"]]
    assert paths[0] == "optim.optimizer"
    assert {path.split(".")[0] for path in paths} == {"optim"}
    every = [row["path"] for row in json.loads(run("fields", "--json").stdout)["fields"]]
    assert {"name", "search.pruner.reduction_factor", "model.blocks", "net.NAME"} < {*every}


def test_a_beginning_that_no_field_has_is_an_error() -> None:
    result = run("fields", "optm")
    assert "no field of a space file begins with that; did you mean `optim`?" in str(result.exception)
