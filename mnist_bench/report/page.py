"""The report of a study: its findings in words and the figures behind them; `mnist_bench.cli` writes it as HTML."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mnist_bench import space_files
from mnist_bench.config import from_json, leaves
from mnist_bench.leaderboard import SIGNIFICANCE, Leaderboard, leaderboard_of, tie_p_values, validation_images
from mnist_bench.nets import line
from mnist_bench.plots import Gallery
from mnist_bench.report.sections import Sections
from mnist_bench.studies import recipe_text
from mnist_bench.units import percent
from search import canonical_json
from search.event_log import StudyRecord, TrialRecord, repeats
from search.space import Space
from search.study import Invocation, fingerprint

LISTED = 200
"""Largest number of trials on the report's leaderboard."""
NAMED = 5
"""Largest number of tied trials that the findings name."""
SPACE_FILE = "space.yaml"
ENQUEUED_FILE = "enqueued-{}.yaml"
"""Files that the commands write before they search again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Winner:
    """The trial that `confirm` chose, or else the best complete one."""

    name: str
    """Name of the trial: STUDY/17."""
    summary: str
    """Its settings in one line."""
    recipe: str
    """Its recipe in YAML, for `mnist-bench train`."""
    seed: int
    weights: str
    """SHA-256 of its final weights."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """The content of a study's report."""

    study: str
    date: str | None
    """Day on which the last period was handled (UTC, ISO 8601); None if an early version did not record it."""
    finding: tuple[str, ...]
    """Sentences, the most important first; text between backticks is code."""
    board: Leaderboard
    sections: Sections
    gallery: Gallery
    winner: Winner | None
    space: str
    """YAML for `mnist-bench search`."""
    typed: tuple[str, ...]
    """The commands that searched, as they were typed, each once; empty where they were not kept."""
    commands: Mapping[str, str]
    """Commands that reproduce the study, and what each of them does."""
    facts: Mapping[str, Mapping[str, str]]
    """Groups of facts by name: search, data, numerics, versions."""
    failures: Mapping[int, str]
    """Errors of failed trials by number."""


def gather(
    study: StudyRecord,
    *,
    sections: Sections,
    gallery: Gallery,
    test_openings: int,
    invocations: Sequence[Invocation] = (),
) -> Report:
    """Return the report of a study that `invocations` searched; the same study always gives the same report."""
    board = leaderboard_of(study, top=LISTED, test_openings=test_openings)
    winner = next((trial for trial in study.trials if trial.number == sections.winner), study.best)
    return Report(
        study=study.name,
        date=_date(study),
        finding=tuple(finding(study, board, sections)),
        board=board,
        sections=sections,
        gallery=gallery,
        winner=_winner(study, winner) if winner else None,
        space=Space.from_spec(study.spec["space"]).to_yaml(),
        typed=tuple(dict.fromkeys(invocation.command for invocation in invocations)),
        commands=commands(study, winner, invocations),
        facts=_facts(study),
        failures={trial.number: trial.error for trial in study.trials if trial.error},
    )


def finding(study: StudyRecord, board: Leaderboard, sections: Sections) -> Iterator[str]:
    """Yield the findings in sentences: what won, how certain that is, whether it is confirmed, what pruning saved."""
    ended = len(study.finished())
    if sections.confirmed:
        yield sections.confirmed.lines[0]
    if study.best is None:
        yield f"No trial is complete yet, so there is no winner: {ended} of {board.goal} trials have ended."
    else:
        yield _won(study, study.best, board)
        yield _ties(study.complete())
        if ended < board.goal:
            state = "is still running" if study.live else "was stopped before its goal"
            yield f"The search {state}: {ended} of {board.goal} trials have ended, and the next may be better."
        if sections.raced:
            yield sections.raced.lines[0]
        elif not sections.confirmed:
            yield _unconfirmed(study.name, ended)
    if board.saved_epochs:
        yield f"Pruning saved {board.saved_epochs:g} of {board.budget_epochs:g} epochs."
    if sections.audit:
        yield sections.audit.lines[0]


def _won(study: StudyRecord, best: TrialRecord, board: Leaderboard) -> str:
    row = next(row for row in board.rows if row.number == best.number)
    images = validation_images(study.spec["context"])
    share = "–" if row.accuracy is None else percent(row.accuracy)
    interval = ""
    if row.low is not None and row.high is not None:
        interval = f" (95 % interval {100 * row.low:.2f} to {percent(row.high)})"
    return f"Trial #{best.number} won the search: it gets {share} of the {images:,} validation images right{interval}."


def _ties(complete: Sequence[TrialRecord]) -> str:
    """Return a sentence about the complete trials that the paired test cannot distinguish from the first."""
    p_values = tie_p_values(complete)
    tied = [f"#{number}" for number, p in p_values.items() if p > SIGNIFICANCE]
    if len(complete) == 1:
        return "It is the only complete trial, so there is none to compare it with."
    if not p_values:
        return "Which images each trial got right was not kept, so no test can tell it from the others."
    if not tied:
        return f"Each other complete trial ({len(p_values)}) is worse (paired test on the same images, Holm, 5 %)."
    named = ", ".join(tied[:NAMED]) + (f" and {len(tied) - NAMED} more" if len(tied) > NAMED else "")
    return (
        f"It cannot be told from {named}, of {len(p_values)} other complete trials "
        "(paired test on the same images, Holm, 5 %)."
    )


def _unconfirmed(name: str, ended: int) -> str:
    return (
        f"It is not confirmed yet: the best of {ended} on one validation set is the luckiest too. "
        f"`mnist-bench confirm {name}` asks again with fresh seeds, then opens the test set once."
    )


def commands(study: StudyRecord, winner: TrialRecord | None, invocations: Sequence[Invocation] = ()) -> dict[str, str]:
    """Return the commands that repeat the search and its winner, each with what it does; they run as they stand."""
    again = dict(_files(study))
    digest = "its digest has to be the one above" if repeats(study.order) else "by arrival, so its digest is another"
    data_dir = invocations[0].data_dir if invocations else None
    for total in study.totals:
        again[f"{_search(study, total, data_dir)} --results elsewhere"] = f"the same search again; {digest}"
    if winner is None:
        return again
    best = f"{study.name}/{winner.number}"
    return again | {
        f"mnist-bench reproduce {best}": "trains the winner again and compares it bit for bit",
        f"mnist-bench show {best} --json > RECORD.json": "the winner's record, enough for a stranger",
        "mnist-bench reproduce RECORD.json": "the same, on any machine",
    }


def _files(study: StudyRecord) -> Iterator[tuple[str, str]]:
    """Yield the commands that write the files of which the search is made, and what each does."""
    if _shipped(study.spec["space"]) is None:
        yield f"mnist-bench show {study.name} --space > {SPACE_FILE}", "the space that was searched, as a file"
    for number in range(len(study.spec.get("enqueued", ()))):
        yield (
            f"mnist-bench show {study.name}/{number} --recipe > {ENQUEUED_FILE.format(number)}",
            "a recipe that was trained before the search's own trials",
        )


def _search(study: StudyRecord, trials: int, data_dir: str | None) -> str:
    spec = study.spec
    dataset = spec["context"]["data"]["dataset"]
    words = ["mnist-bench", "search", _shipped(spec["space"]) or SPACE_FILE]
    words += ["--trials", str(trials), "--seed", str(spec["seed"]), "--slots", str(spec["slots"])]
    words += [] if repeats(study.order) else ["--order", study.order]
    words += [] if dataset == "mnist" else ["--dataset", dataset]
    words += [] if data_dir is None else ["--data-dir", data_dir]
    for number in range(len(spec.get("enqueued", ()))):
        words += ["--enqueue", ENQUEUED_FILE.format(number)]
    return shlex.join([*words, "--study-name", study.name])


def _shipped(spec: Mapping[str, Any]) -> str | None:
    """Return the name of the shipped space that was searched; None where it was another one."""
    path = space_files.shipped().get(spec["name"])
    same = path is not None and canonical_json.dumps(space_files.load(path).to_spec()) == canonical_json.dumps(spec)
    return str(spec["name"]) if same else None


def _winner(study: StudyRecord, best: TrialRecord) -> Winner:
    return Winner(
        name=f"{study.name}/{best.number}",
        summary=line(from_json(best.config)),
        recipe=recipe_text(study, best),
        seed=best.seed,
        weights=best.reports[-1].weights,
    )


def _facts(study: StudyRecord) -> dict[str, dict[str, str]]:
    spec = study.spec
    numerics = {name: value for name, value in spec["numerics"].items() if value not in (None, {}, [])}
    options = {name: spec[name] for name in ("seed", "slots", "sampler", "pruner") if name in spec}
    groups = {
        "search": {"fingerprint": fingerprint(spec), **options},
        "data": spec["context"]["data"],
        "numerics": numerics,
        "versions": spec["versions"],
    }
    return {group: {name: _text(value) for name, value in leaves(values)} for group, values in groups.items()}


def _text(value: object) -> str:
    if value is None:
        return "–"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _date(study: StudyRecord) -> str | None:
    times = [report.handled for trial in study.trials for report in trial.reports if report.handled is not None]
    return f"{datetime.fromtimestamp(max(times), UTC):%Y-%m-%d}" if times else None
