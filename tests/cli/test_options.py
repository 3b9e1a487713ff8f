from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, strategies as st
from typer.testing import Result

from mnist_bench.options import seconds, share_or_number, strategies
from search.errors import UsageError

Cli = Callable[..., Result]


@pytest.mark.parametrize(
    ("text", "expected"), [("90s", 90), ("15m", 900), ("1h", 3600), ("45", 45), ("1.5 h", 5400), ("0", 0)]
)
def test_times(text: str, expected: float) -> None:
    assert seconds("--time", text) == expected


@pytest.mark.parametrize("text", ["", "m", "15x", "-1m", "1e3", "9" * 400, "٣m"])
def test_what_is_no_time_is_one_sentence(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--time .*: not a duration; write 90s, 15m or 1h\.$"):
        seconds("--time", text)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--trials", "abc", "abc is not a whole number from 1 to 1000000000; for example 50."),
        ("--patience", "0", "0 is not a whole number of at least 1; for example 1."),
        ("--seed", "-1", "-1 is not a whole number from 0 to 4294967295; for example 0."),
        ("--order", "random", "'random' is not one of 'deterministic', 'as-completed'."),
        ("--timeout", "soon", "Error: --timeout soon: not a duration; write 90s, 15m or 1h."),
        ("--trial-timeout", "0s", "Error: --trial-timeout 0s: give at least 1."),
        ("--sampler", "{a: 1}", "Error: sampler={'a': 1}: give a name, or a mapping of name and options."),
        ("--sampler", "{a", "Error: --sampler {a: give a name, or {name: NAME, option: 5}."),
    ],
)
def test_a_value_that_will_not_do_is_named_with_one_that_would(cli: Cli, option: str, value: str, words: str) -> None:
    result = cli("search", "smoke", option, value)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith(f"{words}\n")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5%", 0.05),
        ("99.4%", 0.994),
        (" 99.4 % ", 0.994),
        ("0.994", 0.994),
        ("1", 1),
        ("-12.5", -12.5),
        ("0.1%", 0.001),
    ],
)
def test_shares_and_numbers(text: str, number: float) -> None:
    assert share_or_number("--target", text) == number


@pytest.mark.parametrize("text", ["", "%", "nan", "inf", "snan", "99,4%", "5%%", "1e999999999"])
def test_what_is_neither_share_nor_number_is_one_sentence(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--target .*: not a number; write 99\.4%, 0\.994 or -12\.5\.$"):
        share_or_number("--target", text)


@given(st.text(max_size=12) | st.floats().map(str) | st.floats().map("{}%".format))
def test_what_is_read_is_finite(text: str) -> None:
    with suppress(UsageError):
        assert math.isfinite(share_or_number("--target", text))


def test_strategies_are_names_or_mappings() -> None:
    assert strategies("--samplers", "tpe, random,tpe") == ("tpe", "random")
    assert strategies("--samplers", "tpe,{name: curves, n: 5}") == ("tpe", {"name": "curves", "n": 5})
