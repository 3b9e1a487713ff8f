"""Your own samplers and pruners, by name, and as a study describes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from search.errors import PluginError, UsageError
from search.strategies import registry
from search.strategies.optuna_study import OptunaStudy
from search.strategies.pruners import ForeignPruner, Median, NoPruner
from search.strategies.registry import named_sampler
from search.strategies.samplers import SAMPLERS, ForeignSampler, Random, Sampler, Tpe
from search.strategies.strategy import is_own
from search.study.studies import open_study
from support import own_code, search_fake as fake

CODE = {"module": "mine.py", "sha256": "0" * 64}


def test_a_name_is_a_built_in_ones_or_codes(tmp_path: Path) -> None:
    assert registry.named_sampler("random") == Random()
    assert registry.named_sampler("tpe", {"n_startup_trials": 5}) == Tpe(n_startup_trials=5)
    assert registry.named_pruner("median") == Median()
    own = registry.named_sampler(own_code.write(tmp_path, own_code.SEEDED), {"share": 0.1})
    assert isinstance(own, ForeignSampler)
    assert (own.name, own.options) == ("mine.py:Mine", {"share": 0.1})
    pruner = registry.named_pruner("optuna.pruners:PercentilePruner", {"percentile": 75, "n_startup_trials": 5})
    assert isinstance(pruner, ForeignPruner)
    assert pruner.describe(range(1, 5)) == "optuna.pruners:PercentilePruner"
    assert is_own(own)
    assert not is_own(registry.named_sampler("optuna:TPESampler"))


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("no-such", {}, f"no sampler 'no-such'; there are {', '.join(SAMPLERS)}, .*; your own code is named package"),
        (
            "optuna.pruners:NopPruner",
            {},
            r"optuna\.pruners:NopPruner is no sampler: .* give it to --pruner\.",
        ),
        (
            "collections:Counter",
            {},
            "collections:Counter is no sampler: it makes a Counter, which is not Optuna",
        ),
        ("tpe", {"seed": 5}, "sampler tpe has no option 'seed'; it has n_startup_trials, n_ei_candidates"),
        ("tpe", {"name": "random"}, "sampler tpe has no option 'name'; it has"),
    ],
)
def test_what_is_no_sampler_is_refused(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=f"^{words}"):
        registry.named_sampler(name, options)


def test_options_have_to_be_plain(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="its options have to be plain values"):
        registry.named_sampler(own_code.write(tmp_path, own_code.SEEDED), {"share": {1, 2}})


def test_no_file_makes_code_run(tmp_path: Path) -> None:
    name = own_code.write(tmp_path, f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(ValueError, match=r"is code, which a file cannot run; name it with --sampler on the command"):
        registry.of_settings({"search": {"sampler": name}})
    with pytest.raises(ValueError, match=r"is code, which a file cannot run; name it with --pruner on the command"):
        registry.of_settings({"search": {"pruner": {"name": name}}})
    registry.of_spec({"sampler": {"name": name, "options": {}, "code": CODE}, "pruner": {"name": "asha"}})
    assert not (tmp_path / "ran").exists()


def test_a_study_describes_code_and_does_not_load_it(tmp_path: Path) -> None:
    own = registry.named_sampler(own_code.write(tmp_path, own_code.SEEDED), {"share": 0.1})
    stored = json.loads(json.dumps(registry.to_spec(own)))
    assert stored.keys() == {"name", "options", "code"}
    assert stored["code"].keys() == {"module", "sha256"}
    read, _ = registry.of_spec({"sampler": stored, "pruner": {"name": "asha"}})
    assert read == own
    assert registry.to_spec(read) == stored
    with pytest.raises(UsageError, match=r"Sampler mine\.py:Mine is code that is not loaded here; name it again with"):
        memory_of(read).ask(0)
    packaged = registry.to_spec(registry.named_sampler("optuna.samplers:RandomSampler"))
    assert packaged["code"].keys() == {"module", "sha256", "version"}


@pytest.mark.parametrize(
    "changed", [{"code": None}, {"code": {"module": "mine.py"}}, {"code": {**CODE, "sha256": 5}}, {"portable": "yes"}]
)
def test_what_no_version_stores_is_refused(changed: dict[str, Any]) -> None:
    sampler = {"name": "mine.py:Mine", "options": {}, "code": CODE, **changed}
    with pytest.raises(ValueError, match=r"^mine\.py:Mine is stored without what code it is$"):
        registry.of_spec({"sampler": sampler, "pruner": {"name": "asha"}})


def test_a_pruner_of_a_users_own_may_stop_anywhere_and_is_forecast_as_the_median_pruner() -> None:
    pruner = registry.named_pruner("optuna.pruners:NopPruner")
    assert all(pruner.may_stop_at(period, range(1, 10)) for period in range(1, 9))
    assert pruner.survivors(20, range(1, 5)) == Median().survivors(20, range(1, 5))


def test_numbers_of_numpy_become_pythons(tmp_path: Path) -> None:
    text = own_code.SEEDED.replace("return self.draws", "import numpy as np; return np.float32(1) * self.draws")
    sampler = registry.named_sampler(own_code.write(tmp_path, text))
    assert type(memory_of(sampler).ask(0)["model.rate"]) is float


@pytest.mark.parametrize(("line", "is_portable"), [("", False), ("    portable = True\n", True)])
def test_custom_code_is_portable_only_if_its_class_says_so(tmp_path: Path, line: str, is_portable: bool) -> None:
    text = f"from optuna.samplers import RandomSampler\n\n\nclass Mine(RandomSampler):\n    pass\n{line}"
    own = registry.named_sampler(own_code.write(tmp_path, text))
    assert own.portable is is_portable
    kinds = [kind for kind, _ in registry.unportable(own, registry.named_pruner("optuna.pruners:NopPruner"))]
    assert kinds == (["pruner"] if is_portable else ["sampler", "pruner"])
    stored = registry.to_spec(own)
    assert ("portable" in stored) is is_portable
    registry.check_known({"sampler": stored, "pruner": {"name": "asha"}})
    read, _ = registry.of_spec({"sampler": stored, "pruner": {"name": "asha"}})
    assert read == own
    assert read.portable is is_portable


def memory_of(sampler: Sampler) -> OptunaStudy:
    """Return an empty study over one range."""
    space = fake.space({"model": {"rate": {"float": [0.0, 1.0]}}})
    return OptunaStudy(name="own", space=space, sampler=sampler, pruner=NoPruner(), seed=0, periods=1)


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
    return {"sampler": named_sampler(own_code.write(folder, text)), "budget": 4}


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
        fake.run(tmp_path, sampler=named_sampler(path), budget=4)
