"""Whether a sampler or a pruner is repeatable: the rows that tell, for code that is and code that is not."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from search.errors import OutsideRangeError, PluginError, UsageError
from search.repeatability.check import Checked, TriedOn, examine, require
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


def holding(found: Checked) -> dict[str, bool | None]:
    return {row.what: row.holds for row in found.rows}


@pytest.fixture
def in_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search with two workers instead of eight."""
    monkeypatch.setattr("search.repeatability.check.WORKERS", 2)


@pytest.mark.slow
@pytest.mark.usefixtures("log_alone", "in_a_moment")
@pytest.mark.parametrize("text", [own_code.SEEDED, own_code.COUNTING, own_code.PRUNER])
def test_what_is_repeatable_holds_every_row(tmp_path: Path, text: str) -> None:
    found = examine(own(tmp_path, text), TRIED_ON)
    assert holding(found) == dict.fromkeys(holding(found), True)
    assert found.repeatable
    assert len(found.rows) == 5
    required(own(tmp_path, text))


@pytest.mark.slow
@pytest.mark.usefixtures("log_alone", "in_a_moment")
def test_what_draws_without_a_seed_holds_none_but_the_space(tmp_path: Path) -> None:
    found = examine(own(tmp_path, own_code.UNSEEDED), TRIED_ON)
    assert list(holding(found).values()) == [False, False, False, False, True]
    assert not found.repeatable
    assert found.rows[0].found.startswith("#0: ")
    assert "each value of 50 in its range; " in found.rows[-1].found


@pytest.mark.slow
@pytest.mark.usefixtures("log_alone", "in_a_moment")
def test_what_goes_by_hashes_of_texts_is_told_by_another_process(tmp_path: Path) -> None:
    found = examine(own(tmp_path, own_code.HASHING), TRIED_ON)
    assert list(holding(found).values()) == [True, True, False, True, True]


@pytest.mark.slow
@pytest.mark.usefixtures("log_alone", "in_a_moment")
def test_what_remembers_in_its_class_is_told_by_a_restart(tmp_path: Path) -> None:
    found = examine(own(tmp_path, own_code.REMEMBERING), TRIED_ON)
    assert not found.repeatable
    assert holding(found)["after a restart"] is False


@pytest.mark.usefixtures("log_alone")
def test_what_leaves_the_space_is_told_by_name_and_value(tmp_path: Path) -> None:
    found = examine(own(tmp_path, own_code.STRAYING), TRIED_ON)
    assert list(holding(found).values()) == [None, None, None, None, False]
    assert not found.repeatable
    assert "proposed 4096 for model.width" in found.rows[-1].found
    with pytest.raises(OutsideRangeError):
        required(own(tmp_path, own_code.STRAYING))


def test_what_raises_ends_the_check_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=rf"raised LookupError: .*mine\.py:{own_code.RAISING_LINE}\)\.$"):
        examine(own(tmp_path, own_code.RAISING), TRIED_ON)


def test_before_a_search_what_is_not_repeatable_is_refused_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        required(own(tmp_path, own_code.UNSEEDED))
    words = str(caught.value)
    assert "not repeatable: asked again after the same history, it decides differently (#0: " in words
    assert "`--order as-completed` does not, and `mnist-bench plugin check " in words


def test_the_command_that_tells_more_can_be_typed(tmp_path: Path) -> None:
    folder = tmp_path / "yours and mine"
    folder.mkdir()
    takes_options = own_code.UNSEEDED.replace(
        "    def sample", "    def __init__(self, share):\n        ...\n\n    def sample"
    )
    name = own_code.write(folder, takes_options)
    tried_on = replace(TRIED_ON, seed=7, words=("--space", "smoke", "--set", "optim.lr=[1, 2]"))
    with pytest.raises(UsageError) as caught:
        require(registry.named_sampler(name, {"share": "1"}), NoPruner(), tried_on)
    *_, command, last = str(caught.value).split("`")
    assert last == " reports more."
    assert shlex.split(command) == [
        "mnist-bench", "plugin", "check", name, "--sampler-option", 'share="1"', "--space", "smoke",
        "--set", "optim.lr=[1, 2]", "--seed", "7",
    ]  # fmt: skip


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
