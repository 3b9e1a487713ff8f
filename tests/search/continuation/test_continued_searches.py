"""A search that begins with the trials of an earlier one in its space."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

import pytest

from search.driver.progress import Observer
from search.driver.replay import replay
from search.driver.run import Search
from search.errors import FingerprintError, StudyNotFoundError, UsageError
from search.event_log.log import EventLog
from search.event_log.records import StudyRecord
from search.explanations.explain import explain
from search.space.space import Space
from search.strategies.pruners import Median, NoPruner
from search.strategies.samplers import Random
from search.study.invocation_log import Invocation
from search.study.location import StudyLocation
from search.study.spec import StudySpec
from search.study.studies import read_events
from search.trainer_api import Plan
from support import search_fake as fake

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("log_alone")]

GOAL = 12
NARROW: dict[str, Any] = {
    "name": "fake",
    "model": {
        "depth": {"int": [1, 2]},
        "width": {"int": [8, 64], "step": 8},
        "kind": {"choice": ["a", "b", [1, 2]]},
    },
    "optim": {"lr": {"float": [1e-3, 1e-2], "log": True}, "mode": "plain"},
}


def changed(**of_model: Any) -> dict[str, Any]:
    """Return the narrow space with other fields of the model; None removes one."""
    model = {name: field for name, field in {**NARROW["model"], **of_model}.items() if field is not None}
    return {**NARROW, "model": model}


class Planner(fake.Planner):
    """Plans whole configurations: all settings of the space."""

    def __init__(self, space: Space, widest: int = 48) -> None:
        super().__init__(widest)
        self._space = space

    def __call__(self, params: Mapping[str, Any]) -> Plan[Mapping[str, Any]]:
        """See `search.trainer_api.Planner`."""
        settings = self._space.resolve(params)
        priced = {**settings, "model.width": int(settings["model.width"])}
        return replace(super().__call__(priced), config=settings)


def prepared(results: Path, name: str, space: Mapping[str, Any] = NARROW, **options: Any) -> Search:
    continue_from, widest = options.pop("continue_from", None), options.get("widest", 48)
    more = {name: options.pop(name) for name in ("invocation",) if name in options}
    search = fake.make_search(results, name=name, space_values=space, goal=options.pop("goal", GOAL), **options)
    return replace(search, planner_for=lambda spec: Planner(spec.space, widest), continue_from=continue_from, **more)


def run(results: Path, name: str, space: Mapping[str, Any] = NARROW, **options: Any) -> StudyRecord:
    return prepared(results, name, space, **options).run().study


def trained(study: StudyRecord) -> list[Any]:
    return [trial for trial in study.trials if trial.reason != "infeasible"]


class Notices(Observer):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_notice(self, text: str) -> None:
        """Remember it."""
        self.told.append(text)


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the study `old` of the narrow space."""
    results = tmp_path_factory.mktemp("earlier")
    run(results, "old")
    return results


@pytest.fixture
def results(earlier: Path, tmp_path: Path) -> Path:
    """Return a copy of that folder."""
    copytree(earlier, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_a_wider_range_keeps_every_trial_with_its_seed_and_bits(results: Path) -> None:
    old = run(results, "old")
    notices = Notices()
    new = run(results, "new", changed(depth={"int": [1, 3]}), goal=16, continue_from="old", observer=notices)
    first = trained(old)
    for then, now in zip(first, trained(new), strict=False):
        assert (then.params, then.seed, then.config) == (now.params, now.seed, now.config)
        for one, other in zip(then.reports, now.reports, strict=False):
            assert (one.value, one.weights) == (other.value, other.weights)
    assert len(trained(new)) == 16
    assert notices.told == ["12 of 12 trials of old lie in this space and come first, with the same seeds."]
    assert new.spec["continues"]["study"] == "old"
    assert new.spec["continues"]["digest"] == old.digest


def test_a_narrower_range_keeps_the_trials_inside_and_says_why_the_others_are_left_out(results: Path) -> None:
    old = run(results, "old")
    space = {**NARROW, "optim": {"lr": {"float": [1e-3, 5e-3], "log": True}, "mode": "plain"}}
    notices = Notices()
    new = run(results, "new", space, continue_from="old", observer=notices)
    inside = [trial for trial in trained(old) if trial.params["optim.lr"] <= 5e-3]
    assert 0 < len(inside) < GOAL
    assert [trial.seed for trial in trained(new)[: len(inside)]] == [trial.seed for trial in inside]
    assert notices.told == [
        f"{len(inside)} of 12 trials of old lie in this space and come first, with the same seeds. Not included: "
        f"{GOAL - len(inside)} with another optim.lr."
    ]


def test_a_setting_can_become_a_range_or_a_constant(results: Path) -> None:
    old = run(results, "old")
    width = trained(old)[0].params["model.width"]
    space = {**changed(width=width), "optim": {**NARROW["optim"], "mode": {"choice": ["other", "plain"]}}}
    new = run(results, "new", space, continue_from="old")
    same = [trial for trial in trained(old) if trial.params["model.width"] == width]
    for then, now in zip(same, trained(new), strict=False):
        given = {path: value for path, value in then.params.items() if path != "model.width"}
        assert now.params == {**given, "optim.mode": "plain"}
        assert (now.config, now.seed) == (then.config, then.seed)
    assert [each["trial"] for each in new.spec["continues"]["trials"]] == [trial.number for trial in same]


def test_one_setting_more_needs_its_value_in_the_earlier_study(results: Path) -> None:
    old = run(results, "old")
    space = changed(extra={"float": [0.0, 1.0]})
    with pytest.raises(
        UsageError, match=r"^None of the 12 trials of old lies in this space: 12 without model\.extra\.$"
    ):
        run(results, "new", space, continue_from="old")
    named = replace(
        prepared(results, "new", space, goal=13, continue_from="old"),
        settings_of=lambda space, trial: {**space.resolve(trial.params), "model.extra": 0.5},
    )
    with pytest.raises(UsageError, match=r"12 with another model\.extra"):  # the configurations do not have it
        named.run()
    assert run(results, "old").digest == old.digest


@pytest.mark.parametrize(
    ("space", "reason"),
    [
        (changed(kind=None), "with another model.kind"),
        (changed(width={"float": [8.0, 64.0]}), "with another model.width"),  # 8 is not 8.0 to every trainer
        ({**NARROW, "optim": {**NARROW["optim"], "mode": "other"}}, "with another optim.mode"),
    ],
)
def test_a_trial_is_in_the_space_only_with_its_very_configuration(
    results: Path, space: Mapping[str, Any], reason: str
) -> None:
    with pytest.raises(UsageError, match=f"^None of the 12 trials of old lies in this space: 12 {reason}"):
        run(results, "new", space, continue_from="old")


def test_trials_beyond_a_limit_are_left_out(results: Path) -> None:
    notices = Notices()
    new = run(results, "new", widest=24, continue_from="old", observer=notices)
    assert all(each["params"]["model.width"] <= 24 for each in new.spec["continues"]["trials"])
    assert "beyond a limit or a constraint" in notices.told[0]


def test_pruned_and_unfinished_trials_are_taken_and_failed_ones_are_not(tmp_path: Path) -> None:
    space = fake.SPACE
    old = run(tmp_path, "old", space, behaviour="raise_sometimes", stopping=fake.StopAfter(60), goal=20)
    reasons = {trial.number: trial.reason for trial in old.trials}
    assert {"complete", "pruned", "crashed", "infeasible", "paused"} <= {*reasons.values()}
    new = run(tmp_path, "new", space, goal=20, continue_from="old", pruner=NoPruner())
    taken = [each["trial"] for each in new.spec["continues"]["trials"]]
    assert taken == [number for number, reason in reasons.items() if reason in ("complete", "pruned", "paused")]
    # Another pruner may train to the end what was pruned, from the same seed.
    assert {trial.reason for trial in trained(new)} == {"complete"}


def test_under_the_same_conditions_it_decides_as_the_earlier_study_did(tmp_path: Path) -> None:
    old = run(tmp_path, "old", widest=64)
    new = run(tmp_path, "new", widest=64, goal=20, continue_from="old")
    assert [(trial.params, trial.reason) for trial in old.trials] == [
        (trial.params, trial.reason) for trial in new.trials[: len(old.trials)]
    ]


def test_a_continued_study_can_be_continued(results: Path) -> None:
    new = run(results, "new", changed(depth={"int": [1, 3]}), goal=15, continue_from="old")
    newest = run(results, "newest", changed(depth={"int": [1, 4]}), goal=18, continue_from="new")
    assert [trial.seed for trial in trained(newest)[:15]] == [trial.seed for trial in trained(new)]


def test_stopped_or_killed_it_comes_to_the_same_end_without_the_earlier_study(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {"space": changed(depth={"int": [1, 3]}), "goal": 16, "continue_from": "old"}
    whole = run(results, "whole", **asked).digest
    append, left = EventLog.append, 7

    def dying(log: EventLog, event: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise fake.Killed
        append(log, event)

    monkeypatch.setattr(EventLog, "append", dying)
    with pytest.raises(fake.Killed):
        run(results, "new", **asked)
    monkeypatch.setattr(EventLog, "append", append)
    rmtree(results / "old")
    while not (part := prepared(results, "new", **asked, stopping=fake.StopAfter(9)).run()).reached:
        pass
    assert part.study.digest == whole
    assert run(results, "new", **{**asked, "goal": 18}).digest != whole


def test_its_log_decides_the_same_again(results: Path) -> None:
    run(results, "new", changed(depth={"int": [1, 3]}), goal=16, continue_from="old")
    events = read_events(StudyLocation.of("new", results))
    found = replay(events, lambda spec: Planner(spec.space))
    assert (found.difference, found.events) == (None, len(events))
    kinds = [explain(events, number, lambda spec: Planner(spec.space)).origin.kind for number in (0, 11, 12)]
    assert kinds == ["earlier study", "earlier study", "model"]


def with_spec(search: Search, change: Callable[[StudySpec], StudySpec]) -> Search:
    """Return a search whose specification is changed."""
    return replace(search, spec_for=lambda numerics: change(search.spec_for(numerics)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda spec: replace(spec, context={**spec.context, "data": {"hash": "another"}}),
            "was trained on other data: context.data - then, {'hash': 'another'} now",
        ),
        (
            lambda spec: replace(spec, context={**spec.context, "trainer": {"factory": "mine.py:Trainer"}}),
            "was made by another trainer: context.trainer",
        ),
        (lambda spec: replace(spec, context={**spec.context, "objective": "5f1c"}), "was made by another trainer"),
        (
            lambda spec: replace(spec, context={**spec.context, "net": {"sha256": "5f1c"}}),
            "because it searched another network: context.net",
        ),
        (lambda spec: replace(spec, versions={"torch": "9.9"}), "other versions: versions.torch - then, 9.9 now"),
        (lambda spec: replace(spec, numerics={**spec.numerics, "canary": "5f1c"}), "other numerics: numerics.canary"),
        (
            lambda spec: replace(spec, context={**spec.context, "trainer_revision": 9}),
            "was trained by another version of mnist-bench",
        ),
    ],
)
def test_what_would_train_to_other_bits_is_refused(
    results: Path, change: Callable[[StudySpec], StudySpec], reason: str
) -> None:
    search = with_spec(prepared(results, "new", goal=20, continue_from="old"), change)
    with pytest.raises(UsageError) as refused:
        search.run()
    assert str(refused.value).startswith("Study old cannot be continued by this search, because it ")
    assert reason in str(refused.value)


def test_another_estimate_of_the_costs_is_no_obstacle(results: Path) -> None:
    search = with_spec(
        prepared(results, "new", goal=20, continue_from="old"),
        lambda spec: replace(spec, context={**spec.context, "costs": {"macs": 2.0}}),
    )
    assert len(trained(search.run().study)) == 20


def test_a_study_that_is_not_there_or_is_itself_is_refused_before_anything_is_made(results: Path) -> None:
    with pytest.raises(StudyNotFoundError, match="No study gone in "):
        run(results, "new", continue_from="gone")
    with pytest.raises(UsageError, match=r"Study old cannot continue itself: .* --study-name old-2\."):
        run(results, "old", changed(depth={"int": [1, 3]}), continue_from="old")
    assert not (results / "new").exists()


def test_a_budget_that_adds_no_trial_is_refused(results: Path) -> None:
    with pytest.raises(
        UsageError,
        match=r"^--trials 12 leaves nothing to search: the new study begins with 12 trials of old\. "
        r"Give more than 12\.$",
    ):
        run(results, "new", continue_from="old")


def test_resumed_without_the_option_it_names_the_option(results: Path) -> None:
    run(results, "new", goal=14, continue_from="old")
    with pytest.raises(
        FingerprintError, match=r"^Study new began with trials of old; add --continue old to resume it\.$"
    ):
        run(results, "new", goal=16)


TYPED = "mnist-bench search fake.yaml --trials 14 --study-name old --set 'model.depth={int: [1, 3]}'"


@pytest.mark.parametrize(
    ("goal", "typed", "offered"),
    [
        (
            14,
            TYPED,
            "\nOr begin a new study with 12 of its 12 trials:\n  mnist-bench search fake.yaml --trials 14 --set "
            "'model.depth={int: [1, 3]}' --study-name old-2 --continue old",
        ),
        (
            12,
            TYPED.replace("--trials 14", "-n 12 --for Ada"),
            "\nOr begin a new study with 12 of its 12 trials:\n  mnist-bench search fake.yaml --set "
            "'model.depth={int: [1, 3]}' --trials 24 --study-name old-2 --continue old",
        ),
        (14, None, " Or begin a new study with 12 of its 12 trials: another name, and continue_from='old'."),
        (12, None, " Or begin a new study with 12 of its 12 trials: another name, and continue_from='old', trials=24."),
    ],
)
def test_the_refusal_of_another_space_names_the_call_that_keeps_the_trials(
    results: Path, goal: int, typed: str | None, offered: str
) -> None:
    with pytest.raises(FingerprintError) as refused:
        run(results, "old", changed(depth={"int": [1, 3]}), goal=goal, invocation=Invocation(command=typed))
    assert str(refused.value).endswith(f"or give this search another name with --study-name.{offered}")


def test_nothing_is_offered_if_no_trial_lies_in_the_space(results: Path) -> None:
    with pytest.raises(FingerprintError, match=r"or give this search another name with --study-name\.$"):
        run(results, "old", changed(kind="c"))


def test_strategies_and_concurrent_trials_may_change(results: Path) -> None:
    new = run(results, "new", goal=20, continue_from="old", sampler=Random(), pruner=Median(), slots=2, seed=3)
    assert len(new.spec["continues"]["trials"]) == 12
    assert {trial.state for trial in trained(new)} <= {"COMPLETE", "PRUNED"}


def test_both_studies_may_be_in_a_shared_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    old = run(tmp_path, "old", url=url)
    new = run(tmp_path, "new", changed(depth={"int": [1, 3]}), goal=15, continue_from="old", url=url)
    assert [trial.seed for trial in trained(new)[:GOAL]] == [trial.seed for trial in trained(old)]
    with pytest.raises(FingerprintError, match="Or begin a new study with 12 of its 12 trials"):
        run(tmp_path, "old", changed(depth={"int": [1, 3]}), url=url)


@pytest.mark.parametrize("name", ["../old", "", "a/b"])
def test_a_name_that_no_study_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a study"):
        run(tmp_path, "new", continue_from=name)
