"""What a contest keeps of searches that are done."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from mnist_bench.experiments.contest.contest_record import BestConfiguration, Entrant, Ledger, StartListsByNames, Trace
from search.errors import StorageError
from search.study import StartList

TERMS = ["mnist-5k", 8]
NUMERICS = {"canary": "c0", "cpu": "a processor", "torch": "2.13", "precision": "bf16"}
CURVES = Entrant(sampler="curves", pruner="asha", sampler_options={"n_startup_trials": 4})
LISTED = replace(CURVES, start=("conv-5k",))
TRACE = Trace(
    choices=(
        BestConfiguration(spent=1.5, seen=0.02, unseen=0.021, trial=3, params={"optim.lr": 0.001, "model.filters": 8}),
    ),
    spent=9.5, trials=20, complete=4, seconds={1: 30.0, 8: 4.0}, own_seconds=0.01, fresh=(0.02, 0.022),
)  # fmt: skip


def test_a_search_that_is_done_is_found_again_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ledger.jsonl"
    Ledger(path, TERMS).keep(CURVES, 7, TRACE, NUMERICS)
    found = Ledger(path, TERMS)
    assert found.get(CURVES, 7) == TRACE
    assert found.get(CURVES, 8) is None
    assert '"cpu":"a processor"' in path.read_text()


def test_a_line_names_the_versions_that_may_propose_otherwise_and_an_old_one_stands_without(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    Ledger(path, TERMS).keep(CURVES, 7, TRACE, NUMERICS)
    line = json.loads(path.read_text())
    assert line["machine"] == {
        "canary": "c0", "cpu": "a processor", "torch": "2.13",
        "optuna": version("optuna"), "numpy": version("numpy"), "scipy": version("scipy"),
    }  # fmt: skip
    assert line["key"] == "a938f6f818eb3216", "thousands of searches are stored under such keys"
    path.write_text(json.dumps({**line, "machine": {"canary": "c0"}}) + "\n")
    assert Ledger(path, TERMS).get(CURVES, 7) == TRACE


def test_without_a_file_it_is_kept_for_this_run(tmp_path: Path) -> None:
    ledger = Ledger(None, TERMS)
    ledger.keep(CURVES, 7, TRACE, NUMERICS)
    assert ledger.get(CURVES, 7) == TRACE
    assert not list(tmp_path.iterdir())


def lists(width: int) -> StartListsByNames:
    """Return the list of `LISTED`, of one configuration of this width."""
    return {LISTED.start: StartList(made_of=LISTED.start, configurations=({"model.width": width},))}


@pytest.mark.parametrize(
    ("start", "way"),
    [
        (
            ("conv-0.1",),
            "curves (n_startup_trials=4) + asha + list of conv-0.1",
        ),  # a study: nothing of its name is a file's suffix
        (("tables/mine.npz", "conv-5k"), "curves (n_startup_trials=4) + asha + list of mine, conv-5k"),
    ],
)
def test_a_way_names_its_list_as_the_list_names_what_it_was_made_of(start: tuple[str, ...], way: str) -> None:
    assert replace(CURVES, start=start).way == way


def test_searches_under_other_terms_are_others(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    Ledger(path, TERMS, lists(1)).keep(LISTED, 7, TRACE, NUMERICS)
    assert Ledger(path, TERMS, lists(1)).get(LISTED, 7) == TRACE
    for other in (Ledger(path, TERMS, lists(2)), Ledger(path, ["mnist-5k", 4], lists(1))):
        assert other.get(LISTED, 7) is None
    assert Ledger(path, TERMS, lists(1)).get(replace(LISTED, sampler_options={}), 7) is None


def test_of_a_list_that_it_does_not_use_a_search_does_not_depend(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    Ledger(path, TERMS, lists(1)).keep(CURVES, 7, TRACE, NUMERICS)
    assert Ledger(path, TERMS).get(CURVES, 7) == TRACE


def test_half_a_line_is_a_search_to_be_made_again(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    Ledger(path, TERMS).keep(CURVES, 7, TRACE, NUMERICS)
    whole = path.read_text()
    path.write_text(whole + whole[:50])
    ledger = Ledger(path, TERMS)
    ledger.keep(CURVES, 8, TRACE, NUMERICS)
    assert [Ledger(path, TERMS).get(CURVES, seed) for seed in (7, 8)] == [TRACE, TRACE]


def test_a_line_that_is_none_of_its_own_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text('{"key": "k", "trace": {"choices": []}}\n')
    with pytest.raises(StorageError, match=r"ledger\.jsonl, line 1: not a search of a contest"):
        Ledger(path, TERMS)
