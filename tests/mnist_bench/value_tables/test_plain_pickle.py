"""Files that pickle wrote: plain values are read as they are, and whatever else a file asks for is refused."""

from __future__ import annotations

import math
import os
import pickle
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, strategies as st

from mnist_bench.value_tables.plain_pickle import plain_values

NUMBERS = st.floats(allow_nan=False)
PLAIN = st.recursive(
    NUMBERS | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, min_size=2, max_size=4) | st.dictionaries(st.text(max_size=9), inner, min_size=2, max_size=4)
    ),
)


@given(PLAIN)
def test_plain_values_are_read_as_they_were_written(value: Any) -> None:
    assert plain_values(pickle.dumps(value, protocol=4)) == value


def test_what_occurs_many_times_is_one_value() -> None:
    names = [f"name {number}" for number in range(300)]  # beyond the 256 that one byte can refer to
    rows = [{name: [1.0, math.inf] for name in names} for _ in range(3)]
    assert plain_values(pickle.dumps(rows, protocol=4)) == rows


class Asking:
    """Asks whoever unpickles it to run a command."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch unpickled",)


@pytest.mark.parametrize(
    "value", [Asking(), [{"nested": Asking()}, 1.0], os.system, math.sin, b"bytes", 1j, {1.0}, (1.0, 2.0)]
)
def test_anything_else_is_refused(value: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(ValueError, match=r"^byte \d+ begins an instruction that makes no plain value$"):
            plain_values(pickle.dumps(value, protocol=protocol))
    assert list(tmp_path.iterdir()) == []


WHOLE = pickle.dumps({"first": [1.0, 2.0], "second": [3.0, 4.0]}, protocol=4)


@given(st.integers(0, len(WHOLE) - 1))
def test_what_is_cut_off_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=r"^damaged near byte \d+$"):
        plain_values(WHOLE[:length])


@given(st.integers(2, len(WHOLE) - 1), st.integers(0, 255))
def test_what_is_damaged_gives_a_value_or_a_sentence(place: int, byte: int) -> None:
    damaged = bytes([*WHOLE[:place], byte, *WHOLE[place + 1 :]])
    with suppress(ValueError):
        assert plain_values(damaged) is not None
