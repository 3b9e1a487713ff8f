"""Which trials of another study of nets a search begins with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.errors import ForeignStudyError
from mnist_bench.searches.config import SearchConfig
from mnist_bench.searches.setup import SearchSetup, enqueued, planner
from mnist_bench.studies.checked import open_study
from search.errors import UsageError
from search.event_log.records import TrialRecord
from search.study.studies import StoredStudy
from support import canned, search_fake as fake
from support.canned import SMALL


@pytest.fixture(scope="module")
def earlier() -> StoredStudy:
    """Return a stored study of small.yaml with eight trained trials, complete or pruned."""
    return open_study(canned.studies(), "finished")


def taken(earlier: StoredStudy, *changes: str) -> list[Mapping[str, Any]]:
    """Return the parameters with which a search of the study's space begins after changes, as of `--set`."""
    config = SearchConfig(
        space=str(SMALL), overrides=changes, results=canned.studies(), enqueue=("finished",), executor="in-process",
        device="cpu", study_name="new",
    )  # fmt: skip
    setup = SearchSetup.of(config)
    first = enqueued(setup)(planner(setup.space, earlier.spec["context"]))
    return [each.params for each in first]


def complete(earlier: StoredStudy) -> list[TrialRecord]:
    found = earlier.complete()
    assert len(found) == 2
    return found


def test_the_best_come_first_in_wider_ranges(earlier: StoredStudy) -> None:
    wide = taken(earlier, "optim.lr={float: [1e-4, 1.0], log: true}", "model.filters={int: [2, 8], step: 2}")
    assert wide == [trial.params for trial in complete(earlier)]


def test_another_length_of_training_and_more_constants_change_nothing(earlier: StoredStudy) -> None:
    assert taken(earlier, "epochs=4", "optim.momentum=0.5") == [trial.params for trial in complete(earlier)]


def test_a_setting_that_the_space_did_not_name_had_its_default(earlier: StoredStudy) -> None:
    more = taken(earlier, "optim.weight_decay={float: [0.0, 0.1]}")
    assert len(more) == len(complete(earlier))
    assert {params["optim.weight_decay"] for params in more} == {0.0}
    with pytest.raises(UsageError, match=r"has optim\.weight_decay 0(\.0)?, which is outside the range\.$"):
        taken(earlier, "optim.weight_decay={float: [0.1, 0.2]}")


def test_a_range_less_keeps_the_trials_with_its_constant(earlier: StoredStudy) -> None:
    size = complete(earlier)[0].params["optim.batch_size"]
    fewer = taken(earlier, f"optim.batch_size={size}")
    known = [trial.params for trial in complete(earlier) if trial.params["optim.batch_size"] == size]
    assert fewer == [{path: value for path, value in params.items() if path != "optim.batch_size"} for params in known]


def test_a_lower_limit_passes_over_what_exceeds_it(earlier: StoredStudy) -> None:
    sizes = sorted(trial.facts["parameters"] for trial in complete(earlier))
    lower = taken(earlier, f"limits={{parameters: {sizes[0]}}}")
    assert lower == [trial.params for trial in complete(earlier) if trial.facts["parameters"] <= sizes[0]]


def test_a_study_of_another_trainer_is_refused(tmp_path: Path) -> None:
    study = fake.run(tmp_path, budget=2).study
    setup = SearchSetup.of(SearchConfig(space=str(SMALL), results=tmp_path, enqueue=(study,), device="cpu"))
    with pytest.raises(ForeignStudyError, match=r"^Study fake-0 was made by another trainer"):
        enqueued(setup)
