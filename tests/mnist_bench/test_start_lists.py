"""Start lists, made for a space of what was tried elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from mnist_bench.searches import running
from mnist_bench.searches.config import SearchConfig
from mnist_bench.space_files import space_sources
from mnist_bench.start_lists import EarlierTrials, TriedConfiguration, make, portfolio, source
from mnist_bench.tables.stored import pack
from search.driver.progress import Observer
from search.elementary import NATIVE, PORTABLE
from search.errors import SpaceError, UsageError
from search.proposals.coordinates import Coordinates
from search.space.space import Space
from search.trainer_api import PLAIN, Plan
from support import tables

SPACE = Space.of(
    {
        "name": "target",
        "model": {
            "depth": {"int": [2, 6], "step": 2},
            "rate": {"float": [0.1, 0.5]},
            "share": {"levels": [0.0, 0.25, 0.5, 0.75, 1.0]},
            "kind": {"choice": ["a", "b"]},
            "extra": {"levels": [1, 10, 100], "when": {"kind": "b"}},
        },
    }
)


class Free:
    """Plans any parameters; where there is a depth, those of more than `deepest` are infeasible."""

    codec = PLAIN

    def __init__(self, deepest: int = 6) -> None:
        self._deepest = deepest

    def __call__(self, params: Mapping[str, Any]) -> Plan[Mapping[str, Any]]:
        """See `search.trainer_api.Planner`."""
        return Plan(config=params, costs=(1,), constraints={"depth": params.get("model.depth", 0) - self._deepest})


def settings(**changed: Any) -> dict[str, Any]:
    values = {"depth": 2, "rate": 0.2, "share": 0.5, "kind": "a", **changed}
    return {f"model.{name}": value for name, value in values.items()}


def of(*tried: tuple[dict[str, Any], float], name: str = "earlier") -> EarlierTrials:
    return EarlierTrials(name=name, tried=tuple(TriedConfiguration(settings=each, loss=loss) for each, loss in tried))


@pytest.mark.parametrize(
    ("tried", "expected"),
    [
        (settings(), settings()),
        (settings(depth=4.9, rate=9.0, share=0.6), settings(depth=4, rate=0.5, share=0.5)),
        (settings(depth=-3, rate=0, share=7), settings(rate=0.1, share=1.0)),
        (settings(kind="b", extra=40), settings(kind="b", extra=10)),
        ({**settings(), "model.extra": 10, "optim.lr": 0.1}, settings()),
    ],
)
def test_settings_become_the_nearest_that_the_space_has(tried: dict[str, Any], expected: dict[str, Any]) -> None:
    found = make(SPACE, Free(), [of((tried, 0.0))])
    assert found.configurations == (expected,)
    assert found.made_of == ("earlier",)
    assert all(field.can_be(expected[field.path]) for field in SPACE.fields if field.path in expected)


@pytest.mark.parametrize(
    "tried", [settings(kind="c"), settings(kind="b"), settings(depth="deep"), settings(depth=True), {}]
)
def test_what_the_space_asks_for_and_the_source_lacks_is_left_out(tried: dict[str, Any]) -> None:
    found = make(SPACE, Free(), [of((tried, -9.0), (settings(), 0.0))])
    assert found.configurations == (settings(),)
    with pytest.raises(UsageError, match=r"^No configuration of earlier and later fits the space target\.$"):
        make(SPACE, Free(), [of((tried, 0.0)), of((tried, 0.0), name="later")])


def test_a_setting_that_the_source_does_not_name_has_its_default() -> None:
    tried = settings()
    del tried["model.rate"]
    earlier = replace(of((tried, 0.0)), unnamed={"model.rate": 0.0, "model.kind": "b"})
    assert make(SPACE, Free(), [earlier]).configurations == (settings(rate=0.1),)


@pytest.mark.parametrize(
    ("value", "options", "expected"),
    [
        (2, [[1, 1, 2], [1, 2, 2]], [1, 2, 2]),
        (5, [3, [5, 3, 3]], [5, 3, 3]),
        ([3, 3], [3, 5], 3),
        ([1, 2, 3], [[1, 2], [1, 2, 2]], [1, 2, 2]),
        (5, [3, 7], None),
        ("none", [["none", "before"], ["before", "none"]], None),
        (True, [[1, 1], [1, 2]], None),
        ([1, 2], [[1, 2, 2]], None),
        (2, [[], [1, 2]], [1, 2]),
    ],
)
def test_a_number_for_all_layers_becomes_the_list_most_like_it(value: Any, options: list[Any], expected: Any) -> None:
    space = Space.of({"name": "lists", "model": {"convs": {"choice": options}}})
    sources = [of(({"model.convs": value}, 0.0))]
    if expected is None:
        with pytest.raises(UsageError, match="fits the space lists"):
            make(space, Free(), sources)
    else:
        assert make(space, Free(), sources).configurations == ({"model.convs": expected},)


def test_what_exceeds_a_limit_is_left_out() -> None:
    found = make(SPACE, Free(deepest=4), [of((settings(depth=6), -1.0), (settings(depth=4), 0.0))])
    assert found.configurations == (settings(depth=4),)


def test_what_is_good_in_all_sources_comes_before_what_is_good_in_one() -> None:
    one = of((settings(depth=2), -2.0), (settings(depth=4), -1.0), (settings(depth=6), 3.0))
    other = of((settings(depth=2), 2.0), (settings(depth=4), -1.0), (settings(depth=6), -2.0), name="other")
    found = make(SPACE, Free(), [one, other], number=2)
    assert found.configurations[0] == settings(depth=4)
    assert len(found.configurations) == 2


def test_a_table_is_a_source(tmp_path: Path) -> None:
    table = tables.table()
    path = tmp_path / "mine.npz"
    path.write_bytes(pack(table.about, table.arrays))
    found = source(str(path))
    named = {field.path for field in table.space.fields}
    assert found.unnamed["optim.cooldown_fraction"] == 0.0
    assert named.isdisjoint(found.unnamed)
    best = min(found.tried, key=lambda tried: tried.loss)
    errors = {
        point: sum(table.curve(point, seed).errors[-1] for seed in seeds)
        for point, seeds in table.seeds.items()
        if not any(table.curve(point, seed).diverged for seed in seeds)
    }
    assert best.settings == table.space.resolve(table.points[min(errors, key=lambda point: errors[point])])
    assert len(found.tried) == len(errors) < len(table)
    listed = make(table.space, Free(), [found])
    assert listed.configurations[0] == {path: best.settings[path] for path in listed.configurations[0]}


def test_a_portable_search_makes_its_list_with_portable_logarithms(monkeypatch: pytest.MonkeyPatch) -> None:
    found = source("conv-5k-wrong")
    monkeypatch.setattr(NATIVE, "ln", lambda number: pytest.fail("libm's logarithm"), raising=True)
    portable = source("conv-5k-wrong", PORTABLE)
    assert [each.loss for each in portable.tried] == pytest.approx([each.loss for each in found.tried])
    assert make(SPACE.as_portable(), Free(), [of((settings(), 0.0))]) == make(SPACE, Free(), [of((settings(), 0.0))])


COORDINATES = Coordinates(Space.of({"name": "wide", "m": {name: {"float": [0.0, 1.0]} for name in "ab"}}).distributions)


def params(a: float, b: float) -> dict[str, float]:
    return {"m.a": a, "m.b": b}


def test_the_best_comes_first_and_another_good_one_before_its_copy() -> None:
    configurations = [params(0.5, 0.5), params(0.51, 0.5), params(0.1, 0.9), params(0.9, 0.1)]
    assert portfolio(configurations, [1.0, 1.01, 1.1, 3.0], COORDINATES, 3) == [0, 2, 1]


def test_without_diversity_to_gain_the_order_is_that_of_the_losses() -> None:
    draws = np.random.default_rng(0)
    configurations = [params(*draws.random(2).tolist()) for _ in range(200)]
    losses = [float(number) for number in range(200)]
    chosen = portfolio(configurations, losses, COORDINATES, 5)
    assert chosen[0] < 10
    assert max(chosen) < 100


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(-10, 10)), min_size=1, max_size=8),
    st.integers(0, 10),
)
def test_no_configuration_comes_twice(drawn: list[tuple[float, float, float]], number: int) -> None:
    chosen = portfolio([params(a, b) for a, b, _ in drawn], [loss for *_, loss in drawn], COORDINATES, number)
    assert len(chosen) == len(set(chosen)) == min(number, len(drawn))


class Notices(Observer):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_notice(self, text: str) -> None:
        """Remember it."""
        self.told.append(text)


@pytest.mark.slow
def test_a_space_names_tables_for_its_list(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    text = space_sources.find("conv").read_text()
    file.write_text(text.replace("start: [conv-5k, conv-5k-wrong]", "start: [conv-5k-wrong]"))
    observer = Notices()
    asked = SearchConfig(space=str(file), trials=2, results=tmp_path, executor="in-process", device="cpu")
    begun = running.run(asked, observer, lambda: True).study
    assert begun.spec["start"]["made_of"] == ["conv-5k-wrong"]
    assert len(begun.spec["start"]["configurations"]) == 10
    assert observer.told[0].startswith("Tries 10 configurations first that did well in conv-5k-wrong: at most ")
    without = running.run(replace(asked, warm_start=False, study_name="without"), observer, lambda: True).study
    assert "start" not in without.spec
    other = replace(asked, overrides=("optim.ema_decay={choice: [0.5, 0.6]}",), study_name="other")
    assert "start" not in running.run(other, observer, lambda: True).study.spec
    assert observer.told[-1] == (
        "No configuration of conv-5k-wrong fits the space conv. The search begins without warm-start configurations."
    )


def test_a_table_that_there_is_not_is_told_at_its_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    text = space_sources.find("smoke").read_text()
    file.write_text(text.replace("search: {", "search: {start: [conv-6k], "))
    asked = SearchConfig(space=str(file), trials=2, results=tmp_path, executor="in-process", device="cpu")
    with pytest.raises(SpaceError, match=r"mine\.yaml:\d+:\d+ +search\.start: no table conv-6k; there are conv-5k "):
        running.run(asked, Observer(), lambda: True)
