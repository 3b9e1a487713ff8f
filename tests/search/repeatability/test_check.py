"""A search takes a sampler or a pruner that is repeatable, and refuses one that is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.errors import OutsideRangeError, PluginError, UsageError
from search.repeatability.check import TriedOn, require
from search.strategies import registry
from search.strategies.pruners import ForeignPruner, NoPruner
from search.strategies.samplers import ForeignSampler, Random
from support import own_code, search_fake as fake

TRIED_ON = TriedOn(space=fake.space(), planner=fake.Planner(48), periods=fake.PERIODS)


def own(folder: Path, text: str) -> ForeignSampler | ForeignPruner:
    return registry.of_code(own_code.write(folder, text))


def required(way: ForeignSampler | ForeignPruner) -> None:
    if isinstance(way, ForeignSampler):
        require(way, NoPruner(), TRIED_ON)
    else:
        require(Random(), way, TRIED_ON)


@pytest.mark.slow
@pytest.mark.usefixtures("log_alone")
@pytest.mark.parametrize("text", [own_code.SEEDED, own_code.COUNTING, own_code.PRUNER])
def test_what_is_repeatable_is_taken(tmp_path: Path, text: str) -> None:
    required(own(tmp_path, text))


@pytest.mark.usefixtures("log_alone")
def test_what_remembers_in_its_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not repeatable: asked again after the same history"):
        required(own(tmp_path, own_code.REMEMBERING))


@pytest.mark.usefixtures("log_alone")
def test_what_leaves_the_space_is_told_by_name_and_value(tmp_path: Path) -> None:
    with pytest.raises(OutsideRangeError, match=r"proposed 4096 for model\.width"):
        required(own(tmp_path, own_code.STRAYING))


def test_what_raises_ends_the_check_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=rf"raised LookupError: .*mine\.py:{own_code.RAISING_LINE}\)\.$"):
        required(own(tmp_path, own_code.RAISING))


def test_before_a_search_what_is_not_repeatable_is_refused_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        required(own(tmp_path, own_code.UNSEEDED))
    words = str(caught.value)
    assert "not repeatable: asked again after the same history, it decides differently (#0: " in words
    assert words.endswith("requires this; `--order as-completed` does not (in Python, order='as-completed').")


def test_a_system_attribute_that_is_no_json_is_refused_as_in_a_search(tmp_path: Path) -> None:
    noting = own_code.SEEDED.replace(
        "        done =", "        study._storage.set_trial_system_attr(trial._trial_id, 'x', {1, 2})\n        done ="
    )
    with pytest.raises(UsageError, match=r"^System attributes that a sampler or pruner has set on trial 0 cannot be"):
        required(own(tmp_path, noting))


@pytest.mark.slow
def test_before_a_search_another_process_is_asked_too(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"not repeatable: asked in another process after the same history"):
        required(own(tmp_path, own_code.HASHING))


@pytest.mark.usefixtures("log_alone")
def test_what_prints_and_breaks_no_line_is_checked_like_others(tmp_path: Path) -> None:
    text = own_code.SEEDED.replace("        done = [", "        print('.', end='')\n        done = [")
    assert text != own_code.SEEDED
    required(own(tmp_path, f"import atexit\n{text}\natexit.register(print, 'farewell', end='')\n"))


def test_what_is_built_in_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.repeatability.check.rehearse", None)
    require(Random(), NoPruner(), TRIED_ON)
