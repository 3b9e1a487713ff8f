"""The SHA-256 inside a JSON object."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from mnist_bench.studies.sealed_json import KEY, seal, unseal

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


def test_tuples_and_numbers_for_keys_are_sealed_as_they_will_be_read() -> None:
    assert json.loads(unseal(json.dumps(seal({"a": (1, 2), "b": {10: 0.5, 9: 1.0}})))) == {
        "a": [1, 2],
        "b": {"10": 0.5, "9": 1.0},
    }


def test_what_has_no_seal_is_returned_as_it_is() -> None:
    assert unseal('{"by hand": 1}') == '{"by hand": 1}'


@pytest.mark.parametrize("text", ["", "[]", "7", "{", "[" * 100_000, '{"sha256": 1}', b"\xff"])
def test_what_is_no_sealed_object_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"it is|its content|Expecting|decode"):
        unseal(text)
