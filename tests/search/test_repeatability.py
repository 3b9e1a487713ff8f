"""A search takes a sampler or a pruner that is repeatable, and refuses one that is not."""

from __future__ import annotations

from pathlib import Path

import pytest

import search
from search.errors import PluginError, UsageError
from search.hashed import Order
from search.repeatability import TriedOn, require
from search.strategies import registry
from search.strategies.pruners import NoPruner
from search.strategies.samplers import Random
from support import own_code, search_fake as fake

pytestmark = pytest.mark.usefixtures("log_alone")
NOTING = own_code.SEEDED.replace(
    "        done =", "        study._storage.set_trial_system_attr(trial._trial_id, 'x', {1, 2})\n        done ="
)
DRAWING = own_code.PRUNER.replace("< self.least", "< random.random()")
PRINTING = own_code.SEEDED.replace("        done = [", "        print('.', end='')\n        done = [")


def required(folder: Path, text: str) -> None:
    place, tried_on = own_code.write(folder, text), TriedOn(space=fake.space(), planner=fake.Planner(48), periods=4)
    if "class Third" in text:
        require(Random(), registry.named_pruner(place), tried_on)
    else:
        require(registry.named_sampler(place), NoPruner(), tried_on)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        own_code.SEEDED,
        own_code.COUNTING,
        own_code.PRUNER,
        f"import atexit\n{PRINTING}\natexit.register(print, 'farewell', end='')\n",  # what it prints breaks no line
    ],
)
def test_what_is_repeatable_is_taken(tmp_path: Path, text: str) -> None:
    required(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (own_code.REMEMBERING, UsageError, "not repeatable: asked again after the same history"),
        (DRAWING, UsageError, r"asked again .*, it decides differently \(#\d+ after period \d: stops "),
        (own_code.STRAYING, PluginError, r"proposed 4096 for model\.width"),
        (own_code.RAISING, PluginError, rf"raised LookupError: .*mine\.py:{own_code.RAISING_LINE}\)\.$"),
        (NOTING, UsageError, r"^System attributes that a sampler or pruner has set on trial 0 cannot be"),
        pytest.param(own_code.HASHING, UsageError, "asked again after the same history", marks=pytest.mark.slow),
    ],
)
def test_what_is_not_is_refused_with_the_reason(tmp_path: Path, text: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        required(tmp_path, text)


def asked(folder: Path, text: str, order: Order = "deterministic") -> search.Search:
    folder.mkdir(exist_ok=True)
    sampler = search.named_sampler(own_code.write(folder, text)) if text else None
    return search.Search.of(
        fake.space(), fake.Planner(48), search.TrainerSpec(factory="support.fake_trainer:Trainer"), trials=4,
        periods=fake.PERIODS, order=order, sampler=sampler, results=folder / "results",
    )  # fmt: skip


@pytest.mark.slow
def test_a_sampler_without_a_seed_is_refused_with_a_way_out_before_a_search_that_has_to_repeat(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        search.require_repeatable(asked(tmp_path, own_code.UNSEEDED))
    words = str(caught.value)
    assert "asked again after the same history, in another process, it decides differently (#0: " in words
    assert words.endswith("requires this; `--order as-completed` does not (in Python, order='as-completed').")
    search.require_repeatable(asked(tmp_path, own_code.UNSEEDED, "as-completed"))
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_a_sampler_that_repeats_is_searched_with_as_if_it_had_not_been_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search.require_repeatable(checked := asked(tmp_path / "checked", own_code.SEEDED))
    assert checked.run().study.digest == asked(tmp_path / "at-once", own_code.SEEDED).run().study.digest
    monkeypatch.setattr("search.repeatability.rehearse", None)
    search.require_repeatable(asked(tmp_path, ""))  # built-in ones are not asked
