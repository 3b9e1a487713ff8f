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
Reader = Callable[[str, str], object]


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        (seconds, "90s", 90),
        (seconds, "15m", 900),
        (seconds, "1.5 h", 5400),
        (seconds, "45", 45),
        (share_or_number, "0.1%", 0.001),
        (share_or_number, " 99.4 % ", 0.994),
        (share_or_number, "0.994", 0.994),
        (share_or_number, "-12.5", -12.5),
        (strategies, "tpe, random,tpe", ("tpe", "random")),
        (strategies, "tpe,{name: curves, n: 5}", ("tpe", {"name": "curves", "n": 5})),
    ],
)
def test_what_a_text_says(read: Reader, text: str, expected: object) -> None:
    assert read("--option", text) == expected


@pytest.mark.parametrize(
    ("read", "texts", "words"),
    [
        (seconds, ["", "m", "15x", "-1m", "1e3", "9" * 400, "٣m"], r"not a duration; write 90s, 15m or 1h\."),
        (
            share_or_number,
            ["", "%", "nan", "inf", "snan", "99,4%", "5%%", "1e999999999"],
            r"not a number; write 99\.4%, 0\.994 or -12\.5\.",
        ),
    ],
)
def test_what_a_text_does_not_say_is_one_sentence(read: Reader, texts: list[str], words: str) -> None:
    for text in texts:
        with pytest.raises(UsageError, match=f"^--option .*: {words}$"):
            read("--option", text)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--trials", "abc", "abc is not an integer from 1 to 1000000000; for example 50."),
        ("--patience", "0", "0 is not an integer of at least 1; for example 1."),
        ("--seed", "-1", "-1 is not an integer from 0 to 4294967295; for example 0."),
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


@given(st.text(max_size=12) | st.floats().map(str) | st.floats().map("{}%".format))
def test_what_is_read_is_finite(text: str) -> None:
    with suppress(UsageError):
        assert math.isfinite(share_or_number("--target", text))
