"""Start lists, made for a space of what was tried elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.start_lists.make import make
from mnist_bench.start_lists.sources import EarlierTrials, TriedConfiguration, source
from mnist_bench.tables.stored import pack
from search.elementary import NATIVE, PORTABLE
from search.errors import UsageError
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
