"""The face of the package: what it exports is there, and a worker pays for none of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import search
from search.driver.run import Search
from search.errors import UsageError
from search.executors.local import LocalExecutor
from search.space.space import Space
from search.strategies.pruners import Asha, Median, NoPruner, Pruner
from search.strategies.samplers import Curves, Random, Sampler, Tpe
from search.trainer_api import TrainerSpec
from support import search_fake as fake

pytestmark = pytest.mark.usefixtures("log_alone")

TRAINER = TrainerSpec(factory="support.fake_trainer:Trainer")


def of(results: Path, **options: object) -> Search:
    chosen: dict[str, Any] = {"trials": 12, "periods": fake.PERIODS, "results": results, **options}
    return Search.of(fake.space(), fake.Planner(48), TRAINER, **chosen)


def test_every_name_is_there() -> None:
    names = set(vars(search)["__all__"])
    assert {"Search", "Space", "Codec", "open_study"} <= names
    assert all(hasattr(search, name) for name in names)


@pytest.mark.cold
def test_a_trainer_loads_neither_optuna_nor_a_database() -> None:
    code = (
        "import sys, search, search.executors.worker; search.Codec, search.Plan, search.Report, search.Space; "
        "sys.exit(bool({'optuna', 'sqlalchemy'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


FUNCTIONS = """
import sys, search

def f(config):
    return config.x * (not {"torch", "mnist_bench"} & sys.modules.keys())

def g(trial):
    trial.suggest_float("x", 1.0, 2.0)
    return f(search.Configuration(trial.params, 0))

if __name__ == "__main__":
    studies = search.run(f, {"x": {"float": [1.0, 2.0]}}, trials=3), search.run(g, trials=3)
    print(min(trial.value for study in studies for trial in study.trials))
    print({"torch", "mnist_bench"} & sys.modules.keys())
"""


@pytest.mark.cold
@pytest.mark.slow
def test_a_search_of_a_function_loads_neither_torch_nor_mnist(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(FUNCTIONS)
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    lowest, loaded = done.stdout.splitlines()
    assert float(lowest) >= 1
    assert loaded == "set()"


@pytest.mark.slow
def test_the_short_way_gives_the_same_search_in_this_process_and_in_workers(tmp_path: Path) -> None:
    alone = of(tmp_path).run()
    assert alone.reached
    assert alone.study.name == "fake-0"
    assert len(alone.study.finished()) == 12
    assert alone.study.spec["context"] == {"trainer": {"factory": "support.fake_trainer:Trainer", "options": {}}}
    assert search.open_study(str(tmp_path), alone.study.name) == alone.study  # type: ignore[arg-type]
    assert of(tmp_path / "workers", workers=2, portable=True).run().study.digest == alone.study.digest
    assert search.open_study(tmp_path / "workers", None).spec["portable"]
    assert of(tmp_path / "named", name="other", seed=1).run().study.digest != alone.study.digest


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"trials": -1}, "trials=-1: give an integer from 1 to 1,000,000,000."),
        ({"concurrent_trials": 0}, "concurrent_trials=0: give an integer from 1 to 1,000,000."),
        ({"periods": 0}, "periods=0: give an integer from 1 to 1,000,000."),
        ({"workers": 0}, "workers=0: give an integer of at least 1."),
        ({"order": "determinstic"}, "order='determinstic': give deterministic or as-completed; did you mean `determ"),
        ({"order": 3}, "order=3: give deterministic or as-completed."),
        ({"seed": 1.0}, "seed=1.0: give an integer."),
        ({"name": 5}, "name=5: give a text, or None."),
        ({"portable": "yes"}, "portable='yes': give True or False."),
        ({"enqueued": [{1: 2}]}, "enqueued[0]: {1: 2}: give a mapping of parameters to values."),
        ({"enqueued": [3]}, "enqueued[0]: 3: give a mapping of parameters to values."),
        ({"enqueued": "model.depth"}, "enqueued='model.depth': give a list"),
        ({"sampler": "tpe"}, "sampler=tpe: give an instance, such as search.named_sampler returns, or None."),
        ({"pruner": NoPruner}, "pruner=NoPruner: give an instance, such as search.named_pruner returns, or None."),
        ({"results": 5}, "results=5: give a folder, or None."),
        ({"direction": "down"}, "direction='down': give minimize or maximize"),
    ],
)
def test_an_argument_that_no_search_can_have_is_named(tmp_path: Path, given: dict[str, object], fault: str) -> None:
    with pytest.raises(UsageError) as refused:
        of(**{"results": tmp_path / "results", **given})  # type: ignore[arg-type]
    assert str(refused.value).startswith(fault)
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("settings", "given", "sampler", "pruner"),
    [
        ({"search": {"sampler": "random", "pruner": "median"}}, {}, Random(), Median()),
        ({"search": {"sampler": "random", "pruner": "median"}}, {"sampler": Tpe()}, Tpe(), Median()),
        ({}, {}, Curves(), Asha()),
        ({"objective": ["value", "width"]}, {}, Tpe(), Asha()),
        ({"limits": {"cities": 50}, "epochs": 6, "search": {"pruner": "none"}}, {}, Curves(), NoPruner()),
    ],
)
def test_sampler_and_pruner_come_from_the_call_or_else_from_the_space(
    tmp_path: Path, settings: dict[str, Any], given: dict[str, Any], sampler: Sampler, pruner: Pruner
) -> None:
    space = Space.of({**fake.SPACE, **settings})
    made = Search.of(space, fake.Planner(), TRAINER, trials=1, periods=4, results=tmp_path, **given)
    spec = made.spec_for({"check": ""})
    assert (spec.sampler, spec.pruner) == (sampler, pruner)


def test_a_trainer_in_a_file_is_known_by_the_files_name(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from support.fake_trainer import Trainer\n")
    trainer = TrainerSpec(factory=f"{tmp_path}/mine.py:Trainer")
    options: dict[str, Any] = {"trials": 3, "periods": fake.PERIODS, "results": tmp_path, "workers": 1}
    study = Search.of(fake.space(), fake.Planner(48), trainer, **options).run().study
    assert study.spec["context"]["trainer"] == {"factory": "mine.py:Trainer", "options": {}}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (Path("here"), "is here: give plain JSON values (Object of type PosixPath is not JSON serializable)."),
        ([float("nan")], "is [nan]: give plain JSON values (Out of range float values are not JSON compliant"),
    ],
)
def test_an_option_that_cannot_travel_to_a_worker_is_refused(value: object, why: str) -> None:
    with pytest.raises(UsageError) as refused:
        search.TrainerSpec(factory="own_trainer:Trainer", options={"delay": 0.5, "data": value})
    assert str(refused.value).startswith(f"Option data of trainer own_trainer:Trainer {why}")


@pytest.mark.parametrize("factory", ["nowhere:Trainer", "support.search_fake:Nobody", "nowhere.py:Trainer", "Trainer"])
def test_a_trainer_that_is_not_there_is_refused(factory: str, tmp_path: Path) -> None:
    executor = LocalExecutor(TrainerSpec(factory=factory), 1, tmp_path / "log")
    with pytest.raises(UsageError, match=f"^No trainer {factory} .*; name it as package.module:Name or folder/file"):
        executor.start()
    executor.stop()
