"""The check of own strategies for a search that was made in Python."""

from __future__ import annotations

from pathlib import Path

import pytest

import search
from search.errors import UsageError
from search.event_log.timeline import Order
from support import own_code, search_fake as fake

pytestmark = pytest.mark.slow


def asked(folder: Path, text: str, order: Order = "deterministic") -> search.Search:
    folder.mkdir(exist_ok=True)
    sampler = search.named_sampler(own_code.write(folder, text))
    return search.Search.of(
        fake.space(), fake.Planner(48), search.TrainerSpec(factory="support.fake_trainer:Trainer"), trials=4,
        periods=fake.PERIODS, order=order, sampler=sampler, results=folder / "results",
    )  # fmt: skip


def test_a_sampler_without_a_seed_is_refused_where_the_search_has_to_repeat(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not repeatable: asked again after the same history, it decides differently"):
        search.require_repeatable(asked(tmp_path, own_code.UNSEEDED))
    search.require_repeatable(asked(tmp_path, own_code.UNSEEDED, "as-completed"))
    assert not (tmp_path / "results").exists()


@pytest.mark.usefixtures("log_alone")
def test_a_sampler_that_repeats_is_searched_with_as_if_it_had_not_been_asked(tmp_path: Path) -> None:
    search.require_repeatable(checked := asked(tmp_path / "checked", own_code.SEEDED))
    assert checked.run().study.digest == asked(tmp_path / "at-once", own_code.SEEDED).run().study.digest


def test_built_in_strategies_are_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.repeatability.check.rehearse", None)
    trainer = search.TrainerSpec(factory="support.fake_trainer:Trainer")
    search.require_repeatable(
        search.Search.of(fake.space(), fake.Planner(), trainer, trials=1, periods=4, results=tmp_path)
    )
