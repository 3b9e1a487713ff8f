"""The specification of a search, and the fingerprint over all that decides."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pytest

from search.differences import differences
from search.errors import FingerprintError, OtherVersionError, UsageError
from search.strategies.pruners import Asha, Median, NoPruner, Pruner
from search.strategies.registry import named_sampler
from search.strategies.samplers import Curves, Random, Sampler, Tpe
from search.study import spec as specs
from search.study.spec import StudySpec, check_known, check_same, fingerprint
from support import search_fake as fake

PORTABLE_ARITHMETIC = "3121759cf7eed79d65967e2dcf672557fc588ff73821f6330dc1e35cb5abb8a6"
"""On every processor: it stands in the specification of each portable study, also of a published one."""
DECIDING: dict[str, Any] = {"context": {"data": "a"}, "versions": {"torch": "1"}, "numerics": {"check": "x"}}


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
    stored, current = plain(**DECIDING), plain(**(DECIDING | change))
    assert fingerprint(stored) == fingerprint(plain(**DECIDING)) != fingerprint(current)
    check_same("study", stored, plain(**DECIDING))
    with pytest.raises(FingerprintError) as refused:
        check_same("study", stored, current)
    assert f"\n  {named}" in str(refused.value)


def test_what_stands_beside_the_options_is_part_of_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = plain()
    for item in ("periods", "space", "driver_revision", "driver_arithmetic", "versions"):
        assert fingerprint(stored) != fingerprint({**stored, item: "other"})
    found = {name: version(name) for name in ("optuna", "numpy")}
    assert plain(versions={"torch": "1"})["versions"].items() >= {**found, "torch": "1"}.items()
    monkeypatch.setattr(specs, "version", lambda package: f"{version(package)}.later")
    assert plain()["versions"].items() >= {name: f"{of}.later" for name, of in found.items()}.items()


def test_the_packages_of_the_sampler_and_of_the_pruner_are_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class BuiltOnScipy(NoPruner):
        needs = ("scipy",)
        uses = ("greenlet",)

    def installed(name: str) -> str:
        if name == "cmaes":
            raise PackageNotFoundError(name)
        return version(name)

    assert specs.versions(Random(), NoPruner()).keys() == {"optuna", "numpy"}
    assert specs.versions(Random(), BuiltOnScipy()).keys() == {"optuna", "numpy", "scipy", "greenlet"}
    monkeypatch.setattr(specs, "version", installed)
    with pytest.raises(UsageError, match=r"^search\.sampler: optuna:CmaEsSampler needs cmaes, which .* adds it\.$"):
        plain(sampler=named_sampler("optuna:CmaEsSampler"))


def test_a_stored_specification_is_read_as_it_was() -> None:
    spec = fake.make_spec(
        Tpe(n_startup_trials=3), Asha(), 3, 7, order="as-completed", context={"data": "a"}, numerics={"check": "a"},
        enqueued=({"optim.lr": 0.01}, {"optim.lr": 0.02}), enqueued_from=(None, "old/3"),
    )  # fmt: skip
    again = StudySpec.from_json(spec.to_json())
    assert again.to_json() == spec.to_json()
    assert (again.order, again.concurrent_trials, again.seed, again.periods) == ("as-completed", 3, 7, fake.PERIODS)
    assert [again.given(number) for number in range(3)] == [{"optim.lr": 0.01}, {"optim.lr": 0.02}, None]


@pytest.mark.parametrize(
    ("change", "named"), [({"nosuch": 1}, "nosuch"), ({"pruner": {"name": "asha", "nosuch": 3}}, r"pruner\.nosuch")]
)
def test_a_specification_of_a_newer_version_is_named(change: dict[str, Any], named: str) -> None:
    check_known(plain())
    with pytest.raises(OtherVersionError, match=f"^{named} is a setting that this version does not know"):
        check_known({**plain(), **change})


def test_the_numerics_are_described_if_a_check_differs_and_decide_nothing_else() -> None:
    then, same, now = (
        plain(numerics={"check": "a", **other})
        for other in ({"wide_check": "x", "cpu": "b"}, {"wide_check": "x", "cpu": "c"}, {"wide_check": "y", "cpu": "c"})
    )
    assert fingerprint(then) == fingerprint(same)
    check_same("study", then, same)
    assert differences({**then, "seed": 1}, same) == [("seed", "1", "0")]
    with pytest.raises(
        FingerprintError, match=r"(?s)numerics\.cpu: b then, c now.*numerics\.wide_check: x then, y now"
    ):
        check_same("study", then, now)


def test_fields_in_another_order_are_named_as_the_difference() -> None:
    fields = [["a.x", {"value": 1}], ["a.y", {"value": 2}]]
    stored = {"sampler": {"name": "tpe"}, "pruner": {"name": "asha"}, "numerics": {}}
    with pytest.raises(FingerprintError, match="the same fields in another order"):
        check_same("study", {**stored, "fields": fields}, {**stored, "fields": fields[::-1]})


def test_a_portable_study_is_stored_as_one_and_any_other_as_before() -> None:
    stored = plain(portable=True)
    assert stored["portable"] is True
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
