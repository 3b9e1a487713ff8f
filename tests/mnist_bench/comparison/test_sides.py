from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.comparison.differences import setting_differences
from mnist_bench.comparison.sides import Side, side_of
from mnist_bench.studies import record as records
from search.errors import StudyNotFoundError, UsageError
from search.study.studies import StoredStudy
from support import canned, handmade


def write_record(file: Path, number: int = 1) -> Path:
    study = handmade.mixed()
    found = records.record_of(study, study.trials[number])
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(records.to_json(found)))
    return file


def test_a_study_is_represented_by_its_best_trial() -> None:
    side = side_of(handmade.mixed(), Path("results"))
    assert side.run is not None
    assert (side.label, side.is_study, side.run.label, side.run.errors, side.run.images) == (
        "conv-0", True, "conv-0/1", 5, handmade.IMAGES
    )  # fmt: skip
    assert [run.trial for run in side.runs] == [0, 1, 2, 3, 4, 7]


def test_a_study_without_a_complete_trial_has_no_run() -> None:
    assert side_of(handmade.study([handmade.trial(0, periods=1)]), Path("results")).run is None


@pytest.mark.parametrize("name", ["finished", "finished/6"])
def test_a_study_is_found_by_its_name_and_by_its_folder_on_another_machine(name: str) -> None:
    folder = canned.studies()
    here, elsewhere = side_of(name, folder), side_of(f"{folder}/{name}", Path("results"))
    assert here.run is not None
    assert elsewhere.run is not None
    assert here.is_study == elsewhere.is_study == (name == "finished")
    assert (here.run.trial, here.run.curve) == (elsewhere.run.trial, elsewhere.run.curve)
    assert elsewhere.label == f"{folder}/{name}"


def test_a_record_counts_its_images(tmp_path: Path) -> None:
    side = side_of(write_record(tmp_path / "some.json"), Path("results"))
    assert side.run is not None
    assert side.study is None
    assert (side.run.errors, side.run.images, len(side.runs)) == (5, handmade.IMAGES, 1)


def test_an_export_is_its_record(tmp_path: Path) -> None:
    write_record(tmp_path / "winner" / "RECORD.json")
    side = side_of(tmp_path / "winner", Path("results"))
    assert side.run is not None
    assert (side.label, side.run.trial) == (str(tmp_path / "winner"), 1)


@pytest.mark.parametrize(
    ("target", "error", "words"),
    [
        ("", UsageError, "cannot name a study"),
        ("conv-9", StudyNotFoundError, "No study conv-9"),
        ("missing.json", UsageError, r"missing\.json: cannot be read"),
        ("finished/99", StudyNotFoundError, "finished has no trial 99"),
        ("finished/x", UsageError, "cannot name a study"),
        ("empty", StudyNotFoundError, "No study empty"),
        ("./empty/..", UsageError, r"empty/\.\.: holds neither a study nor a RECORD\.json"),
        ("broken.json", UsageError, r"broken\.json: not a record of a trial"),
    ],
)
def test_what_cannot_be_compared_is_named(
    target: str, error: type[Exception], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("broken.json").write_text("{}")
    with pytest.raises(error, match=words):
        side_of(target, canned.studies())


def test_a_run_of_another_trainer_has_no_images() -> None:
    side = side_of(handmade.value_study([handmade.value_trial(0, [0.1, 0.2, 0.3, 0.4])]), Path("results"))
    assert not side.kind.of_nets
    assert side.run is not None
    assert (side.run.record, side.run.images, side.run.errors, side.run.value) == (None, None, None, 0.4)


def test_runs_of_one_configuration_and_seed_are_the_same_training() -> None:
    study = handmade.mixed()
    twin = replace(study, trials=(replace(study.trials[1], number=5), replace(study.trials[1], seed=7)))
    first = side_of(study, Path("results")).runs[1]
    same, other = side_of(twin, Path("results")).runs
    assert first.identity == same.identity != other.identity


def differing(*sides: Side | StoredStudy) -> dict[str, tuple[str, str]]:
    first, second = (side if isinstance(side, Side) else side_of(side, Path("results")) for side in sides)
    return {row.name: row.values for row in setting_differences(first, second)}


def with_spec(name: str, **spec: Any) -> StoredStudy:
    study = handmade.mixed()
    return replace(study, name=name, spec={**study.spec, **spec})


def test_equal_specifications_have_no_rows() -> None:
    assert differing(handmade.mixed(), handmade.mixed(name="other")) == {}


def test_each_setting_is_a_row() -> None:
    rows = differing(handmade.mixed(), with_spec("b", seed=1, sampler={"name": "random"}))
    assert rows == {"sampler.name": ("tpe", "random"), "seed": ("0", "1")}


def searching(form: dict[str, Any], field: str = "optim.lr") -> StoredStudy:
    """Return a study of a space with one field."""
    return with_spec("b", space={"name": "conv", "settings": {}, "fields": [[field, form]]})


def float_range(high: float) -> dict[str, Any]:
    return {"float": [0.1, high], "log": False, "step": None}


def test_a_range_is_one_row_in_words() -> None:
    for other, words in ((float_range(2.0), "0.1 to 2.0"), ({"levels": [1, 2]}, "levels 1, 2")):
        assert differing(searching(float_range(1.0)), searching(other)) == {"optim.lr": ("0.1 to 1.0", words)}
    both, one = {"choice": ["adam", "sgd_nesterov"]}, {"value": "adam"}
    rows = differing(searching(both, "optim.optimizer"), searching(one, "optim.optimizer"))
    assert rows == {"optim.optimizer": ("adam or sgd_nesterov", "adam")}


def test_a_field_that_a_space_lacks_has_a_dash() -> None:
    found = differing(searching(float_range(1.0)), searching({"value": 0.9}, "optim.momentum"))
    assert found == {"optim.lr": ("0.1 to 1.0", "-"), "optim.momentum": ("-", "0.9")}


def test_a_condition_has_a_row_of_its_own() -> None:
    def depending(high: float, *allowed: int) -> StoredStudy:
        when = {"when": {"model.blocks": list(allowed)}}
        fields = [["model.blocks", {"int": [1, 3], "log": False, "step": 1}], ["optim.lr", float_range(high) | when]]
        return with_spec("b", space={"name": "conv", "settings": {}, "fields": fields})

    assert differing(depending(1.0, 1), depending(2.0, 1, 2)) == {
        "optim.lr": ("0.1 to 1.0", "0.1 to 2.0"), "optim.lr.when.model.blocks": ("[1]", "[1, 2]")
    }  # fmt: skip


def test_what_follows_from_other_settings_is_marked() -> None:
    study = handmade.mixed()
    context = study.spec["context"]
    other = with_spec("b", context={**context, "costs": {"mac_ps": 1}, "data": {**context["data"], "subset": 5}})
    rows = setting_differences(*(side_of(each, Path("results")) for each in (study, other)))
    follows = {row.path.partition(".")[2]: row.follows for row in rows}
    assert follows["costs"]
    assert not follows["data.subset"]


def test_the_trainers_revision_follows_from_the_kind_of_device() -> None:
    context = {**handmade.spec()["context"], "trainer_revision": 2}
    numerics = {**handmade.spec()["numerics"], "check": "f" * 64, "kind": "cpu-fp32"}
    for other, follows in (
        (with_spec("b", context=context), False), (with_spec("b", context=context, numerics=numerics), True)
    ):  # fmt: skip
        rows = setting_differences(*(side_of(study, Path("results")) for study in (handmade.mixed(), other)))
        assert {row.follows for row in rows if row.path == "context.trainer_revision"} == {follows}


def test_numerics_are_rows_only_if_a_check_differs() -> None:
    numerics = handmade.spec()["numerics"]
    assert differing(handmade.mixed(), with_spec("b", numerics={**numerics, "cpu": "another"})) == {}
    rows = differing(handmade.mixed(), with_spec("b", numerics={**numerics, "check": "f" * 64, "cpu": "another"}))
    assert [*rows] == ["numerics.check", "numerics.cpu"]


def test_trials_differ_in_their_configurations_and_seeds() -> None:
    study = handmade.mixed()
    first, second = (
        replace(side_of(replace(study, trials=(trial,)), Path("results")), is_study=False) for trial in study.trials[:2]
    )
    assert differing(first, second) == {
        "model.blocks": ("2", "3"), "optim.lr": ("0.01", "0.0093"), "seed": ("100", "101")
    }  # fmt: skip


def test_a_setting_without_an_effect_has_a_dash() -> None:
    def trained(**params: Any) -> Side:
        trial = handmade.trial(0, range(6), params={f"model.{name}": value for name, value in params.items()})
        return replace(side_of(handmade.study([trial]), Path("results")), is_study=False)

    shallow, deep = trained(hidden_layers=0, hidden_units=58), trained(hidden_layers=1, hidden_units=64)
    assert differing(shallow, deep)["model.hidden_units"] == ("–", "64")
    assert "model.hidden_dropout" not in differing(shallow, deep)  # equal, but without an effect on one side
    assert "model.hidden_units" not in differing(shallow, trained(hidden_layers=0, hidden_units=64))


def test_a_study_next_to_a_trial_is_compared_by_its_best_trial() -> None:
    study = handmade.mixed()
    whole = side_of(study, Path("results"))
    worse = replace(side_of(replace(study, trials=study.trials[:1]), Path("results")), is_study=False)
    assert [*differing(whole, worse)] == ["model.blocks", "optim.lr", "seed"]


def test_trials_of_another_trainer_differ_in_their_parameters() -> None:
    made = [handmade.value_trial(n, [0.1, 0.2, 0.3, 0.4]) for n in range(2)]
    sides = [replace(side_of(handmade.value_study([each]), Path("results")), is_study=False) for each in made]
    assert [*differing(*sides)] == ["parameters.ridge.kind", "parameters.ridge.rate", "seed"]
