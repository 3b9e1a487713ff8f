"""Files that somebody made to do harm: refused in one sentence, in little time and memory."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from mnist_bench.config.settings import ModelConfig, TrainConfig
from mnist_bench.config.values import to_json
from mnist_bench.data import idx
from mnist_bench.errors import DataError, WeightsError
from mnist_bench.experiments import ablation as ablation, confirmed as confirmed
from mnist_bench.experiments.confirmed import Front
from mnist_bench.prediction import model
from mnist_bench.studies import record
from mnist_bench.studies.kept_files import KEY, seal
from mnist_bench.training.weights import model_in
from search.errors import SearchError
from search.study import checkpoint_store
from support import handmade
from support.dose import dose
from support.experiments import FRONT, PATH, found

MEGABYTES = 300
"""More than any of these files may take."""
IN_A_FOLDER = settings(max_examples=dose(150), suppress_health_check=[HealthCheck.function_scoped_fixture])

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@contextmanager
def cheaply() -> Iterator[None]:
    """Check that what is done within takes neither seconds nor much memory beyond what was taken before."""
    # 5 lets the peak begin anew: the peak of a whole life would hide all that is below what an earlier test took.
    Path("/proc/self/clear_refs").write_text("5")
    start, before = time.process_time(), peak()
    yield
    assert time.process_time() - start < 3
    assert peak() - before < MEGABYTES * 1024


def peak() -> int:
    """Return the most kilobytes that this process has had in memory."""
    (found,) = re.findall(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found)


def refusal(read: Callable[[], object]) -> str | None:
    """Return the sentence in which a file is refused; None where it is read."""
    try:
        read()
    except SearchError as error:
        return str(error)
    return None


# Weights: a safetensors file is the length of its header in eight little-endian bytes, the header in JSON, the tensors.

CONFIG = TrainConfig(model=ModelConfig(blocks=0, hidden_layers=0))
TENSORS = {"1.weight": ([10, 784], 31360), "1.bias": ([10], 40)}


def safetensors(header: Any, body: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + body


def tensor(start: int, end: int, **changes: Any) -> dict[str, Any]:
    """Return the entry of a tensor of single floats between two offsets."""
    return {"dtype": "F32", "shape": [(end - start) // 4], "data_offsets": [start, end], **changes}


def header(config: Any = None, **changes: Any) -> dict[str, Any]:
    """Return the header of a file that holds a linear net, with some entries changed."""
    made: dict[str, Any] = {"__metadata__": {"config": json.dumps(config or to_json(CONFIG))}}
    end = 0
    for name, (shape, size) in TENSORS.items():
        made[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end := end + size]}
    return {**made, **changes}


BODY = bytes(31400)
WEIGHT = {"dtype": "F32", "shape": [10, 784], "data_offsets": [0, 31360]}
LARGE = {**to_json(CONFIG), "model": {**to_json(CONFIG)["model"], "hidden_layers": 4, "hidden_units": 4096}}
CRAFTED = {
    "a header beyond the file": safetensors(header(), BODY, 2**63),
    "a header of most of 64 bits": b"\xff" * 8 + b"{" * 100,
    "no header": b"\0" * 8,
    "a header that is nested deeply": safetensors(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "a header of a hundred thousand tensors": safetensors({f"t{n}": WEIGHT for n in range(100_000)}, BODY),
    "negative offsets": safetensors(header(**{"1.bias": {**WEIGHT, "data_offsets": [-40, 0]}}), BODY),
    "overlapping tensors": safetensors(header(**{"1.bias": tensor(0, 40)}), BODY),
    "offsets beyond the file": safetensors(header(**{"1.bias": {**WEIGHT, "data_offsets": [31360, 2**62]}}), BODY),
    "another dtype": safetensors(header(**{"1.weight": {**WEIGHT, "dtype": "I32"}}), BODY),
    "an unknown dtype": safetensors(header(**{"1.weight": {**WEIGHT, "dtype": "OBJECT"}}), BODY),
    "another shape": safetensors(header(**{"1.weight": {**WEIGHT, "shape": [784, 10]}}), BODY),
    "a shape whose size overflows": safetensors(header(**{"1.weight": {**WEIGHT, "shape": [2**32] * 3}}), BODY),
    "no configuration": safetensors({**header(), "__metadata__": {}}, BODY),
    "a configuration that is no JSON": safetensors({**header(), "__metadata__": {"config": "{"}}, BODY),
    "a configuration that is nested deeply": safetensors({**header(), "__metadata__": {"config": "[" * 100_000}}, BODY),
    "a configuration of gigabytes": safetensors(header(LARGE), BODY),
    "metadata that are no text": safetensors({**header(), "__metadata__": {"config": {"a": 1}}}, BODY),
    "a tensor too many": safetensors(header(**{"2.bias": tensor(31400, 31404)}), BODY + bytes(4)),
}  # fmt: skip


def test_the_file_that_the_crafted_ones_are_made_from_is_whole() -> None:
    assert model_in(safetensors(header(), BODY), "whole")


@pytest.mark.parametrize("content", CRAFTED.values(), ids=CRAFTED.keys())
def test_crafted_weights_are_refused(content: bytes) -> None:
    with cheaply(), pytest.raises(WeightsError, match=r"^crafted: not a file of exported weights .*\)\.$"):
        model_in(content, "crafted")


entries = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "F64", "I8", "BF16", "BOOL", "x"]),
        "shape": st.lists(st.integers(-1, 2**40) | st.sampled_from([1, 10, 784]), max_size=3),
        "data_offsets": st.lists(st.integers(-1, 40_000) | st.just(2**63), min_size=1, max_size=3),
    }
)


@given(
    changes=st.dictionaries(st.sampled_from(["1.weight", "1.bias", "x", "__metadata__"]), entries | json_values),
    body=st.sampled_from([BODY, BODY[:-1], b"", BODY * 2]),
    length=st.none() | st.integers(0, 2**64 - 1) | st.integers(0, 400),
)
@settings(max_examples=dose(300))
def test_any_header_is_taken_or_refused(changes: dict[str, Any], body: bytes, length: int | None) -> None:
    with cheaply():
        told = refusal(lambda: model_in(safetensors(header(**changes), body, length), "any"))
    assert told is None or told.startswith("any: not a file of exported weights")


GIGABYTE = 10**9


def promising(size: int, config: Any = None) -> bytes:
    """Return a header that promises a file of this size, by one tensor beyond those of its net."""
    text = json.dumps(header(config, x=tensor(31_400, size - 5008))).encode()
    return safetensors(text.ljust(5000))


PADDED = {
    "nothing but zeros": b"",
    "a whole file and zeros": safetensors(header(), BODY),
    "a header of a gigabyte": safetensors(header(), b"", GIGABYTE - 8),
    "a tensor too many": promising(GIGABYTE),
}
"""Beginnings of files of a gigabyte; the rest is a hole, which takes no room."""


@pytest.mark.parametrize("start", PADDED.values(), ids=PADDED.keys())
def test_a_gigabyte_is_refused_by_its_header(tmp_path: Path, start: bytes) -> None:
    path = sparse(tmp_path / "model.safetensors", start, GIGABYTE)
    with cheaply(), pytest.raises(WeightsError, match=r"model\.safetensors: not a file of exported weights \("):
        model.load_model(path)
    with cheaply():
        assert not model.is_export(tmp_path)


def test_a_net_of_more_than_a_gigabyte_is_refused(tmp_path: Path) -> None:
    huge = {**to_json(CONFIG), "model": {**to_json(CONFIG)["model"], "hidden_layers": 4, "hidden_units": 65_536}}
    with cheaply(), pytest.raises(WeightsError, match="not a file of exported weights"):
        model.load_model(sparse(tmp_path / "0.safetensors", promising(1 << 40, huge)))


def test_what_is_no_file_is_neither_read_nor_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.safetensors")
    for path in (tmp_path / "model.safetensors", Path("/dev/zero")):
        with cheaply(), pytest.raises(WeightsError, match="pipe or a device"):
            model.load_model(path)
    assert not model.is_export(tmp_path)


@pytest.mark.parametrize("metadata", [[], 1, None, {"config": "[]"}, {"config": "1"}, {"config": "{}"}], ids=str)
def test_metadata_of_any_kind_are_refused(tmp_path: Path, metadata: object) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors({**header(), "__metadata__": metadata}, BODY))
    with pytest.raises(WeightsError, match="not a file of exported weights"):
        model.load_model(path)
    assert not model.is_export(tmp_path)


def sparse(path: Path, start: bytes = b"", size: int = 1 << 40) -> Path:
    """Make a file of this size that begins so, and takes no room."""
    path.write_bytes(start)
    os.truncate(path, size)
    return path


# Data files


def encoded(*shape: int, magic: int = 0x0803, body: bytes = b"") -> bytes:
    return struct.pack(f">I{len(shape)}I", magic, *shape) + body


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (encoded(1 << 28, 2, 2) + bytes(100), r"is cut off; its header declares 1,073,741,824 values"),
        (encoded(2**32 - 1, 2**32 - 1, 2**32 - 1), "at most"),
        (encoded(0, 2**32 - 1, 2**32 - 1, body=b"x"), "has bytes after its last value"),
        (encoded(10, magic=0x0802), "not an IDX file"),
        (encoded(10, magic=0x0901), "not an IDX file"),
        (encoded(10, magic=0x0801)[:5], "is cut off in its header"),
    ],
    ids=["promises too much", "promises more than can be", "nothing times much", "two dimensions", "signed bytes",
         "a short header"],
)  # fmt: skip
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_crafted_data_files_are_refused(tmp_path: Path, content: bytes, words: str, ending: str) -> None:
    path = tmp_path / f"images{ending}"
    path.write_bytes(gzip.compress(content, compresslevel=1) if ending else content)
    with cheaply(), pytest.raises(DataError, match=words):
        idx.read(path)


@pytest.fixture(params=["", ".gz"])
def bomb(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Return a file of ten labels and a gigabyte after its header, which takes little room and no time to make."""
    path = tmp_path / f"labels{request.param}"
    header = encoded(10, magic=0x0801)
    if request.param:
        path.write_bytes(gzip.compress(header) + gzip.compress(bytes(10**7)) * 100)  # read as one stream
    else:
        path.write_bytes(header)
        os.truncate(path, 10**9)
    return path


def test_a_bomb_is_unpacked_no_further_than_its_header_promises(bomb: Path) -> None:
    with cheaply(), pytest.raises(DataError, match="has bytes after its last value"):
        idx.read(bomb)


@given(
    magic=st.integers(0, 2**32 - 1) | st.sampled_from([0x0801, 0x0803]),
    shape=st.lists(st.integers(0, 3) | st.integers(0, 2**32 - 1), min_size=1, max_size=3),
    body=st.binary(max_size=40),
    zipped=st.booleans(),
    cut=st.integers(0, 60),
)
@IN_A_FOLDER
def test_any_data_file_is_read_or_refused(
    tmp_path: Path, magic: int, shape: list[int], body: bytes, zipped: bool, cut: int
) -> None:
    content = encoded(*shape, magic=magic, body=body)
    path = tmp_path / ("any.gz" if zipped else "any")
    path.write_bytes(gzip.compress(content)[: 200 - cut] if zipped else content[: 60 - cut])
    with cheaply():
        told = refusal(lambda: idx.read(path))
    assert str(path) in told if told else idx.read(path).size <= 40


# What commands keep, sealed as they seal it: whoever can write it can seal it too.


def a_record() -> dict[str, Any]:
    return record.to_json(record.record_of(handmade.mixed(), handmade.mixed().trials[1]))


KEPT: dict[str, tuple[Callable[[], dict[str, Any]], str, Callable[[Path], Any]]] = {
    "record": (a_record, "RECORD.json", lambda folder: record.read(folder / "RECORD.json")),
    "confirmation": (lambda: asdict(found()), "confirm/confirm.json", partial(confirmed.load, confirmed.Confirmed)),
    "front": (lambda: asdict(FRONT), "confirm/front.json", partial(confirmed.load, Front)),
    "ablation": (lambda: asdict(PATH), "ablation/ablation.json", ablation.load),
}  # fmt: skip


NO_JSON = [
    "[" * 100_000, '{"a":' * 100_000, '{"seed": NaN}', '{"seconds": 1e999}', "9" * 5000, '{"\ud800": 1}', "", "null",
    '{"sha256": "x"}',
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("confirm", "ablation"):
        (tmp_path / name).mkdir()
    return tmp_path


def refused(folder: Path, name: str, text: str) -> bool:
    """Return whether a file with this text is refused, then in one line."""
    _, file, read = KEPT[name]
    (folder / file).write_text(text, errors="surrogatepass")
    with cheaply():
        told = refusal(lambda: read(folder))
    assert told is None or len(told.splitlines()) == 1
    return told is not None


@pytest.mark.parametrize("name", KEPT)
@given(data=st.data())
@IN_A_FOLDER
def test_any_value_in_any_field_is_read_or_refused(folder: Path, name: str, data: st.DataObject) -> None:
    made = KEPT[name][0]()
    field = data.draw(st.sampled_from(sorted(made)))
    changed = {**made, field: data.draw(json_values)}
    try:
        sealed = json.dumps(seal(changed))
    except ValueError:  # a number that is not finite has no SHA-256
        sealed = json.dumps({key: value for key, value in changed.items() if key != KEY})
    refused(folder, name, sealed)


@pytest.mark.parametrize("name", sorted(KEPT.keys() - {"time spent"}))
@pytest.mark.parametrize("text", NO_JSON, ids=lambda text: ascii(text[:9]))
def test_what_is_no_plain_json_is_refused(folder: Path, name: str, text: str) -> None:
    assert refused(folder, name, text)


@pytest.mark.parametrize("name", KEPT)
def test_a_file_of_a_terabyte_is_refused(folder: Path, name: str) -> None:
    _, file, read = KEPT[name]
    sparse(folder / file)
    with cheaply():
        told = refusal(lambda: read(folder))
    assert (told is None) == (name == "time spent")  # which begins anew


# Checkpoints, with the hash that belongs to them.


@given(
    header=json_values | st.just({"value": 1}) | st.just({}),
    rest=st.binary(max_size=20),
    length=st.none() | st.integers(0, 2**64 - 1),
)
@IN_A_FOLDER
def test_any_checkpoint_is_read_or_not_believed(tmp_path: Path, header: Any, rest: bytes, length: int | None) -> None:
    text = json.dumps(header).encode()
    body = (len(text) if length is None else length).to_bytes(8, "big") + text + rest
    path = tmp_path / "0-1.state"
    path.write_bytes(hashlib.sha256(body).digest() + body)
    assert checkpoint_store.read(path) is None
