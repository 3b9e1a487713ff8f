"""Two sides compared: the result as tables, with what it says in sentences, and as JSON has it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, assert_never

from mnist_bench import cells
from mnist_bench.comparison.differences import (
    Parting,
    RunTest,
    SettingDifference,
    judged,
    parting_of,
    setting_differences,
)
from mnist_bench.comparison.sides import Side, side_of
from mnist_bench.config.values import from_json
from mnist_bench.leaderboard.board import HASH_DIGITS, grouped
from mnist_bench.nets import summary
from mnist_bench.nets.summary import distinguishing, shown
from mnist_bench.result_table import Figure, ShownAsTable, Table
from mnist_bench.studies.claims import Checked, Claim, shared
from mnist_bench.value_kind import ValueKind
from search.errors import UsageError
from search.messages import first_few, number_of
from search.study.studies import StoredStudy

HASH = re.compile(r"[0-9a-f]{32,}…?")
OF_MACHINES = ("numerics.", "versions.")  # settings that describe where a search ran
MOST_FOLLOWING, MOST_SHARED = 6, 8  # values that follow from others, and shared trials, which a line names


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Comparison(ShownAsTable):
    """Two sides: studies, trials, records or exports."""

    first: Side
    second: Side
    settings: tuple[SettingDifference, ...]  # those that are not the same on both sides
    test: RunTest  # of their runs: those named, or the best trials of studies
    shared: tuple[Checked, ...]  # trials with the same configuration and seed
    same_configurations: int  # that both trained, with whatever seed
    parting: Parting | None  # where they part; None if they do not

    @property
    def sides(self) -> tuple[Side, Side]:
        """The two sides."""
        return self.first, self.second

    @property
    def runs(self) -> tuple[Claim, ...]:
        """The run of each side that has one."""
        return tuple(side.run for side in self.sides if side.run is not None)

    @property
    def identical(self) -> int:
        """Shared trials whose common reports are the same, bit for bit."""
        return sum(trial.identical for trial in self.shared)

    @property
    def differing(self) -> Checked | None:
        """The first shared trial with another result; None if there is none."""
        return next((trial for trial in self.shared if not trial.identical), None)

    def table(self) -> Table[Side]:
        first, *_ = tables_of(self)
        return first

    def _finding(self) -> str:
        return self.test.sentence


def compare(targets: Sequence[StoredStudy | str | Path], results: Path) -> Comparison:
    """Return a comparison of two studies, trials, records or exports; see `side_of`."""
    if len(targets) != 2:
        raise UsageError(f"compare takes two studies, trials or records, not {len(targets)}.")
    first, second = (side_of(target, results) for target in targets)
    if first.label == second.label:
        raise UsageError(f"{first.label}: is named twice; name two that may differ.")
    if first.kind.of_nets != second.kind.of_nets:
        net, other = (first, second) if first.kind.of_nets else (second, first)
        raise UsageError(
            f"{net.label} has networks, and {other.label} was made by another trainer; compare what has the same "
            "values."
        )
    return Comparison(
        first=first,
        second=second,
        settings=setting_differences(first, second),
        test=judged(first, second),
        shared=shared(first.runs, second.runs),
        same_configurations=len(
            set.intersection(*({run.configuration for run in side.runs} for side in (first, second)))
        ),
        parting=parting_of(first, second),
    )


def tables_of(comparison: Comparison) -> list[Table[Any]]:
    """Return the parts of a comparison: the runs with their test, the settings, shared trials."""
    runs: Table[Side] = Table(
        rows=comparison.sides,
        figures=[*side_figures(comparison.first.kind), *_settings(comparison.runs)],
        caption=[*_title(comparison)],
        footnotes=["", *_findings(comparison)],
        document=plain(comparison),
    )
    parts: list[Table[Any]] = [runs, _settings_table(comparison), _shared_table(comparison)]
    return [part for part in parts if part.rows]


def side_figures(kind: ValueKind) -> list[Figure[Side]]:
    """Return the figures of a side."""

    def of_run(value: Callable[[Claim], Any]) -> Callable[[Side], Any]:
        return lambda side: side.run and value(side.run)

    def count(heading: str, key: str, form: str = "{:,}") -> Figure[Side]:
        def cell(number: int | None) -> str:
            return "–" if number is None else form.format(number)

        return Figure(heading, of_run(attrgetter(key)), align="right", cell=cell, key=key)

    def value(side: Side) -> str:
        ends = (side.run and side.run.interval) or (None, None)
        return f"{kind.text(side.run.value)} {cells.interval(*ends)}".rstrip() if side.run else "–"

    def trials(side: Side) -> str:
        if not side.is_study or side.study is None:
            return "–"
        return f"{len(side.study.finished()):,} ({len(side.study.complete()):,} complete)"

    nets = kind.of_nets
    return [
        Figure("side", lambda side: side.label, key="label"),
        Figure("", lambda side: side.study and side.study.name, key="study"),
        Figure("", lambda side: side.study and side.study.digest if side.is_study else None, key="digest"),
        count("trial", "trial", "#{}"),
        Figure("", of_run(lambda run: run.seed), key="seed"),
        Figure(
            "validation" if nets else kind.name, of_run(lambda run: run.value), align="left" if nets else "right",
            reads=value, key="value",
        ),
        Figure("", of_run(lambda run: run.interval and run.interval[0]), key="low"),
        Figure("", of_run(lambda run: run.interval and run.interval[1]), key="high"),
        count("errors" if nets else "", "errors"),
        count("images" if nets else "", "images"),
        Figure("", of_run(lambda run: run.curve[-1].weights), key="weights"),
        Figure("trials", trials, align="right"),
    ]  # fmt: skip


def _settings(runs: Sequence[Claim]) -> Iterator[Figure[Side]]:
    if len(runs) < 2 or any(run.record is None for run in runs):
        return
    settings = distinguishing([from_json(run.config) for run in runs])
    for heading in settings[0]:
        texts, signs = shown(heading, [row[heading] for row in settings])
        yield _setting(heading, {run.label: text for run, text in zip(runs, texts, strict=True)}, signs)


def _setting(heading: str, by_label: Mapping[str, str], signs: Sequence[str]) -> Figure[Side]:
    def cell(side: Side) -> str:
        return by_label.get(side.run.label, "") if side.run else ""

    return Figure(heading, cell, is_setting=True, legend=signs)


def _settings_table(comparison: Comparison) -> Table[SettingDifference]:
    def column(place: int) -> Figure[SettingDifference]:  # hashes are cut to a few digits
        return Figure(
            comparison.sides[place].label,
            lambda row: HASH.sub(lambda found: f"{found[0][:HASH_DIGITS]}…", row.values[place]),
        )

    rows = [row for row in comparison.settings if not row.follows] or comparison.settings
    following = [row.name for row in comparison.settings if row.follows]
    notes = [f"{summary.NOTHING}: has no effect there."] if any(summary.NOTHING in row.values for row in rows) else []
    if following and len(following) < len(comparison.settings):
        more = f"{number_of(len(following), 'value')} more {'follows' if len(following) == 1 else 'follow'} from these"
        notes.append(f"{more}: {first_few(following, MOST_FOLLOWING)}.")
    figures = [Figure[SettingDifference]("setting", lambda row: row.name), column(0), column(1)]
    return Table(rows=rows, figures=figures, caption=["Settings that differ"], footnotes=notes)


def _shared_table(found: Comparison) -> Table[Comparison]:
    first, second = found.sides
    figures: list[Figure[Comparison]] = [Figure("compared with", lambda row: row.second.label)]
    if first.is_study or second.is_study:
        figures += [
            Figure("trials", lambda row: f"{len(row.first.runs):,} and {len(row.second.runs):,}", align="right"),
            Figure("shared", lambda row: len(row.shared), align="right", cell="{:,}".format),
            Figure("identical", lambda row: row.identical, align="right", cell="{:,}".format),
            Figure("same configuration", lambda row: row.same_configurations, align="right", cell="{:,}".format),
        ]
        caption = f"Trials shared with {first.label}: the same configuration and seed"
    else:
        one, other = found.runs
        figures += [
            Figure("configuration", lambda row: "same" if row.same_configurations else "different"),
            Figure("seed", lambda row: "same" if one.seed == other.seed else "different"),
        ]
        caption = f"Training compared with {first.label}"
    notes = ["", *_shared_lines(found), *parting_lines(found)]
    return Table(rows=[found], figures=figures, caption=[caption], footnotes=notes)


def _title(comparison: Comparison) -> Iterator[str]:
    """Yield what is compared; of two studies, whether they are the same search, and whether it came out the same."""
    first, second = comparison.sides
    yield f"{first.label} compared with {second.label}"
    if first.study is None or second.study is None or not (first.is_study and second.is_study):
        return
    names = f"{first.label} and {second.label}"
    if first.study.digest == second.study.digest:
        yield f"{names} are identical, bit for bit: digest {grouped(first.study.digest)}"
        return
    changed = [row.path for row in comparison.settings if not row.follows]
    if all(path.startswith(OF_MACHINES) for path in changed):
        where = ", on machines or with versions that differ" if changed else ""
        yield f"{names} are the same search{where}, with different results"


def _findings(comparison: Comparison) -> Iterator[str]:
    yield comparison.test.sentence
    if comparison.test.difference and any(side.is_study for side in comparison.sides):
        yield (
            "A test compares two networks, not two searches: the best of a study is also the luckiest. "
            "`mnist-bench confirm` trains it with fresh seeds."
        )


def _shared_lines(found: Comparison) -> Iterator[str]:
    if found.shared and (found.first.is_study or found.second.is_study):
        numbers = [(each.then.trial, each.now.trial) for each in found.shared]
        named = first_few(
            [f"#{one}" + ("" if one == other else f" (#{other} there)") for one, other in numbers], MOST_SHARED
        )
        yield f"{found.first.label} and {found.second.label} share {named}."


def parting_lines(pair: Comparison) -> Iterator[str]:
    """Yield where two sides part, and the first shared trial with another result if that is somewhere else."""
    parting = pair.parting
    names = f"{pair.first.label} and {pair.second.label}"
    if parting is None:
        yield f"{names} do not differ: everything that both have is the same, bit for bit."
        return
    yield f"{names} first differ {_where(parting, pair)}"
    differing = pair.differing
    if differing is not None and (found := differing.first_difference) and not parting.is_result:
        yield (
            f"The first shared trial with another result is {differing.then.label}: {found.name}, {found.then} and "
            f"{found.now}."
        )


def _where(parting: Parting, pair: Comparison) -> str:
    values = f"{parting.first} in {pair.first.label}, {parting.second} in {pair.second.label}"
    before = f" The {number_of(parting.before, 'event')} before agree." if parting.before > 1 else ""
    match parting.part:
        case "proposal" | "configuration":
            return f"at a decision, the proposal of trial {parting.trial}, in {parting.name}: {values}.{before}"
        case "seed":
            return f"at the seed of trial {parting.trial}: {values}.{before}"
        case "result":
            trial = f"trial {parting.trial}, " if pair.first.is_study and pair.second.is_study else ""
            return f"in a result, {trial}period {parting.period}, {parting.name}: {values}.{before}"
        case "end":
            return f"at a decision, the end of trial {parting.trial}, in its {parting.name}: {values}.{before}"
        case "order" | "length":
            return f"after {number_of(parting.before, 'event')} that agree; next: {values}."
        case _:
            assert_never(parting.part)


def plain(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as plain values for JSON."""
    test = comparison.test
    return {
        "sides": [
            {figure.key: figure.value(side) for figure in side_figures(side.kind) if figure.key}
            for side in comparison.sides
        ],
        "settings": [
            {"setting": row.path, "values": list(row.values), "follows": row.follows} for row in comparison.settings
        ],
        "test": {**asdict(test), "significant": test.is_significant, "sentence": test.sentence},
        "shared": [
            {
                "first": each.then.trial,
                "second": each.now.trial,
                "difference": each.first_difference and asdict(each.first_difference),
            }
            for each in comparison.shared
        ],
        "same_configurations": comparison.same_configurations,
        "first_difference": comparison.parting and asdict(comparison.parting),
        "sentences": [*parting_lines(comparison)],
    }
