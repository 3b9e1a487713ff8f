"""Code that does not repeat is refused before a search begins."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from mnist_bench.searches import SearchConfig, check_own_code, run, to_search
from search.driver.progress import Observer
from search.errors import UsageError
from support import own_code, own_nets


def test_what_is_not_repeatable_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    name = own_code.write(tmp_path, own_code.UNSEEDED)
    asked = SearchConfig(space="smoke", sampler=name, results=tmp_path / "results")
    with pytest.raises(UsageError, match=r"not repeatable: asked again after the same history") as refused:
        run(asked, Observer(), lambda: False)
    assert not asked.results.exists()
    assert f"`mnist-bench plugin check {name} --space smoke` says more." in str(refused.value)


def test_the_command_that_says_more_names_what_the_search_is_asked_for(tmp_path: Path) -> None:
    name = own_code.write(tmp_path, own_code.UNSEEDED)
    asked = SearchConfig(
        space="smoke", overrides=("optim.lr={value: 0.1}",), sampler=name, pruner="median",
        pruner_options={"n_startup_trials": 3}, seed=2, results=tmp_path / "results",
    )  # fmt: skip
    with pytest.raises(UsageError) as refused:
        check_own_code(asked, to_search(asked))
    assert shlex.split(str(refused.value).split("`")[-2]) == [
        "mnist-bench", "plugin", "check", name, "--space", "smoke", "--set", "optim.lr={value: 0.1}",
        "--set", 'search.pruner={"name": "median", "n_startup_trials": 3}', "--seed", "2",
    ]  # fmt: skip


@pytest.mark.slow
def test_own_code_is_tried_on_pictures_of_the_form_that_the_net_takes(tmp_path: Path) -> None:
    (tmp_path / "red.yaml").write_text("dataset: mnist-red\noptim: {lr: {float: [0.1, 0.2]}}\n")
    net, sampler = own_nets.write(tmp_path, own_nets.THREE_CHANNELS), own_code.write(tmp_path, own_code.SEEDED)
    asked = SearchConfig(space=tmp_path / "red.yaml", net=net, sampler=sampler, results=tmp_path / "results")
    check_own_code(asked, to_search(asked))
