from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st
from typer.testing import Result

from mnist_bench.cli import options
from search.errors import UsageError

Cli = Callable[..., Result]


def seconds(text: str, least: float = 0.0) -> float:
    parser = options.time("--time", "Help.", least=least).parser
    assert parser is not None
    found: float = parser(text)
    return found


@pytest.mark.parametrize(
    ("text", "expected"), [("90s", 90), ("15m", 900), ("1h", 3600), ("45", 45), ("1.5 h", 5400), ("0", 0)]
)
def test_times(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    ("text", "least"), [*((text, 0) for text in ("", "m", "15x", "-1m", "1e3", "9" * 400, "٣m")), ("0s", 1)]
)
def test_what_is_no_time_or_less_than_the_least_is_one_sentence(text: str, least: float) -> None:
    kind = "positive duration" if least else "duration"
    with pytest.raises(UsageError, match=rf"^--time .*: not a {kind}; write 90s, 15m or 1h\.$"):
        seconds(text, least)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--trials", "abc", "abc is not a whole number of at least 1; for example 50."),
        ("--trials", "0", "0 is not a whole number of at least 1; for example 50."),
        ("--seed", "-1", "-1 is not a whole number from 0 to 4294967295; for example 0."),
        ("--gpus-per-worker", "z", "z is not a number from 0 to 1; for example 0.0."),
        ("--order", "random", "'random' is not one of 'deterministic', 'as-completed'."),
        ("--timeout", "soon", "Error: --timeout soon: not a duration; write 90s, 15m or 1h."),
    ],
)
def test_a_value_that_will_not_do_is_named_with_one_that_would(cli: Cli, option: str, value: str, words: str) -> None:
    result = cli("search", "smoke", option, value)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith(f"{words}\n")


@pytest.mark.parametrize(
    ("text", "share"),
    [("5%", 0.05), ("99.4%", 0.994), (" 99.4 % ", 0.994), ("0.994", 0.994), ("1", 1), ("100%", 1), ("0.1%", 0.001)],
)
def test_shares(text: str, share: float) -> None:
    assert options.fraction(text) == share


@pytest.mark.parametrize(
    "text", ["", "%", "0", "-1%", "101%", "1.01", "nan", "inf", "snan", "99,4%", "5%%", "1e-999999999"]
)
def test_what_is_no_share_is_none(text: str) -> None:
    assert not options.fraction(text)


@given(st.text(max_size=12) | st.floats().map(str) | st.floats().map("{}%".format))
def test_a_share_is_above_zero_and_at_most_one_or_none(text: str) -> None:
    share = options.fraction(text)
    assert share is None or 0 < share <= 1
