"""Searches with a memory of trainings: the same digests as without it, and nothing is trained twice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from search.driver.progress import Observer
from search.errors import UsageError, WorkerError
from search.event_log.records import StudyRecord
from search.executors.in_process import InProcessExecutor
from search.executors.local.pool import LocalExecutor
from search.executors.protocol import Executor, Job, Outcome
from search.memory.remembering import RememberingExecutor
from search.strategies.pruners import Asha, NoPruner
from search.strategies.samplers import Random, Tpe
from search.trainer_api import TrainerSpec
from support import search_fake as fake
from support.paths import IMPORTABLE
from support.small_disk import small_disk

pytestmark = pytest.mark.usefixtures("log_alone")

FEW: dict[str, Any] = {
    "name": "fake",
    "seeds": "configuration",
    "model": {"depth": {"int": [1, 3]}, "width": {"int": [8, 64], "step": 8}, "kind": {"choice": ["a", "b"]}},
}
TRAINER = TrainerSpec(factory="support.fake_trainer:Trainer")


@dataclass
class Counting(Observer):
    """An executor that counts what it trains, and the observer of its search."""

    executor: Executor
    trained: list[tuple[int, int]] = field(default_factory=list)
    """Trial and period of each job."""
    told: list[str] = field(default_factory=list)

    @property
    def workers(self) -> int:
        return self.executor.workers

    @property
    def lanes(self) -> int:
        return self.executor.lanes

    def start(self) -> Mapping[str, Any]:
        return self.executor.start()

    def idle(self) -> int:
        return self.executor.idle()

    def submit(self, job: Job) -> None:
        self.trained.append((job.trial, job.period))
        self.executor.submit(job)

    def wait(self, timeout: float) -> list[Outcome]:
        return self.executor.wait(timeout)

    def stop(self) -> None:
        self.executor.stop()

    def on_notice(self, text: str) -> None:
        self.told.append(text)


@dataclass
class Searched:
    study: StudyRecord
    trained: list[tuple[int, int]]
    told: list[str]
    states: dict[int, bytes]
    """The last states of the complete trials."""


def search(
    results: Path, memory: Path | None, *, trainer: TrainerSpec = TRAINER, limit: int = 10**9, **options: Any
) -> Searched:
    """Return a search with a memory, or without one."""
    workers = options.pop("processes", 0)
    results.mkdir(parents=True, exist_ok=True)
    counting = Counting(LocalExecutor(trainer, workers, results / "log") if workers else InProcessExecutor(trainer))
    executor: Any = counting
    if memory is not None:
        executor = fake.remembering(counting, memory, limit=limit, notice=counting.told.append)
    kept = fake.Kept()
    options = {"space_values": FEW, "goal": 16, "sampler": Random(), **options}
    run = fake.run(results, executor=executor, observer=counting, on_trial_end=kept, **options)
    assert run.reached
    return Searched(run.study, counting.trained, counting.told, kept.states)


def with_memory_filled(folder: Path) -> tuple[Searched, Path]:
    """Return a search without a memory, and a memory that knows all of it."""
    without = search(folder / "without", None)
    search(folder / "filling", folder / "memory")
    return without, folder / "memory"


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(bytes(content))


def test_it_has_the_digest_of_a_search_without_it_and_trains_nothing_the_second_time(tmp_path: Path) -> None:
    without = search(tmp_path / "without", None)
    first, second = (search(tmp_path / name, tmp_path / "memory") for name in ("first", "second"))
    assert first.study.digest == second.study.digest == without.study.digest
    assert first.trained == without.trained
    assert first.study.remembered.periods == without.study.remembered.periods == 0
    assert second.trained == []
    assert without.states == first.states == second.states != {}
    reports = [report for trial in second.study.trials for report in trial.reports]
    assert all(report.remembered and report.worker is None and report.handled is not None for report in reports)
    taken = second.study.remembered
    assert (taken.periods, taken.of, taken.share) == (len(reports), len(without.trained), 1.0)
    details = [trial.reports[-1].details for trial in without.study.finished()]
    assert [trial.reports[-1].details for trial in second.study.finished()] == details
    assert first.told == second.told == []


def test_another_pruner_trains_only_what_the_first_did_not(tmp_path: Path) -> None:
    pruned = search(tmp_path / "pruned", tmp_path / "memory", pruner=Asha())
    without = search(tmp_path / "without", None, pruner=NoPruner())
    whole = search(tmp_path / "whole", tmp_path / "memory", pruner=NoPruner())
    assert whole.study.digest == without.study.digest
    assert whole.states == without.states
    known = {trial.seed: len(trial.reports) for trial in pruned.study.finished()}
    fresh = [
        (trial.number, period)
        for trial in whole.study.finished()
        for period in range(known.get(trial.seed, 0) + 1, fake.PERIODS + 1)
    ]
    assert sorted(whole.trained) == fresh
    assert 0 < len(fresh) < len(without.trained)
    taken = whole.study.remembered
    assert taken.periods == len(without.trained) - len(fresh)
    again = search(tmp_path / "again", tmp_path / "memory", pruner=Asha())
    assert (again.study.digest, again.trained) == (pruned.study.digest, [])


def test_other_seeds_and_other_bits_share_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    search(tmp_path / "first", tmp_path / "memory")
    for name, options in (("seed", {"seed": 1}), ("trial", {"space_values": {**FEW, "seeds": "trial"}})):
        other = search(tmp_path / name, tmp_path / "memory", **options)
        assert other.study.remembered.periods == 0
    monkeypatch.setenv("FAKE_CANARY", "another machine")
    elsewhere = search(tmp_path / "elsewhere", tmp_path / "memory")
    assert elsewhere.study.remembered.periods == 0


def test_states_that_are_missing_are_trained_again(tmp_path: Path) -> None:
    """For a trial that continues after its known periods, and for a complete one, whose weights are kept."""
    search(tmp_path / "filling", tmp_path / "memory", pruner=Asha())
    for path in (tmp_path / "memory").rglob("*.state"):
        path.unlink()
    without = search(tmp_path / "without", None, pruner=NoPruner(), goal=20)
    whole = search(tmp_path / "whole", tmp_path / "memory", pruner=NoPruner(), goal=20)
    assert whole.study.digest == without.study.digest
    assert whole.states == without.states
    assert sorted(whole.trained) == sorted(without.trained)
    assert whole.study.remembered.periods > 0  # decided upon before their states were needed
    again = search(tmp_path / "again", tmp_path / "memory", pruner=NoPruner(), goal=20)
    assert (again.study.digest, again.trained, again.states) == (without.study.digest, [], without.states)


@pytest.mark.parametrize("suffix", ["jsonl", "state"])
def test_a_damaged_byte_costs_a_training_and_no_bit(tmp_path: Path, suffix: str) -> None:
    without, memory = with_memory_filled(tmp_path)
    files = sorted(memory.rglob(f"*.{suffix}"))
    for path in files[:3]:
        damage(path)
    found = search(tmp_path / "found", memory)
    assert (found.study.digest, found.states) == (without.study.digest, without.states)
    assert 0 < len(found.trained) <= 3 * fake.PERIODS
    (sentence,) = found.told
    assert sentence.startswith("A damaged entry of the memory")
    again = search(tmp_path / "again", memory)
    assert (again.study.digest, again.trained, again.told) == (without.study.digest, [], [])


def test_other_results_in_it_are_found_when_a_period_is_trained_again(tmp_path: Path) -> None:
    """As they would be if the trainer's code changed, and nothing that the memory looks at with it."""
    search(tmp_path / "filling", tmp_path / "memory", pruner=Asha())
    for path in (tmp_path / "memory").rglob("*.state"):
        path.unlink()
    changed = TrainerSpec(factory=TRAINER.factory, options={"behaviour": "compute_otherwise"})
    with pytest.raises(
        WorkerError,
        match=r"^After report 1, a training has the weights \w{8} here and \w{8} in the memory of trainings in .*: "
        r"search without --memory, or with another folder\.$",
    ):
        search(tmp_path / "changed", tmp_path / "memory", trainer=changed, pruner=NoPruner())


@pytest.mark.slow
def test_killed_between_events_it_has_the_same_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {"space_values": FEW, "goal": 12, "sampler": Tpe(n_startup_trials=4)}
    without = fake.run(tmp_path / "without", **options).study
    half = fake.run(tmp_path / "half", **{**options, "goal": 6}, executor=remembering(tmp_path / "memory")).study
    assert half.finished()
    run, deaths = fake.run_killed_between_events(
        tmp_path / "killed", monkeypatch, cycle([4, 7, 11]), executor=remembering(tmp_path / "memory"), **options
    )
    assert deaths > 3
    assert run.study.digest == without.digest
    assert run.study.remembered.periods > 0


def remembering(memory: Path) -> RememberingExecutor:
    return fake.remembering(InProcessExecutor(TRAINER), memory)


@pytest.mark.parametrize("behaviour", ["diverge", "lack_memory", "no_number"])
def test_trials_that_do_not_come_to_their_ends(tmp_path: Path, behaviour: str) -> None:
    """Whether memory suffices is tried again; a trial that diverged would do so again."""

    def of(name: str, memory: Path | None) -> Searched:
        options = {"behaviour": behaviour, "marks": str(tmp_path / name)}
        (tmp_path / name).mkdir()
        return search(tmp_path / name, memory, trainer=TrainerSpec(factory=TRAINER.factory, options=options))

    without = of("without", None)
    first, second = of("first", tmp_path / "memory"), of("second", tmp_path / "memory")
    assert first.study.digest == second.study.digest == without.study.digest
    ends = {report.end for trial in without.study.finished() for report in trial.reports}
    assert len(second.trained) == sum(
        report.end == "out_of_memory" for trial in without.study.finished() for report in trial.reports
    )
    assert ends == {None, "out_of_memory" if behaviour == "lack_memory" else "diverged"}


def test_values_that_no_study_can_keep_end_the_search_as_they_do_without_it(tmp_path: Path) -> None:
    trainer = TrainerSpec(factory=TRAINER.factory, options={"behaviour": "answer_large"})
    for name in ("first", "second"):
        with pytest.raises(UsageError, match=r"Values from the planner or trainer for trial . cannot be kept"):
            search(tmp_path / name, tmp_path / "memory", trainer=trainer)


def test_a_search_that_took_some_goes_on_without_it(tmp_path: Path) -> None:
    without, memory = with_memory_filled(tmp_path)
    options: dict[str, Any] = {"space_values": FEW, "goal": 16, "sampler": Random()}
    stopped = fake.run(tmp_path / "stopped", executor=remembering(memory), stopping=fake.StopAfter(30), **options)
    assert not stopped.reached
    assert stopped.study.remembered.periods
    shutil.rmtree(memory)
    continued = search(tmp_path / "stopped", None)
    assert continued.study.digest == without.study.digest


@pytest.mark.slow
def test_with_workers_and_in_the_order_of_arrival(tmp_path: Path) -> None:
    without = search(tmp_path / "without", None)
    search(tmp_path / "few", tmp_path / "memory", goal=8)
    workers = search(tmp_path / "workers", tmp_path / "memory", processes=2)
    assert (workers.study.digest, workers.states) == (without.study.digest, without.states)
    assert 0 < workers.study.remembered.share < 1
    arrival = search(tmp_path / "arrival", tmp_path / "memory", order="arrival")
    assert arrival.study.remembered.share > 0


@pytest.mark.slow
def test_two_searches_at_once_write_one_memory(tmp_path: Path) -> None:
    without = search(tmp_path / "without", None)
    with ThreadPoolExecutor() as threads:
        both = [*threads.map(lambda name: search(tmp_path / name, tmp_path / "memory"), ("one", "other"))]
    for found in both:
        assert (found.study.digest, found.told) == (without.study.digest, [])
    again = search(tmp_path / "again", tmp_path / "memory")
    assert (again.study.digest, again.trained, again.told) == (without.study.digest, [], [])


@pytest.mark.slow
def test_of_two_processes_that_write_one_memory_one_is_killed(tmp_path: Path) -> None:
    without = fake.run(tmp_path / "without", goal=12).study.digest
    memory = tmp_path / "memory"
    killed, other = (start(tmp_path / name, memory) for name in ("killed", "other"))
    while len([*memory.rglob("*.jsonl")]) < 4:
        time.sleep(0.01)
    killed.kill()
    killed.communicate()
    assert other.communicate()[0].strip() == without
    third = fake.run(tmp_path / "third", goal=12, executor=remembering(memory)).study
    assert (third.digest, third.remembered.share) == (without, 1.0)


def start(results: Path, memory: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": IMPORTABLE, "FAKE_GOAL": "12", "FAKE_MEMORY": str(memory)}
    line = [sys.executable, "-m", "support.search_fake", str(results), "0", "0.004"]
    return subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment)


@pytest.mark.parametrize("limit", [1, 3000])
def test_a_small_one_forgets_and_the_search_is_the_same(tmp_path: Path, limit: int) -> None:
    without = search(tmp_path / "without", None)
    for name in ("first", "second"):
        found = search(tmp_path / name, tmp_path / "memory", limit=limit)
        assert (found.study.digest, found.states, found.told) == (without.study.digest, without.states, [])


def test_on_a_full_disk_the_search_goes_on_without_it(tmp_path: Path) -> None:
    without = search(tmp_path / "without", None)
    with small_disk(tmp_path / "disk", "64k") as disk:
        found = search(tmp_path / "found", disk / "memory")
        (sentence,) = found.told
        assert sentence.endswith("cannot be written (No space left on device); the search adds nothing to it.")
        assert (found.study.digest, found.states) == (without.study.digest, without.states)
        again = search(tmp_path / "again", disk / "memory")
        assert again.study.digest == without.study.digest
        assert 0 < len(again.trained) < len(without.trained)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to another user")
def test_files_of_another_user_are_a_sentence(tmp_path: Path) -> None:
    without, memory = with_memory_filled(tmp_path)
    for path in memory.rglob("*.*"):
        os.chown(path, 12345, 12345)
    found = search(tmp_path / "found", memory)
    assert found.told == [f"The memory of trainings in {memory} has files of another user, which are ignored."]
    assert found.study.digest == without.study.digest
    assert found.trained == without.trained
