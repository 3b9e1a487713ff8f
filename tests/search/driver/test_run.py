"""Whole searches with a trainer that takes no time: same search, same winner, however it is run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.driver.progress import Header, Observer, Progress
from search.driver.run import Search
from search.errors import (
    FingerprintError,
    Interrupted,
    SearchError,
    StorageError,
    StudyLockedError,
    TooManyFailuresError,
    UsageError,
    WorkerError,
)
from search.event_log.events import Asked, GoalSet, Reported, Told
from search.event_log.records import StudyRecord, TrialRecord
from search.executors.protocol import Failed, Job, Outcome
from search.strategies.pruners import Median, NoPruner
from search.strategies.samplers import Curves, Random, Sampler, Tpe
from search.study import studies
from search.study.invocation_log import Invocation, invocations
from search.trainer_api import Plan, TrainerSpec
from support import own_work, search_fake as fake
from support.fake_trainer import CLAIMED
from support.processes import until
from support.scripted import Clock, Scripted

pytestmark = pytest.mark.usefixtures("log_alone")

BUDGET = 16


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> StudyRecord:
    with pytest.MonkeyPatch.context() as patched:
        fake.write_alone(patched)
        return fake.run(tmp_path_factory.mktemp("undisturbed"), budget=BUDGET).study


def stopped_after(results: Path, events: int, budget: int = BUDGET) -> StudyRecord:
    return fake.run(results, budget=budget, stopping=fake.StopAfter(events)).study


def states_in(results: Path) -> list[Path]:
    return sorted((results / "fake-0" / "states").glob("*"))


def test_a_search_counts_trained_trials_and_shows_the_infeasible_besides(tmp_path: Path) -> None:
    study = fake.run(tmp_path, budget=BUDGET, sampler=Random()).study
    trials = study.trials
    infeasible = [trial for trial in trials if trial.reason == "infeasible"]
    assert len(study.finished()) == BUDGET == len(trials) - len(infeasible) < len(trials)
    assert [trial.number for trial in trials] == list(range(len(trials)))
    assert all(trial.params["model.width"] > 48 and not trial.reports for trial in infeasible)


def stopped_at_every_event(results: Path) -> None:
    before: list[TrialRecord] = []
    reached = False
    while not reached:
        result = fake.run(results, budget=BUDGET, stopping=fake.StopAfter(4))
        ended = [trial for trial in result.study.trials if trial.state != "RUNNING"]
        assert [trial for trial in before if trial not in ended] == []
        before, reached = ended, result.reached


def budget_raised_before_the_driver_declines(results: Path) -> None:
    stopped_after(results, 8, budget=12)


def checkpoints_lost(results: Path) -> None:
    stopped_after(results, 45)
    first, second, *_ = states_in(results)
    first.unlink()
    second.write_bytes(second.read_bytes()[:-1] + b"x")


def stopped_while_workers_train(results: Path) -> None:
    """All periods under way are waited for and kept."""
    told = Notes()
    options: dict[str, Any] = {"observer": told, "stopping": lambda: len(told.reports) >= 6}
    running = fake.run(results, budget=BUDGET, workers=3, delay=0.05, **options).study.trials
    kept = {path.stem for path in states_in(results)}
    assert any(f"{trial.number}-{len(trial.reports) + 1}" in kept for trial in running if trial.state == "RUNNING")


def disk_full(results: Path) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    stopped_after(results, 30)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("search.study.checkpoint_store.atomic_write", full)
        with pytest.raises(StorageError, match="No space left on device"):
            fake.run(results, budget=BUDGET)


class Stopper(fake.Heard):
    """Sends the signal of Ctrl-C after a few trials, and so many times in all."""

    def __init__(self, presses: int) -> None:
        super().__init__()
        self.left = presses
        self.begun = False

    def on_end(self, trial: TrialRecord) -> None:
        if trial.number >= 5 and not self.begun:
            self.begun = True
            self._press()

    def on_notice(self, text: str) -> None:
        super().on_notice(text)
        if self.left:
            self._press()

    def _press(self) -> None:
        self.left -= 1
        signal.raise_signal(signal.SIGINT)


def interrupted(results: Path, presses: int = 1, workers: int = 0) -> None:
    stopper = Stopper(presses)
    with pytest.raises(Interrupted, match=r"(?i)the same call"):
        fake.run(results, budget=BUDGET, workers=workers, delay=0.001, observer=stopper)
    assert (stopper.left, len(stopper.notices)) == (0, 1)


def interrupted_twice(results: Path) -> None:
    interrupted(results, presses=2, workers=2)


@pytest.mark.parametrize(
    "disturb",
    [
        interrupted,
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in (
                stopped_at_every_event,
                budget_raised_before_the_driver_declines,
                checkpoints_lost,
                stopped_while_workers_train,
                disk_full,
                interrupted_twice,
            )
        ),
    ],
)
def test_a_search_that_was_disturbed_comes_to_the_same_end(
    undisturbed: StudyRecord, tmp_path: Path, disturb: Callable[[Path], None]
) -> None:
    disturb(tmp_path)
    assert fake.run(tmp_path, budget=BUDGET).study.digest == undisturbed.digest


@pytest.mark.slow
@pytest.mark.parametrize("deed", ["", "die", "raise", "segfault", "hang"])
def test_workers_of_any_number_and_speed_that_fail_once_change_nothing(
    undisturbed: StudyRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deed: str
) -> None:
    monkeypatch.setattr("search.driver.retry_policy.MIN_STALL", 0.5)
    monkeypatch.setattr("search.driver.retry_policy.STALL_FACTOR", 0)
    wrong = {"workers": 2, "behaviour": f"{deed}_once_sometimes"} if deed else {"workers": 3, "delay": 0.003}
    found = fake.run(tmp_path, budget=BUDGET, **wrong).study
    assert fake.was_run_again(tmp_path) == bool(deed)
    assert found.digest == undisturbed.digest


@pytest.mark.cold
@pytest.mark.slow
def test_workers_end_with_their_driver(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, fake.__file__, str(tmp_path), "2", "0.05"], stdout=subprocess.PIPE)
    until(lambda: len(own_work.children(process.pid)) >= 2)
    workers = own_work.children(process.pid)
    assert len(workers) == 2
    process.kill()
    process.communicate()
    until(lambda: not own_work.alive(workers))


@pytest.mark.slow
def test_raising_the_budget_afterwards_opens_a_segment_once_the_one_before_is_finished(tmp_path: Path) -> None:
    first = fake.run(tmp_path / "whole", budget=8).study
    second = fake.run(tmp_path / "whole", budget=14).study
    assert (second.totals, len(second.finished())) == ((8, 14), 14)
    assert second.trials[: len(first.trials)] == first.trials
    latest = max(trial.logical_start for trial in first.trials)
    assert all(trial.logical_start > latest for trial in second.trials[len(first.trials) :])

    class Declining(Observer):
        asked = reports = 0

        def on_trial(self, trial: TrialRecord) -> None:
            self.asked += 1

        def on_report(self, trial: TrialRecord) -> None:
            self.reports += self.asked == 8  # all trials of the first trial budget

    observer = Declining()
    fake.run(tmp_path / "cut", budget=8, observer=observer, stopping=lambda: observer.reports >= 3)
    assert fake.run(tmp_path / "cut", budget=14).study.digest == second.digest


def test_what_is_left_is_told_without_a_worker_and_nothing_is_written(tmp_path: Path) -> None:
    def left(budget: int, **options: Any) -> int:
        return fake.make_search(tmp_path, budget=budget, executor=fake.NoWorkers(), **options).trials_left()

    assert left(6) == 6
    assert {path.name for path in tmp_path.iterdir()} == {"marks"}  # the fake trainer's own
    stopped = stopped_after(tmp_path, 15, budget=6)
    assert 0 < left(6) == 6 - len(stopped.finished()) < 6
    for shorter in (lambda: left(5), lambda: fake.run(tmp_path, budget=5)):
        with pytest.raises(UsageError, match="not reached its trial budget of 6 trials"):
            shorter()
    ended = fake.run(tmp_path, budget=6).study
    assert [left(budget) for budget in (3, 6, 8)] == [0, 0, 2]
    for budget in (6, 5):  # asked for again
        again = fake.run(tmp_path, budget=budget, executor=fake.NoWorkers())
        assert (again.reached, again.study.digest) == (True, ended.digest)
    with pytest.raises(FingerprintError, match="seed: 0 then, 1 now"):
        left(6, seed=1)


@pytest.mark.slow
def test_a_second_driver_is_refused_by_name(tmp_path: Path) -> None:
    refused: list[str] = []

    class Intruder(Observer):
        def on_report(self, trial: TrialRecord) -> None:
            if not refused:
                with pytest.raises(StudyLockedError) as caught:
                    fake.run(tmp_path, budget=3)
                refused.append(str(caught.value))

    fake.run(tmp_path, budget=3, observer=Intruder())
    assert f"process {os.getpid()}" in refused[0]


def test_a_diverged_trial_is_pruned_with_a_constraint_and_no_value(tmp_path: Path) -> None:
    study = fake.run(tmp_path, budget=12, behaviour="diverge").study
    diverged = [trial for trial in study.trials if trial.reason == "diverged"]
    assert diverged
    assert all(trial.state == "PRUNED" and trial.value is None for trial in diverged)
    assert all(trial.reports[-1].metrics["train_loss"] is None for trial in diverged)
    assert len(study.finished()) == 12
    ends = {event.trial: event.attributes for event in fake.events_of(tmp_path) if isinstance(event, Told)}
    assert all(ends[trial.number]["constraints:diverged"] > 0 for trial in diverged)


def test_crashes_in_a_row_end_the_search_with_the_first_ones_text(tmp_path: Path, clock: Clock) -> None:
    def fails(job: Job) -> Outcome | None:
        error = f"Traceback:\n  its lines\nZeroDivisionError: trial {job.trial} divides by zero"
        return Failed(job=job, cause="raised", reason=error) if job.trial not in (0, 4) else None

    with pytest.raises(TooManyFailuresError) as ended:
        fake.run(tmp_path, widest=64, concurrent_trials=1, pruner=NoPruner(), executor=Scripted(clock, fails))
    cause = "ZeroDivisionError: trial 5 divides by zero"
    assert str(ended.value) == f"5 trials in a row crashed; the first one: {cause}."
    assert ended.value.__notes__ == [f"Traceback:\n  its lines\n{cause}"], "for those who ask for it"
    trials = studies.open_study(tmp_path, None).trials
    assert [trial.number for trial in trials if trial.reason == "crashed"] == [1, 2, 3, 5, 6, 7, 8, 9]


def test_infeasible_trials_between_crashes_do_not_end_their_row(tmp_path: Path, clock: Clock) -> None:
    executor = Scripted(clock, lambda job: Failed(job=job, cause="raised", reason="ZeroDivisionError"))
    with pytest.raises(TooManyFailuresError, match="5 trials in a row crashed"):
        fake.run(tmp_path, widest=32, concurrent_trials=1, executor=executor, sampler=Random())
    reasons = Counter(trial.reason for trial in studies.open_study(tmp_path, None).trials)
    assert reasons["crashed"] == 5
    assert reasons["infeasible"]


def test_a_search_all_of_whose_trials_fail_says_so_each_time_and_where_to_read_more(tmp_path: Path) -> None:
    for _ in range(2):  # the second one finds it at its trial budget
        with pytest.raises(TooManyFailuresError) as ended:
            fake.run(tmp_path, budget=3, behaviour="raise_always")
        assert str(ended.value) == (
            "Every trial of fake-0 that was not pruned failed; the first one: ZeroDivisionError: the fake trainer "
            f"divides by zero. `mnist-bench show fake-0/0 --results {tmp_path}` shows the whole error."
        )
        assert "Traceback" in "".join(ended.value.__notes__), "for those who ask for it"
    (summary,) = studies.list_studies(tmp_path)
    assert (summary.trials, summary.budget, summary.first_failed and summary.first_failed.number) == (3, 3, 0)


class Misleading(fake.Planner):
    """Plans a net that is feasible at the largest width alone, and exceeds its limit by less the smaller it is."""

    def __call__(self, params: Mapping[str, Any]) -> Plan[Mapping[str, Any]]:
        width = params["model.width"]
        return replace(super().__call__(params), constraints={"width": 0.0 if width == 64 else float(width)})


@pytest.mark.slow
def test_a_sampler_that_limits_mislead_finds_what_is_feasible_all_the_same(tmp_path: Path) -> None:
    options: dict[str, Any] = {"sampler": Tpe(n_startup_trials=2), "pruner": NoPruner()}
    found = fake.run(tmp_path, budget=6, planner_for=lambda _: Misleading(), **options).study
    assert [trial.params["model.width"] for trial in found.finished()] == [64] * 6


@pytest.mark.slow
@pytest.mark.parametrize("sampler", [Curves(n_startup_trials=3), Tpe(n_startup_trials=3)])
def test_enqueued_parameters_come_first_however_their_numbers_are_written(tmp_path: Path, sampler: Sampler) -> None:
    given = {"model.depth": 2, "model.width": 16.0, "model.extra": 1, "model.kind": [1.0, 2], "optim.lr": 0.1}
    options: dict[str, Any] = {"budget": 12, "sampler": sampler, "pruner": NoPruner(), "enqueued": (given,)}
    whole = fake.run(tmp_path / "whole", **options).study
    assert whole.trials[0].params == given
    assert repr(whole.trials[0].params["model.kind"]) == "[1, 2]"
    assert fake.run_in_parts(tmp_path / "parts", 5, **options).study.digest == whole.digest


@pytest.mark.slow
def test_a_search_over_levels_is_the_same_however_it_is_run(tmp_path: Path) -> None:
    given = {
        "model.depth": 2,
        "model.width": 24,
        "model.extra": 0.5,
        "model.more": 1,
        "optim.lr": 0.01,
        "optim.mode": 7,
    }
    options: dict[str, Any] = {"budget": 8, "space_values": fake.CONDITIONAL_LEVELS, "enqueued": (given,)}
    study = fake.run(tmp_path / "workers", workers=2, **options).study
    assert study.trials[0].params == given
    assert all(trial.params["optim.lr"] in (1e-4, 1e-3, 2e-3, 1e-2, 1e-1) for trial in study.trials)
    assert fake.run_in_parts(tmp_path / "parts", 15, **options).study.digest == study.digest


def search_of(results: Path, **asked: Any) -> Search:
    trainer = TrainerSpec(factory="support.fake_trainer:Trainer", options=asked.pop("options", {}))
    given: dict[str, Any] = {"trials": 6, "periods": 4, "concurrent_trials": 2, "pruner": NoPruner(), **asked}
    return Search.of(fake.space(), fake.Planner(48), trainer, results=results, **given)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"model.depth": 9}, "model.depth 9 is outside its range"),
        ({"model.depth": True}, "model.depth true is outside its range"),
        ({"model.kind": "d"}, "model.kind d is outside its range"),
        ({"model.deth": 1}, "the space has no range model.deth; did you mean `model.depth`?"),
    ],
)
def test_given_parameters_outside_the_space_are_refused_before_anything_trains(
    tmp_path: Path, given: dict[str, Any], fault: str
) -> None:
    with pytest.raises(UsageError) as refused:
        search_of(tmp_path, enqueued=(one for one in (given,)))
    assert str(refused.value) == f"enqueued[0]: {fault}"


def test_a_plan_of_more_periods_than_the_search_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        search_of(tmp_path, periods=2).run()
    assert str(refused.value) == (
        "Trial 0's plan has 4 costs, one for each period, and the search was made for 2 periods; make it with "
        "periods=4, or plan no more than 2."
    )
    assert studies.open_study(tmp_path, "fake-0").trials == ()
    assert search_of(tmp_path / "longer", periods=5).run().reached
    first_for_nothing = {"planner_for": lambda _: fake.Planner(48, costs=(0, 1, 1, 1))}
    assert fake.run(tmp_path / "free", budget=3, **first_for_nothing).reached


@pytest.mark.parametrize("sampler", [Random(), Tpe(n_startup_trials=3), Curves(n_startup_trials=3)])
def test_a_trial_whose_last_report_has_no_value_has_crashed(tmp_path: Path, sampler: Sampler) -> None:
    study = fake.run(tmp_path, budget=12, behaviour="keep_last", pruner=NoPruner(), sampler=sampler, patience=20).study
    errors = {trial.error for trial in study.trials if trial.reason == "crashed"}
    assert errors == {"Its last report has no value, and names no end."}
    assert all(trial.value is not None for trial in study.complete())


TOO_LARGE = r"for trial \d cannot be kept \(1\d+\.\.\. is too large an integer\)"
NO_JSON = (
    r"^The study's specification cannot be kept \(Out of range float values are not JSON compliant.*\); the trainer's"
)


@pytest.mark.parametrize(
    ("wrong", "error", "fault"),
    [
        ({"planner_for": lambda _: fake.Planner(facts={"filters": 10**20})}, UsageError, TOO_LARGE),
        (
            {"planner_for": lambda _: fake.Planner(facts={"wide": True})},
            UsageError,
            r"^Plan\.facts\['wide'\]=true: give",
        ),
        ({"behaviour": "answer_large"}, UsageError, TOO_LARGE),
        ({"behaviour": "measure_nothing"}, UsageError, NO_JSON),
        (
            {"behaviour": "lack_check"},
            UsageError,
            r"^The trainer's `numerics` have no `check`; see `search\.Trainer`\.$",
        ),
        ({"behaviour": "fail_to_start"}, WorkerError, r"^The trainer cannot start: Traceback[^$]*no device$"),
        (
            {"behaviour": "fail_to_start", "workers": 1},
            WorkerError,
            r"^A worker cannot start: Traceback[^$]*no device$",
        ),
    ],
)
def test_what_no_study_can_keep_and_workers_that_cannot_start_end_the_search_and_leave_nothing_in_the_way(
    tmp_path: Path, wrong: dict[str, Any], error: type[SearchError], fault: str
) -> None:
    for _ in range(2):
        with pytest.raises(error, match=fault):
            fake.run(tmp_path, budget=3, **wrong)
    assert fake.run(tmp_path, budget=3).study.digest == fake.run(tmp_path / "sound", budget=3).study.digest


def test_complete_trials_are_kept_and_states_are_not(tmp_path: Path) -> None:
    kept = fake.Kept()
    complete = fake.run(tmp_path, budget=BUDGET, on_trial_end=kept).study.complete()
    last = {trial.number: trial.reports[-1].weights for trial in complete}
    assert {number: state.hex() for number, state in kept.states.items()} == last
    assert states_in(tmp_path) == []


def test_a_stopped_search_is_read_as_it_was_left_and_states_that_are_needed_stay(tmp_path: Path) -> None:
    stopped = stopped_after(tmp_path, 45)
    assert studies.open_study(tmp_path, None) == stopped
    running = [trial for trial in stopped.trials if trial.state == "RUNNING"]
    assert {trial.reason for trial in running} == {"paused"}
    kept = [tuple(map(int, path.stem.split("-"))) for path in states_in(tmp_path)]
    assert set() < {trial.number for trial in running if trial.reports} <= {number for number, _ in kept}
    assert all(period >= len(stopped.trials[number].reports) for number, period in kept)
    (tmp_path / "fake-0" / "states" / "999-1.state").touch()  # of a trial that was asked for and not written
    fake.run(tmp_path, budget=BUDGET)
    assert states_in(tmp_path) == []


def test_a_kill_after_the_last_event_is_mended_by_the_next_run(tmp_path: Path) -> None:
    class Dying(fake.Kept):
        def __call__(self, trial: TrialRecord, state: bytes, complete: Sequence[TrialRecord]) -> None:
            if len(complete) == 2:
                raise fake.Killed

    options: dict[str, Any] = {"budget": 2, "pruner": NoPruner(), "widest": 64}
    with pytest.raises(fake.Killed):
        fake.run(tmp_path, on_trial_end=Dying(), **options)
    kept = fake.Kept()
    assert fake.run(tmp_path, on_trial_end=kept, executor=fake.NoWorkers(), **options).reached
    assert len(kept.states) == 1
    assert states_in(tmp_path) == []


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        ("raise_always", r"^Trial \d+ trained period \d before and cannot now"),
        ("compute_otherwise", r"^Trial \d+ trained period 1 again and got other weights \("),
    ],
)
def test_a_period_that_does_not_come_back_as_before_ends_the_search(
    tmp_path: Path, behaviour: str, sentence: str
) -> None:
    stopped_after(tmp_path, 45)
    for path in states_in(tmp_path):
        path.unlink()
    with pytest.raises(WorkerError, match=sentence):
        fake.run(tmp_path, budget=BUDGET, behaviour=behaviour)


def test_the_pruner_knows_the_reports_before_a_stop(tmp_path: Path) -> None:
    options = {"budget": 20, "concurrent_trials": 2, "pruner": Median(n_startup_trials=2), "sampler": Random()}
    whole = fake.run(tmp_path / "whole", **options).study
    assert sum(trial.reason == "pruned" for trial in whole.trials) > 2
    assert fake.run_in_parts(tmp_path / "stopped", 30, **options).study.digest == whole.digest


def test_no_trial_is_stopped_at_its_last_period(tmp_path: Path) -> None:
    # From the second complete trial on, the pruner would stop those below the median: at the last period alone.
    pruner = Median(n_startup_trials=1, n_warmup_steps=fake.PERIODS)
    study = fake.run(tmp_path, budget=8, pruner=pruner).study
    assert {trial.reason for trial in study.trials} <= {"complete", "infeasible"}
    reports = [event for event in fake.events_of(tmp_path) if isinstance(event, Reported)]
    assert sum(event.verdict for event in reports) == 8
    assert not any(event.prune for event in reports)


def test_a_file_in_the_place_of_the_studys_folder_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "fake-0").write_bytes(b"a file")
    with pytest.raises(UsageError, match=r"fake-0: cannot be created as a folder \(File exists\)"):
        fake.run(tmp_path, executor=fake.NoWorkers())


class Notes(Observer):
    def __init__(self) -> None:
        self.headers: list[Header] = []
        self.began: list[int] = []
        self.reports: list[int] = []
        self.seen: list[Progress] = []

    def on_start(self, header: Header) -> None:
        self.headers.append(header)

    def on_trial(self, trial: TrialRecord) -> None:
        self.began.append(trial.number)

    def on_report(self, trial: TrialRecord) -> None:
        self.reports.append(trial.number)

    def on_progress(self, progress: Progress) -> None:
        self.seen.append(progress)


def test_a_search_tells_what_it_is_and_how_far_it_has_come(tmp_path: Path) -> None:
    told, again = Notes(), Notes()
    stopped = fake.run(tmp_path, budget=6, observer=told, stopping=fake.StopAfter(12), behaviour="claim_time").study
    study = fake.run(tmp_path, budget=6, observer=again, behaviour="claim_time").study
    (header,), (resumed,) = told.headers, again.headers
    assert (header.name, header.budget, header.workers, header.spec.concurrent_trials) == ("fake-0", 6, 1, 4)
    assert (header.sampler, header.pruner) == ("tpe (multivariate)", "asha (after reports 1, 3 of 4)")
    assert (header.resumed, resumed.resumed) == (False, True)
    assert [event.goal for event in fake.events_of(tmp_path) if isinstance(event, GoalSet)] == [6]  # as it was before
    trained = [trial for trial in study.trials if trial.reason != "infeasible"]
    assert sorted(told.began + again.began) == [trial.number for trial in trained]
    assert min(len(told.began), len(again.began)) > 0
    assert Counter(told.reports + again.reports) == {trial.number: len(trial.reports) for trial in trained}
    last, ends = again.seen[-1], Counter(trial.reason for trial in study.trials)
    assert (last.budget, last.finished, last.complete, last.pruned) == (6, 6, ends["complete"], ends["pruned"])
    assert (last.failed, last.infeasible, last.running, last.best) == (0, ends["infeasible"], (), study.best)
    periods = sum(len(trial.reports) for trial in trained)
    assert (last.saved_periods, last.total_periods) == (6 * fake.PERIODS - periods, 6 * fake.PERIODS)
    assert 0 < ends["complete"] < 6
    costs = [sum(trial.costs[: len(trial.reports)]) for trial in stopped.trials]
    pace = CLAIMED * sum(len(trial.reports) for trial in stopped.trials) / sum(costs)
    most = pace * (6 * max(sum(trial.costs) for trial in study.trials)) / 0.1
    assert told.seen[0].seconds_left is None  # nothing is measured yet
    assert all(0 <= progress.seconds_left <= most for progress in again.seen if progress.seconds_left is not None)
    assert last.seconds_left == 0


def test_what_a_plan_exceeds_is_told_to_the_sampler(tmp_path: Path) -> None:
    fake.run(tmp_path, budget=6, sampler=Random())
    asked = [event for event in fake.events_of(tmp_path) if isinstance(event, Asked)]
    assert {event.constraints["width"] > 0 for event in asked} == {False, True}
    for event in asked:
        assert event.attributes["constraints:width"] == event.constraints["width"]


def test_what_is_to_be_noticed_is_told_as_the_study_begins_and_not_again(tmp_path: Path) -> None:
    heard = fake.Heard()
    for budget in (2, 3):
        fake.run(tmp_path, budget=budget, notices=("One trial comes from another study.",), observer=heard)
    assert heard.notices == ["One trial comes from another study."]


def test_each_call_that_searches_is_noted_in_the_study_with_its_space(tmp_path: Path) -> None:
    first, second, idle = (Invocation(command=command) for command in ("first", "second", "idle"))
    for trials, invocation in ((2, first), (3, second), (3, idle)):
        study = fake.run(tmp_path, budget=trials, invocation=invocation).study
    assert invocations(study.files) == [first, second]
    assert study.files.space.read_text() == study.space.to_yaml()
