"""Which trials' weights are kept."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from mnist_bench.studies.kept_files import KEY, TOP, BestCheckpoints, check_kept, keep_weights, seal, unseal
from search.errors import UsageError
from search.event_log.records import TrialRecord
from search.study.folder import StudyFolder
from support import handmade


@pytest.fixture(autouse=True)
def plain_states(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a state be any bytes."""
    monkeypatch.setattr("mnist_bench.training.weights.export", lambda state, config: state)


def kept(folder: Path, trials: Sequence[TrialRecord], cost: str | None) -> list[int]:
    """Return the numbers of the weights kept after these trials ended one by one."""
    keep = BestCheckpoints(StudyFolder(folder), cost)
    for number, trial in enumerate(trials):
        keep(trial, f"{trial.number}".encode(), trials[: number + 1])
    for path in folder.glob("weights/*"):
        assert path.read_text() == path.stem
    return sorted(int(path.stem) for path in folder.glob("weights/*.safetensors"))


def ended(number: int, wrong: int, macs: int) -> TrialRecord:
    return handmade.trial(number, range(wrong), facts={"parameters": 1000, "macs": macs})


def test_the_most_accurate_are_kept_and_ties_go_to_the_first(tmp_path: Path) -> None:
    trials = [ended(n, wrong=20 - n // 2, macs=100 - n) for n in range(15)]
    assert kept(tmp_path, trials, None) == [4, *range(6, 15)]
    assert len(list(tmp_path.glob("weights/*"))) == TOP


def test_with_two_objectives_those_of_the_front_are_kept_too_while_they_are_on_it(tmp_path: Path) -> None:
    """#0 to #2 come after the ten most accurate; #2 is beaten by #1, which comes to be beaten by #13."""
    small = [ended(0, 90, 10), ended(1, 80, 20), ended(2, 85, 30)]
    accurate = [ended(n, n, 100 + n) for n in range(3, 13)]
    assert kept(tmp_path, [*small, *accurate], "macs") == [0, 1, *range(3, 13)]
    assert kept(tmp_path, [*small, *accurate, ended(13, 70, 15)], "macs") == [0, *range(3, 14)]


@pytest.mark.parametrize(
    ("names", "left"),
    [
        (("99.safetensors", "mine.safetensors", "99.txt"), {"mine.safetensors", "99.txt"}),
        ((".0.safetensors.0123456789abcdef", ".mine"), {".mine"}),  # the first a killed process left half written
    ],
)
def test_other_files_in_the_folder_stay(tmp_path: Path, names: tuple[str, ...], left: set[str]) -> None:
    (tmp_path / "weights").mkdir()
    for name in names:
        (tmp_path / "weights" / name).touch()
    BestCheckpoints(StudyFolder(tmp_path))(ended(0, 9, 9), b"0", [ended(0, 9, 9)])
    assert {path.name for path in tmp_path.glob("weights/*")} == {"0.safetensors", *left}


def test_weights_that_were_trained_again_lie_where_the_search_keeps_them(tmp_path: Path) -> None:
    trials = [ended(n, wrong=n, macs=1) for n in range(TOP + 1)]
    study = handmade.kept_in(tmp_path / "my results", handmade.study(trials))
    check_kept(study, trials[0])
    keep_weights(study, trials[0], b"0")
    assert study.files.weights_of(0).read_bytes() == b"0"
    advice = f"`mnist-bench export conv-0/{TOP} --to DIR --results '{tmp_path}/my results'` writes the network"
    with pytest.raises(UsageError, match=re.escape(advice)):
        check_kept(study, trials[TOP])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(values=st.dictionaries(st.text().filter(lambda key: key != KEY), json_values, max_size=4))
def test_what_is_sealed_is_read_and_what_is_added_to_it_is_not(values: dict[str, Any]) -> None:
    sealed = seal(values)
    assert json.loads(unseal(json.dumps(sealed))) == values
    assert seal(sealed) == sealed
    with pytest.raises(ValueError, match="it is damaged, or was changed by hand"):
        unseal(json.dumps({**sealed, "added": 1}))


def test_tuples_and_numbers_for_keys_are_sealed_as_they_will_be_read_and_what_has_no_seal_is_read_as_it_is() -> None:
    sealed = seal({"a": (1, 2), "b": {10: 0.5, 9: 1.0}})
    assert json.loads(unseal(json.dumps(sealed))) == {"a": [1, 2], "b": {"10": 0.5, "9": 1.0}}
    assert unseal('{"by hand": 1}') == '{"by hand": 1}'


@pytest.mark.parametrize("text", ["", "[]", "7", "{", "[" * 100_000, '{"sha256": 1}', b"\xff"])
def test_what_is_no_sealed_object_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"it is|its content|Expecting|decode"):
        unseal(text)
