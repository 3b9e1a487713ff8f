"""A trainer in a process of its own gives what it gives in this one, and its end is reported."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from search.errors import WorkerError
from search.executors.jobs import RemoteTrainer
from search.trainer_api import PLAIN, TrainerSpec
from support import fake_trainer

FACTORY = "support.fake_trainer:Trainer"
CONFIG = {"model.depth": 2}


Make = Callable[..., RemoteTrainer[Mapping[str, Any]]]


@pytest.fixture
def remote() -> Iterator[Make]:
    made = []

    def make(behaviour: str = "", **environment: str) -> RemoteTrainer[Mapping[str, Any]]:
        spec = TrainerSpec(factory=FACTORY, options={"behaviour": behaviour}, environment=environment)
        made.append(RemoteTrainer(spec, PLAIN))
        return made[-1]

    yield make
    for trainer in made:
        trainer.close()


def test_periods_are_those_of_a_trainer_in_this_process(remote: Make) -> None:
    here, there = fake_trainer.Trainer(), remote(FAKE_CHECK="portable")
    state, report = here.advance(CONFIG, 7, 1, None)
    assert there.numerics == {**here.numerics, "check": "portable"}
    trained, reported = there.advance(CONFIG, 7, 1, None)
    assert (trained, reported.value, reported.weights) == (state, report.value, report.weights)
    assert there.advance(CONFIG, 7, 2, trained)[1].weights == here.advance(CONFIG, 7, 2, state)[1].weights


@pytest.mark.parametrize(("behaviour", "words"), [("raise_always", "divides by zero"), ("die_always", "SIGKILL")])
def test_the_end_of_a_process_or_an_error_in_it_is_reported(behaviour: str, words: str, remote: Make) -> None:
    with pytest.raises(WorkerError, match=f"^A worker process failed: .*{words}"):
        remote(behaviour).advance(CONFIG, 7, 1, None)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_process_that_writes_to_its_log_leaves_no_folder(remote: Make, temporary: Path) -> None:
    trainer = remote("print_always")
    trainer.advance(CONFIG, 7, 1, None)
    assert [path.read_text() for path in temporary.glob("*/*")] == ["noise from a library\n"]
    trainer.close()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("came_up", [False, True])
def test_a_log_that_an_error_names_is_there(
    remote: Make, temporary: Path, monkeypatch: pytest.MonkeyPatch, *, came_up: bool
) -> None:
    monkeypatch.setattr("search.executors.fleet.MAX_STARTS", 1)
    trainer = remote() if came_up else RemoteTrainer(TrainerSpec(factory="os:_exit", options={"status": 3}), PLAIN)
    if came_up:
        trainer.advance(CONFIG, 7, 1, None)

        def fail(executor: object, timeout: float) -> None:
            (log,) = temporary.glob("*/*")
            raise WorkerError(f"Workers end before they are ready (exit code 3); see {log}.")

        monkeypatch.setattr("search.executors.local.LocalExecutor.wait", fail)
    with pytest.raises(WorkerError, match=r"exit code 3.*see .+\.$") as caught:
        trainer.advance(CONFIG, 7, 1, None)
    trainer.close()
    assert Path(str(caught.value).rpartition("see ")[2].removesuffix(".")).is_file()
