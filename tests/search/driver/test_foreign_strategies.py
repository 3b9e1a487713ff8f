"""Searches with your own samplers and pruners: repeated, resumed, refused, and read without their code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.errors import FingerprintError, PluginError
from search.event_log.events import Asked
from search.hashed import Order
from search.strategies.pruners import NoPruner
from search.strategies.registry import named_pruner, named_sampler
from search.strategies.samplers import Random
from search.study.studies import open_study
from support import own_code, search_fake as fake

pytestmark = pytest.mark.usefixtures("log_alone")

BUDGET = 12
TWO = {**fake.SPACE, "objective": ["val_accuracy", "parameters"]}
PERCENTILE = ("optuna.pruners:PercentilePruner", {"percentile": 75, "n_startup_trials": 2})


def own(folder: Path, text: str = own_code.SEEDED) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    return {
        "budget": BUDGET,
        "sampler": named_sampler(own_code.write(folder, text)),
        "pruner": named_pruner(*PERCENTILE),
    }


@pytest.mark.slow
def test_workers_and_stops_and_kills_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = own(tmp_path)
    undisturbed = fake.run(tmp_path / "a", **options).study
    assert {trial.reason for trial in undisturbed.trials} >= {"complete", "pruned"}
    assert fake.run(tmp_path / "b", workers=2, **options).study.digest == undisturbed.digest
    while not (stopped := fake.run(tmp_path / "c", stopping=fake.StopAfter(11), **options)).reached:
        options = own(tmp_path)  # as a new process does it
    assert stopped.study.digest == undisturbed.digest
    lives = (3 + life % 5 for life in range(100))
    killed, deaths = fake.run_killed_between_events(tmp_path / "d", monkeypatch, lives, **options)
    assert deaths > 3
    assert killed.study.digest == undisturbed.digest


@pytest.mark.parametrize("order", ["deterministic", "as-completed"])
def test_a_grid_that_has_been_through_ends_no_search(tmp_path: Path, order: Order) -> None:
    few = {"name": "fake", "model": {"depth": {"int": [1, 2]}, "width": {"int": [8, 9]}}}
    sampler = named_sampler("optuna.samplers:BruteForceSampler")
    found = fake.run(tmp_path, budget=6, sampler=sampler, pruner=NoPruner(), order=order, space_values=few)
    assert found.reached
    assert len({tuple(trial.params.values()) for trial in found.study.trials}) == 4


def test_a_pruner_in_a_file_decides(tmp_path: Path) -> None:
    pruner = named_pruner(own_code.write(tmp_path, own_code.PRUNER), {"least": 0.7})
    study = fake.run(tmp_path / "a", budget=BUDGET, sampler=Random(), pruner=pruner).study
    for trial in study.finished():
        first_below = next((n for n, report in enumerate(trial.reports, 1) if (report.value or 0) < 0.7), None)
        assert len(trial.reports) == (first_below or len(trial.costs))
    assert {trial.reason for trial in study.finished()} == {"complete", "pruned"}


COUNTS = """
from optuna.pruners import BasePruner


class Pruner(BasePruner):
    def prune(self, study, trial):
        asked = trial.system_attrs.get("own:asked", 0) + 1
        study._storage.set_trial_system_attr(trial._trial_id, "own:asked", asked)
        return asked >= 2 and trial.number % 2 == 0
"""
READS = """
from optuna.pruners import BasePruner


class Pruner(BasePruner):
    def prune(self, study, trial):
        return any(one.params or one.constraints for one in study.get_trials(deepcopy=False))
"""
STOPS_LATER = """
from optuna.pruners import BasePruner


class Pruner(BasePruner):
    asked = 0

    def prune(self, study, trial):
        self.asked += 1
        return self.asked > 6
"""
ORDERS: tuple[Order, ...] = ("deterministic", "as-completed")


@pytest.mark.parametrize("text", [COUNTS, READS])
def test_with_two_objectives_a_pruner_sees_after_a_stop_what_it_would_have_seen(tmp_path: Path, text: str) -> None:
    options = {"budget": BUDGET, "space_values": TWO, "sampler": Random(), "concurrent_trials": 2}
    options["pruner"] = named_pruner(own_code.write(tmp_path, text).rpartition(":")[0] + ":Pruner")
    undisturbed = fake.run(tmp_path / "a", **options).study
    assert fake.run_in_parts(tmp_path / "b", 5, **options).study.digest == undisturbed.digest
    assert fake.decided_again(fake.events_of(tmp_path / "b")).difference is None


def test_a_counter_in_the_object_lives_by_arrival_alone(tmp_path: Path) -> None:
    options = own(tmp_path, own_code.COUNTING) | {
        "pruner": NoPruner(),
        "widest": 64,
        "concurrent_trials": 1,
        "budget": 4,
    }
    found = [fake.run(tmp_path / order, order=order, **options).study.trials for order in ORDERS]
    assert [len({trial.params["optim.lr"] for trial in trials}) for trials in found] == [1, 4]
    stops = named_pruner(own_code.write(tmp_path, STOPS_LATER).rpartition(":")[0] + ":Pruner")
    options |= {"sampler": Random(), "pruner": stops}
    found = [fake.run(tmp_path / f"stops-{order}", order=order, **options).study.trials for order in ORDERS]
    assert ["pruned" in {trial.reason for trial in trials} for trials in found] == [False, True]


def test_changed_code_and_other_options_do_not_go_on(tmp_path: Path) -> None:
    options = own(tmp_path)
    fake.run(tmp_path / "a", **options)
    with pytest.raises(FingerprintError, match=r"sampler\.code\.sha256: \w+… then, \w+… now"):
        fake.run(tmp_path / "a", **own(tmp_path, own_code.SEEDED + "\n"))
    half = named_pruner(PERCENTILE[0], {**PERCENTILE[1], "percentile": 50})
    with pytest.raises(FingerprintError, match=r"pruner\.options\.percentile: 75 then, 50 now"):
        fake.run(tmp_path / "a", **{**options, "pruner": half})
    moved = own(tmp_path / "elsewhere") | {"budget": BUDGET + 1}
    assert len(fake.run(tmp_path / "a", **moved).study.finished()) == BUDGET + 1


def test_code_that_is_not_named_again_is_asked_for_with_its_options(tmp_path: Path) -> None:
    fake.run(tmp_path / "a", **own(tmp_path))
    with pytest.raises(FingerprintError) as caught:
        fake.run(tmp_path / "a", budget=BUDGET + 1)
    assert str(caught.value) == (
        "Study fake-0 was made by your own sampler and pruner, which only you can name again: add --sampler "
        """mine.py:Mine --pruner '{"name": "optuna.pruners:PercentilePruner", "n_startup_trials": 2, """
        """"percentile": 75}' (give a file with its folder)."""
    )


@pytest.mark.parametrize("order", ["deterministic", "as-completed"])
@pytest.mark.parametrize("text", [own_code.SEEDED, own_code.COUNTING, own_code.UNSEEDED])
def test_a_study_is_read_and_replayed_without_the_code(tmp_path: Path, text: str, order: Order) -> None:
    searched = fake.run(tmp_path / "a", order=order, **own(tmp_path, text)).study
    (tmp_path / "mine.py").unlink()
    read = open_study(tmp_path / "a", "fake-0")
    assert read.digest == searched.digest
    assert read.spec["sampler"]["code"].keys() == {"module", "sha256"}
    events = fake.events_of(tmp_path / "a")
    found = fake.decided_again(events)
    assert (found.events, found.difference) == (len(events), None)
    assert found.believed == ("mine.py:Mine", PERCENTILE[0])


def test_a_replay_without_the_code_finds_what_was_changed(tmp_path: Path) -> None:
    fake.run(tmp_path / "a", **own(tmp_path))
    events = fake.events_of(tmp_path / "a")
    assert "constraints" in str(fake.decided_again(events, widest=40).difference)  # another limit
    assert fake.decided_again([*events[:-2], events[-1]]).difference is not None
    asked = events[2]
    assert isinstance(asked, Asked)
    for gone in ("model.kind", "model.width"):
        params = {path: value for path, value in asked.params.items() if path != gone}
        found = fake.decided_again([*events[:2], replace(asked, params=params), *events[3:]])
        assert found.events == 2
        assert str(found.difference).startswith("event 2: ask of #0: ")


def test_what_own_code_raises_is_one_sentence_and_the_study_is_whole(tmp_path: Path) -> None:
    with pytest.raises(PluginError) as caught:
        fake.run(tmp_path / "a", **own(tmp_path, own_code.RAISING))
    place = f"{tmp_path}/mine.py:{own_code.RAISING_LINE}"
    assert str(caught.value) == f"Sampler mine.py:Mine raised LookupError: nothing is left to try ({place})."
    assert len(open_study(tmp_path / "a", "fake-0").trials) == 2
    pruner = own_code.PRUNER.replace("trial.intermediate_values[trial.last_step]", "trial.intermediate_values[99]")
    with pytest.raises(PluginError, match=r"^Pruner mine\.py:Third raised KeyError: 99 \(/.*/mine\.py:\d+\)\.$"):
        fake.run(tmp_path / "b", budget=BUDGET, pruner=named_pruner(own_code.write(tmp_path, pruner)))


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("4096", r"proposed 4096 for model\.width, which is outside its range: 8 to 64, step 8\.$"),
        ("10**400", r"proposed 10+\S* for model\."),
    ],
)
def test_a_sampler_that_leaves_the_space_is_stopped_before_it_is_believed(
    tmp_path: Path, value: str, sentence: str
) -> None:
    with pytest.raises(PluginError, match=rf"^Sampler mine\.py:Mine {sentence}"):
        fake.run(tmp_path / "a", **own(tmp_path, own_code.STRAYING.replace("4096", value)))
    assert len(open_study(tmp_path / "a", "fake-0").trials) == 2


TELLING = f"""
from dataclasses import replace
from pathlib import Path
{own_code.COUNTING}
    def after_trial(self, study, trial, state, values):
        with Path(__file__).with_name("told.txt").open("a") as file:
            file.write(f"{{trial.number}}\\n")
"""


def test_every_trial_that_ends_is_told_to_a_sampler_that_lasts_also_after_a_stop(tmp_path: Path) -> None:
    finished = False
    while not finished:
        options = {**own(tmp_path, TELLING), "pruner": NoPruner(), "order": "as-completed"}
        finished = fake.run(tmp_path / "a", stopping=fake.StopAfter(7), **options).reached
    told = [int(line) for line in (tmp_path / "told.txt").read_text().split()]
    assert sorted(told) == list(range(BUDGET))
