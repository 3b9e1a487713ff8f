"""A search that is run: what it refuses first, and what it keeps of how it was asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.data.mnist import load_training_set
from mnist_bench.searches import running
from mnist_bench.searches.config import SearchConfig
from mnist_bench.searches.running import check_own_code, run
from mnist_bench.searches.setup import SearchSetup
from mnist_bench.studies.checked import commands_of
from search.driver.progress import Observer
from search.errors import UsageError
from support import own_code, own_nets
from support.own_data import arrays, write_npz

pytestmark = pytest.mark.usefixtures("left_open")


STRIDED = {"name": "strided", "precision": "portable", "net": {"kernel": {"choice": [3, 4, 5, 2]}}}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (lambda folder: {"workers": 0, "device": "cpu"}, r"^workers=0: give an integer of at least 1\.$"),
        (
            lambda folder: {"sampler": own_code.write(folder, own_code.UNSEEDED)},
            r"not repeatable: asked again after the same history",
        ),
        (  # with settings of which the first ones that are tried are portable
            lambda folder: {"space": STRIDED, "net": own_nets.write(folder, own_nets.STRIDED)},
            r"cannot be portable: .* depends on the processor with kernel=5\.",
        ),
    ],
)
def test_what_cannot_be_searched_is_refused_before_anything_is_written(
    tmp_path: Path, options: Callable[[Path], dict[str, Any]], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        run(SearchConfig(**{"space": "smoke", "results": tmp_path / "results", **options(tmp_path)}), Observer())
    assert not (tmp_path / "results").exists()


def test_a_search_of_own_work_pauses_after_its_timeout(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import time\n\ndef f(params):\n    time.sleep(0.05)\n    return params['x']\n")
    asked = SearchConfig(
        space={"x": {"float": [0.0, 1.0]}}, objective=f"{tmp_path / 'mine.py'}:f", trials=100, timeout=0.3, workers=1,
        results=tmp_path / "results",
    )  # fmt: skip
    assert not run(asked, Observer()).reached


@pytest.mark.parametrize(("device", "gpus"), [("cpu", 0.0), ("cuda", 1.0), ("cuda:1", 1.0)])
def test_a_ray_worker_asks_for_a_gpu_where_it_trains_on_one(
    device: str, gpus: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, object]] = []
    monkeypatch.setattr(running, "RayExecutor", lambda spec, workers, **options: asked.append(options))
    space = {"name": "tiny", "precision": "fp32", "epochs": 1, "optim": {"lr": {"float": [0.1, 0.2]}}}
    setup = SearchSetup.of(
        SearchConfig(space=space, executor="ray", device=device, workers=2, results=tmp_path / "results")
    )
    running.executor_of(setup, load_training_set(setup.data))
    assert [options["gpus_per_worker"] for options in asked] == [gpus]


@pytest.mark.slow
def test_a_search_from_python_remembers_its_data_and_its_net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    space = {"name": "tiny", "epochs": 1, "net": {"width": {"choice": [4, 8]}}, "optim": {"batch_size": 32}}
    asked = SearchConfig(
        space=space, trials=1, executor="in-process", device="cpu", results=tmp_path / "results",
        data=write_npz(tmp_path / "mine.npz", arrays()), net=own_nets.write(tmp_path, own_nets.GOOD),
    )  # fmt: skip
    study = run(asked, Observer()).study
    assert commands_of(study).line("plot").endswith(f" --data {asked.data} --net {asked.net}")


@pytest.mark.slow
def test_a_search_that_names_nothing_of_ones_own_keeps_no_invocation(tmp_path: Path) -> None:
    asked = SearchConfig(
        space="smoke", overrides=("subset=1000", "epochs=1"), trials=1, executor="in-process", device="cpu",
        results=tmp_path / "results",
    )  # fmt: skip
    run(asked, Observer())
    assert not SearchSetup.of(asked).files.commands.exists()


@pytest.mark.slow
def test_own_code_is_tried_on_pictures_of_the_form_that_the_net_takes(tmp_path: Path) -> None:
    (tmp_path / "red.yaml").write_text("dataset: mnist-red\noptim: {lr: {float: [0.1, 0.2]}}\n")
    net, sampler = own_nets.write(tmp_path, own_nets.THREE_CHANNELS), own_code.write(tmp_path, own_code.SEEDED)
    asked = SearchConfig(space=tmp_path / "red.yaml", net=net, sampler=sampler, results=tmp_path / "results")
    check_own_code(SearchSetup.of(asked))
