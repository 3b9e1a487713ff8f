"""A search that is run: what it refuses first, and what it keeps of how it was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnist_bench.searches import SearchConfig, location, run, to_search
from mnist_bench.studies.compatibility import commands_of
from search.driver.progress import Observer
from search.errors import UsageError
from support import own_nets
from support.own_data import arrays, write_npz


def test_a_search_without_a_worker_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "mnist_bench.searches.running.close_test_set", lambda: None
    )  # it would stay closed for other tests
    asked = SearchConfig(space="smoke", workers=0, device="cpu", results=tmp_path / "results")
    with pytest.raises(UsageError, match=r"^workers=0: give a whole number of at least 1\.$"):
        run(asked, Observer(), lambda: False)
    assert not asked.results.exists()


@pytest.mark.slow
def test_a_search_from_python_remembers_its_data_and_its_net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("mnist_bench.searches.running.close_test_set", lambda: None)
    space = {"name": "tiny", "epochs": 1, "net": {"width": {"choice": [4, 8]}}, "optim": {"batch_size": 32}}
    asked = SearchConfig(
        space=space, trials=1, executor="in-process", device="cpu", results=tmp_path / "results",
        data_dir=write_npz(tmp_path / "mine.npz", arrays()), net=own_nets.write(tmp_path, own_nets.GOOD),
    )  # fmt: skip
    study = run(asked, Observer(), lambda: False).study
    assert commands_of(study).line("plot").endswith(f" --data {asked.data_dir} --net {asked.net}")


@pytest.mark.slow
def test_a_search_that_names_nothing_of_ones_own_keeps_no_invocation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnist_bench.searches.running.close_test_set", lambda: None)
    asked = SearchConfig(
        space="smoke", overrides=("subset=1000", "epochs=1"), trials=1, executor="in-process", device="cpu",
        results=tmp_path / "results",
    )  # fmt: skip
    run(asked, Observer(), lambda: False)
    assert not location(asked, to_search(asked)).files.commands.exists()
