"""One contract, run over every sampler with every pruner that it goes with, for one objective and for two.

`make test` runs it over each built-in sampler and pruner once, `make faults` over all pairs: what a pair decides
is the matter of `tests/search/driver/test_golden_searches.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from search.driver.replay import replay
from search.strategies.pruners import NoPruner
from search.strategies.registry import named_pruner, named_sampler
from search.study.folder import StudyFolder
from search.study.studies import read_events
from support import golden_searches, search_fake as fake

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("log_alone")]

FEW = {
    "name": "few",
    "model": {"depth": {"levels": [1, 2]}, "width": {"levels": [8, 16, 24]}},
}
TWO = {**fake.SPACE, "objective": ["val_accuracy", "parameters"]}
GP = named_sampler("optuna:GPSampler", {"n_startup_trials": 4})
OPTUNAS: dict[str, dict[str, Any]] = {
    "gp, hyperband": {"sampler": GP, "pruner": named_pruner("optuna:HyperbandPruner", {"max_resource": fake.PERIODS})},
    "gp levels": {"sampler": GP, "pruner": NoPruner(), "space_values": fake.CONDITIONAL_LEVELS},
    "qmc, patient": {
        "sampler": named_sampler("optuna:QMCSampler"),
        "pruner": named_pruner("optuna:PatientPruner", {"wrapped_pruner": None, "patience": 1}),
    },
    "nsgaii, hyperband two": {
        "sampler": named_sampler("optuna:NSGAIISampler", {"population_size": 4}),
        "pruner": named_pruner("optuna:HyperbandPruner", {"max_resource": fake.PERIODS}),
        "space_values": TWO,
        "budget": 12,
    },
    "grid": {
        "sampler": named_sampler(
            "optuna:GridSampler", {"search_space": {"model.depth": [0, 1], "model.width": [0, 2]}}
        ),
        "space_values": FEW,
    },
}
"""Samplers and pruners of Optuna's, and what each of them keeps: its place in a sequence, brackets, generations."""
CASES = {
    **{
        name: {**case, "budget": 12}
        for name, case in [
            *golden_searches.cases().items(),
            *((f"{name} levels", golden_searches.levels(name)) for name in golden_searches.SAMPLERS),
        ]
        if case["order"] == "deterministic"
    },
    **{name: {"budget": 6, **case} for name, case in OPTUNAS.items()},
}
SELECTED = golden_searches.with_every_strategy("tpe asha two", "random median", "curves none") | {
    "gp, hyperband", "qmc, patient", "nsgaii, hyperband two",
}  # fmt: skip
"""Names of cases with every built-in sampler and pruner, and with what Optuna's keep."""
PAIR = ("tpe asha two", "random median")


def selected(*names: str) -> list[Any]:
    """Return all cases as parameters, those that are not named for `make faults`."""
    return [pytest.param(name, marks=() if name in names else pytest.mark.soak) for name in CASES]


@dataclass(frozen=True)
class Undisturbed:
    """A search that nothing disturbed."""

    results: Path
    options: dict[str, Any]
    """What it was asked for."""
    digest: str


@pytest.fixture(scope="module", params=selected(*SELECTED))
def undisturbed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Return a search of each pair."""
    results, options = tmp_path_factory.mktemp("undisturbed"), CASES[request.param]
    return Undisturbed(results, options, fake.run(results, **options).study.digest)


def assert_decides_again(results: Path) -> None:
    events = read_events(StudyFolder.of("fake-0", results))
    found = replay(events, lambda spec: fake.Planner(48))
    assert (found.events, found.difference) == (len(events), None)


def test_a_kill_before_any_event_changes_nothing(
    undisturbed: Undisturbed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lives = (3 + life % 5 for life in range(100))
    finished, deaths = fake.run_killed_between_events(tmp_path, monkeypatch, lives, **undisturbed.options)
    assert deaths > 3
    assert finished.study.digest == undisturbed.digest


def test_it_decides_again_as_its_log_says(undisturbed: Undisturbed) -> None:
    assert_decides_again(undisturbed.results)


@pytest.mark.parametrize("undisturbed", selected(*PAIR), indirect=True)
def test_two_workers_change_nothing(undisturbed: Undisturbed, tmp_path: Path) -> None:
    assert fake.run(tmp_path, workers=2, **undisturbed.options).study.digest == undisturbed.digest


@pytest.mark.parametrize("case", selected(*PAIR))
def test_by_arrival_it_decides_again_as_its_log_says(tmp_path: Path, case: str) -> None:
    fake.run(tmp_path, **{**CASES[case], "order": "as-completed"})
    assert_decides_again(tmp_path)
