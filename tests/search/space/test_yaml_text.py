"""Hostile and ordinary YAML texts, and what is written as YAML."""

from __future__ import annotations

import math
import random
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from search.errors import SpaceError, UsageError
from search.space import yaml_text
from search.space.yaml_text import Origin, load, parse, to_yaml
from support.dose import dose

GOOD = """\
# a comment
name: conv
limits: {macs: 8e6, parameters: 500_000}
model:
  blocks: {int: [2, 3]}
  batchnorm: {choice: [none, "before_activation"]}
  filters: [8, 16]
phases:
  - epochs: 1
    lr: 1e-3
"""


OBEYED = [
    *rb"&a |*a|!!python/object:os.system |!tag |<<: |? |- |: |{|}|[|]|# |'|\|1e-3|.nan|~|@|`".split(b"|"),
    *(b"|\n", b">-\n", b"---\n", b"...\n", b"%YAML 1.1\n", b"name: conv\n", b"\t", b"\r", b'"', b"9" * 400),
    *(b"\0", b"\xff", b"\xc2\x85", b"\xef\xbb\xbf", b"\xe2\x80\xa8"),
]


TABS = ["name:\tt", "name:\t t\t", "name: t\t# ours", "name: t\t", "- a\n-\tb", "a: {b:\t1,\tc: 2}"]
"""Texts in which blanks may stand in place of the tabs."""


def message_of(text: str | bytes) -> str:
    with pytest.raises(SpaceError) as caught:
        parse(text, "f.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("8e6", 8e6),
        (".5", 0.5),
        ("500_000", 500_000),
        ("0123", 123),
        ("0o17", 15),
        ("0x1F", 31),
        ("no", "no"),
        ("1:30", "1:30"),
        ("2001-01-01", "2001-01-01"),
        ("~", None),
        ("", None),
        ("True", True),
        ("'1'", "1"),
        ('"true"', "true"),
        ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)
def test_plain_values_follow_the_core_schema(text: str, value: Any) -> None:
    found = parse(f"key: {text}", "f.yaml").value["key"]
    assert (found, type(found)) == (value, type(value))


def test_positions_of_keys_and_values() -> None:
    read = parse(GOOD, "f.yaml")
    assert read.keys[("model", "blocks")] == (5, 3)
    assert read.values[("model", "blocks")] == (5, 11)
    assert read.values[("model", "blocks", "int", 1)] == (5, 21)
    assert read.values[("phases", 0, "lr")] == (10, 9)
    assert str(Origin(read, ("model",)).problem("too many", "blocks", "int", 9)) == "f.yaml:5:17  too many"
    assert str(Origin(read).problem("odd", "model", "blocks", at_key=True)) == "f.yaml:5:3  odd"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x 1", "f.yaml:1:4  anchor &x"),
        ("a: 1\nb: *x", "f.yaml:2:4  alias *x"),
        ("a: !!python/object:os.system x", "f.yaml:1:4  a YAML tag"),
        ("<<: {a: 1}", "f.yaml:1:1  merge key"),
        ("a: 1\na: 2", "f.yaml:2:1  duplicate key a; it is already in line 1, column 1"),
        ("a: {b: 1, b: 2}", "f.yaml:1:11  duplicate key b"),
        ("1: a", "f.yaml:1:1  key 1 is not text"),
        ("? [1]\n: 2", "a list or mapping as a key"),
        ("a: .nan", "f.yaml:1:4  .nan is not a finite number"),
        ("a: 1e999", "not a finite number"),
        ("a: 9007199254740993", "too large; the largest integer"),
        ("a: 1\n---\nb: 2", "f.yaml:2:1  a second document"),
        ("%YAML 1.1\n---\na: 1", "a YAML directive"),
        ("a: [1, 2", "f.yaml:1:4  not valid YAML: expected ',' or ']', but got '<stream end>'; what is open was"),
        ("a:\n  b: [8, 16\nc:\n  d: 3", "but got ':'; what is open was opened in 2:6"),
        ("a: 'x", "f.yaml:1:4  not valid YAML: found unexpected end of stream"),
        ("a:\n\tb: 1", "f.yaml:2:1  not valid YAML: a tab; indent with spaces"),
        ("a: b: c", "f.yaml:1:5  not valid YAML"),
        ("a: 1\nb: \x1b[31m", "f.yaml:2:4  control character U+001B"),
        ('a: "\\0"', "f.yaml:1:4  character U+0000 inside a text"),
        ('a: 1\nb: "\\UFFFFFFFF"', "f.yaml:2:1  not valid YAML after this"),
        ("%YAML 1." + "9" * 5000 + "\n---\na: 1", "f.yaml:1:1  not valid YAML after this"),
        (b"a: 1\nb: \xff", "f.yaml:2:4  not UTF-8"),
        ("\ud800", "not UTF-8"),
        ("[" * 100_000, "f.yaml:1:22  nested deeper than 20 levels"),
        ("- " * 100_000, "nested deeper than 20 levels"),
        ("a: [" + "1," * 100_000 + "]", "more than 10000 keys and values"),
        ("#" * 300_000, "larger than 256 kB"),
    ],
)
def test_what_is_refused(text: str | bytes, expected: str) -> None:
    assert expected in message_of(text)


def test_all_faults_are_reported_in_order_up_to_a_limit() -> None:
    lines = message_of("a: &x 1\nb: .nan\na: 2\n3: 4").splitlines()
    assert [line.split()[0] for line in lines] == ["f.yaml:1:4", "f.yaml:2:4", "f.yaml:3:1", "f.yaml:4:1"]
    assert len(message_of("{" + "a: 1, " * 5_000 + "}").splitlines()) == yaml_text.MAX_PROBLEMS


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"\xef\xbb\xbfa: 1", {"a": 1}),
        ("a: 'x\ty'", {"a": "x\ty"}),
        *((text, parse(text.replace("\t", " "), "").value) for text in TABS),
    ],
)
def test_what_is_no_fault(text: str | bytes, value: Any) -> None:
    assert parse(text, "f.yaml").value == value


def test_twenty_levels_are_allowed_and_an_empty_value_stands_where_its_key_does() -> None:
    assert parse("[" * 20 + "]" * 20, "f.yaml").value
    assert parse("a:\n\nb: 1", "f.yaml").values["a",] == (1, 1)


def test_load_names_the_file_and_reads_no_more_than_it_may(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("a: 1")
    assert load(file).source == str(file)
    for path, why in (
        (tmp_path / "none.yaml", "No such file"),
        (tmp_path, "Is a directory"),
        (Path("a\0b"), "embedded null byte"),
    ):
        with pytest.raises(UsageError, match=f"cannot be read: {why}"):
            load(path)
    with file.open("wb") as sparse:
        sparse.truncate(10_000_000_000)
    with pytest.raises(SpaceError, match="larger than 256 kB"):
        load(file)


def parses_or_refuses(data: str | bytes) -> None:
    try:
        read = parse(data, "f.yaml")
    except SpaceError as error:
        places = [(problem.line, problem.column) for problem in error.problems]
    else:
        places = [read.values.get((), (1, 1))]
        assert_plain(read.value)
    assert places
    assert all(line >= 1 and column >= 1 for line, column in places)


def assert_plain(value: Any) -> None:
    if isinstance(value, dict):
        assert all(type(key) is str for key in value)
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            assert_plain(item)
    else:
        assert type(value) in (type(None), bool, int, float, str)
        assert not isinstance(value, float) or math.isfinite(value)


ODD = st.text(alphabet="ab01.:-[]{}&*!?|>#'\"\\%@`,~<\n\t \0\x85\u2028e_xno", max_size=60)


@given(st.text() | ODD | st.binary(max_size=60))
@settings(max_examples=dose(400))
def test_any_text_and_any_bytes_parse_or_are_refused(data: str | bytes) -> None:
    parses_or_refuses(data)


@pytest.mark.slow
@pytest.mark.dosed
def test_ten_thousand_mutated_files_parse_or_are_refused() -> None:
    draws = random.Random(0)
    for _ in range(dose(10_000)):
        parses_or_refuses(mutated(GOOD.encode(), draws))


def mutated(content: bytes, draws: random.Random) -> bytes:
    """Return a file with up to eight parts cut out, doubled, reversed, overwritten or replaced by what YAML obeys."""
    for _ in range(draws.randrange(1, 9)):
        start = draws.randrange(len(content) + 1)
        end = min(len(content), start + draws.randrange(40))
        part = content[start:end]
        new = draws.choice([b"", part * 2, part[::-1], draws.randbytes(len(part)), draws.choice(OBEYED)])
        content = content[:start] + new + content[end:]
    return content


@pytest.mark.parametrize(
    "text",
    [
        "a: '" + "x" * 250_000 + "'",
        "a: b\n " + "c\n " * 80_000,
        "\n" * 250_000,
        'a: "' + "\\x41" * 60_000 + '"',
        "a: " + "1" * 250_000,
        "a: 0x" + "f" * 250_000,
        "{" * 250_000,
        "? " * 120_000,
        "a: [" + "x " * 120_000 + "]",
        "".join(f"k{i}: {{}}\n" for i in range(20_000)),
    ],
    ids=lambda text: text[:8].strip() + "...",
)
def test_large_files_take_little_time(text: str) -> None:
    start = time.process_time()
    parses_or_refuses(text)
    assert time.process_time() - start < 3


ANY = st.text(max_size=9)
READABLE = st.text(st.characters(exclude_categories=("Cc", "Cn", "Cs", "Zl", "Zp")), max_size=9)
"""Of what the reader takes, quoted or not; among it are marks that turn the direction of text."""


def written_values(key: str, value: str) -> dict[str, object]:
    return {"name": value, "lists": {"choice": [value, key]}, "more": {key: value}}


@given(key=ANY, value=ANY)
def test_nothing_that_a_terminal_obeys_is_written(key: str, value: str) -> None:
    written = to_yaml(written_values(key, value))
    assert all(character == "\n" or character.isprintable() for character in written)
    assert written.count("\n") == 5


@given(key=READABLE, value=READABLE)
def test_what_is_written_is_read_as_it_was(key: str, value: str) -> None:
    assert parse(to_yaml(written_values(key, value)), "written.yaml").value == written_values(key, value)


def test_letters_and_signs_stay_what_they_are() -> None:
    assert to_yaml({"name": "\x1b\x9b2J\u202egrün 🙂\U000e0001"}) == (
        'name: "\\u001b\\u009b2J\\u202egrün 🙂\\U000e0001"\n'
    )
