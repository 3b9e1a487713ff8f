"""`mnist-bench bench`: what it prints of handmade results, and published runs of the notebook made again."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from mnist_bench.errors import Stopped
from mnist_bench.experiments.method_comparison import MethodComparison
from mnist_bench.experiments.scored_recipes import LADDER, NOTEBOOK, ScoredRecipes
from mnist_bench.experiments.trainings import Observer
from mnist_bench.training.trainer import numerics_here
from support import wants
from support.commands import PROGRAM
from support.experiments import CLOSE, finals, result, scored
from support.paths import ROOT
from support.wants import check_as_published

Run = Callable[..., Result]
SEARCH = ("bench", "search")


def test_recipes_and_seeds_reach_the_benchmark_whose_table_is_printed(
    cli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    found = result(LADDER, scored("99.0", *[0.9900, 0.9910] * 5), scored("99.4", unended=2))

    def train(benchmark: object, recipes: Sequence[str], place: object, **options: object) -> ScoredRecipes:
        asked.append((benchmark, tuple(recipes), options["seeds"]))
        return found

    monkeypatch.setattr("mnist_bench.experiments.scored_recipes.train", train)
    heads, first, second, *notes = cli("bench", "ladder").stdout.splitlines()
    assert heads.split() == ["target", "reached", "recipe", "epochs", "parameters", "TFLOP", "seeds", "training"]
    cells = ["99.0%", "met: 99.05% [99.01, 99.09]", "ladder/99.0", "2", "7,850", "0.14", "10", "4.0 s"]
    assert re.split(" {2,}", first) == cells
    assert re.split(" {2,}", second)[1:3] == ["not met: 2 of 2 runs did not finish", "ladder/99.4"]
    assert notes == found.table().footnotes
    rows = json.loads(cli("bench", "notebook", "linear", "--seeds", "3", "--json").stdout)["rows"]
    assert [(row["target"], row["met"], len(row["runs"])) for row in rows] == [(0.99, True, 10), (0.994, False, 0)]
    assert asked == [(LADDER, (), 10), (NOTEBOOK, ("linear",), 3)]


@pytest.mark.integration
def test_an_interrupted_row_of_the_notebook_continues_to_its_published_runs(tmp_path: Path) -> None:
    """On every machine that computes portable bits."""
    check_as_published(numerics_here("cpu", "portable"))
    command = [PROGRAM, "bench", "notebook", "linear", "--seeds", "2", "--workers", "1", "--json"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        begun = [process.stderr.readline() for _ in range(3)]
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate()
    assert (process.returncode, "continues where it stopped" in rest) == (130, True)
    assert "the test set is evaluated, and results/test-openings.jsonl logs it" in begun[1]
    assert "linear, seed 1 of 2: 92.49% on the test images" in begun[2]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ("seed 1 of 2" in done.stderr, "seed 2 of 2" in done.stderr) == (False, True)
    published = json.loads((ROOT / "results/published/notebook.json").read_text())
    if wants.is_that_of(published["machine"]["versions"]["torch"]):
        (row,) = json.loads(done.stdout)["rows"]
        assert without_seconds(row["runs"]) == without_seconds(published["rows"][0]["runs"][:2])


def without_seconds(runs: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    return [[{**epoch, "seconds": None} for epoch in run] for run in runs]


class Tournament:
    """Stands in for `compare_methods`: remembers what was asked, and returns a comparison."""

    found: MethodComparison = finals(CLOSE)
    stopped = False

    def __call__(self, observer: Observer, **asked: Any) -> MethodComparison:
        self.asked = asked
        observer.on_notice("2 searches")
        if self.stopped:
            raise Stopped
        return self.found


@pytest.fixture
def tournament(monkeypatch: pytest.MonkeyPatch) -> Tournament:
    monkeypatch.setattr("mnist_bench.experiments.method_comparison.compare_methods", made := Tournament())
    return made


PLAN = """tables: [conv-5k, grid-5k]
samplers: [curves, random]
pruners: [asha]
seeds: 3
trials: [7, 14]
endpoint: {method: random + asha, trials: 14}
margin: 0.02
"""


@pytest.mark.slow
def test_options_reach_the_comparison_and_change_what_a_plan_fixes(cli: Run, tournament: Tournament) -> None:
    given = (
        "--tables", "conv-5k,grid-5k", "--samplers", "tpe,{name: my_lib:Mine, times: 3, kind: wide}",
        "--pruners", "asha,my_lib:Stop", "--seeds", "3", "--trials", "7,14",
    )  # fmt: skip
    looked_up = cli(*SEARCH, *given, "--concurrent-trials", "6")
    assert looked_up.exit_code == 0, looked_up.output
    asked = {
        "tables": ("conv-5k", "grid-5k"), "samplers": ("tpe", {"name": "my_lib:Mine", "times": 3, "kind": "wide"}),
        "pruners": ("asha", "my_lib:Stop"), "seeds": 3, "trials": (7, 14),
    }  # fmt: skip
    assert asked.items() <= tournament.asked.items()
    assert (tournament.asked["concurrent_trials"], tournament.asked["plan"]) == (6, None)
    Path("plan.yaml").write_text(PLAN)
    assert cli(*SEARCH, "--plan", "plan.yaml", "--samplers", "tpe").exit_code == 0
    asked |= {"samplers": ("tpe",), "pruners": ("asha",)}
    assert asked.items() <= tournament.asked.items()
    assert tournament.asked["plan"].margin == 0.02
    assert cli(*SEARCH).exit_code == 0
    assert (len(tournament.asked["tables"]), tournament.asked["trials"]) == (8, (10, 25, 50))


def test_a_table_of_all_one_by_table_and_a_picture(cli: Run, tournament: Tournament) -> None:
    result = cli(*SEARCH, "--plot", "regret.svg")
    lines = result.stdout.splitlines()
    assert lines[0] == "No difference between tpe + asha and random is shown at 10 trials."
    assert lines[1] == "table b: 3 seeds, 8 concurrent trials."
    assert [line.split(" s · ")[-1] for line in result.stderr.splitlines()] == ["2 searches"]
    assert " runs" not in result.stderr, "none was announced"
    assert Path("regret.svg").read_bytes().startswith(b"<?xml")
    assert [*Path().iterdir()] == [Path("regret.svg")]
    tournament.found = finals({method: CLOSE[method] | {"c": [0.1] * 3} for method in CLOSE})
    assert "Mean regret over the seeds at 10 trials, by table." in cli(*SEARCH).stdout


def test_a_comparison_that_was_stopped(cli: Run, tournament: Tournament) -> None:
    tournament.stopped = True
    result = cli(*SEARCH)
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.endswith("Stopped. The next run starts from the beginning.\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--samplers", "tpe,radnom"], "no sampler 'radnom'"),
        (["--pruners", "asha,nune"], "no pruner 'nune'"),
        (["--seeds", "1"], "1 is not an integer from 2 to 10000"),
        (["--trials", "1,two"], "--trials 1,two: write a number, or several with commas between: 10,25,50."),
        (["--tables", "grid-6k"], "There is no table grid-6k"),
        (["--plan", "nowhere.yaml"], "nowhere.yaml: cannot be read"),
        (["--plot", "regret.gif"], "--plot='gif'"),
    ],
)
def test_what_is_refused(cli: Run, arguments: list[str], words: str) -> None:
    result = cli(*SEARCH, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in " ".join(result.stderr.split())
