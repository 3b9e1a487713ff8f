"""Thousands of random corruptions of everything that is read again: noticed before use, or without effect."""

from __future__ import annotations

import gzip
import random
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save

from mnist_bench.config.settings import ModelConfig, TrainConfig
from mnist_bench.config.values import to_json
from mnist_bench.data.choice import TRAIN_FILES, Data, DataOptions
from mnist_bench.data.mnist import load_training_set
from mnist_bench.experiments import ablation as ablation, confirmed as confirmed
from mnist_bench.experiments.confirmed import Front
from mnist_bench.nets.modules import build_model
from mnist_bench.studies import checked, kept_files, record
from mnist_bench.training.weights import check_trial, export, model_in, weights_hash
from search.errors import SearchError
from search.event_log.records import TrialRecord
from search.study.checkpoint_store import CheckpointStore
from support import handmade, own_data, search_fake as fake
from support.dose import dose
from support.experiments import FRONT, PATH, found, keep
from support.paths import DATABASE

CORRUPTIONS = 112
"""Of each kind of file."""
FLIPS, DIGITS = 2000, 500
"""Flipped bits anywhere in the database of a study, and changed digits in its event log, in the full dose."""


@dataclass(frozen=True)
class Written:
    """A file, and how it is read: what is read of it, nothing, or an error for the user."""

    path: Path
    read: Callable[[], Any]


def checkpoint(folder: Path) -> Written:
    store = CheckpointStore(folder / "states")
    store.put(3, 2, handmade.report(2, [1, 2, 3], last=True), bytes(range(256)) * 8)
    return Written(folder / "states" / "3-2.state", lambda: store.get(3, 2))


def weights(folder: Path) -> Written:
    config = TrainConfig(model=ModelConfig(blocks=1, filters=4, hidden_layers=0))
    net = build_model(config.model, torch.Generator().manual_seed(0))
    path = folder / "0.safetensors"
    path.write_bytes(export(save({f"model.{name}": value for name, value in net.state_dict().items()}), config))
    last = replace(handmade.report(1, [1]), weights=weights_hash(net.state_dict()))
    trial = handmade.trained(0, [last], config=to_json(config))
    return Written(path, lambda: _tensors(path, trial))


def _tensors(path: Path, trial: TrialRecord) -> list[Any]:
    net = model_in(check_trial(path, trial), str(path))
    return [(name, value.tolist()) for name, value in net.state_dict().items()]


def a_record(folder: Path) -> Written:
    made = record.record_of(handmade.mixed(), handmade.mixed().trials[1])
    kept_files.write(record.to_json(made), folder / "RECORD.json")
    return Written(folder / "RECORD.json", lambda: record.read(folder / "RECORD.json"))


def a_confirmation(folder: Path) -> Written:
    (folder / "confirm").mkdir()
    keep(found(study=folder.name), folder)
    return Written(folder / "confirm" / "confirm.json", lambda: confirmed.load(confirmed.Confirmed, folder))


def a_front(folder: Path) -> Written:
    (folder / "confirm").mkdir()
    keep(FRONT, folder)
    return Written(folder / "confirm" / "front.json", lambda: confirmed.load(Front, folder))


def an_ablation(folder: Path) -> Written:
    (folder / "ablation").mkdir()
    keep(PATH, folder)
    return Written(folder / "ablation" / "ablation.json", lambda: ablation.load(folder))


def images(folder: Path) -> Written:
    own_data.write_data(folder, train=60, test=10)
    return _data_set(folder, folder / TRAIN_FILES[0])


def compressed_labels(folder: Path) -> Written:
    own_data.write_data(folder, train=60, test=10)
    path = folder / f"{TRAIN_FILES[1]}.gz"
    path.write_bytes(gzip.compress((folder / TRAIN_FILES[1]).read_bytes()))
    (folder / TRAIN_FILES[1]).unlink()
    return _data_set(folder, path)


def _data_set(folder: Path, path: Path) -> Written:
    loaded = load_training_set(DataOptions(data_dir=str(folder)))
    recorded = Data(data_hash=loaded.data_hash, split_hash=loaded.split.digest)

    def read() -> Any:
        again = checked.training_set(recorded, folder, "The study")
        return np.concatenate([again.images.images.ravel(), again.images.labels]).tolist()

    return Written(path, read)


def a_study(folder: Path) -> Written:
    fake.run(folder, budget=8, concurrent_trials=2)

    def read() -> Any:
        study = checked.open_any(folder, "fake-0")
        return study, study.digest  # of which every command's output is made

    return Written(folder / "fake-0" / DATABASE, read)


def corrupted(content: bytes, draws: random.Random) -> bytes:
    """Return a file's content cut off, with one bit flipped, or with up to a kilobyte zeroed."""
    damaged, at = bytearray(content), draws.randrange(len(content))
    match draws.choice(["cut", "flip", "zero"]):
        case "cut":
            del damaged[at:]
        case "flip":
            damaged[at] ^= 1 << draws.randrange(8)
        case "zero":
            end = min(len(damaged), at + draws.randrange(1, 1025))
            damaged[at:end] = bytes(end - at)
    return bytes(damaged)


KINDS = (
    checkpoint, weights, a_record, a_confirmation, a_front, an_ablation, images,
    compressed_labels, a_study,
)  # fmt: skip


@pytest.mark.parametrize("write", KINDS, ids=lambda write: write.__name__)
def test_what_is_damaged_is_never_believed(write: Callable[[Path], Written], tmp_path: Path) -> None:
    file = write(tmp_path)
    content, value = file.path.read_bytes(), file.read()
    assert value is not None
    draws = random.Random(write.__name__)
    noticed = 0
    for _ in range(CORRUPTIONS):
        file.path.write_bytes(corrupted(content, draws))
        try:
            found = file.read()
        except SearchError:
            found = None
        assert found in (None, value)
        noticed += found is None
    # Most of a study's database are tables of Optuna, which no command reads.
    assert noticed > CORRUPTIONS // (4 if write is a_study else 2)


@pytest.mark.slow
@pytest.mark.dosed
def test_a_flipped_bit_of_a_study_is_never_believed(tmp_path: Path) -> None:
    file = a_study(tmp_path)
    content, draws = file.path.read_bytes(), random.Random("flips")
    assert dose(FLIPS) // 20 < refused(file, (flipped(content, draws) for _ in range(dose(FLIPS))))


@pytest.mark.dosed
def test_a_changed_digit_of_an_event_is_never_believed(tmp_path: Path) -> None:
    file = a_study(tmp_path)
    content, draws = file.path.read_bytes(), random.Random("digits")
    with closing(sqlite3.connect(file.path)) as database:
        payloads = [payload for (payload,) in database.execute("SELECT payload FROM search_events")]
    # A long payload continues on pages of its own, so only its beginning is one piece of the file.
    places = [
        at + offset
        for payload in payloads
        if (at := content.find(payload[:300].encode())) >= 0
        for offset, letter in enumerate(payload[:300])
        if letter.isdigit()
    ]
    assert len(places) > 1000
    tried = (changed(content, draws.choice(places), draws) for _ in range(dose(DIGITS)))
    assert refused(file, tried) == dose(DIGITS)


def flipped(content: bytes, draws: random.Random) -> bytes:
    """Return a file's content with one bit flipped."""
    at = draws.randrange(8 * len(content))
    return content[: at // 8] + bytes([content[at // 8] ^ 1 << at % 8]) + content[at // 8 + 1 :]


def changed(content: bytes, at: int, draws: random.Random) -> bytes:
    """Return a file's content with another digit in a place."""
    other = draws.choice([digit for digit in b"0123456789" if digit != content[at]])
    return content[:at] + bytes([other]) + content[at + 1 :]


def refused(file: Written, contents: Iterable[bytes]) -> int:
    """Return how many of these contents of a file are refused in a sentence; the others are read as the file is."""
    value, found = file.read(), 0
    for content in contents:
        file.path.write_bytes(content)
        try:
            assert file.read() == value
        except SearchError:
            found += 1
    return found
