"""`mnist-bench search --objective` and `--command`: a function and a program of a user's own."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from mnist_bench.searches.config import SearchConfig
from search.driver.run import Run
from search.study import studies
from support import own_work

Cli = Callable[..., Result]
OPEN_STUDY = studies.open_study
"""Before anything stands in for it."""
PARABOLA, FAILS = "--objective mine.py:parabola", "--objective mine.py:fails"


@pytest.fixture
def here(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which commands run, with the files of a user; studies are those in it."""
    own_work.write(tmp_path)
    monkeypatch.setattr("search.study.studies.open_study", OPEN_STUDY)
    return tmp_path


Search = Callable[..., Result]


@pytest.fixture
def search(cli: Cli, here: Path) -> Search:
    """Return a function that searches with the options in a line, and checks how that ended."""

    def run(line: str, *, space: str = "space.yaml", code: int = 0, stdin: str | None = None) -> Result:
        result = cli("search", space, "--workers", "1", *shlex.split(line), stdin=stdin)
        assert result.exit_code == code, result.stderr
        return result

    return run


def words(text: str) -> str:
    """Return a text on one line."""
    return " ".join(text.split())


def test_options_reach_the_search(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[SearchConfig] = []

    def run(config: SearchConfig, *_: object) -> Run:
        asked.append(config)
        raise KeyboardInterrupt

    monkeypatch.setattr("mnist_bench.searches.running.run", run)
    line = (
        "search a.yaml --objective a.py:f --periods 6 --stall 30s -n 7 --patience 9 --target -0.5 --timeout 1m "
        "--trial-timeout 9s --concurrent-trials 4 --order as-completed --seed 5 --sampler random "
        "--pruner '{name: median, n_warmup_steps: 2}' --workers 3 --study-name mine --results out --set x=1"
    )
    cli(*shlex.split(line))
    cli("search", "a.yaml", "--command", "./a {x}")
    function, program = asked
    assert function == SearchConfig(
        space="a.yaml", trials=7, patience=9, timeout=60.0, trial_timeout=9.0, concurrent_trials=4,
        order="as-completed", seed=5, sampler="random", pruner={"name": "median", "n_warmup_steps": 2}, workers=3,
        study_name="mine", results=Path("out"), overrides=("x=1",), objective="a.py:f", periods=6, target=-0.5,
        stall=30.0,
    )  # fmt: skip
    assert program == SearchConfig(space="a.yaml", command="./a {x}", results=Path("results"))
    assert (function.kind, function.processes) == ("own work", 3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("--objective mine.py", "No objective mine.py; name it as package.module:Name or folder/file.py:Name."),
        ("--objective mine.py:parabola --set deph=2", "--set deph: the space has no such field; did you"),
        ("--command './train.sh {y}'", "--command: the space has no field y"),
        ("--objective mine.py:clock", "does not repeat: called twice with the configuration and seed of trial 0"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_a_sentence(search: Search, given: str, message: str) -> None:
    result = search(given, code=2)
    assert result.stdout == ""
    assert message in words(result.stderr)


@pytest.mark.slow
def test_a_function_is_searched_and_the_end_has_digest_best_value_and_next_commands(cli: Cli, search: Search) -> None:
    first = search(f"{PARABOLA} -n 4")
    header, *lines = first.stderr.splitlines()
    assert header.startswith("results/descent-0  ·  descent  ·  curves + ")
    assert [line.split("  ")[0] for line in lines[:4]] == ["1/4", "2/4", "3/4", "4/4"]
    best = json.loads(cli("leaderboard", "descent-0", "--json").stdout)["rows"][0]
    assert f"best   #{best['number']}  {best['value']:.6g}   " in first.stdout
    assert "4 trials in " in first.stdout
    assert "Pruning" not in first.stdout
    for command in ("plot", "report", "leaderboard", f"show descent-0/{best['number']}", "doctor"):
        assert f"mnist-bench {command}" in first.stderr
    of_nets = cli("search", "smoke", "--study-name", "descent-0").stderr
    assert "`mnist-bench search` with its --objective or --command can resume it." in words(of_nets)
    assert "has ended; nothing is left to run." in search(f"{PARABOLA} -n 4 --dry-run").stdout
    assert own_work.digest(search(f"{PARABOLA} -n 4").stdout) == own_work.digest(first.stdout)


def test_a_space_comes_from_standard_input_and_a_target_is_in_the_unit_of_the_objective(search: Search) -> None:
    text = own_work.SPACE + "y: {float: [0.0, 1.0]}\n"
    result = search(f"{PARABOLA} --target -1000 --set depth=2 --set x=1.5", space="-", stdin=text)
    assert "target -1000" in result.stderr.splitlines()[0]
    assert re.search(r"^best   #\d+  -0\.25   y 0\.\d+$", result.stdout, re.MULTILINE)
    assert "Stopped early by --target -1000: #" in result.stdout
    assert "The same command without --target -1000, or with a larger one, continues to 50 trials" in result.stderr


@pytest.mark.slow
def test_what_does_not_repeat_is_searched_in_completion_order_and_it_is_said(cli: Cli, search: Search) -> None:
    search(f"{PARABOLA} -n 2 --study-name plain")
    search("--objective mine.py:clock -n 2 --study-name clock --order as-completed")
    assert cli("leaderboard", "clock").stdout.startswith("clock: 2 complete of 2 trials, in completion order.")
    assert "completion order" not in cli("leaderboard", "plain").stdout
    heading, *rows, _ = cli("studies").stdout.splitlines()
    assert heading.split()[-2:] == ["order", "folder"]
    orders = {"plain": "deterministic", "clock": "as-completed"}
    assert {row.split()[0]: row.split()[-2] for row in rows} == orders
    assert {each["study"]: each["order"] for each in json.loads(cli("studies", "--json").stdout)["studies"]} == orders


@pytest.mark.slow
def test_where_every_trial_fails_the_search_begins_again_once_the_function_was_mended(
    search: Search, here: Path
) -> None:
    failed = search(f"{FAILS} -n 2", code=1).stderr
    assert re.search(r"Error: Every trial .* failed; the first one: ArithmeticError: no value for \d", failed)
    assert re.search(r"^1/2  #0  FAIL \(crashed\)  –  \d\.\d s  depth \d  x ", failed, re.MULTILINE)
    (here / "mine.py").write_text(own_work.FUNCTIONS.replace("raise ArithmeticError", "return config.x #"))
    mended = search(f"{FAILS} -n 2").stderr
    assert "Study descent-0 had no report, and begins again as it is asked for now." in mended


@pytest.mark.slow
def test_a_program_is_searched_and_its_script_is_part_of_the_study(
    search: Search, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAUSE", "0.3")
    program = "--command './train.sh {x}' --periods 4 --workers 2"
    pruned = search(f"{program} -n 6").stderr.count("PRUNED")
    # On a busy machine a program may reach its own end before it is asked to.
    assert 0 < len((here / "ended.log").read_text().splitlines()) <= pruned
    (here / "train.sh").write_text(own_work.SCRIPT + "# changed\n")
    changed = search(f"{program} -n 7", code=2)
    assert "./train.sh '{x}' has changed since study descent-0 began" in changed.stderr


def test_a_dry_run_says_what_would_run_and_runs_nothing(search: Search, here: Path) -> None:
    result = search(f"{FAILS} --dry-run --workers 2 --target 3 --order as-completed")
    assert result.stdout.splitlines()[0] == (
        "descent: mine.py:fails, 2 ranges, 50 trials, curves + asha (no rungs), seed 0, "
        "8 concurrent trials on 2 workers, in completion order, target 3."
    )
    assert "A configuration drawn at random: x " in result.stdout
    assert not (here / "results").exists()


OF_OPTUNA = """
def objective(trial):
    x = trial.suggest_float("x", -4.0, 4.0)
    for step in range(3):
        x = x / 2
        trial.report(x, step)
        trial.should_prune()
    return x
"""


@pytest.mark.slow
def test_an_objective_that_is_written_for_optuna_needs_no_space(cli: Cli, here: Path) -> None:
    (here / "optunas.py").write_text(OF_OPTUNA)
    line = shlex.split("search --objective optunas.py:objective --set direction=minimize -n 4 --workers 1")
    found = cli(*line)
    assert "The first trial, with the middle of each range, has 1 range and 3 reports: all others have" in found.stderr
    assert json.loads(cli("leaderboard", "optunas-0", "--json").stdout)["rows"][0]["value"] < 0
    again = cli("reproduce", "optunas-0/1", "--objective", "optunas.py:objective")
    assert again.exit_code == 0, again.stderr
    assert cli(*line, "--dry-run").stderr.startswith("Error: --dry-run runs nothing, and without a space the first")
    for without in (["search"], ["search", "--command", "./train.sh"]):
        assert cli(*without).stderr.startswith("Error: Give a SPACE: a file, or the name of a bundled space")
