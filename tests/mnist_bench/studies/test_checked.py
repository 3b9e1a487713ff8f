"""Whether data and numerics at hand are those that were recorded."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.data.choice import Data, DataOptions
from mnist_bench.data.mnist import PACKAGED, load_training_set
from mnist_bench.studies.checked import check_numerics, commands_of, device_like, training_set
from search.errors import FingerprintError, UsageError
from search.study.invocation_log import Invocation, keep_invocation
from support import handmade


@pytest.fixture(scope="module")
def recorded() -> Data:
    loaded = load_training_set(DataOptions(subset=1200))
    return Data(subset=1200, data_hash=loaded.data_hash, split_hash=loaded.split.digest)


def test_the_recorded_data_are_loaded_from_the_package_or_a_folder(recorded: Data, tmp_path: Path) -> None:
    for path in PACKAGED.glob("train-*.gz"):
        shutil.copy(path, tmp_path)
    for folder in (None, tmp_path):
        loaded = training_set(recorded, folder, "The record")
        assert len(loaded.split.train) + len(loaded.split.validation) == 1200
        assert loaded.options == DataOptions(data_dir=str(folder) if folder else None, subset=1200)


@pytest.mark.parametrize("other", [{"data_hash": handmade.HASH}, {"split_hash": handmade.HASH}])
def test_other_data_are_refused(recorded: Data, other: Any) -> None:
    words = r"^Study conv-0 was trained on other data \(its hash \w{8}, here 8f9dfd1a\); name the file "
    with pytest.raises(UsageError, match=words):
        training_set(replace(recorded, **other), None, "Study conv-0")


@pytest.mark.parametrize(
    ("then", "asked", "device"),
    [("cpu", "auto", "cpu"), ("cpu", "cuda", "cuda"), ("cuda:1", "auto", "auto"), (None, "auto", "auto")],
)
def test_what_was_trained_on_a_processor_is_so_again_unless_told_otherwise(then: Any, asked: str, device: str) -> None:
    assert device_like({"device": then} if then else {}, asked) == device


def test_a_command_to_copy_names_the_net_with_the_folder_that_it_was_searched_from(tmp_path: Path) -> None:
    study, place = handmade.kept_in(tmp_path, handmade.mixed()), f"mnist-bench plot conv-0 --results {tmp_path}"
    study.files.path.mkdir()
    own = handmade.changed(study, space={"settings": {"net_code": "nets.py:build 3f2a81c0"}})
    assert commands_of(own).line("plot") == f"{place} --net nets.py:build"
    keep_invocation(study.files, study.space, Invocation(data_dir="/c.npz", net="/my nets/nets.py:build"))
    assert commands_of(own).line("plot") == f"{place} --data /c.npz --net '/my nets/nets.py:build'"
    named = commands_of(own, data_dir=Path("d.npz"), net="here.py:build").line("plot")
    assert named == f"{place} --data d.npz --net here.py:build"
    assert commands_of(study).line("plot") == f"{place} --data /c.npz"


@pytest.mark.parametrize(("check", "words"), [("check", "numerics check"), ("wide_check", "wide numerics check")])
def test_another_kind_of_machine_is_refused(check: str, words: str) -> None:
    study, canaries = handmade.mixed(), {"check": "77c0" * 16, "wide_check": "77c0" * 16}
    study.spec["numerics"].update(canaries)
    check_numerics(study, canaries, "ablate")
    with pytest.raises(FingerprintError, match=rf"\({words} 77c0…, here 1d93…\); ablate it on a machine like that one"):
        check_numerics(study, {**canaries, check: "1d93" * 16}, "ablate")
