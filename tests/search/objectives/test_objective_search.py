"""`search.run`: a function as an objective, in processes of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import search
from search.errors import UsageError
from search.objectives.objective import Objective
from search.objectives.search import planned
from search.study.folder import StudyFolder
from search.study.studies import StoredStudy, specification
from support import objectives
from support.search_fake import Heard, StopAfter

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("log_alone")]  # nearly every test starts processes
PERIODS = objectives.PERIODS


def run(function: Callable[..., Any] | str, results: Path, **options: Any) -> StoredStudy:
    given: dict[str, Any] = {"space": objectives.SPACE, "trials": 8, "results": results, **options}
    return search.run(function, **given)


def unnamed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that no other process can load."""
    return lambda config: function(config)


def test_a_metric_is_minimized_as_minus_the_metric_is_maximized(tmp_path: Path) -> None:
    space = {**objectives.SPACE, "objective": "loss"}
    minimized = run(objectives.descent, tmp_path / "a", space=space, direction="minimize", periods=PERIODS)
    maximized = run(objectives.descent, tmp_path / "b", periods=PERIODS)  # of minus the loss
    assert minimized.metric == "loss"
    for one, other in zip(minimized.trials, maximized.trials, strict=True):
        assert (one.params, one.reason, one.score) == (other.params, other.reason, other.value)
        assert one.value == one.reports[-1].metrics["loss"]
    lengths = {trial.reason: len(trial.reports) for trial in minimized.trials}
    assert lengths["complete"] == PERIODS > lengths["pruned"]


SCRIPT = f"""
import search
from support import objectives

def objective(config):
    return -config.x ** 2

print(search.run(objective, {{"x": {{"float": [-1.0, 1.0]}}}}, trials=2).best.value <= 0)
print(search.run(objectives.descent, objectives.SPACE, trials=8, periods={PERIODS}, results="there").digest)
"""


def test_another_number_of_workers_and_another_process_make_the_same_search(tmp_path: Path) -> None:
    """A script needs no guard around its searches."""
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(tmp_path / "script.py")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    here = [run(objectives.descent, tmp_path, workers=n, periods=PERIODS, name=f"n{n}").digest for n in (1, 4)]
    assert done.stdout.split() == ["True", here[0]]
    assert here[0] == here[1]


def test_a_function_without_a_file_is_called_in_copies_of_this_process(tmp_path: Path) -> None:
    function = unnamed(objectives.parabola)
    digests = {run(function, tmp_path, workers=n, trials=4, name=f"n{n}").digest for n in (1, 2)}
    assert len(digests) == 1


def test_the_configuration_of_a_trial_is_that_of_its_objective_and_stays_in_order(tmp_path: Path) -> None:
    space = {"x": {"float": [0.0, 1.0]}, "model": {"depth": {"int": [1, 3]}}}
    study = run(objectives.of_a_section, tmp_path, space=space, trials=2)
    trial = study.trials[1]
    assert [*trial.params] == ["config.x", "model.depth"]
    config = search.Configuration.of(trial)
    assert dict(config) == {"x": trial.params["config.x"], "model.depth": trial.params["model.depth"]}
    again = run(objectives.of_a_section, tmp_path, space=space, trials=2)
    assert [list(trial.params) for trial in again.trials] == [list(trial.params) for trial in study.trials]


def test_a_search_begins_with_the_best_of_another_study_that_lie_in_its_space(tmp_path: Path) -> None:
    old = run(objectives.parabola, tmp_path, trials=26, sampler=search.named_sampler("random"))
    narrow = {**objectives.SPACE, "x": {"float": [-4.0, 1.2]}}
    heard = Heard()
    new = run(objectives.parabola, tmp_path, space=narrow, trials=11, name="narrow", enqueued=[old], observer=heard)
    inside = [trial for trial in old.complete() if trial.params["config.x"] <= 1.2]
    assert inside[0] != old.best
    assert len(inside) > 10
    assert [trial.params for trial in new.trials[:10]] == [trial.params for trial in inside[:10]]
    assert heard.notices == [
        "Begins with 10 of 26 complete trials of parabola-0: the best that lie in this space, trained again."
    ]


def test_a_search_of_a_study_that_is_gone_goes_on_with_what_it_took_from_it(tmp_path: Path) -> None:
    old = run(objectives.parabola, tmp_path, trials=4)
    asked: dict[str, Any] = {"space": objectives.SPACE, "trials": 6, "results": tmp_path, "enqueued": [old.name]}
    whole = run(objectives.parabola, **asked, name="whole")
    ready = planned(Objective.of(objectives.parabola), **asked, name="stopped")
    stopped = replace(ready, stopping=StopAfter(16)).run()
    assert not stopped.reached
    assert stopped.study.finished()
    shutil.rmtree(old.files.path)
    heard = Heard()
    assert run(objectives.parabola, **asked, name="stopped", observer=heard).digest == whole.digest
    assert heard.notices == []


def test_trials_that_are_equally_good_come_in_their_order_and_a_configuration_comes_once(tmp_path: Path) -> None:
    few = {"name": "few", "depth": {"int": [1, 3]}}
    old = run("support.objectives:level", tmp_path, space=few, sampler=search.named_sampler("random"))
    depths = [trial.params["config.depth"] for trial in old.trials]
    first = [*dict.fromkeys(depths)]
    assert len(first) < len(depths)
    new = run("support.objectives:level", tmp_path, space=few, trials=4, name="new", enqueued=[old])
    assert [trial.params["config.depth"] for trial in new.trials[: len(first)]] == first
    assert new.spec["enqueued_from"] == [f"few-0/{depths.index(depth)}" for depth in first]


def test_a_study_may_go_on_while_another_begins_with_its_best(tmp_path: Path) -> None:
    begun: list[StoredStudy] = []

    def another() -> StoredStudy:
        given = [{"config.x": 0.0, "config.depth": 1}, tmp_path / "parabola-0"]
        return run(objectives.parabola, tmp_path, trials=6, name="other", enqueued=given)

    def at_the_fifth(trial: search.TrialRecord) -> None:
        if trial.number == 5:
            begun.append(another())

    old = run(objectives.parabola, tmp_path, trials=16, callbacks=[at_the_fifth])
    (first,) = begun
    known = [trial for trial in first.spec["enqueued_from"] if trial]
    assert 0 < len(known) < 10
    assert known != [f"parabola-0/{trial.number}" for trial in old.complete()[: len(known)]]
    assert first.trials[0].params["config.x"] == 0.0
    assert another().digest == first.digest


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> StoredStudy:
    return run(objectives.parabola, tmp_path_factory.mktemp("old"), trials=3)


@pytest.mark.parametrize(
    ("space", "fault"),
    [
        ({"x": {"float": [5.0, 6.0]}}, "has config.x .*, which is outside the range"),
        ({"y": {"float": [0.0, 1.0]}, "x": objectives.SPACE["x"]}, "has no config.y"),
        ({"x": objectives.SPACE["x"]}, "has config.depth [123], which this space does not have"),
        ({"x": objectives.SPACE["x"], "depth": 4}, "has config.depth [123], and this space 4"),
        ({**objectives.SPACE, "constraints": ["depth > 3"]}, "exceeds a limit or violates a constraint"),
    ],
)
def test_a_study_of_which_no_trial_lies_in_the_space_is_refused_with_the_reason(
    old: StoredStudy, tmp_path: Path, space: dict[str, Any], fault: str
) -> None:
    none = "--enqueue parabola-0: none of its 3 complete trials lies in this space; the best one, parabola-0/"
    with pytest.raises(UsageError, match=rf"^{none}\d {fault}\.$"):
        run(objectives.parabola, tmp_path, space={"name": "new", **space}, enqueued=[old])
    assert not (tmp_path / "new-0").exists()


def test_what_has_no_trial_to_begin_with_is_refused(tmp_path: Path) -> None:
    failed = run(objectives.not_a_number, tmp_path, trials=2, space={"name": "bad", "x": {"float": [1.0, 2.0]}})
    with pytest.raises(UsageError, match=r"^--enqueue bad-0: the study has no complete trial to begin with\.$"):
        run(objectives.parabola, tmp_path, enqueued=[failed])
    with pytest.raises(search.StudyNotFoundError, match="No study gone in "):
        run(objectives.parabola, tmp_path, enqueued=["gone"])


def test_fewer_reports_than_there_may_be_end_the_trial_complete(tmp_path: Path) -> None:
    study = run(objectives.until_depth, tmp_path, periods=PERIODS, pruner=search.NoPruner())
    for trial in study.trials:
        depth = trial.params["config.depth"]
        assert (trial.reason, trial.value) == ("complete", trial.params["config.x"] - (depth - 1))
        assert [report.end for report in trial.reports] == [None] * depth + ["finished"]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            objectives.with_the_time,
            r"with_the_time does not repeat: .*trial 0, finished_at of report 1 is [0-9.]+ and ",
        ),
        (objectives.drawn_from_the_system, r"does not repeat: .* report 1 is -?[0-9.]+ and -?[0-9.]+\. Draw random"),
        (objectives.a_text, "a report is a number; this one is"),
        (objectives.raises, r"no value for [123]"),
        (objectives.interrupts, r"KeyboardInterrupt: enough of [123]"),
        (objectives.leaves, r"ended its process \(exit code 3\)"),
        (objectives.endless, r"made report 5, and the search was made for 4 reports"),
    ],
)
def test_an_objective_that_cannot_be_searched_ends_in_a_sentence(
    function: Callable[..., Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(search.SearchError, match=message):
        run(function, tmp_path, periods=PERIODS if function is objectives.endless else 1)


@pytest.mark.parametrize("options", [{"order": "as-completed"}, {"checked": False}])
def test_what_does_not_repeat_is_searched_by_arrival_or_unchecked(tmp_path: Path, options: dict[str, Any]) -> None:
    assert len(run(objectives.drawn_from_the_system, tmp_path, trials=3, **options).trials) == 3


def test_a_value_that_is_no_number_ends_the_trial_diverged_and_a_crash_of_its_process_crashed(tmp_path: Path) -> None:
    study = run(objectives.not_a_number, tmp_path)
    ends = {trial.reason: trial.params["config.x"] > 0 for trial in study.trials}
    assert ends == {"complete": False, "diverged": True}
    study = run(objectives.crashes, tmp_path, name="crashes")
    errors = {trial.params["config.depth"]: str(trial.error) for trial in study.trials if trial.reason == "crashed"}
    assert errors.keys() == {1}
    assert "SIGSEGV" in errors[1]


def test_a_killed_process_is_run_again_up_to_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    monkeypatch.setenv("KILLED_ONES", str(marks))
    options: dict[str, Any] = {"periods": PERIODS, "trials": 4, "pruner": search.NoPruner()}
    once = run(objectives.killed_ones, tmp_path / "killed", **options).digest
    assert len([*marks.iterdir()]) == 4
    assert run(objectives.killed_ones, tmp_path / "undisturbed", **options).digest == once


@pytest.mark.parametrize("function", [objectives.prints, unnamed(objectives.prints)])
def test_what_is_printed_goes_to_a_file_of_the_study(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], function: Callable[..., Any]
) -> None:
    run(function, tmp_path, trials=2, name="printed")
    assert "a line of output" not in capfd.readouterr().out
    assert "a line of output" in (tmp_path / "printed" / "workers.log").read_text()


def test_of_much_output_the_beginning_and_the_end_are_kept(tmp_path: Path) -> None:
    run(objectives.prints_much, tmp_path, trials=1, name="printed", checked=False)
    text = (tmp_path / "printed" / "workers.log").read_text()
    first, last = text.split("\n[3,000,000 bytes of the output of trial 0 are cut here]\n")
    assert (len(first), len(last)) == (1_000_000, 1_000_000)
    assert (first.split()[0], last.split()[-1]) == ("0", "499999")


def test_an_unfinished_search_continues_and_a_finished_one_is_read(tmp_path: Path) -> None:
    whole = run(objectives.descent, tmp_path / "whole", periods=PERIODS).digest
    ready = planned(Objective.of(objectives.descent), objectives.SPACE, trials=8, periods=PERIODS, results=tmp_path)
    assert not replace(ready, stopping=StopAfter(12)).run().reached
    for _ in range(2):
        assert run(objectives.descent, tmp_path, periods=PERIODS).digest == whole


@pytest.mark.usefixtures("optuna_tables")
def test_a_study_without_reports_begins_again_with_what_is_asked_for_now(tmp_path: Path) -> None:
    for options, sampler in (({"sampler": search.Tpe()}, "tpe"), ({}, "curves")):
        with pytest.raises(search.SearchError, match="no value for"):
            run(objectives.raises, tmp_path, name="s", **options)
        stored = specification(StudyFolder.of("s", tmp_path))
        assert stored is not None
        assert stored["sampler"]["name"] == sampler


def test_a_changed_file_is_another_search(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def objective(config):\n    return config.x\n")
    run(f"{file}:objective", tmp_path, trials=2)
    file.write_text("def objective(config):\n    return -config.x\n")
    with pytest.raises(search.FingerprintError, match=r"mine\.py:objective has changed since study"):
        run(f"{file}:objective", tmp_path, trials=3)


def test_costs_decide_the_order_of_events(tmp_path: Path) -> None:
    study = run(objectives.parabola, tmp_path, cost=lambda config: 0.5 * config.depth)
    found = {trial.params["config.depth"]: trial.costs for trial in study.trials}
    assert found == {depth: (500_000 * depth,) for depth in found}
    assert len(found) > 1


def test_the_end_says_what_the_order_cost_and_what_lessens_it_if_that_is_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = {"seconds": {"choice": [0.02, 0.6]}}

    def notices_of(name: str) -> list[str]:
        heard, function = Heard(), unnamed(objectives.sleeper)
        options: dict[str, Any] = {"trials": 12, "workers": 4, "concurrent_trials": 4, "sampler": search.Random()}
        run(function, tmp_path, space=space, name=name, observer=heard, **options)
        return heard.notices

    assert notices_of("short") == []
    monkeypatch.setattr("search.driver.progress.LARGE_ORDER_SECONDS", 1.0)
    (notice,) = notices_of("long")
    share, words = notice.removeprefix("The deterministic order cost ").split("%")
    assert 10 <= int(share) < 90
    assert "8 concurrent trials or with `cost=` for the seconds of a report loses less." in words


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"function": "mine.py"}, r"No objective mine\.py; name it as"),
        ({"function": "no_such_file.py:objective"}, r"No objective .*No such file"),
        ({"function": f"{objectives.__file__}:parabole"}, r"No objective .*parabole"),
        ({"function": 3}, r"objective=3: give a function"),
        ({"periods": 0}, r"periods=0: give an integer"),
        ({"periods": 3}, r"returns one value, and the search was made for 3 reports"),
        ({"workers": 0}, r"workers=0: give an integer"),
        ({"cost": lambda config: -1}, r"cost returned -1: return seconds"),
        ({"cost": lambda config: 1 / 0}, r"cost raised ZeroDivisionError"),
        ({"space": 7}, r"space=7: give a file"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises((UsageError, search.PluginError), match=message):
        run(**{"function": objectives.parabola, "results": tmp_path, **arguments})


def test_a_fault_of_a_flat_space_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text("x: {float: [0, 1]}\ny: {float: [3, 1]}\n")
    with pytest.raises(search.SpaceError, match=re.escape(f"{file}:2:12  config.y:")):
        run(objectives.parabola, tmp_path, space=file)
