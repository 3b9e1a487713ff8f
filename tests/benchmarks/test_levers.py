"""What levers bring: trainings kept in a ledger, pairs made of them; nothing is trained for real."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import levers
import pytest

from mnist_bench.experiments.grid import Run
from search.errors import UsageError
from search.study import WorkFolder
from search.trainer_api import Report

RECIPE = "epochs: 2\ntrain_on: all\nmodel: {blocks: 1, filters: 8, hidden_layers: 0}\noptim: {lr: 0.01}\n"


@dataclass
class FakeGrid:
    """Trains at once; `left` are the trainings after which it is stopped."""

    left: list[int]
    trained: list[str]
    numerics: Mapping[str, str] = field(default_factory=lambda: {"canary": "c" * 64})

    @property
    def data(self) -> Any:
        """See `Grid.data`."""
        split = SimpleNamespace(digest="e" * 64, validation=range(10_000))
        return SimpleNamespace(data_hash="d" * 64, split=split)

    def train(self, runs: Sequence[Run], stopping: Callable[[], bool], observer: object) -> Any:
        """See `Grid.train`."""
        self.left[0] -= len(runs)
        if self.left[0] < 0:
            return None
        self.trained += [run.title for run in runs]
        return {(run.name, run.seed): [_report(run)] for run in runs}

    def task_of(self, run: Run) -> Any:
        """See `Grid.task_of`."""
        return SimpleNamespace(costs=(2_000_000, 1_000_000 if run.config.optim.hard_share else 2_000_000))


def _report(run: Run) -> Report:
    config = run.config
    errors = 500 + 10 * run.seed - (40 + 2 * run.seed if config.augment.grid_pixels else 0)
    diverged = config.optim.schedule == "one_cycle" and run.seed == 1
    return Report(
        value=None if diverged else 1 - errors / 10_000,
        metrics={"epoch": 2.0, "train_loss": 0.5, "val_loss": 0.25, "errors": None if diverged else errors},
        weights="f" * 64,
        seconds=2.0,
        end="diverged" if diverged else None,
    )


@pytest.fixture
def grid(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeGrid:
    """Return the grid in which levers are tried from now on."""
    fake = FakeGrid([1000], [])
    monkeypatch.setattr(levers, "WORK", tmp_path / "work")

    @contextmanager
    def opened(folder: Path, *what: object, **options: object) -> Iterator[FakeGrid]:
        WorkFolder(folder).checkpoints.mkdir(parents=True, exist_ok=True)
        yield fake

    monkeypatch.setattr(levers, "open_grid", opened)
    return fake


def trained(folder: Path, *options: str) -> dict[str, levers.Brought]:
    """Train and return what each lever brought, by its name."""
    (folder / "recipe.yaml").write_text(RECIPE)
    line = ["train", str(folder / "recipe.yaml"), "--output", str(folder), *options]
    asked = levers.parser().parse_args(line)
    levers.train(asked, levers.named(asked.lever, asked.only), lambda: False)
    return {row.lever: row for row in levers.brought(levers.made(folder / "levers.jsonl"))}


def test_levers_are_paired_with_the_recipe_by_seed(grid: FakeGrid, tmp_path: Path) -> None:
    found = trained(tmp_path, "--seeds", "3")
    assert found.keys() == levers.LEVERS.keys()
    bent = found["grid"]
    assert (bent.pairs, bent.errors_without, bent.errors_with, bent.difference) == (3, 510, 468, -42)
    assert bent.low is not None
    assert bent.high is not None
    assert -48 < bent.low < -42 < bent.high < -36
    assert found["hard"].cost_ratio == 0.75
    assert (found["hard"].difference, found["hard"].seconds_ratio) == (0, 1)


def test_a_training_that_diverged_is_told_and_is_in_no_mean(grid: FakeGrid, tmp_path: Path) -> None:
    cycled = trained(tmp_path, "--seeds", "2", "--only", "one-cycle")["one-cycle"]
    assert (cycled.pairs, cycled.diverged, cycled.difference, cycled.low) == (1, 1, 0, None)
    assert "| 1 (1 diverged) | 500.0 | 500.0 | +0.0 | – |" in levers.page([cycled], ["ab"])


def test_a_stopped_command_goes_on_with_what_is_missing(grid: FakeGrid, tmp_path: Path) -> None:
    grid.left[0] = 8  # a seed has six trainings
    trained(tmp_path, "--seeds", "3")
    before = (tmp_path / "levers.jsonl").read_text()
    assert len(before.splitlines()) == 6
    (tmp_path / "levers.jsonl").write_text(before + '{"torn": ')
    grid.left[0] = 1000
    grid.trained.clear()
    trained(tmp_path, "--seeds", "3")
    assert len(grid.trained) == 12
    trained(tmp_path, "--seeds", "3")
    assert len(grid.trained) == 12


def test_what_was_trained_for_one_comparison_serves_another(grid: FakeGrid, tmp_path: Path) -> None:
    hard, grids = levers.LEVERS["hard"], levers.LEVERS["grid"]
    trained(tmp_path, "--seeds", "2", "--only", "hard", *(f"--set={change}" for change in grids))
    assert len(grid.trained) == 4
    for _ in range(2):
        trained(tmp_path, "--seeds", "2", "--only", "grid", *(f"--set={change}" for change in hard))
        assert len(grid.trained) == 6, "the net with both is the same"
    rows = levers.made(tmp_path / "levers.jsonl")
    assert [(row.lever, row.pairs, row.difference) for row in levers.brought(rows)] == [
        ("hard", 2, 0),
        ("grid", 2, -41),
    ]
    assert len(rows) == 8


def test_two_levers_that_are_one_change_are_one_pair_a_seed(grid: FakeGrid, tmp_path: Path) -> None:
    (change,) = levers.LEVERS["hard"]
    trained(tmp_path, "--seeds", "3", "--only", "hard", "--lever", "mine", change)
    (found,) = levers.brought(levers.made(tmp_path / "levers.jsonl"))
    assert found.pairs == 3


def test_trainings_of_two_machines_are_no_pair(grid: FakeGrid, tmp_path: Path) -> None:
    trained(tmp_path, "--seeds", "2", "--only", "grid")
    grid.numerics = {"canary": "d" * 64}
    assert trained(tmp_path, "--seeds", "3", "--only", "grid")["grid"].pairs == 5
    assert len(grid.trained) == 10


def test_levers_of_ones_own_and_those_that_change_nothing(
    grid: FakeGrid, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = ("--lever", "half", "optim.hard_share=0.5", "optim.easy_share=0.2", "--lever", "idle", "optim.easy_share=0.9")
    found = trained(tmp_path, "--seeds", "2", "--only", "grid", *own)
    assert {*found} == {"grid", "half"}
    assert found["half"].changes == ("optim.hard_share=0.5", "optim.easy_share=0.2")
    assert "idle changes nothing in " in capsys.readouterr().err


def test_a_recipe_trains_on_the_split_of_a_search(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    found = levers.configs(str(tmp_path / "recipe.yaml"), ["epochs=3"], {})
    assert [(config.train_on, config.epochs) for config in found.values()] == [("search_split", 3)]


@pytest.mark.parametrize(
    ("given", "only", "words"),
    [
        ([["half"]], None, "--lever half: needs a name other than 'without' and NAME=VALUE after it"),
        ([["without", "epochs=3"]], None, "needs a name other than"),
        ([], ["gird"], "--only gird: there is no such lever; there are grid, coarser"),
    ],
)
def test_what_is_no_lever_is_refused(given: list[list[str]], only: list[str] | None, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        levers.named(given, only)


def test_the_tables_are_the_ledgers(grid: FakeGrid, tmp_path: Path) -> None:
    found = trained(tmp_path, "--seeds", "2", "--set", "epochs=4")
    levers.write_tables(tmp_path)
    document = json.loads((tmp_path / "levers.json").read_text())
    assert [row["lever"] for row in document["levers"]] == [*found]
    assert document["levers"][0] == json.loads(json.dumps(asdict(found["grid"])))
    rows = (tmp_path / "levers.md").read_text().splitlines()[8:]
    assert rows[0].startswith(
        "| recipe epochs=4 | mnist | grid | `augment.grid_pixels=4` `augment.grid_shift=1.0` | 2 |"
    )
    assert len(rows) == len(levers.LEVERS)


def test_other_images_make_other_pairs(grid: FakeGrid, tmp_path: Path) -> None:
    trained(tmp_path, "--seeds", "2", "--only", "grid")
    rows = levers.made(tmp_path / "levers.jsonl")
    elsewhere = [replace(row, data="0" * 64, task="mnist-5k") for row in rows]
    assert [row.pairs for row in levers.brought([*rows, *elsewhere])] == [2, 2]
    assert [row.pairs for row in levers.brought([*rows, *(row for row in elsewhere if row.lever == "grid")])] == [2]
