"""Contests with real searches, of a net that takes no time to train."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from mnist_bench.experiments.contest import run as contest
from mnist_bench.experiments.contest.run import Options, line_up, run
from mnist_bench.experiments.contest.trace import Contest
from mnist_bench.experiments.grid import Observer
from mnist_bench.studies import run_search
from mnist_bench.studies.run_search import SearchConfig
from search.errors import UsageError
from search.study.studies import list_studies, open_study

SPACE = """
name: tiny
epochs: 2
subset: 1000
model: {blocks: 1, filters: {int: [2, 6]}, hidden_layers: 0}
optim: {lr: {float: [1e-3, 1e-1], log: true}, batch_size: 100}
search: {pruner: {name: asha, reduction_factor: 2}}
"""


class Heard(Observer):
    """Hears of a contest; with `checks`, asks for an end when asked so many times after the first search."""

    def __init__(self, checks: int = 1_000_000) -> None:
        self.started: list[int] = []
        self.searched: list[tuple[str, int]] = []
        self._checks_left = checks

    def on_news(self, text: str) -> None:
        if match := re.match(r"(\d+) searches, which train for about ", text):
            self.started.append(int(match[1]))
        elif match := re.match(r"(.+), seed (\d+): ", text):
            self.searched.append((match[1], int(match[2])))

    def stopping(self) -> bool:
        self._checks_left -= bool(self.searched)
        return self._checks_left < 0


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[SearchConfig]:
    """Search in this process, and return what was asked of each search."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(SPACE)
    calls: list[SearchConfig] = []
    real = run_search.run

    def in_process(options: SearchConfig, *rest: object) -> object:
        calls.append(options)
        return real(replace(options, executor="in-process"), *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(run_search, "run", in_process)
    return calls


def asked(**changed: object) -> Options:
    return replace(Options(space="tiny.yaml", samplers=("random",), seeds=1, trials=2), **changed)  # type: ignore[arg-type]


def spent(found: Contest | None) -> list[float]:
    assert found is not None
    return [traces[0].spent for traces in found.traces]


@pytest.mark.slow
def test_a_contest_is_stopped_gone_on_with_read_and_made_larger(searches: list[SearchConfig]) -> None:
    stopped = Heard(checks=14)
    assert run(asked(), stopped, stopped.stopping) is None
    assert (stopped.started, [name for name, _ in stopped.searched]) == ([2], ["random + asha"])
    (folder,) = Path("results", "_bench", "search").iterdir()
    part = open_study(folder, "random-none-0")
    assert 0 < sum(len(trial.reports) for trial in part.trials) < 8

    rest = Heard()
    found = run(asked(), rest, rest.stopping)
    assert found is not None
    assert (rest.started, [name for name, _ in rest.searched]) == ([1], ["random ×2"])
    assert [one.name for one in found.entrants] == ["random + asha", "random", "random ×2"]
    assert found.traces[1] == found.traces[2]
    assert [cost >= budget for cost, budget in zip(spent(found), (2, 4, 4), strict=True)] == [True] * 3
    assert (found.images, found.budget, found.seeds, found.folder) == (166, 2, (0,), str(folder))

    read = Heard()
    assert run(asked(), read, read.stopping) == found
    assert (read.started, read.searched, len(searches)) == ([], [], 3)
    whole = run(asked(pruners=("none",), results=Path("elsewhere")), Heard(), lambda: False)
    assert whole is not None
    assert whole.traces == found.traces[1:]

    large = run(asked(pruners=("none",), trials=3), Heard(), lambda: False)
    assert large is not None
    assert (large.folder, [cost >= 6 for cost in spent(large)]) == (found.folder, [True] * 2)
    before, after = found.traces[1][0], large.traces[0][0]
    assert after.ends[: len(before.ends)] == before.ends
    again = run(asked(pruners=("none",)), read, read.stopping)
    assert (spent(again), read.started) == (spent(large), [])

    assert list_studies(Path("results")) == []
    study = open_study(folder, "random-asha-0")
    assert study.spec["pruner"]["reduction_factor"] == 2  # the space's own
    assert {trial.state for trial in study.trials} >= {"COMPLETE", "PRUNED"}
    pairs = list(zip(study.trials, open_study(folder, "random-none-0").trials, strict=False))
    assert len(pairs) >= 3
    assert all((a.seed, a.params) == (b.seed, b.params) for a, b in pairs)  # all else is equal


@pytest.mark.slow
def test_a_search_that_has_asked_all_its_trials_has_ended(
    searches: list[SearchConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contest, "MAX_TRIALS", 2)
    found = run(asked(pruners=("none",), trials=5), Heard(), lambda: False)
    assert found is not None
    assert [len(one.ends) for (one,) in found.traces] == [2, 2]
    assert all(cost < 10 for cost in spent(found))
    read = Heard()
    assert run(asked(pruners=("none",), trials=5), read, read.stopping) == found
    assert read.started == []


def test_every_sampler_meets_every_pruner_and_random_at_double_budget() -> None:
    names = [entrant.name for entrant in line_up(("tpe", "random"), ("asha", "none"))]
    assert names == ["tpe + asha", "tpe", "random + asha", "random", "random ×2"]
    assert [entrant.name for entrant in line_up(("qmc",), ("none",))] == ["qmc", "random ×2"]


def refused(**changed: object) -> str:
    with pytest.raises(UsageError) as caught:
        run(asked(**changed), Heard(), lambda: False)
    return str(caught.value)


def test_what_is_refused(searches: list[SearchConfig]) -> None:
    assert refused(samplers=("tpe", "radnom")) == (
        "--samplers radnom: no such name; did you mean `random`? There are tpe, random, qmc, gp."
    )
    assert refused(pruners=("",)).startswith("--pruners : no such name. There are asha, ")
    assert refused(samplers=("gp",)).startswith("gp + asha on tiny: sampler: gp needs `pruner: none`: ")
    assert (
        refused(space="-") == "bench search reads its space once a search, so it takes a file, not the standard input."
    )
    Path("tiny.yaml").write_text(SPACE + "objective: [val_accuracy, macs]\n")
    assert refused() == "tiny has two objectives; bench search compares the best accuracy alone."
    assert searches == []


@pytest.mark.slow
def test_the_shipped_space_takes_every_sampler() -> None:
    for entrant in line_up(("tpe", "random", "qmc", "gp"), ("none",)):
        contest._check_fit("mini", contest._load("mini"), entrant)
