"""Searches of networks with a memory of trainings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.data import DataOptions, load_training_set
from mnist_bench.searches import SearchConfig, SearchSetup, running, trials_left
from mnist_bench.searches.first_trials import start_list
from mnist_bench.training import bits_of
from search.driver.progress import Observer
from search.errors import UsageError
from search.executors.in_process import InProcessExecutor
from search.executors.protocol import Job
from search.study.studies import StoredStudy

SPACE: dict[str, Any] = {
    "name": "tiny", "epochs": 2, "subset": 1000, "precision": "fp32", "seeds": "configuration",
    "model": {"blocks": 0, "hidden_layers": 1, "hidden_units": {"int": [4, 8]}},
    "search": {"sampler": "random", "pruner": {"name": "asha", "min_resource": 1}},
}  # fmt: skip
NUMERICS = {"canary": "c", "wide_canary": "w", "trainer_revision": 3, "cpu": "a processor"}


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Return the jobs that are trained in this process."""
    monkeypatch.setattr(running, "close_test_set", lambda: None)  # it would stay closed for other tests
    monkeypatch.setattr("mnist_bench.data.close_test_set", lambda: None)
    jobs: list[Job] = []
    submit = InProcessExecutor.submit

    def noting(executor: InProcessExecutor, job: Job) -> None:
        jobs.append(job)
        submit(executor, job)

    monkeypatch.setattr(InProcessExecutor, "submit", noting)
    return jobs


def asked(results: Path, **options: Any) -> SearchConfig:
    return SearchConfig(
        **{"space": SPACE, "trials": 4, "executor": "in-process", "device": "cpu", "results": results, **options}
    )


def searched(results: Path, **options: Any) -> StoredStudy:
    return running.run(asked(results, **options), Observer(), lambda: False).study


@pytest.mark.slow
def test_a_second_study_takes_all_from_the_first_with_its_weights(tmp_path: Path, trained: list[Job]) -> None:
    without = searched(tmp_path / "without")
    number = len(trained)
    first = searched(tmp_path / "results", memory=True)
    assert len(trained) == 2 * number
    second = searched(tmp_path / "results", memory=True, study_name="second")
    assert len(trained) == 2 * number
    assert second.digest == first.digest == without.digest
    assert second.remembered.share == 1.0
    assert first.remembered.periods == 0
    assert (tmp_path / "results" / "_memory").is_dir()
    for trial in without.complete():
        kept = {study.files.weights_of(trial.number).read_bytes() for study in (without, first, second)}
        assert len(kept) == 1
    whole = searched(tmp_path / "results", memory=True, study_name="whole", pruner="none")
    assert len(trained) - 2 * number == 2 * len(whole.trials) - number
    again = searched(tmp_path / "elsewhere", memory=tmp_path / "results" / "_memory", pruner="none")
    assert again.digest == whole.digest
    assert again.remembered.share == 1.0


@pytest.mark.slow
def test_nothing_is_made_to_say_what_a_search_would_do(tmp_path: Path, trained: list[Job]) -> None:
    config = asked(tmp_path, trials=1, memory=tmp_path / "memory")
    searched(tmp_path, trials=1)
    setup = SearchSetup.of(config)
    assert trials_left(setup, start_list(setup)) == 0
    assert not (tmp_path / "memory").exists()


@pytest.mark.parametrize("given", ["none", "0", "-1", "inf", "nan"])
def test_a_limit_that_is_no_size_is_refused(tmp_path: Path, given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_BENCH_MEMORY_GB", given)
    monkeypatch.setattr(running, "close_test_set", lambda: None)
    with pytest.raises(UsageError, match=f"^MNIST_BENCH_MEMORY_GB={given}: give the gigabytes that a memory"):
        searched(tmp_path, memory=True)
    assert not (tmp_path / "_memory").exists()


def test_what_a_training_depends_on() -> None:
    data = load_training_set(DataOptions(subset=1000))
    bits = bits_of(data, NUMERICS)
    assert bits == ["c", "w", 3, data.data_hash, data.split.digest]
    form = replace(data.options.form, height=20, width=20)
    others = [
        bits_of(load_training_set(DataOptions(subset=1200)), NUMERICS),
        bits_of(data, {**NUMERICS, "trainer_revision": 4}),
        bits_of(data, {**NUMERICS, "wide_canary": "x"}),
        bits_of(replace(data, options=replace(data.options, form=form)), NUMERICS),
    ]
    assert all(other != bits for other in others)
    assert bits_of(data, {**NUMERICS, "cpu": "another"}) == bits
