"""Which trials of an earlier study of nets lie in another space."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from mnist_bench.errors import ForeignStudyError
from mnist_bench.searches import running, study_context
from mnist_bench.searches.config import SearchConfig
from mnist_bench.searches.first_trials import settings_of
from mnist_bench.space_files import space_sources
from mnist_bench.studies.validated import open_study
from search.continuation.selection import Selection, selected
from search.driver.progress import Observer
from search.errors import UsageError
from search.study.spec import StudySpec
from search.study.studies import StoredStudy
from support import golden_searches, search_fake as fake

SMALL = golden_searches.SMALL


@pytest.fixture(scope="module")
def earlier() -> StoredStudy:
    """Return a stored study of small.yaml with eight trained trials, complete or pruned."""
    return open_study(SMALL.parent, "finished")


def taken(earlier: StoredStudy, *changes: str) -> Selection:
    """Return the trials that lie in the study's own space after changes, as of `--set`."""
    begun = StudySpec.from_json(earlier.spec)
    spec = replace(begun, space=space_sources.load(SMALL, changes))
    return selected(earlier, spec, study_context.planner(spec.space, spec.context), settings_of)


def numbers(selection: Selection) -> list[int]:
    return [each.trial for each in selection.continues.trials]


def test_all_trained_trials_lie_in_wider_ranges(earlier: StoredStudy) -> None:
    trained = [trial.number for trial in earlier.trials if trial.reason != "infeasible"]
    wide = taken(earlier, "optim.lr={float: [1e-4, 1.0], log: true}", "model.filters={int: [2, 8], step: 2}")
    assert (numbers(wide), wide.trials, wide.left_out) == (trained, len(trained), {})


def test_a_setting_that_the_space_did_not_name_had_its_default(earlier: StoredStudy) -> None:
    everything = numbers(taken(earlier))
    more = taken(earlier, "optim.weight_decay={float: [0.0, 0.1]}")
    assert numbers(more) == everything
    assert {each.params["optim.weight_decay"] for each in more.continues.trials} == {0.0}
    with pytest.raises(UsageError, match=r"8 with another optim\.weight_decay"):
        taken(earlier, "optim.weight_decay={float: [0.1, 0.2]}")


def test_a_range_less_keeps_the_trials_with_its_constant(earlier: StoredStudy) -> None:
    fewer = taken(earlier, "optim.batch_size=25")
    assert numbers(fewer) == [
        trial.number for trial in earlier.trials
        if trial.reason != "infeasible" and trial.params["optim.batch_size"] == 25
    ]  # fmt: skip
    assert not any("optim.batch_size" in each.params for each in fewer.continues.trials)
    assert fewer.left_out == {"with another optim.batch_size": 8 - len(numbers(fewer))}


def test_a_lower_limit_leaves_out_what_exceeds_it(earlier: StoredStudy) -> None:
    lower = taken(earlier, "limits={parameters: 1500}")
    facts = {trial.number: trial.facts["parameters"] for trial in earlier.trials}
    assert numbers(lower) == [number for number in numbers(taken(earlier)) if facts[number] <= 1500]
    assert str(lower).endswith("Not included: 6 beyond a limit or a constraint.")


def test_another_length_of_training_is_another_configuration(earlier: StoredStudy) -> None:
    with pytest.raises(
        UsageError, match=r"^None of the 8 trials of finished lies in this space: 8 with another epochs\."
    ):
        taken(earlier, "epochs=4")


@pytest.mark.slow
@pytest.mark.parametrize("own", [(), ("subset=2000",)])
def test_a_study_of_another_trainer_or_other_data_is_not_continued(tmp_path: Path, own: tuple[str, ...]) -> None:
    asked = SearchConfig(
        space=str(SMALL), overrides=own, trials=20, results=tmp_path, study_name="new", executor="in-process",
        device="cpu", continue_from="finished" if own else "fake-0",
    )  # fmt: skip
    fake.run(tmp_path, goal=2)
    copytree(SMALL.parent / "finished", tmp_path / "finished")
    words = "was trained on other data: context.data" if own else "^Study fake-0 was made by another trainer"
    with pytest.raises((ForeignStudyError, UsageError), match=words):
        running.run(asked, Observer(), lambda: False)
    assert not (tmp_path / "new").exists()
