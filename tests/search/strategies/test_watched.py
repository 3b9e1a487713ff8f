"""Proposals of your own sampler for several ranges at once are checked against the space's ranges."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.errors import PluginError, UsageError
from search.strategies.registry import named_sampler
from search.study.studies import open_study
from support import own_code, search_fake as fake

RELATIVE = """
import math
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler


class Mine(BaseSampler):
    def __init__(self, seed):
        self.draws = RandomSampler(seed=seed)

    def infer_relative_search_space(self, study, trial):
        return {INFERRED}

    def sample_relative(self, study, trial, search_space):
        return {PROPOSED} if trial.number == 2 else {}

    def sample_independent(self, study, trial, name, span):
        return self.draws.sample_independent(study, trial, name, span)
"""
"""Proposes values together for the third trial."""

AS_THE_SPACE = (
    "its infer_relative_search_space has to name the range, as the space has it: IntDistribution(high=64, log=False, "
    "low=8, step=8)."
)


def sampler(folder: Path, inferred: str, proposed: str) -> dict[str, object]:
    """Return the options of a search with the sampler that infers these ranges and proposes these values."""
    text = RELATIVE.replace("{INFERRED}", inferred).replace("{PROPOSED}", proposed)
    return {"sampler": named_sampler(own_code.write(folder, text)), "goal": 4}


@pytest.mark.parametrize(
    ("kind", "inferred", "proposed", "sentence"),
    [
        (
            PluginError,
            '{"model.extra": FloatDistribution(0, 5)}',
            '{"model.extra": 4.0}',
            "proposed 4.0 for model.extra, which is outside its range: 0.0 to 1.0.",
        ),
        (
            PluginError,
            '{"model.width": IntDistribution(8, 64)}',
            '{"model.width": 12}',
            "proposed 12 for model.width, which is outside its range: 8 to 64, step 8.",
        ),
        (
            PluginError,
            "{}",
            '{"model.width": 16}',
            f"proposed 16 for model.width in sample_relative; {AS_THE_SPACE}",
        ),
        (
            PluginError,
            '{"model.with": IntDistribution(8, 64)}',
            '{"model.with": 16}',
            "proposed 16 for model.with, and the space has no such range; did you mean `model.width`?",
        ),
        (
            PluginError,
            '{"model.width": CategoricalDistribution([8, 16])}',
            '{"model.width": 16}',
            f"proposed 16 for model.width in sample_relative; {AS_THE_SPACE}",
        ),
    ],
)
def test_what_the_space_does_not_have_ends_the_search_with_a_sentence(
    tmp_path: Path, kind: type[PluginError], inferred: str, proposed: str, sentence: str
) -> None:
    with pytest.raises(kind) as caught:
        fake.run(tmp_path, **sampler(tmp_path, inferred, proposed))
    assert (type(caught.value), str(caught.value)) == (kind, f"Sampler mine.py:Mine {sentence}")
    assert len(open_study(tmp_path, "fake-0").trials) == 2


@pytest.mark.parametrize(
    "inferred", ['{"model.width": IntDistribution(16, 16)}', '{"model.width": IntDistribution(1, 999)}']
)
def test_a_value_of_the_space_is_taken_from_a_wider_or_narrower_range_too(tmp_path: Path, inferred: str) -> None:
    study = fake.run(tmp_path, **sampler(tmp_path, inferred, '{"model.width": 16}')).study
    assert study.trials[2].params["model.width"] == 16


def test_a_system_attribute_that_is_no_json_is_blamed_on_who_sets_it(tmp_path: Path) -> None:
    noting = RELATIVE.replace(
        "        return {PROPOSED}",
        "        study._storage.set_trial_system_attr(trial._trial_id, 'x', math.nan)\n        return {PROPOSED}",
    )
    path = own_code.write(tmp_path, noting.replace("{INFERRED}", "{}").replace("{PROPOSED}", "{}"))
    words = (
        r"^System attributes that a sampler or pruner has set on trial 0 cannot be kept \(Out of range float values are"
    )
    with pytest.raises(UsageError, match=words):
        fake.run(tmp_path, sampler=named_sampler(path), goal=4)
