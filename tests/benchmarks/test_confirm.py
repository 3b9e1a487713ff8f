"""Contests that were written down beforehand: what a look says, and how often it claims wrongly."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import confirm
import numpy as np
import pytest
from boundaries import boundaries, critical, shown_before
from confirm import Confirmation, Found, ran_on, rows, stopping_at
from looks import ADDED, BOUNDARIES, look, words
from numpy.typing import NDArray
from plans import plan_of
from scipy.stats import norm  # type: ignore[import-untyped]

from mnist_bench.experiments.contest import ContestOptions
from mnist_bench.experiments.contest.contest_record import BestConfiguration, Contest, Entrant, Trace

pytestmark = pytest.mark.slow

Array = NDArray[np.float64]
PLANS = Path(__file__).parents[2] / "benchmarks" / "strategies"


def trace(error: float, spent: float = 1.0) -> Trace:
    choice = BestConfiguration(spent=spent, seen=error, unseen=error, trial=0, params={})
    return Trace(choices=(choice,), spent=10.0, trials=9, complete=3, fresh=(error - 0.0001, error + 0.0001))


def contest(default: list[float], finalist: list[float]) -> Contest:
    return Contest(
        instrument="live", task="mnist-5k", space="conv", budget=10, training_seconds=1.0, slots=8, workers=(2,),
        seeds=tuple(range(len(default))), seen_images=10_000, unseen_images=20_000, develops=False,
        entrants=(Entrant(sampler="tpe", pruner="asha"), Entrant(sampler="curves", pruner="asha")),
        traces=(tuple(map(trace, default)), tuple(trace(error, 0.5) for error in finalist)),
    )  # fmt: skip


def errors(seed: int, number: int, gain: float = 0.0) -> tuple[list[float], list[float]]:
    draws = np.random.default_rng(seed)
    default = 0.019 + 0.001 * draws.standard_normal(number)
    return default.tolist(), (0.019 - gain + 0.001 * draws.standard_normal(number)).tolist()


def test_a_difference_is_shown_with_its_interval() -> None:
    found = look(contest(*errors(0, 100, gain=0.001)), BOUNDARIES[2][1], 0.02)
    assert found.verdict == "better"
    assert found.low < found.difference < found.high < 0
    assert found.difference == pytest.approx(-0.1, abs=0.04)
    assert words(found).startswith("100 pairs: -0.")
    assert ": better; speed-up at 10 trainings 2.00 [2.00, 2.00]" in words(found)


def test_what_nobody_could_use_is_called_equal() -> None:
    default, _ = errors(0, 60)
    found = look(contest(default, [error - 0.0001 for error in default]), BOUNDARIES[2][0], 0.02)
    assert found.verdict == "equal"


def test_an_added_look_costs_next_to_nothing() -> None:
    assert 2 * norm.sf(ADDED) < 2e-5
    assert list(plan_of(PLANS / "contest.yaml").claims[0].looks[0].items()) == [(25, ADDED), (50, 2.797), (100, 1.977)]
    pairs = 25
    for gain, verdict in ((0.0012, "not shown"), (0.0030, "better")):
        found = look(contest(*errors(1, pairs, gain=gain)), ADDED, 0.02)
        assert found.verdict == verdict
        assert found.boundary > ADDED, "with so few pairs Student's distribution asks for more"


def test_a_search_without_a_choice_is_not_passed_over() -> None:
    found = contest(*errors(0, 4))
    without = Trace(choices=(), spent=1.0, trials=1, complete=0)
    broken = (found.traces[0], (*found.traces[1][:-1], without))
    with pytest.raises(SystemExit, match="the budget is too small"):
        look(replace(found, traces=broken), 2.0, 0.02)


@pytest.mark.parametrize("name", ["contest", "contest-coarse"])
def test_what_is_written_down_can_be_read(name: str) -> None:
    plan = plan_of(PLANS / f"{name}.yaml")
    first, *others = plan.claims
    assert (first.against.way, first.way.way, first.way.start) == ("tpe + asha", "curves + asha", ())
    assert plan.first_seed >= 5000
    assert all(claim.way.sampler == "curves" for claim in others)


def test_looks_that_the_boundaries_do_not_hold_for_are_refused(tmp_path: Path) -> None:
    text = (PLANS / "contest.yaml").read_text()
    file = tmp_path / "contest.yaml"
    for looks, said in (
        ("[40, 100], added: 25", "not equally spaced"),
        ("[25, 50, 75, 100]", "up to 3 looks"),
        ("[50, 100], added: 60", r"before the first one \(50 pairs\), not at 60"),
    ):
        file.write_text(text.replace("[50, 100], added: 25", looks))
        with pytest.raises(SystemExit, match=said):
            plan_of(file)


def test_a_line_that_was_being_written_is_no_search(tmp_path: Path) -> None:
    ledger = tmp_path / "contest.jsonl"
    assert ran_on(ledger) == {}
    here = {"canary": "c", "cpu": "EPYC", "torch": "2"}
    line = {"way": "tpe", "machine": here, "trace": {}}
    whole = [json.dumps({**line, **more}) for more in ({"seed": 1}, {"seed": 2, "budget": 50})]
    ledger.write_text("\n".join([whole[0], whole[1][:20], whole[1]]) + "\n")
    assert ran_on(ledger) == {("tpe", 1, None): here, ("tpe", 2, 50): here}


def test_speed_ups_are_told_at_smaller_budgets_too() -> None:
    found = look(contest(*errors(0, 30, gain=0.001)), BOUNDARIES[1][0], 0.02, (5,))
    assert list(found.speedups) == [5, 10]


def machine(sampler: str, seed: int) -> dict[str, str]:
    """Return a machine: that of the second way computes otherwise below seed 6, has another Optuna with seed 6, and
    does not name its version from seed 7 on."""
    same = {"canary": "one", "optuna": "5.0"}
    if sampler != "curves":
        return same
    return {**same, "canary": "two"} if seed < 6 else {**same, "optuna": "5.1"} if seed == 6 else {"canary": "one"}


def test_a_page_has_a_row_a_look_and_no_verdict_but_its_own() -> None:
    claim = replace(plan_of(PLANS / "contest.yaml").claims[0], budgets=(5,), trials=10)
    seen = contest(*errors(1, 25, gain=0.0012))
    ran: confirm.Ran = {
        (entrant.name, seed, None): machine(entrant.sampler, seed) for entrant in seen.entrants for seed in seen.seeds
    }
    found = Found(claim=claim, pairs=25, contest=seen, looks=(look(seen, ADDED, 0.02, (5,)),))
    heads, rule, row = rows([found], ran)
    assert heads.count("|") == rule.count("|") == row.count("|")
    assert row.startswith("| curves + asha | 1.77% ± 0.02 | tpe + asha | 1.90% ± 0.02 | 25 | 7 | -0.13 [")
    assert "| not shown, look 1 of 3 | " in row
    assert row.endswith("2.00 [2.00, 2.00] |")


def test_a_claim_before_its_first_look_is_not_shown_and_no_difference_is_told() -> None:
    claims = plan_of(PLANS / "contest-ard.yaml").claims
    heads, rule, *lines = rows([Found(claim=claim, pairs=17) for claim in claims], {})
    assert all(line.count("|") == heads.count("|") == rule.count("|") for line in lines)
    assert [line.count("–") for line in lines] == [9, 9]
    assert "not shown: 17 of 40 pairs of its first look" in lines[0]
    assert "not shown: 17 of 30 pairs of its first look" in lines[1]


def test_boundaries_are_those_of_lan_and_demets() -> None:
    # The R package gsDesign, sfLDOF: one-sided 0.025 and 0.0125 at four equally spaced looks.
    assert boundaries([40, 80, 120, 160], 0.05) == pytest.approx([4.3326, 2.9631, 2.3590, 2.0141], abs=2e-4)
    assert boundaries([50], 0.05) == pytest.approx([1.95996], abs=1e-5)
    strict, loose = boundaries([30, 60, 90, 120], 0.025), boundaries([30, 60, 90, 120], 0.05)
    assert all(high > low for high, low in zip(strict, loose, strict=True)), "what passes at 2.5% passes at 5%"


@pytest.mark.parametrize(("gain", "at_most"), [(0.0, 0.05), (1.0, 0.05)])
def test_two_claims_with_four_looks_each_claim_wrongly_one_time_in_twenty(gain: float, at_most: float) -> None:
    """Simulates both claims of the plan: with no difference, and with the first claim true, when the other has 5%."""
    claims, searches = plan_of(PLANS / "contest-ard.yaml").claims, 40_000
    draws = np.random.default_rng(0)
    passes = np.zeros((2, 2, searches), bool)
    for number, claim in enumerate(claims):
        groups = np.array(sorted(claim.looks[0]), np.float64)
        statistics = simulated_t(draws, searches, groups, gain if number == 0 else 0.0)
        for before, looks in enumerate(claim.looks):
            bounds = [critical(boundary, pairs) for pairs, boundary in looks.items()]
            passes[before, number] = (np.abs(statistics) > bounds).any(axis=1)
    shown = shown_before(passes) >= 0
    wrong = shown[1] if gain else shown.any(axis=0)
    error = 4 * (at_most * (1 - at_most) / searches) ** 0.5
    assert at_most - 2 * error < wrong.mean() < at_most + error
    assert not gain or shown[0].all()


def simulated_t(draws: np.random.Generator, searches: int, looks: Array, gain: float) -> Array:
    """Return t statistics at numbers of pairs, shape (searches, looks), of normal differences with this mean."""
    steps = np.diff(looks, prepend=0)
    means = gain + draws.standard_normal((searches, len(steps))) / np.sqrt(steps)
    within = draws.chisquare(steps - 1, (searches, len(steps)))
    sums, squares = np.cumsum(means * steps, axis=1), np.cumsum(within + means**2 * steps, axis=1)
    variances = (squares - sums**2 / looks) / (looks - 1)
    return np.asarray(sums / np.sqrt(looks * variances))


def test_a_claim_that_is_shown_hands_its_level_on() -> None:
    alone = np.array([[True, False], [True, True]])  # the second claim passes at 5% alone
    assert shown_before(alone).tolist() == [0, 1]
    assert shown_before(np.array([[False, False], [True, True]])).tolist() == [-1, -1]
    assert shown_before(np.array([[True, False], [True, False]])).tolist() == [0, -1]


class Searches:
    """Stands for workers: notes the searches that are asked for, and gives errors by way and seed."""

    def __init__(self, gains: dict[str, float]) -> None:
        self.gains = gains
        self.made: list[tuple[int, str, int]] = []
        """Budget, sampler, seed."""

    @contextmanager
    def live_searches(
        self, options: ContestOptions, observer: object
    ) -> Iterator[Callable[[ContestOptions, int], None]]:
        yield lambda asked, seed: self.made.extend((asked.trials, way.sampler, seed) for way in asked.ways)

    def finished_pairs(self, options: ContestOptions) -> int:
        seeds = options.seeds_on("live")
        return sum(all((options.trials, way.sampler, seed) in self.made for way in options.ways) for seed in seeds)

    def compare_methods(self, options: ContestOptions, observer: object) -> list[Contest]:
        pairs = len(options.seeds_on("live"))
        assert self.finished_pairs(options) == pairs
        draws = np.random.default_rng(options.trials)
        noise = 0.001 * draws.standard_normal((2, 200))[:, :pairs]
        gains = [self.gains.get(way.sampler, 0.0) for way in options.ways]
        seen = contest(*[(0.019 - gain + each).tolist() for gain, each in zip(gains, noise, strict=True)])
        return [replace(seen, entrants=options.ways, budget=options.trials)]


def confirmation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, searches: Searches) -> Confirmation:
    for name in ("live_searches", "finished_pairs", "compare_methods"):
        monkeypatch.setattr(confirm, name, getattr(searches, name))
    plan = plan_of(PLANS / "contest-ard.yaml")
    return Confirmation(plan, tmp_path / "contest-ard.jsonl", results=tmp_path, workers=2)


def test_pairs_of_two_claims_are_made_in_turns_and_what_stopped_continues(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    searches = Searches({})
    left = iter([False] * 13)
    confirmation(monkeypatch, tmp_path, searches).search(lambda: None, lambda: next(left, True))
    first = [(9, sampler, 7000 + pair) for pair in range(4) for sampler in ("random", "curves-ard")]
    second = [(50, "curves", 7000), (50, "curves-ard", 7000)]
    assert searches.made == [*first, *second, (9, "random", 7004), (9, "curves-ard", 7004), (9, "random", 7005)]
    left = iter([False] * 2)
    confirmation(monkeypatch, tmp_path, searches).search(lambda: None, lambda: next(left, True))
    assert searches.made[-2:] == [(9, "random", 7005), (9, "curves-ard", 7005)]


def test_a_claim_that_is_shown_ends_and_the_other_is_tested_at_its_level(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    searches = Searches({"curves-ard": 0.002, "curves": 0.00178})
    confirming = confirmation(monkeypatch, tmp_path, searches)
    reached: list[list[int]] = []
    confirming.search(lambda: reached.append([each.pairs for each in confirming.found()]), lambda: False)
    first, second = confirming.found()
    assert (first.is_shown, first.pairs, first.before) == (True, 40, 0)
    assert (second.pairs, second.before) == (120, 1)
    assert [one.boundary for one in second.looks] == [
        critical(boundary, pairs) for pairs, boundary in second.claim.looks[1].items()
    ]
    assert reached[0] == [40, 9]
    (described,) = confirming.described()
    assert described.pairs == 20
    made = len(searches.made)
    confirming.search(lambda: None, lambda: False)
    assert len(searches.made) == made, "nothing is left to do"


def test_a_clock_time_that_has_passed_is_tomorrows() -> None:
    now = datetime(2026, 5, 1, 16, 0)
    assert stopping_at(None, "17:30", now) == datetime(2026, 5, 1, 17, 30)
    assert stopping_at(None, "15:30", now) == datetime(2026, 5, 2, 15, 30)
    assert stopping_at(90, None, now) == datetime(2026, 5, 1, 17, 30)
    assert stopping_at(None, None, now) is None
