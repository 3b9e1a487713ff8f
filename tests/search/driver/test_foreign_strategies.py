"""Searches with your own samplers and pruners: repeated, resumed, refused, and read without their code."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.errors import FingerprintError, PluginError
from search.event_log.events import Asked
from search.hashed import Order
from search.strategies.pruners import NoPruner, Pruner
from search.strategies.registry import named_pruner, named_sampler
from search.strategies.samplers import Random
from search.study.studies import open_study
from support import own_code, search_fake as fake

pytestmark = pytest.mark.usefixtures("log_alone")

BUDGET = 12
BOTH_ORDERS = pytest.mark.parametrize("order", ["deterministic", "as-completed"])
TWO = {**fake.SPACE, "objective": ["val_accuracy", "parameters"]}
PERCENTILE = ("optuna.pruners:PercentilePruner", {"percentile": 75, "n_startup_trials": 2})


def own(folder: Path, text: str = own_code.SEEDED) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    sampler = named_sampler(own_code.write(folder, text))
    return {"budget": BUDGET, "sampler": sampler, "pruner": named_pruner(*PERCENTILE)}


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


@BOTH_ORDERS
def test_a_grid_that_has_been_through_ends_no_search(tmp_path: Path, order: Order) -> None:
    few = {"name": "fake", "model": {"depth": {"int": [1, 2]}, "width": {"int": [8, 9]}}}
    sampler = named_sampler("optuna.samplers:BruteForceSampler")
    found = fake.run(tmp_path, budget=6, sampler=sampler, pruner=NoPruner(), order=order, space_values=few)
    assert found.reached
    assert len({tuple(trial.params.values()) for trial in found.study.trials}) == 4


def test_a_pruner_in_a_file_decides(tmp_path: Path) -> None:
    third = named_pruner(own_code.write(tmp_path, own_code.PRUNER), {"least": 0.7})
    study = fake.run(tmp_path / "a", budget=BUDGET, sampler=Random(), pruner=third).study
    for trial in study.finished():
        first_below = next((n for n, report in enumerate(trial.reports, 1) if (report.value or 0) < 0.7), None)
        assert len(trial.reports) == (first_below or len(trial.costs))
    assert {trial.reason for trial in study.finished()} == {"complete", "pruned"}


def pruner(folder: Path, decides: str) -> Pruner:
    """Return a pruner of which the method that decides has these lines."""
    lines = decides.strip().replace("\n", "\n        ")
    text = "from optuna.pruners import BasePruner\n\n\nclass Third(BasePruner):\n    asked = 0\n\n"
    text += f"    def prune(self, study, trial):\n        {lines}\n"
    return named_pruner(own_code.write(folder, text))


COUNTS = """
asked = trial.system_attrs.get("own:asked", 0) + 1
study._storage.set_trial_system_attr(trial._trial_id, "own:asked", asked)
return asked >= 2 and trial.number % 2 == 0
"""
READS = "return any(one.params or one.constraints for one in study.get_trials(deepcopy=False))"
STOPS_LATER = "self.asked += 1\nreturn self.asked > 6"


@pytest.mark.parametrize("decides", [COUNTS, READS])
def test_with_two_objectives_a_pruner_sees_after_a_stop_what_it_would_have_seen(tmp_path: Path, decides: str) -> None:
    options = {"budget": BUDGET, "space_values": TWO, "sampler": Random(), "concurrent_trials": 2}
    options["pruner"] = pruner(tmp_path, decides)
    undisturbed = fake.run(tmp_path / "a", **options).study
    assert fake.run_in_parts(tmp_path / "b", 5, **options).study.digest == undisturbed.digest
    assert fake.decided_again(fake.events_of(tmp_path / "b")).difference is None


@BOTH_ORDERS
def test_a_counter_in_the_object_lives_by_arrival_alone(tmp_path: Path, order: Order) -> None:
    given: dict[str, Any] = {"widest": 64, "concurrent_trials": 1, "budget": 4, "order": order}
    options = own(tmp_path, own_code.COUNTING) | {"pruner": NoPruner()} | given
    drawn = {trial.params["optim.lr"] for trial in fake.run(tmp_path / "a", **options).study.trials}
    assert len(drawn) == (4 if order == "as-completed" else 1)
    stops = {"sampler": Random(), "pruner": pruner(tmp_path, STOPS_LATER), **given}
    reasons = {trial.reason for trial in fake.run(tmp_path / "b", **stops).study.trials}
    assert ("pruned" in reasons) == (order == "as-completed")


def test_changed_code_and_other_options_do_not_go_on(tmp_path: Path) -> None:
    options = own(tmp_path)
    fake.run(tmp_path / "a", **options)
    half = named_pruner(PERCENTILE[0], {**PERCENTILE[1], "percentile": 50})
    unnamed = (
        "Study fake-0 was made by your own sampler and pruner, which only you can name again: add --sampler "
        """mine.py:Mine --pruner '{"name": "optuna.pruners:PercentilePruner", "n_startup_trials": 2, """
        """"percentile": 75}' (give a file with its folder)."""
    )
    for other, words in (
        (own(tmp_path, own_code.SEEDED + "\n"), r"sampler\.code\.sha256: \w+… then, \w+… now"),
        ({**options, "pruner": half}, r"pruner\.options\.percentile: 75 then, 50 now"),
        ({"budget": BUDGET + 1}, f"^{re.escape(unnamed)}$"),
    ):
        with pytest.raises(FingerprintError, match=words):
            fake.run(tmp_path / "a", **other)
    moved = own(tmp_path / "elsewhere") | {"budget": BUDGET + 1}
    assert len(fake.run(tmp_path / "a", **moved).study.finished()) == BUDGET + 1


@BOTH_ORDERS
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
    assert fake.decided_again([*events[:-2], events[-1]]).difference is not None


def test_a_replay_without_the_code_finds_a_parameter_that_was_lost(tmp_path: Path) -> None:
    fake.run(tmp_path / "a", **own(tmp_path))
    events = fake.events_of(tmp_path / "a")
    asked = events[2]
    assert isinstance(asked, Asked)
    for gone in ("model.kind", "model.width"):
        params = {path: value for path, value in asked.params.items() if path != gone}
        found = fake.decided_again([*events[:2], replace(asked, params=params), *events[3:]])
        assert found.events == 2
        assert str(found.difference).startswith("event 2: ask of #0: ")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (own_code.RAISING, rf"raised LookupError: nothing is left to try \(.*/mine\.py:{own_code.RAISING_LINE}\)\.$"),
        (own_code.STRAYING, r"proposed 4096 for model\.width, which is outside its range: 8 to 64, step 8\.$"),
        (own_code.STRAYING.replace("4096", "10**400"), r"proposed 10+\S* for model\."),
    ],
)
def test_own_code_that_raises_or_leaves_the_space_is_one_sentence_and_the_study_is_whole(
    tmp_path: Path, text: str, sentence: str
) -> None:
    with pytest.raises(PluginError, match=rf"^Sampler mine\.py:Mine {sentence}"):
        fake.run(tmp_path / "a", **own(tmp_path, text))
    assert len(open_study(tmp_path / "a", "fake-0").trials) == 2
    lost = pruner(tmp_path, "return trial.intermediate_values[99]")
    with pytest.raises(PluginError, match=r"^Pruner mine\.py:Third raised KeyError: 99 \(/.*/mine\.py:\d+\)\.$"):
        fake.run(tmp_path / "b", budget=BUDGET, pruner=lost)


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
