"""One contract, run over every sampler with every pruner that it goes with, for one objective and for two.

`make test` runs it over each sampler, pruner, kind of range and number of objectives once, `make integration` over all
pairs: what a pair decides is the matter of `tests/search/driver/test_golden_searches.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from search.driver.replay import replay
from search.event_log.timeline import Order
from search.study.location import StudyLocation
from search.study.studies import read_events
from support import golden_searches, search_fake as fake

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("log_alone")]

CASES = {
    name: {**case, "goal": 6 if "gp" in name else 12}
    for name, case in [
        *golden_searches.cases().items(),
        *((f"{name} levels", golden_searches.levels(name)) for name in golden_searches.SAMPLERS),
    ]
    if case["order"] == "logical"
}
SLOW = "gp none"
"""gp takes a second for a proposal, so it is tried by what it decides again from a log alone."""
SELECTED = golden_searches.with_every_strategy(
    "tpe asha two", "tpe levels", "random hyperband", "qmc median", "sobol asha", "curves none", SLOW
) - {SLOW}
"""Names of cases with every other sampler and every pruner."""


def selected(*names: str) -> list[Any]:
    """Return all cases as parameters, those that are not named for `make integration`."""
    return [pytest.param(name, marks=() if name in names else pytest.mark.integration) for name in CASES]


@dataclass(frozen=True)
class Undisturbed:
    """A search that nothing disturbed."""

    options: dict[str, Any]
    """What it was asked for."""
    digest: str


@pytest.fixture(scope="module", params=selected(*SELECTED))
def undisturbed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Return a search of each pair."""
    options = CASES[request.param]
    return Undisturbed(options, fake.run(tmp_path_factory.mktemp("undisturbed"), **options).study.digest)


def test_two_workers_change_nothing(undisturbed: Undisturbed, tmp_path: Path) -> None:
    assert fake.run(tmp_path, workers=2, **undisturbed.options).study.digest == undisturbed.digest


def test_stopping_and_going_on_changes_nothing(undisturbed: Undisturbed, tmp_path: Path) -> None:
    stopped = fake.run(tmp_path, stopping=fake.StopAfter(11), **undisturbed.options)
    while not stopped.reached:
        stopped = fake.run(tmp_path, stopping=fake.StopAfter(11), **undisturbed.options)
    assert stopped.study.digest == undisturbed.digest


def test_a_kill_before_any_event_changes_nothing(
    undisturbed: Undisturbed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lives = (3 + life % 5 for life in range(100))
    finished, deaths = fake.run_killed_between_events(tmp_path, monkeypatch, lives, **undisturbed.options)
    assert deaths > 3
    assert finished.study.digest == undisturbed.digest


@pytest.mark.parametrize("order", ["logical", "arrival"])
@pytest.mark.parametrize("case", selected(SLOW, *SELECTED))
def test_it_decides_again_as_its_log_says(tmp_path: Path, case: str, order: Order) -> None:
    fake.run(tmp_path, **{**CASES[case], "order": order})
    events = read_events(StudyLocation.of("fake-0", tmp_path))
    found = replay(events, lambda spec: fake.Planner(48))
    assert (found.events, found.difference) == (len(events), None)
