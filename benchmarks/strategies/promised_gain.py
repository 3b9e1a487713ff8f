"""Compare the gain that the model of curves-ard promises for the next ten trials with the gain that they bring.

    python benchmarks/strategies/promised_gain.py --seeds 24

A search could stop when the promised gain is too small to pay. That is useful only if promises are about right: if the
mean promise over many searches lies between half and double the mean gain. The searches are those of curves-ard over
the tables that develop it (judges.yaml) and over the stand-ins of conv-5k. When 20, 30 and 40 trials have ended, the
model makes its promise from what the search knows then. Nothing in the promise is fitted to any table.

The promise: of the next ten trials to end, some are running, and the model proposes the others. It draws their losses
together, 256 times, and each draw gains by how much its best trial is better than the best so far. With `luck`, a draw
includes the effect of the trial and the noise of a report, by which a trial may look better than its settings are.
Results are kept in results/_bench/promised-gain.jsonl, so that the same command resumes an interrupted run.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

import numpy as np
from judge import plan_of
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))
import pages

from mnist_bench import stand_ins, value_tables
from mnist_bench.experiments.contest.contest_record import Entrant
from mnist_bench.experiments.contest.replayed import Replayed, ReplayedStandIn, ReplayedValues
from mnist_bench.experiments.contest.replays import Terms, simulated
from search import canonical_json, hashed, strategies
from search.event_log import StudyRecord, TrialRecord
from search.files import append_line, make_folder, whole_lines
from search.proposals import Candidate, Curve, Parts, Prospects
from search.proposals.relevance_model import Conditioned
from search.space import direction_of, score
from search.study import StudySpec

Array = NDArray[np.float64]

AHEAD = 10
"""Trials of which a gain is promised."""
MOMENTS = (20, 30, 40)
"""Numbers of ended trials at which a promise is made."""
DRAWS = 256
FINALISTS, PARENTS, REFINEMENTS = 64, 5, 2
"""As in `search.proposals.choice`."""
STAND_INS = {each.name: each for each in stand_ins.load("conv-5k")}
"""By name; they have learning curves, and are searched with asha."""
BUDGETS = {"none": 60, "asha": 30}
"""Whole trainings of a search by its pruner: enough for 50 trials."""
RESAMPLES = 2000
KEPT = Path("results/_bench/promised-gain.jsonl")
Gain = Callable[[Array, float], Array]
"""Returns how much better scores are than one, shape as given: in points, or in normalised regret."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Promise:
    """A promise and what came of it; in points of accuracy, or in normalised regret."""

    table: str
    seed: int
    at: int
    """Trials that had ended."""
    promised: float
    promised_with_luck: float
    gained: float


def ends_of(trial: TrialRecord) -> list[tuple[int, int]]:
    """Return when each report of a trial came, in logical order: time and slot."""
    times = accumulate(trial.costs[: len(trial.reports)], initial=trial.logical_start)
    return [(time, trial.slot) for time in islice(times, 1, None)]


def known_at(moment: tuple[int, int], study: StudyRecord, prospects: Prospects) -> list[Curve]:
    """Return what a search knew of its trials at a moment of the logical order."""
    direction = direction_of(study.spec["space"]["settings"])
    curves = []
    for trial in study.trials:
        if (trial.logical_start, trial.slot) > moment:
            continue
        ends = ends_of(trial)
        reports = trial.reports[: sum(end <= moment for end in ends)]
        ended = trial.state != "RUNNING" and ends[-1] <= moment
        values = tuple(score(report.value, direction) for report in reports if report.value is not None)
        curves.append(
            Curve(
                trial=trial.number,
                params=trial.params,
                point=prospects.coordinates.of(trial.params),
                shares=prospects.shares(trial.params),
                values=values,
                ended=ended,
                failed=ended and trial.reason == "diverged",
            )
        )
    return curves


def outcomes(curves: Sequence[Curve], prospects: Prospects, draws: np.random.Generator) -> tuple[Array, Array]:
    """Return draws of the best score of the next ten trials, shape (DRAWS,): of their settings, and with luck."""
    process = prospects.model.given([curve for curve in curves if curve.values or curve.failed], Parts())
    finalists = _finalists(process, curves, prospects, draws)
    running = [curve.point for curve in curves if not curve.ended][:AHEAD]
    places = np.array([*(each.point for each in finalists), *running])
    new = AHEAD - len(running)
    losses = process.drawn(places, process.at_end(places), _normals(prospects, draws, (len(places), new + DRAWS)))
    costs = np.array([prospects.cost(each.params) for each in finalists])
    gains = np.maximum(process.best() - losses[: len(finalists), :new], 0.0) / costs[:, None]
    chosen = np.where(gains.any(axis=0), gains.argmax(axis=0), losses[: len(finalists), :new].argmin(axis=0))
    ahead = losses[[*chosen.tolist(), *range(len(finalists), len(places))], new:]
    deviation = np.sqrt(process.learned.trial + process.learned.noise)
    lucky = ahead + deviation * _normals(prospects, draws, ahead.shape)
    scale, periods = process.reports.scale, max(len(curve.shares) for curve in curves)
    settings, luck = (
        np.array([scale.value(loss, periods) for loss in each.min(axis=0).tolist()]) for each in (ahead, lucky)
    )
    return settings, luck


def _finalists(
    process: Conditioned, curves: Sequence[Curve], prospects: Prospects, draws: np.random.Generator
) -> list[Candidate]:
    """Return the candidates that the sampler would choose among."""
    candidates = prospects.candidates(curves, draws)
    for _ in range(REFINEMENTS):
        best = _promising(process, candidates, prospects, PARENTS)
        candidates = [*candidates, *prospects.near([each.params for each in best], curves, draws)]
    return _promising(process, candidates, prospects, FINALISTS)


def _promising(
    process: Conditioned, candidates: Sequence[Candidate], prospects: Prospects, number: int
) -> list[Candidate]:
    predicted = process.at_end(np.array([each.point for each in candidates]))
    ranked = np.argsort(predicted.mean - np.sqrt(predicted.variance), kind="stable").tolist()
    return [*islice((candidates[each] for each in ranked if prospects.feasible(candidates[each].params)), number)]


def _normals(prospects: Prospects, draws: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return prospects.elementary.normals(draws, int(np.prod(shape))).reshape(shape)


def promises(study: StudyRecord, prospects_of: Callable[[], Prospects], table: str, gain: Gain) -> Iterator[Promise]:
    """Yield the promises of one search with the gains that followed; none before a trial is complete."""
    direction, seed = direction_of(study.spec["space"]["settings"]), study.spec["seed"]
    ended = sorted((ends_of(trial)[-1], trial.number) for trial in study.trials if trial.state != "RUNNING")
    finals = [_final(study.trials[number], direction) for _, number in ended]
    for at in MOMENTS:
        before = [value for value in finals[:at] if value is not None]
        after = [value for value in finals[: at + AHEAD] if value is not None]
        if not before or len(finals) < at + AHEAD:
            continue
        prospects = prospects_of()
        draws = np.random.default_rng(hashed.derived_seed(seed, hashed.Name("gain"), at))
        drawn = outcomes(known_at(ended[at - 1][0], study, prospects), prospects, draws)
        settings, luck = (float(np.maximum(gain(each, max(before)), 0.0).mean()) for each in drawn)
        gained = float(gain(np.array([max(after)]), max(before))[0])
        yield Promise(table=table, seed=seed, at=at, promised=settings, promised_with_luck=luck, gained=gained)


def _final(trial: TrialRecord, direction: Any) -> float | None:
    value = trial.reports[-1].value if trial.state == "COMPLETE" else None
    return None if value is None else score(value, direction)


def replayed_of(name: str) -> tuple[Replayed, Gain, str]:
    """Return a table, how gains on it are counted, and the pruner of its searches."""
    if name in STAND_INS:
        return ReplayedStandIn(STAND_INS[name]), lambda scores, best: 100 * (scores - best), "asha"
    table = value_tables.load(name)
    unit = float(np.median(table.losses) - table.losses.min())
    minimized = direction_of(table.space.settings) == "minimize"
    logarithmic = minimized and bool((table.means[:, -1] > 0).all())

    def loss(scores: Any) -> Any:
        return np.log(-scores) if logarithmic else -scores

    return ReplayedValues(table), lambda scores, best: (loss(best) - loss(scores)) / unit, "none"


def searched(name: str, seeds: Sequence[int]) -> Iterator[Promise]:
    """Yield the promises of searches over a table, those first that were made before."""
    kept = [Promise(**values) for _, values in whole_lines(KEPT)]
    replayed, gain, pruner = replayed_of(name)
    way = Entrant(sampler="curves-ard", pruner=pruner)
    for seed in seeds:
        if known := [each for each in kept if (each.table, each.seed) == (name, seed)]:
            yield from known
            continue
        seen = replayed.seeds[seed % len(replayed.seeds)]
        study = simulated(replayed, way, seed, seen, Terms(budget=BUDGETS[pruner]), 8)[0].study
        spec = StudySpec(
            space=replayed.space, seed=seed, slots=8, periods=replayed.periods,
            sampler=strategies.sampler("curves-ard"), pruner=strategies.pruner(pruner),
        )  # fmt: skip
        found = [*promises(study, lambda spec=spec: replayed.prospects(spec), name, gain)]  # type: ignore[misc]
        make_folder(KEPT.parent)
        for each in found:
            append_line(KEPT, canonical_json.dumps(asdict(each)))
        yield from found


def ratio(found: Sequence[Promise], promised: Callable[[Promise], float]) -> tuple[float, float, float]:
    """Return the mean promise over the mean gain, with a 95% interval (percentile bootstrap over the searches)."""
    pairs = np.array([(promised(each), each.gained) for each in found])
    draws = np.random.default_rng(0).integers(len(pairs), size=(RESAMPLES, len(pairs)))
    means = np.vstack([pairs.mean(axis=0)[None], pairs[draws].mean(axis=1)])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = means[:, 0] / means[:, 1]
    low, high = np.nanquantile(ratios[1:], [0.025, 0.975], method="nearest").tolist()
    return float(ratios[0]), low, high


def rows(groups: Mapping[str, Sequence[Promise]]) -> Iterator[list[str]]:
    """Yield a line for each group of tables and number of trials."""
    for name, group in groups.items():
        for at in MOMENTS:
            found = [each for each in group if each.at == at]
            if not found:
                continue
            without, lucky = (
                ratio(found, lambda each: each.promised),
                ratio(found, lambda each: each.promised_with_luck),
            )
            means = np.mean([(each.gained, each.promised, each.promised_with_luck) for each in found], axis=0).tolist()
            yield [
                name, f"{at}", f"{len(found)}", f"{means[0]:.3f}", f"{means[1]:.3f}", _words(without),
                f"{means[2]:.3f}", _words(lucky),
            ]  # fmt: skip


def _words(found: tuple[float, float, float]) -> str:
    value, low, high = ("∞" if np.isinf(each) else f"{each:.2f}" for each in found)
    return f"{value} [{low}, {high}]"


def main(arguments: Sequence[str]) -> None:
    """Search, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    developing = [f"{family}/{table}" for family, names in plan_of("develops").tasks.items() for table in names]
    parser.add_argument("--tables", nargs="+", default=[*developing, *STAND_INS])
    parser.add_argument("--seeds", type=int, default=24)
    parser.add_argument("--output", type=Path, default=Path("results/published/strategies"))
    asked = parser.parse_args(arguments)
    found: dict[str, list[Promise]] = {}
    for name in asked.tables:
        found[name] = [*searched(name, range(asked.seeds))]
        print(f"{name}: {len(found[name])} promises", flush=True)
    of_values = [each for name in found if name not in STAND_INS for each in found[name]]
    of_nets = [each for name in found if name in STAND_INS for each in found[name]]
    groups = {"all tables of values": of_values, "both stand-ins": of_nets, **found}
    heads = ["tables", "trials:", "searches:", "gained:", "promised:", "promised / gained:", "with luck:", "ratio:"]
    command = shlex.join(["python", "benchmarks/strategies/promised_gain.py", *arguments])
    page = [
        "# The gain that curves-ard promises for ten more trials, and the gain that they bring",
        f"`{command}` on {pages.machine()}.",
        "Gains: of the best validation value, on stand-ins in percentage points, on tables of values in normalised "
        "regret; means over the searches. Ratios of means, with 95% intervals by a bootstrap over the searches. With "
        "luck: a promise that includes the effect of the trial and the noise of a report.",
        "\n".join(pages.table(heads, rows({name: group for name, group in groups.items() if group}))),
    ]
    figures = {name: [asdict(each) for each in group] for name, group in found.items()}
    pages.write(asked.output, "promised-gain", "\n\n".join(page) + "\n", json.dumps(figures) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
