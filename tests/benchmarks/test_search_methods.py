"""Foreign methods of search over a table by hand: what they are told, what it costs, and what goes wrong."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import environments
import host
import methods
import numpy as np
import pytest
import run
import traces
from host import Account, ForeignError
from methods import METHODS, Method

from mnist_bench import stand_ins
from mnist_bench.experiments.contest.contest_record import Contest, Entrant, Trace
from mnist_bench.experiments.contest.replayed import ReplayedStandIn, ReplayedTable
from mnist_bench.tables import RecordedBenchmark, pack
from search.errors import UsageError
from search.space import Space
from support import foreign_method
from support.handmade_table import table
from support.paths import ROOT

pytestmark = pytest.mark.slow

TABLE = table()
ARENA = ReplayedTable(TABLE)
UNIT = 2_000_000 / 3
"""Logical cost of an average configuration: 30 cost 400,000, and 60 twice as much."""
SMALL = {"model.batchnorm": "none", "model.hidden_layers": 0, "optim.lr": 0.01, "optim.drops": 1}
OTHER = {**SMALL, "optim.lr": 0.003}
DIVERGES = {**SMALL, "optim.lr": 1.0}


def request(params: Mapping[str, Any], epoch: float, config: int = 0, *, resume: bool = True) -> dict[str, Any]:
    return {"params": params, "epoch": epoch, "config": config, "resume": resume}


def command(replies: Path, *actions: Mapping[str, Any]) -> list[str]:
    return [sys.executable, foreign_method.__file__, str(replies), *map(json.dumps, actions)]


def searched(tmp_path: Path, *actions: Mapping[str, Any], limit: float = 60) -> tuple[host.Found, list[dict[str, Any]]]:
    """Return what a search of budget 1 with seed 1 found, and what the method was told."""
    found = host.search(ARENA, command(tmp_path / "replies", *actions), seed=1, budget=1, limit=limit)
    return found, [json.loads(line) for line in (tmp_path / "replies").read_text().splitlines()]


def pool(settings: Mapping[str, Any] | None = None) -> ReplayedTable:
    """Return an replayed of every second point of the table, under other settings of the space."""
    held = TABLE.arrays.point % 2 == 0
    rows = {
        item.name: getattr(TABLE.arrays, item.name)[held]
        for item in fields(TABLE.arrays)
        if len(getattr(TABLE.arrays, item.name)) == len(held)
    }
    spec = {**TABLE.about.space, "settings": {**TABLE.about.space["settings"], **(settings or {})}}
    return ReplayedTable(RecordedBenchmark(replace(TABLE.about, space=spec), replace(TABLE.arrays, **rows)))


# What is told, and what it costs


def test_a_search_is_told_errors_of_its_seed_until_its_budget_is_up(tmp_path: Path) -> None:
    ends = [request(SMALL, 4), request(OTHER, 4, config=1), request(OTHER, 1, config=2)]
    found, (opening, first, *later) = searched(tmp_path, *ends)
    assert {item["name"] for item in opening["space"]} == set(TABLE.space.distributions)
    assert {key: opening[key] for key in ("epochs", "seed", "budget")} == {"epochs": [1, 2, 4], "seed": 1, "budget": 1}
    curve = TABLE.curve(SMALL, seed=1)
    assert first["error"] == curve.errors[-1] / curve.images
    assert first["loss"] == curve.val_loss[-1]
    assert first["cost"] == first["spent"] == pytest.approx(400_000 / UNIT)
    assert (first["params"], first["feasible"]) == (SMALL, True)
    assert later == [{"stop": True}] * 2
    assert found.library == "foreign 1.0"


def test_the_period_that_exceeds_the_budget_does_not_count(tmp_path: Path) -> None:
    found, _ = searched(tmp_path, request(SMALL, 4), request(OTHER, 4, config=1))
    trace = found.trace
    assert trace.spent == pytest.approx(600_000 / UNIT)  # the second training's first two periods, not its last
    assert (trace.trials, trace.complete) == (2, 1)
    assert trace.own_seconds == 1.0
    (choice,) = trace.choices
    assert (choice.trial, choice.params) == (0, SMALL)
    assert choice.spent == pytest.approx(400_000 / UNIT)
    point = TABLE.point_of(SMALL)
    assert choice.unseen == (TABLE.unseen_error(point, 0) + TABLE.unseen_error(point, 2)) / 2


@pytest.mark.parametrize(("resume", "cost"), [(True, 300_000), (False, 400_000)])
def test_going_on_costs_the_difference_and_beginning_anew_costs_all(*, resume: bool, cost: int) -> None:
    account = Account(ARENA, seed=0, budget=3)
    first = account.answer(request(SMALL, 1))
    assert first["cost"] == pytest.approx(100_000 / UNIT)
    then = account.answer(request(SMALL, 4, resume=resume))
    assert then["cost"] == pytest.approx(cost / UNIT)
    assert then["spent"] == pytest.approx((100_000 + cost) / UNIT)
    trace = account.trace(0.0)
    assert (trace.trials, trace.complete, len(trace.choices)) == (1, 1, 1)


def test_to_ask_again_for_what_was_trained_costs_nothing() -> None:
    account = Account(ARENA, seed=0, budget=3)
    account.answer(request(SMALL, 4))
    assert account.answer(request(SMALL, 2))["cost"] == 0
    assert account.trace(0.0).complete == 1


def test_what_has_diverged_is_an_error_of_a_guess_and_costs_no_more() -> None:
    account = Account(ARENA, seed=0, budget=3)
    said = account.answer(request(DIVERGES, 4))
    assert (said["error"], said["loss"], said["feasible"]) == (0.9, None, True)
    assert said["spent"] == pytest.approx(100_000 / UNIT)
    trace = account.trace(0.0)
    assert (trace.trials, trace.complete, trace.choices) == (1, 0, ())


def test_values_of_ranges_that_do_not_apply_are_ignored() -> None:
    account = Account(ARENA, seed=0, budget=3)
    assert account.answer(request({**SMALL, "model.hidden_batchnorm": "none"}, 1))["params"] == SMALL


def test_a_pool_trains_the_nearest_point_that_is_not_taken() -> None:
    replayed = pool()
    account = Account(replayed, seed=0, budget=3)
    first, again, second = (account.answer(request(SMALL, 1, config=config))["params"] for config in (0, 0, 1))
    assert first == again != second
    assert {replayed.table.point_of(first) % 2, replayed.table.point_of(second) % 2} == {0}


def test_what_exceeds_the_limits_is_not_trained() -> None:
    account = Account(pool({"limits": {"macs": 1}}), seed=0, budget=3)
    said = account.answer(request(SMALL, 4))
    assert (said["error"], said["cost"], said["feasible"], said["params"]) == (0.9, 0, False, SMALL)
    assert account.trace(0.0).trials == 0


def test_ranges_are_plain_and_their_conditions_are_on_ranges() -> None:
    late = {"float": [1.0, 2.0], "when": {"kind": "x"}}
    kind = {"choice": ["x", "y"], "when": {"fixed": 1}}
    space = Space.of({"name": "plain", "a": {"fixed": 1, "late": late, "kind": kind}})
    assert list(host.plain_ranges(space)) == [
        {"name": "a.kind", "when": {}, "kind": "choice", "options": ["x", "y"]},
        {"name": "a.late", "when": {"a.kind": ["x"]}, "kind": "float", "low": 1, "high": 2, "step": None, "log": False},
    ]


# What goes wrong


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (request({**SMALL, "optim.rate": 1}, 4), "optim.rate is not a range of handmade"),
        (request({"optim.lr": 0.01}, 4), "its proposal has no value for model.batchnorm"),
        (request({**SMALL, "optim.lr": 0.02}, 4), "optim.lr 0.02 is outside its range"),
        (request(SMALL, 3), "asked for what is no training"),
        ({"hello": "you"}, "asked for what is no training"),
        ({"say": "hello"}, "said what is no JSON: hello"),
        ({"say": "7"}, "said what is no message: 7"),
        ({"exit": 3, "error": "out of luck"}, "its program ended with exit code 3: out of luck"),
        ({"exit": 3, "error": ""}, "its program ended with exit code 3: it said nothing"),
    ],
)
def test_a_program_that_goes_wrong_is_told_in_a_sentence(wrong: Mapping[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ForeignError, match=words):
        searched(tmp_path, wrong)


def test_a_configuration_keeps_its_parameters(tmp_path: Path) -> None:
    with pytest.raises(ForeignError, match="configuration 0 has other parameters than before"):
        searched(tmp_path, request(SMALL, 1), request(OTHER, 2))


def test_a_program_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    with pytest.raises(ForeignError, match=r"its program was killed after 0\.2 s"):
        searched(tmp_path, {"sleep": 60}, limit=0.2)


# The searches of a contest


def fake_method(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *actions: Mapping[str, Any]) -> None:
    """Put a method of the test's own in place of all others."""
    method = Method(
        sampler="Foreign", pruner="none", environment="own", program=foreign_method.__file__,
        arguments=(str(tmp_path / "replies"), *map(json.dumps, actions)),
    )  # fmt: skip
    for module in (methods, run, traces):
        monkeypatch.setattr(module, "METHODS", {"foreign": method})
    monkeypatch.setattr(methods, "python_of", lambda _: sys.executable)
    monkeypatch.setattr(methods, "is_made", lambda _: True)


def asked(tmp_path: Path, *more: str) -> argparse.Namespace:
    file = tmp_path / "handmade.npz"
    file.write_bytes(pack(TABLE.about, TABLE.arrays))
    options = ["--table", str(file), "--budget", "1", "--methods", "foreign", "--output", str(tmp_path / "out"), *more]
    parser = run.arguments()
    return parser.parse_args(options)


def test_a_run_that_was_stopped_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_method(monkeypatch, tmp_path, request(SMALL, 4))
    assert run.run(asked(tmp_path, "--seeds", "2")) == 0
    ledger = tmp_path / "out" / "traces.jsonl"
    before = ledger.read_text()
    ledger.write_text(before + '{"half": ')  # as a killed process leaves it
    assert run.run(asked(tmp_path, "--seeds", "3")) == 0
    lines = ledger.read_text().splitlines()
    assert ledger.read_text().startswith(before)
    assert [json.loads(line)["seed"] for line in (*lines[:2], lines[-1])] in ([0, 1, 2], [1, 0, 2])
    contest = json.loads((tmp_path / "out" / "contest.json").read_text())
    assert contest["seeds"] == [0, 1, 2]
    assert (contest["task"], contest["slots"], contest["develops"]) == ("handmade", 1, False)
    assert [entrant["method"] for entrant in contest["entrants"]] == ["foreign"]


def test_a_method_that_fails_leaves_the_others_their_contest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_method(monkeypatch, tmp_path, {"exit": 1, "error": "no such module"})
    assert run.run(asked(tmp_path, "--seeds", "2", "--processes", "1")) == 1
    words = "foreign: seed 0: its program ended with exit code 1: no such module."
    assert capsys.readouterr().err.splitlines() == [words]


def test_no_search_is_begun_after_the_time_of_a_method(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_method(monkeypatch, tmp_path, request(SMALL, 4))
    assert run.run(asked(tmp_path, "--method-seconds", "0")) == 0
    assert json.loads((tmp_path / "out" / "contest.json").read_text())["seeds"] == []


def test_what_was_searched_on_another_table_is_another_task(tmp_path: Path) -> None:
    task, other = traces.ContestTask(table="a" * 64, budget=1), traces.ContestTask(table="b" * 64, budget=1)
    done = traces.Kept(task=task, method="smac", seed=4, library="smac 2", trace=account_of(SMALL).trace(0.5))
    traces.keep(tmp_path / "file", done)
    assert traces.read(tmp_path / "file", task) == {("smac", 4): done}
    assert traces.read(tmp_path / "file", other) == {}
    assert traces.read(tmp_path / "none", task) == {}


def account_of(params: Mapping[str, Any]) -> Account:
    account = Account(ARENA, seed=4, budget=1)
    account.answer(request(params, 4))
    return account


def contest(entrant: Entrant, seeds: tuple[int, ...], *, budget: int = 1) -> Contest:
    """Return a contest of one entrant, whose searches have spent as much as their seeds say."""
    rows = tuple(Trace(choices=(), spent=seed, trials=0, complete=0) for seed in seeds)
    return Contest(
        instrument="table", task="handmade", space="handmade", budget=budget, training_seconds=1.0, slots=8,
        workers=(8,), seeds=seeds, entrants=(entrant,), traces=(rows,), seen_images=1, unseen_images=1, develops=False,
    )  # fmt: skip


def test_two_contests_stand_side_by_side_over_common_seeds() -> None:
    foreign = METHODS["optuna-median"].entrant
    both = traces.beside(contest(Entrant(sampler="tpe"), (0, 1, 2)), contest(foreign, (2, 1)))
    assert [entrant.name for entrant in both.entrants] == ["tpe", "Optuna's TPE + MedianPruner"]
    assert both.seeds == (1, 2)
    assert [[trace.spent for trace in row] for row in both.traces] == [[1, 2], [1, 2]]


def test_contests_of_other_budgets_do_not() -> None:
    with pytest.raises(UsageError, match="cannot be compared"):
        traces.beside(contest(Entrant(sampler="tpe"), (0,)), contest(Entrant(sampler="qmc"), (0,), budget=2))


def test_no_two_methods_have_one_name_in_a_contest() -> None:
    assert len({method.entrant.name for method in METHODS.values()}) == len(METHODS)


def test_a_missing_environment_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(environments, "FOLDER", tmp_path)
    with pytest.raises(UsageError, match="The environment of smac is missing or out of date: run make search-peers"):
        METHODS["smac"].command()


# A method's side


CHANNEL = """
import sys
sys.path.insert(0, sys.argv[1])
from channel import BudgetSpent, Channel
channel = Channel("numpy")
print("a library prints")
assert [item.name for item in channel.space if item.applies({})] == [
    "model.batchnorm", "model.hidden_layers", "optim.lr", "optim.drops"]
import numpy
params = {"model.batchnorm": "none", "model.hidden_layers": numpy.int64(0), "optim.lr": 0.01, "optim.drops": 1}
try:
    while True:
        answer = channel.train(params, channel.epochs[-1], "anew", resume=False)
        assert answer.spent <= channel.budget
except BudgetSpent:
    pass
"""


def test_a_method_asks_over_its_channel() -> None:
    program = [sys.executable, "-c", CHANNEL, str(ROOT / "benchmarks" / "peers" / "search_methods")]
    found = host.search(ARENA, program, seed=0, budget=2, limit=60)
    assert found.library == f"numpy {np.__version__}"
    assert found.trace.spent == pytest.approx(1_300_000 / UNIT)  # three trainings, and a period of the fourth
    assert (found.trace.trials, found.trace.complete) == (1, 1)


@pytest.mark.integration
@pytest.mark.parametrize("name", METHODS)
def test_the_libraries_search(name: str) -> None:
    if not environments.is_made(METHODS[name].environment):
        pytest.skip("make search-peers has not made its environment")
    found = host.search(ARENA, METHODS[name].command(), seed=0, budget=4, limit=300)
    assert 3 < found.trace.spent <= 4
    assert found.trace.choices
    assert found.library


# On a stand-in


def test_a_stand_in_trains_the_very_configuration_that_is_proposed() -> None:
    (stand_in,) = stand_ins.load("conv-5k/trees")
    task = ReplayedStandIn(stand_in)
    account = Account(task, seed=3, budget=2)
    proposed = {**stand_in.table.points[0], "optim.lr": 0.0061}
    answer = account.answer({"params": proposed, "epoch": 6, "config": 0})
    assert answer["feasible"]
    assert answer["params"] == proposed
    assert answer["error"] == stand_in.curve(proposed, 3)[-1] / 10_000
    found = account.trace(0.0)
    assert found.choices[-1].params == proposed
    assert account.opening()["epochs"] == [0.5, 1, 2, 4, 6]


def test_a_run_on_a_stand_in_is_a_contest_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (stand_in,) = stand_ins.load("conv-5k/trees")
    fake_method(monkeypatch, tmp_path, {"params": dict(stand_in.table.points[0]), "epoch": 6, "config": 0})
    options = ["--stand-in", "conv-5k/trees", "--budget", "2", "--seeds", "2", "--methods", "foreign"]
    assert run.run(run.arguments().parse_args([*options, "--output", str(tmp_path / "out")])) == 0
    contest = json.loads((tmp_path / "out" / "contest.json").read_text())
    assert (contest["instrument"], contest["task"], contest["seeds"]) == ("stand-in", "conv-5k/trees", [0, 1])
