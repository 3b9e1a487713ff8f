"""Contests over tables, several at once, and what they refuse; live ones in test_live_contest.py."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, NoReturn

import pytest
import torch

import mnist_bench
from mnist_bench import space_files, tables, value_tables
from mnist_bench.errors import Stopped
from mnist_bench.experiments.contest import live_contest
from mnist_bench.experiments.contest.compare import ContestOptions, compare_methods
from mnist_bench.experiments.contest.contest_record import Contest, Entrant, Trace
from mnist_bench.experiments.contest.replayed import ReplayedTable
from mnist_bench.experiments.grid import Observer
from mnist_bench.nets import COEFFICIENTS
from mnist_bench.numerics import best_precision, device_kind, environment_of
from search.errors import UsageError
from support import handmade_value_table, stopping
from support.handmade_table import table
from support.paths import TESTS

pytestmark = pytest.mark.slow

ASKED = ContestOptions(samplers=("random",), pruners=("none",), seeds=4, trials=5, slots=4, workers=(4,))


def test_two_tables_of_one_name_are_refused(tmp_path: Path) -> None:
    copied = tmp_path / "small.npz"
    shutil.copy(TESTS / "data" / "small.npz", copied)
    asked = replace(ASKED, tables=(str(TESTS / "data" / "small.npz"), str(copied)))
    with pytest.raises(UsageError, match=r"^--table: 2 of the tables are called '?small'?; name each once\.$"):
        compare_methods(asked, Observer())


def test_a_table_of_values_is_searched_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value_tables, "load", lambda name: handmade_value_table.table(name=name))
    (found,) = compare_methods(replace(ASKED, tables=("hpobench/car",)), Observer())
    assert (found.task, found.measure, found.develops, found.training_seconds) == ("hpobench/car", "regret", False, 1.0)
    assert found.guess == 1


def test_a_table_of_values_takes_no_warm_start(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"^Warm-start configurations are of networks for MNIST; on table hpobench/"):
        compare_methods(replace(ASKED, tables=("hpobench/car",), start=("conv-5k",)), Observer())


class News(Observer):
    """Remembers what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def on_news(self, text: str) -> None:
        """Remember it."""
        self.heard.append(text)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """Return the files of two tables of the same points on two tasks."""
    made = [table(), table(noise=0.004, name="noisy")]
    paths = [tmp_path / f"{one.name}.npz" for one in made]
    for path, one in zip(paths, made, strict=True):
        path.write_bytes(tables.pack(one.about, one.arrays))
    return str(paths[0]), str(paths[1])


def _run(asked: ContestOptions) -> list[Contest]:
    return compare_methods(asked, News())


def test_each_table_is_a_contest_of_its_own(files: tuple[str, str]) -> None:
    first, second = _run(replace(ASKED, tables=files))
    assert (first.task, second.task, first.instrument) == ("handmade", "noisy", "table")
    assert [entrant.name for entrant in first.entrants] == [
        "random", "random ×2", "qmc", "first period, then the best",
    ]  # fmt: skip
    assert all(len(traces) == 4 for traces in first.traces)
    assert (first.seen_images, first.unseen_images, first.seeds) == (10_000, 20_000, (0, 1, 2, 3))
    assert first.training_seconds == pytest.approx(0.4 * 5 / 3)


def test_pairs_may_compete_alone_with_other_seeds(files: tuple[str, str]) -> None:
    (contest,) = _run(replace(ASKED, tables=files[:1], samplers=("random", "tpe"), baselines=False, first_seed=7))
    assert [entrant.name for entrant in contest.entrants] == ["random", "tpe"]
    assert contest.seeds == (7, 8, 9, 10)


def test_a_start_list_may_not_know_the_task_that_it_is_judged_on(files: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="from noisy were selected on mnist-5k, the task of this comparison"):
        _run(replace(ASKED, tables=files[:1], start=files[1:]))
    other = table(name="other")
    elsewhere = tmp_path / "other.npz"
    elsewhere.write_bytes(tables.pack(replace(other.about, task="mnist-5k-wrong"), other.arrays))
    (contest,) = _run(replace(ASKED, tables=files[:1], start=(str(elsewhere),), baselines=False))
    assert [entrant.name for entrant in contest.entrants] == ["random", f"random + list of {Path(elsewhere).stem}"]


def test_each_way_begins_with_the_list_that_it_names(
    files: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first", "second"):
        made = table(name=name)
        (tmp_path / f"{name}.npz").write_bytes(tables.pack(replace(made.about, task="mnist-5k-wrong"), made.arrays))
    first, second = ((str(tmp_path / f"{name}.npz"),) for name in ("first", "second"))
    begun: dict[str, tuple[str, ...]] = {}

    def replays(replayed: ReplayedTable, entrants: Sequence[Entrant], *_: object, **__: object) -> None:
        begun.update({entrant.way: replayed.starts[entrant.start].made_of for entrant in entrants})
        raise Stopped

    monkeypatch.setattr("mnist_bench.experiments.contest.compare.replays", replays)
    ways = tuple(Entrant(sampler="random", start=start) for start in (first, second, first + second))
    with pytest.raises(Stopped):
        compare_methods(replace(ASKED, tables=files[:1], ways=ways), News())
    assert begun == {
        "random + list of first": ("first",),
        "random + list of second": ("second",),
        "random + list of first, second": ("first", "second"),
    }


def test_one_search_of_each_way_is_too_few() -> None:
    with pytest.raises(UsageError, match=r"^seeds=1: give at least 2, because one seed shows no spread\.$"):
        replace(ASKED, seeds=1)


def test_the_reference_is_better_than_what_is_found_but_no_lucky_row(files: tuple[str, str]) -> None:
    (contest,) = _run(replace(ASKED, tables=files[:1]))
    assert contest.reference is not None
    mean, error = contest.reference
    made = tables.load(files[0])
    luckiest = min(made.unseen_error(point, seed) for point in range(len(made)) for seed in range(3))
    found = [trace.found for trace in contest.traces[0] if trace.found is not None]
    assert luckiest < mean < sum(found) / len(found)
    assert 0 < error < 0.002


def test_progress_is_told_in_tenths(files: tuple[str, str]) -> None:
    news = News()
    compare_methods(replace(ASKED, tables=files[:1], seeds=5), news)
    assert news.heard[-1] == "handmade: 20 of 20 searches"
    assert len(news.heard) == 10


def test_a_contest_can_be_stopped(files: tuple[str, str]) -> None:
    with pytest.raises(Stopped):
        compare_methods(replace(ASKED, tables=files), stopping.at_once())


def test_what_does_not_fit_one_table_is_said_before_any_is_searched(files: tuple[str, str]) -> None:
    news = News()
    with pytest.raises(UsageError, match="gp needs all ranges"):
        compare_methods(replace(ASKED, tables=files, samplers=("gp",)), news)
    assert news.heard == []
    with pytest.raises(UsageError, match="no table"):
        compare_methods(replace(ASKED, tables=("nowhere",)), news)


def test_a_live_contest_needs_a_file_and_one_objective(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="so give a file, not the standard input"):
        compare_methods(replace(ASKED, live="mnist-5k", space="-"), News())
    file = tmp_path / "two.yaml"
    file.write_text("objective: [val_accuracy, macs]\noptim: {lr: {float: [0.001, 0.01]}}\n")
    with pytest.raises(UsageError, match="two objectives"):
        compare_methods(replace(ASKED, live="mnist-5k", space=str(file)), News())


def test_a_live_contest_has_one_number_of_workers(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^A live comparison trains on one number of workers, not on 1,8\.$"):
        mnist_bench.compare_methods("mini", live="mnist-5k", workers=[1, 8], results=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("precision", ["fp32", "portable"])
def test_a_live_contest_trains_in_the_precision_of_its_space(
    precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[live_contest.LiveTerms] = []

    def opened(terms: live_contest.LiveTerms, stopping: object) -> NoReturn:
        seen.append(terms)
        raise Stopped

    monkeypatch.setattr(live_contest, "opened", opened)
    file = tmp_path / "mine.yaml"
    file.write_text(space_files.find("mini").read_text().replace("precision: portable", f"precision: {precision}"))
    with pytest.raises(Stopped):
        compare_methods(replace(ASKED, live="mnist-5k", space=str(file), results=tmp_path), News())
    (terms,) = seen
    assert terms.kind == f"cpu-{precision}"
    assert terms.trainer.options["precision"] == precision
    assert terms.trainer.environment == environment_of(precision)


def test_a_live_contest_goes_on_from_its_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on another machine, which has none of the trainings; and where all is done, no worker is started."""
    done: list[tuple[str, int]] = []
    trace = Trace(choices=(), spent=1.0, trials=2, complete=0)

    class Searching:
        numerics: ClassVar = {"canary": "c0", "cpu": "a processor", "torch": "2.13"}

        def __init__(self, terms: live_contest.LiveTerms) -> None:
            self.terms = terms

        def trace(self, entrant: Entrant, seed: int) -> Trace:
            if len(done) == 3:
                raise Stopped
            done.append((entrant.name, seed))
            return replace(trace, trials=len(done))

    @contextmanager
    def opened(terms: live_contest.LiveTerms, stopping: object) -> Iterator[Searching]:
        yield Searching(terms)

    monkeypatch.setattr(live_contest, "opened", opened)
    ways = (Entrant(sampler="tpe", pruner="asha"), Entrant(sampler="curves", pruner="asha"))
    asked = replace(ASKED, live="mnist-5k", space="conv", ways=ways, seeds=2, results=tmp_path / "one")
    asked = replace(asked, ledger=tmp_path / "ledger.jsonl")
    with pytest.raises(Stopped):
        compare_methods(asked, News())
    done.clear()
    (contest,) = compare_methods(replace(asked, results=tmp_path / "other"), News())
    assert done == [("curves + asha", 1)]
    assert [[one.trials for one in traces] for traces in contest.traces] == [[1, 3], [2, 1]]
    with monkeypatch.context() as patched:
        patched.setattr(live_contest, "opened", None)
        assert compare_methods(asked, News()) == [contest]
    # Another kind of device has other costs, and so another order of events.
    here = device_kind(best_precision(torch.device("cpu")), on_gpu=False)
    other = next(kind for kind in COEFFICIENTS if kind != here)
    monkeypatch.setattr("mnist_bench.experiments.contest.compare.device_kind", lambda *_, **__: other)
    done.clear()
    with pytest.raises(Stopped):
        compare_methods(asked, News())
    assert done == [("tpe + asha", 0), ("curves + asha", 0), ("tpe + asha", 1)]
