"""`search.run` of objectives that are written for Optuna, in the shapes of Optuna's own examples."""

from __future__ import annotations

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

import search
from search.errors import UsageError
from search.objectives.objective import Objective
from search.objectives.search import planned
from search.study.studies import StoredStudy
from support import own_work
from support.processes import until
from support.search_fake import Heard

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("log_alone")]  # each test starts processes
Trial = Any  # an optuna.Trial, as the objective's author sees it
NONE = {"search": {"pruner": "none"}}


def asked(objective: Callable[[Trial], Any], results: Path, **options: Any) -> search.Search:
    """Return the search of an objective in copies of this process, which need not import Optuna again."""
    given: dict[str, Any] = {"trials": 6, "name": "of-optuna", "results": results, **options}
    return planned(Objective.of(lambda trial: objective(trial)), **given)


def run(objective: Callable[[Trial], Any], results: Path, **options: Any) -> StoredStudy:
    return asked(objective, results, **options).run().study


def with_a_loop(trial: Trial) -> float:
    """Report as a loop over epochs does, and stop if the search says so."""
    rate = trial.suggest_float("rate", 1e-4, 1e-2, log=True)
    loss = trial.suggest_float("start", 1, 9)
    for epoch in range(5):
        loss = loss * (0.5 + 10 * rate) + 0.01 * np.random.rand()
        trial.report(loss, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned()
    return float(loss)


def of_every_kind(trial: Trial) -> float:
    """Ask for every kind of range, and report nothing."""
    units = trial.suggest_int("units", 8, 64, step=8)
    trees = trial.suggest_int("trees", 10, 1000, log=True)
    width = trial.suggest_float("width", 0.5, 0.9, step=0.1)
    scale = trial.suggest_float("scale", -1, 1)
    shape = trial.suggest_categorical("shape", [(16, 32), (32,)])
    flag = trial.suggest_categorical("flag", (None, True, 2.5, "text"))
    assert trial.params == {
        "units": units, "trees": trees, "width": width, "scale": scale, "shape": [*shape], "flag": flag
    }  # fmt: skip
    assert isinstance(shape, tuple)
    assert trial.suggest_int("units", 8, 64, step=8) == units
    return float(units + trees * width + scale)


def silent(trial: Trial) -> float:
    """Report as `with_a_loop` does, and never ask whether to stop."""
    value = float(trial.suggest_int("x", 0, 10))
    for step in range(3):
        trial.report(value - step, step)
    return value


@pytest.mark.parametrize(
    ("objective", "middle", "reports", "settings"),
    [
        (with_a_loop, {"rate": pytest.approx(1e-3), "start": 5.0}, 5, {}),
        (
            of_every_kind,
            {"units": 40, "trees": 97, "width": 0.7, "scale": 0.0, "shape": [16, 32], "flag": None},
            1,
            NONE,
        ),
        (silent, {"x": 5}, 3, NONE),
    ],
)
def test_the_first_trial_has_the_middle_of_each_range_and_finds_the_space(
    objective: Callable[[Trial], Any], middle: dict[str, Any], reports: int, settings: dict[str, Any], tmp_path: Path
) -> None:
    heard = Heard()
    study = replace(asked(objective, tmp_path), observer=heard).run().study
    first = study.trials[0]
    assert {path.removeprefix("config."): value for path, value in first.params.items()} == middle
    assert (first.reason, len(first.reports), study.spec["periods"]) == ("complete", reports, reports)
    assert study.spec["space"]["settings"] == settings
    assert len(study.finished()) == 6
    assert re.fullmatch(rf"The first trial, .* has {len(middle)} ranges? and {reports} reports?: .*", heard.notices[0])
    pruned = {trial.reason for trial in study.trials if len(trial.reports) < reports}
    assert pruned == ({"pruned"} if objective is with_a_loop else set())


OWN = """
import os, time
from pathlib import Path
import numpy as np
import optuna
import search

def objective(trial):
    Path(f"calls/{trial.number}-{os.getpid()}").touch()
    x = trial.suggest_float("x", -4.0, 4.0)
    kind = trial.suggest_categorical("kind", ["a", "b"])
    for step in range(4):
        time.sleep(float(os.environ.get("PAUSE", "0")))
        x = x / 2 + 0.01 * np.random.rand()
        trial.report(abs(x), step)
        if trial.should_prune():
            raise optuna.TrialPruned()
    trial.set_user_attr("steps", step + 1)
    return abs(x)

if __name__ == "__main__":
    print(search.run(objective, trials=8, workers=4, direction="minimize", results="other").digest)
"""


def test_any_number_of_workers_and_a_kill_make_the_same_search(tmp_path: Path) -> None:
    """The command needs no space either, and a study that has begun needs its first trial no more."""
    calls = tmp_path / "calls"
    calls.mkdir()
    (tmp_path / "mine.py").write_text(OWN)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    script = subprocess.run(
        [sys.executable, "mine.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    line = ["search", "--objective", "mine.py:objective", "--set", "direction=minimize", "-n", "8", "--workers", "1"]
    shutil.rmtree(calls)
    calls.mkdir()
    killed = own_work.start(tmp_path, line, pause=0.1)
    until(lambda: len([*calls.iterdir()]) > 5)
    killed.kill()
    killed.communicate()
    before = {*calls.glob("0-*")}
    again = own_work.run(tmp_path, line)
    assert own_work.digest(again.out).replace(" ", "") == script.stdout.strip()
    assert len({*calls.glob("0-*")} - before) <= 1  # no first trial, and trial 0 if it was running
    best = search.open_study(tmp_path / "results", "mine-0").best
    assert best is not None
    assert best.user_attrs == {"steps": 4}


def test_what_is_enqueued_comes_after_the_first_trial(tmp_path: Path) -> None:
    study = run(silent, tmp_path, trials=2, enqueued=[{"config.x": 9}], checked=False)
    assert [trial.params for trial in study.trials] == [{"config.x": 5}, {"config.x": 9}]
    again = run(silent, tmp_path, trials=1, name="again", enqueued=["of-optuna"])
    assert again.spec["enqueued_from"] == [None, "of-optuna/1", "of-optuna/0"]


def unlike_the_last_report(trial: Trial) -> float:
    for step in (10, 20, 30):
        trial.report(step, step)
        trial.should_prune()
    return 7.0 + int(trial.suggest_int("x", 1, 1))


def a_step_twice(trial: Trial) -> float:
    trial.report(trial.suggest_int("x", 1, 1), 0)
    with pytest.warns(UserWarning, match="step 0 is already reported"):
        trial.report(5, 0)
    trial.report(6, 1)
    return 7


def fewer_of_some(trial: Trial) -> float:
    for step in range(5 if trial.number == 0 else 2):
        trial.report(step, step)
        trial.should_prune()
    return float(trial.suggest_int("x", 1, 1))


def no_number(value: float | None) -> Callable[[Trial], float | None]:
    return lambda trial: trial.suggest_int("x", 1, 1) if trial.number == 0 else value


def given_up(trial: Trial) -> float:
    trial.report(trial.suggest_int("x", 1, 1), 0)
    if trial.number:
        raise optuna.TrialPruned
    trial.report(2, 1)
    return 3


@pytest.mark.parametrize(
    ("objective", "first", "second", "reason"),
    [
        (unlike_the_last_report, [10, 20, 8], [10, 20, 8], "complete"),
        (a_step_twice, [1, 7], [1, 7], "complete"),
        (fewer_of_some, [0, 1, 2, 3, 1], [0, 1, 1], "complete"),
        (no_number(float("nan")), [1], [None], "diverged"),
        (given_up, [1, 3], [None], "diverged"),
        (no_number(None), [1], [], "crashed"),
    ],
)
def test_what_optuna_allows_ends_as_there(
    objective: Callable[[Trial], Any], first: list[float], second: list[float | None], reason: str, tmp_path: Path
) -> None:
    study = run(objective, tmp_path, trials=2, pruner=search.NoPruner())
    assert [[report.value for report in trial.reports] for trial in study.trials] == [first, second]
    assert (study.trials[1].reason, study.trials[1].value) == (reason, second[-1] if second else None)


def test_a_pruned_trial_ends_at_should_prune_after_what_finally_says(tmp_path: Path) -> None:
    def objective(trial: Trial) -> float:
        x = trial.suggest_int("x", 0, 100)
        try:
            for step in range(3):
                trial.report(x, step)
                (tmp_path / f"{trial.number}-reported").touch()
                if trial.should_prune():
                    (tmp_path / "told").touch()
            (tmp_path / f"{trial.number}-through").touch()
        except Exception:
            (tmp_path / "told").touch()
        finally:
            (tmp_path / f"{trial.number}-finally").touch()
        return float(x)

    study = run(objective, tmp_path / "results", trials=12)
    pruned = {trial.number for trial in study.trials if trial.reason == "pruned"}
    assert pruned
    files = {path.name for path in tmp_path.iterdir()}
    assert {n for n in range(12) if f"{n}-through" not in files} == pruned
    assert all(f"{n}-{mark}" in files for n in range(12) for mark in ("reported", "finally"))
    assert "told" not in files


def test_a_first_trial_whose_process_is_killed_is_run_again(tmp_path: Path) -> None:
    def objective(trial: Trial) -> float:
        mark = tmp_path / "mark"
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return float(trial.suggest_int("x", 0, 9))

    assert len(run(objective, tmp_path / "results").trials) == 6


def test_all_cores_of_a_trial_are_one(tmp_path: Path) -> None:
    joblib: Any = import_module("joblib")

    def objective(trial: Trial) -> float:
        return float(joblib.effective_n_jobs(-1) * trial.suggest_int("x", 1, 1))

    assert [trial.value for trial in run(objective, tmp_path, trials=2).trials] == [1, 1]


def branching(trial: Trial) -> float:
    if trial.suggest_categorical("kind", ["svc", "forest"]) == "svc":
        return float(trial.suggest_float("c", 1e-3, 1e3, log=True))
    return float(trial.suggest_int("depth", 2, 32) + trial.suggest_categorical("objective", [1, 2]))


def of_layers(trial: Trial) -> float:
    layers = trial.suggest_int("layers", 1, 3)
    units = [trial.suggest_int(f"units{layer}", 4, 128) for layer in range(layers)]
    return float(sum(units) * trial.suggest_float("rate", 0.1, 1))


@pytest.mark.parametrize(
    ("objective", "lacks", "wider"),
    [
        (
            branching,
            "depth and objective",
            {
                "kind": {"choice": ["svc", "forest"]},
                "c": {"float": [1e-3, 1e3], "log": True, "when": {"kind": ["svc"]}},
                "depth": {"int": [2, 32], "when": {"kind": ["forest"]}},
                "config": {"objective": {"choice": [1, 2], "when": {"kind": ["forest"]}}},
            },
        ),
        (
            of_layers,
            "units2",
            {
                "layers": {"int": [1, 3]},
                "units0": {"int": [4, 128]},
                "units1": {"int": [4, 128]},
                "rate": {"float": [0.1, 1.0]},
                "units2": {"int": [4, 128], "when": {"layers": [3]}},
            },
        ),
    ],
)
def test_a_trial_that_asks_for_more_is_refused_with_a_space_that_has_it(
    objective: Callable[[Trial], Any], lacks: str, wider: dict[str, Any], tmp_path: Path
) -> None:
    random = search.named_sampler("random")
    with pytest.raises(UsageError, match=rf"^Trial \d+ asks for {lacks}, which its configuration does not") as refused:
        run(objective, tmp_path, trials=20, sampler=random)
    space = ast.literal_eval(str(refused.value).partition("a space such as ")[2].rstrip("."))
    assert space == wider
    study = run(objective, tmp_path, name="wider", trials=20, sampler=random, space=space)
    assert {trial.reason for trial in study.trials} == {"complete"}


def of_another_range(trial: Trial) -> float:
    return float(trial.suggest_float("x", 0, 1 + trial.number))


def with_more_reports(trial: Trial) -> float:
    for step in range(trial.suggest_int("steps", 1, 5)):
        trial.report(step, step)
    return 0.0


def config_alone(config: search.Configuration) -> float:
    return float(config.x)


@pytest.mark.parametrize(
    ("objective", "options", "message"),
    [
        (
            of_another_range,
            {},
            r"Trial 1 asks for x of 0\.0 to 2\.0, and its search has 0\.0 to 1\.0; ask for the same",
        ),
        (with_more_reports, {}, r"Trial \d makes report 4, and the search was made for 3 reports; give a larger"),
        (with_more_reports, {"periods": 2}, r"Trial 0 makes report 3, and the search was made for 2 reports"),
        (silent, {"space": {"x": {"int": [0, 9]}}}, r"Trial 0 asks for x of 0 to 10, and its search has 0 to 9;"),
        (silent, {"space": {"x": 11}, "periods": 3}, r"Trial 0 asks for x of 0 to 10, and its search has 11;"),
        (lambda trial: trial.study.trials, {}, r"raised AttributeError: a trial has no study: it sees no other trial;"),
        (lambda trial: trial.suggest_uniform("x", 0, 1), {}, r"call suggest_float\(name, low, high\); if"),
        (lambda trial: trial.suggest_int("my x", 0, 1), {}, "^The parameter my x needs a name of letters"),
        (lambda trial: trial.suggest_categorical("x", [len]), {}, r"^suggest_categorical\('x'\): give texts"),
        (lambda trial: trial.suggest_float("x", 0, 1, step=1e-6), {}, "`step` goes with at most 1,000 values"),
        (lambda trial: trial.suggest_int("x", 3, 1), {}, "raised ValueError: x: low 3 is above high 1; if only its"),
        (lambda trial: None, {}, "raised TypeError: the objective returned None; return a number; if only"),
        (lambda trial: 1.0, {}, "asks for no range; call trial.suggest_float in it, or give a space"),
        (silent, {"n_jobs": 4}, "^n_jobs: a search has no such option; workers=N computes N trials at a time"),
        (silent, {"n_trials": 4}, r"^n_trials: .*; trials=N is their number\.$"),
    ],
)
def test_what_is_not_offered_ends_in_a_sentence(
    objective: Callable[[Trial], Any], options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        run(objective, tmp_path, **options)


def test_a_function_of_a_configuration_needs_a_space(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="config_alone: give a space; only an objective that is written for Optuna"):
        search.run(config_alone, results=tmp_path)


def test_a_study_that_has_begun_has_its_space_and_the_direction_is_given_again(tmp_path: Path) -> None:
    calls = tmp_path / "calls"

    def objective(trial: Trial) -> float:
        with calls.open("a") as file:
            file.write(f"{trial.number}\n")
        return with_a_loop(trial)

    run(objective, tmp_path, direction="minimize")
    study = run(objective, tmp_path, direction="minimize", trials=8)
    assert calls.read_text().split().count("0") == 2
    assert study.digest == run(with_a_loop, tmp_path / "whole", direction="minimize", trials=8).digest
    with pytest.raises(search.FingerprintError, match="direction"):
        run(objective, tmp_path, trials=9)
