"""The specification of a search, and the fingerprint over all that decides."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pytest

from search.differences import differences
from search.errors import FingerprintError, UsageError
from search.strategies.pruners import Asha, Median, Pruner
from search.strategies.registry import named_sampler
from search.strategies.samplers import Curves, Random, Sampler, Tpe
from search.study import spec as specs
from search.study.spec import StudySpec, check_same, fingerprint
from search.study.start_list import StartList
from support import search_fake as fake

PORTABLE_ARITHMETIC = "756029c203f7fc8a0c3b43277a828dd173ac6cc611624f1d5894f24e735804e2"
"""On every processor: it stands in the specification of each portable study, also of a published one."""


def plain(**changes: Any) -> dict[str, Any]:
    options: dict[str, Any] = {"sampler": Random(), "pruner": Asha(), "concurrent_trials": 4, "seed": 0, **changes}
    return fake.make_spec(**options).to_json()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"concurrent_trials": 5}, "concurrent_trials: 4 then, 5 now"),
        ({"seed": 1}, "seed: 0 then, 1 now"),
        ({"sampler": Tpe()}, "sampler.name: random then, tpe now"),
        ({"pruner": Asha(reduction_factor=2)}, "pruner.reduction_factor: - then, 2 now"),
        ({"order": "as-completed"}, "order: deterministic then, as-completed now"),
        ({"enqueued": ({"optim.lr": 0.01},)}, "enqueued"),
        ({"enqueued": ({},), "enqueued_from": ("old/3",)}, "enqueued_from: - then, "),
        ({"context": {"data": "b"}}, "context.data: a then, b now"),
        ({"numerics": {"check": "y"}}, "numerics.check: x then, y now"),
        ({"numerics": {"check": "x", "wide_check": "z"}}, "numerics.wide_check: - then, z now"),
        ({"versions": {"torch": "2"}}, "versions.torch: 1 then, 2 now"),
    ],
)
def test_all_that_decides_is_part_of_the_fingerprint(change: dict[str, Any], named: str) -> None:
    asked: dict[str, Any] = {"context": {"data": "a"}, "versions": {"torch": "1"}, "numerics": {"check": "x"}}
    stored, current = plain(**asked), plain(**(asked | change))
    assert fingerprint(stored) == fingerprint(plain(**asked))
    assert fingerprint(stored) != fingerprint(current)
    check_same("study", stored, plain(**asked))
    with pytest.raises(FingerprintError) as refused:
        check_same("study", stored, current)
    assert f"\n  {named}" in str(refused.value)


@pytest.mark.parametrize("item", ["periods", "space", "driver_revision", "driver_arithmetic", "versions"])
def test_what_stands_beside_the_options_is_part_of_the_fingerprint(item: str) -> None:
    stored = plain()
    assert fingerprint(stored) != fingerprint({**stored, item: "other"})


def test_the_versions_of_what_decides_are_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = plain(versions={"torch": "1"})
    found = {name: version(name) for name in ("optuna", "numpy")}
    assert stored["versions"].items() >= {**found, "torch": "1"}.items()
    monkeypatch.setattr(specs, "version", lambda package: f"{version(package)}.later")
    later = plain(versions={"torch": "1"})
    assert {name: later["versions"][name] for name in found} == {name: f"{of}.later" for name, of in found.items()}
    assert fingerprint(stored) != fingerprint(later)


def test_a_stored_specification_is_read_as_it_was() -> None:
    spec = fake.make_spec(
        Tpe(n_startup_trials=3), Asha(), 3, 7, order="as-completed", enqueued=({"optim.lr": 0.01},),
        context={"data": "a"}, numerics={"check": "a"},
    )  # fmt: skip
    again = StudySpec.from_json(spec.to_json())
    assert again.to_json() == spec.to_json()
    assert (again.order, again.concurrent_trials, again.seed, again.periods) == ("as-completed", 3, 7, fake.PERIODS)
    assert (again.given(0), again.given(1)) == ({"optim.lr": 0.01}, None)


def test_trials_of_another_study_are_enqueued_before_the_list() -> None:
    spec = fake.make_spec(
        Random(), Asha(), 3, 7, enqueued=({"optim.lr": 0.01}, {"optim.lr": 0.02}), enqueued_from=(None, "old/3"),
        start=StartList(configurations=({"optim.lr": 0.03},)),
    )  # fmt: skip
    again = StudySpec.from_json(spec.to_json())
    assert again.to_json() == spec.to_json()
    given = [again.given(number) for number in range(4)]
    assert given == [{"optim.lr": 0.01}, {"optim.lr": 0.02}, {"optim.lr": 0.03}, None]


def test_the_fingerprint_leaves_out_the_description_of_the_numerics() -> None:
    spec = fake.make_spec(Random(), Asha(), 4, 0, numerics={"cpu": "a"}).to_json()
    other = fake.make_spec(Random(), Asha(), 4, 0, numerics={"cpu": "b"}).to_json()
    assert fingerprint(spec) == fingerprint(other)
    check_same("study", spec, other)
    assert fingerprint(spec) != fingerprint(fake.make_spec(Random(), Asha(), 5, 0).to_json())


def test_the_numerics_are_described_where_a_check_differs() -> None:
    then, same, now = (
        fake.make_spec(Random(), Asha(), 4, 0, numerics={"check": "a", **other}).to_json()
        for other in ({"wide_check": "x", "cpu": "b"}, {"wide_check": "x", "cpu": "c"}, {"wide_check": "y", "cpu": "c"})
    )
    check_same("study", then, same)
    assert differences({**then, "seed": 1}, same) == [("seed", "1", "0")]
    with pytest.raises(
        FingerprintError, match=r"(?s)numerics\.cpu: b then, c now.*numerics\.wide_check: x then, y now"
    ):
        check_same("study", then, now)


def test_a_missing_package_is_named_with_the_choice_that_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def installed(name: str) -> str:
        if name == "cmaes":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(specs, "version", installed)
    with pytest.raises(UsageError, match=r"^search\.sampler: optuna:CmaEsSampler needs cmaes, which .* adds it\.$"):
        plain(sampler=named_sampler("optuna:CmaEsSampler"))


def test_fields_in_another_order_are_named_as_the_difference() -> None:
    fields = [["a.x", {"value": 1}], ["a.y", {"value": 2}]]
    ways = {"sampler": {"name": "tpe"}, "pruner": {"name": "asha"}, "numerics": {}}
    with pytest.raises(FingerprintError, match="the same fields in another order"):
        check_same("study", {**ways, "fields": fields}, {**ways, "fields": fields[::-1]})


def test_a_portable_study_is_stored_as_one_and_any_other_as_before() -> None:
    assert "portable" not in plain()
    stored = plain(portable=True)
    assert stored["portable"] is True
    assert stored["space"] == plain()["space"]
    again = StudySpec.from_json(stored)
    assert again.to_json() == stored
    assert again.space.elementary.is_portable
    assert not StudySpec.from_json(plain()).space.elementary.is_portable
    assert {path for path, _, _ in differences(plain(), stored)} == {"portable", "driver_arithmetic"}


@pytest.mark.parametrize(
    ("sampler", "pruner", "is_portable"),
    [(Random(), Asha(), True), (Curves(), Median(), True), (Tpe(), Asha(), False)],
)
def test_the_processor_is_left_out_of_the_fingerprint_only_if_the_whole_search_is_portable(
    sampler: Sampler, pruner: Pruner, is_portable: bool
) -> None:
    found = plain(sampler=sampler, pruner=pruner, portable=True)["driver_arithmetic"]
    assert found == (PORTABLE_ARITHMETIC if is_portable else specs.arithmetic())
    assert plain(sampler=sampler, pruner=pruner)["driver_arithmetic"] == specs.arithmetic()
