"""Live contests: the real driver and studies on disk, with a trainer that looks up in a table made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mnist_bench.errors import Stopped
from mnist_bench.experiments.contest import live_contest
from mnist_bench.experiments.contest.contest_record import Entrant
from mnist_bench.experiments.contest.live_contest import FRESH_SEEDS, ExecutorOn, Live, LiveTerms
from mnist_bench.experiments.contest.replayed import ReplayedTable
from mnist_bench.experiments.contest.replays import Terms, replay, simulated
from mnist_bench.tables import POINT, SPLIT, RecordedBenchmark, TablePlanner, TableTrainer
from search.executors import Executor
from search.memory import RememberingExecutor, TrainingMemory
from search.simulation import VirtualExecutor
from search.trainer_api import PLAIN, Report
from support import own_code
from support.handmade_table import table

pytestmark = pytest.mark.slow

RANDOM = Entrant(sampler="random")
TWICE = Entrant(sampler="random", budgets=2)
TPE = Entrant(sampler="tpe", pruner="asha")
FIRST = Entrant(method="first_period")


class Trainer(TableTrainer):
    """Looks up with the seed that it is asked for, of which the table has three; counts what it is asked."""

    trained = 0

    def advance(self, config: int, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        Trainer.trained += 1
        return b"", self.table.report(config, seed % 3, period)


@pytest.fixture(scope="module")
def made() -> RecordedBenchmark:
    return table()


@pytest.fixture
def terms(made: RecordedBenchmark, tmp_path: Path) -> LiveTerms:
    return LiveTerms(
        task="mnist-5k", space=made.space, planner=TablePlanner(made), budget=6, unit=ReplayedTable(made).unit,
        seen_images=10_000, unseen_images=20_000, folder=tmp_path / "live", cache=tmp_path / "trainings", slots=4,
    )  # fmt: skip


@pytest.fixture
def contest(terms: LiveTerms, made: RecordedBenchmark) -> Live:
    Trainer.trained = 0
    terms.folder.mkdir(parents=True)
    trainer = Trainer(made, 0)
    executor = VirtualExecutor(trainer, 4, lambda job: 1.0)
    return Live(terms, on_any_split(executor), trainer.numerics, go_on)


def go_on() -> bool:
    return False


def on_any_split(executor: Executor) -> ExecutorOn:
    return lambda split: executor


@pytest.mark.parametrize("entrant", [RANDOM, TPE, TWICE])
def test_a_live_search_is_the_search_over_the_table(contest: Live, made: RecordedBenchmark, entrant: Entrant) -> None:
    found = contest.trace(entrant, 0)
    looked_up = replay(ReplayedTable(made), entrant, 0, Terms(budget=6, slots=4, workers=(4,)))
    assert [(choice.trial, choice.seen) for choice in found.choices] == [
        (choice.trial, choice.seen) for choice in looked_up.choices
    ]
    assert (found.trials, found.complete) == (looked_up.trials, looked_up.complete)
    assert found.spent == pytest.approx(looked_up.spent)


def test_the_choice_is_scored_with_seeds_that_it_was_not_made_with(contest: Live, made: RecordedBenchmark) -> None:
    found = contest.trace(RANDOM, 0)
    point = made.point_of(found.choices[-1].params)
    assert found.fresh == tuple(made.unseen_error(point, seed % 3) for seed in FRESH_SEEDS)
    assert found.found == pytest.approx(sum(found.fresh) / 4)
    assert found.choices[-1].unseen == made.unseen_error(point, 0)


def test_a_stopped_search_goes_on_and_a_finished_one_is_read(contest: Live) -> None:
    left = iter([False] * 30)
    with pytest.raises(Stopped):
        Live(contest.terms, contest._executor_on, contest.numerics, lambda: next(left, True)).trace(TPE, 0)
    found = contest.trace(TPE, 0)
    before = Trainer.trained
    assert contest.trace(TPE, 0) == found
    assert Trainer.trained == before


def test_at_double_budget_the_same_study_goes_on(contest: Live, terms: LiveTerms) -> None:
    once = contest.trace(RANDOM, 0)
    twice = contest.trace(TWICE, 0)
    assert twice.choices[: len(once.choices)] == once.choices
    assert len(list(terms.folder.glob("*/study.db"))) == 1
    assert contest.trace(RANDOM, 0) == once  # what the study has spent since does not count for the smaller one


def test_the_first_period_for_all_then_the_best(contest: Live) -> None:
    found = contest.trace(FIRST, 0)
    assert found.trials > found.complete > 0
    assert found.spent <= 6
    assert contest.trace(FIRST, 0) == found


def test_a_search_that_chose_nothing_is_not_scored(contest: Live, terms: LiveTerms) -> None:
    executor = VirtualExecutor(Trainer(table(), 0), 1, lambda job: 1.0)
    hasty = Live(replace(terms, budget=0), on_any_split(executor), contest.numerics, go_on)
    found = hasty.trace(FIRST, 1)
    assert (found.choices, found.fresh, found.found) == ((), (), None)


def test_other_code_and_another_machine_search_anew(contest: Live, terms: LiveTerms, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(own_code.SEEDED)
    mine = Entrant(sampler=f"{path}:Mine")
    first = contest.trace(mine, 0)
    path.write_text(own_code.SEEDED.replace("RandomSampler(seed=seed)", "RandomSampler(seed=seed + 1)"))
    edited = contest.trace(mine, 0)
    assert edited != first
    path.write_text(own_code.SEEDED)
    before = Trainer.trained
    assert contest.trace(mine, 0) == first
    assert Trainer.trained == before
    elsewhere = Live(terms, contest._executor_on, {**contest.numerics, "canary": "another"}, go_on)
    assert elsewhere.trace(mine, 0) == first  # the same rows of the table
    assert Trainer.trained > before
    assert len(list(terms.folder.glob("*/study.db"))) == 3


class OnSplits(Trainer):
    """Notes the split and the seed that it is asked for."""

    codec: Any = PLAIN
    asked: ClassVar[set[tuple[int, int]]] = set()

    def advance(self, config: Any, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        settings = dict(config)
        self.asked.add((settings.pop(SPLIT), seed))
        return super().advance(POINT.from_json(settings), seed, period, state)


@pytest.fixture
def on_splits(terms: LiveTerms, made: RecordedBenchmark, monkeypatch: pytest.MonkeyPatch) -> LiveTerms:
    monkeypatch.setattr(
        live_contest, "LocalExecutor", lambda *_: VirtualExecutor(OnSplits(made, 0), 4, lambda job: 1.0)
    )
    monkeypatch.setattr(live_contest, "bits_of", lambda data, numerics: [data.split.digest])
    return replace(terms, own_splits=True, fresh=2)


def test_each_pair_has_a_split_and_a_training_seed_of_its_own(on_splits: LiveTerms, tmp_path: Path) -> None:
    with live_contest.opened(on_splits) as live:
        for entrant, seed in ((RANDOM, 1), (TPE, 1), (RANDOM, 2)):
            OnSplits.asked.clear()
            found = live.trace(entrant, seed)
            pair = on_splits.pair(seed)
            assert len(found.fresh) == 2
            assert OnSplits.asked == {(pair.split_seed, each) for each in (pair.training_seed, *FRESH_SEEDS[:2])}
    pairs = [on_splits.pair(seed) for seed in range(100)]
    assert len({pair.split_seed for pair in pairs} | {pair.training_seed for pair in pairs}) == 200
    assert replace(on_splits, own_splits=False).pair(1) == replace(on_splits, own_splits=False).pair(2)


def test_a_memory_of_trainings_keeps_splits_apart(on_splits: LiveTerms, tmp_path: Path) -> None:
    plan = on_splits.planner(table().points[0])
    for folder, split_seed, asked in (("a", 1, {(1, 0)}), ("b", 1, set()), ("c", 2, {(2, 0)})):
        OnSplits.asked.clear()
        with live_contest.opened(replace(on_splits, folder=tmp_path / folder)) as live:
            live.trained([(plan, 0)], split_seed)
        assert OnSplits.asked == asked


@pytest.mark.parametrize("entrant", [TPE, FIRST])
def test_a_contest_that_is_run_again_elsewhere_trains_nothing(
    terms: LiveTerms, made: RecordedBenchmark, entrant: Entrant, tmp_path: Path
) -> None:
    Trainer.trained = 0
    traces = []
    for name in ("first", "again"):
        local = VirtualExecutor(Trainer(made, 0), 4, lambda job: 1.0)
        memory = TrainingMemory(terms.cache)
        executor = RememberingExecutor(local, memory, lambda numerics: [numerics["canary"]], states=False)
        (tmp_path / name).mkdir()
        live = Live(replace(terms, folder=tmp_path / name), on_any_split(executor), executor.start(), go_on)
        traces.append((live.trace(entrant, 0), Trainer.trained))
    assert traces[0] == traces[1]
    assert traces[0][1] > 0
    assert not list(terms.cache.rglob("*.state"))


def test_the_digest_is_that_of_the_table(contest: Live, made: RecordedBenchmark) -> None:
    looked_up, _ = simulated(ReplayedTable(made), TPE, 3, live_contest.SEEN_SEED, Terms(budget=6, slots=4), workers=8)
    trained = contest.searched(TPE, 3, looked_up.spent[-1])
    assert trained.digest == looked_up.study.digest
