"""A comparison as tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from mnist_bench import cells
from mnist_bench.comparison.comparison import Comparison, Pair
from mnist_bench.comparison.comparison_json import plain
from mnist_bench.comparison.sentences import different_images, findings, parting_lines, shared_lines, title
from mnist_bench.comparison.setting_differences import SettingDifference
from mnist_bench.comparison.sides import Run, Side
from mnist_bench.config.json import from_json
from mnist_bench.leaderboard.objective import value_name
from mnist_bench.leaderboard.several import HASH_DIGITS
from mnist_bench.nets import summary
from mnist_bench.nets.summary import distinguishing, shown
from mnist_bench.result_table import Column, Table
from mnist_bench.statistics.inference import wilson
from search.messages import first_few, number_of

HASH = re.compile(r"[0-9a-f]{32,}…?")
MOST_FOLLOWING = 6
"""Values that follow from others which a line names."""


def tables_of(comparison: Comparison) -> list[Table[Any]]:
    """Return the parts of a comparison: the runs with their tests, the settings, shared trials."""
    parts: list[Table[Any]] = [_runs_table(comparison), _settings_table(comparison)]
    if not any(side.is_study for side in comparison.sides):
        parts.append(_curves_table(comparison))
    parts.append(_shared_table(comparison))
    return [part for part in parts if part.rows]


def _runs_table(comparison: Comparison) -> Table[Side]:
    """Return the sides with their runs side by side, what differs first, and the tests between them."""
    columns = [
        Column[Side]("side", lambda side: side.label, 20),
        Column[Side]("trial", lambda side: "–" if side.run is None else f"#{side.run.number}", 18, "right"),
    ]
    of_nets = comparison.sides[0].is_of_nets
    columns += _net_columns(comparison) if of_nets else _value_columns(comparison)
    return Table(
        rows=comparison.sides,
        columns=columns,
        caption=[*different_images(comparison), *title(comparison)],
        footnotes=["", *findings(comparison)],
        document=plain(comparison),
    )


def _net_columns(comparison: Comparison) -> list[Column[Side]]:
    runs = comparison.runs
    settings = distinguishing([from_json(run.config) for run in runs]) if len(runs) > 1 else []
    figures = [
        Column[Side]("validation", lambda side: _accuracy(side.run), 19),
        Column[Side]("errors", lambda side: _or_dash(None if side.run is None else side.run.errors), 17, "right"),
        Column[Side]("images", lambda side: _or_dash(None if side.run is None else side.run.images), 16, "right"),
        Column[Side]("trials", _trials, 12, "right"),
    ]
    headings = [*settings[0]] if settings else []
    return [*figures, *(_setting(heading, runs, settings, place) for place, heading in enumerate(headings))]


def _setting(heading: str, runs: Sequence[Run], settings: Sequence[dict[str, str]], place: int) -> Column[Side]:
    texts, signs = shown(heading, [row[heading] for row in settings])
    by_label = {run.label: text for run, text in zip(runs, texts, strict=True)}
    return Column(
        heading, lambda side: by_label.get(side.run.label, "") if side.run else "", 11 - place, is_setting=True,
        legend=signs,
    )  # fmt: skip


def _value_columns(comparison: Comparison) -> list[Column[Side]]:
    name = value_name(comparison.sides[0].specification)
    return [
        Column(name, lambda side: cells.value(None if side.run is None else side.run.value), 19, "right"),
        Column("trials", _trials, 12, "right"),
    ]


def _accuracy(run: Run | None) -> str:
    if run is None or run.value is None:
        return "–"
    if not run.images or run.errors is None:
        return cells.percent(run.value)
    return f"{cells.percent(run.value)} {cells.interval(*wilson(run.images - run.errors, run.images))}"


def _or_dash(count: int | None) -> str:
    return "–" if count is None else f"{count:,}"


def _trials(side: Side) -> str:
    if not side.is_study or side.study is None:
        return "–"
    return f"{len(side.study.finished()):,} ({len(side.study.complete()):,} complete)"


def _settings_table(comparison: Comparison) -> Table[SettingDifference]:
    rows = [row for row in comparison.settings if not row.follows] or comparison.settings
    columns = [Column[SettingDifference]("setting", lambda row: row.name, len(comparison.sides) + 1)]
    for place, side in enumerate(comparison.sides):
        columns.append(_side_column(side.label, place, len(comparison.sides) - place))
    following = [row.name for row in comparison.settings if row.follows]
    told = len(following) and len(following) < len(comparison.settings)
    follow = "follows" if len(following) == 1 else "follow"
    more = f"{number_of(len(following), 'value')} more {follow} from these: {first_few(following, MOST_FOLLOWING)}."
    notes = [f"{summary.NOTHING}: has no effect there."] if any(summary.NOTHING in row.values for row in rows) else []
    return Table(
        rows=rows, columns=columns, caption=["Settings that differ"], footnotes=[*notes, *([more] if told else [])]
    )


def _side_column(label: str, place: int, importance: int) -> Column[SettingDifference]:
    return Column(label, lambda row: _short(row.values[place]), importance)


def _short(text: str) -> str:
    """Return a value with hashes cut to a few digits."""
    return HASH.sub(lambda found: f"{found[0][:HASH_DIGITS]}…", text)


def _shared_table(comparison: Comparison) -> Table[Pair]:
    """Return what each pair shares, and where it parts."""
    first = comparison.sides[0].label
    if any(side.is_study for side in comparison.sides):
        columns = [
            Column[Pair]("compared with", lambda pair: pair.second.label, 5),
            Column[Pair]("trials", lambda pair: f"{len(pair.first.runs):,} and {len(pair.second.runs):,}", 3, "right"),
            Column[Pair]("shared", lambda pair: f"{len(pair.shared):,}", 4, "right"),
            Column[Pair]("identical", lambda pair: f"{pair.identical:,}", 2, "right"),
            Column[Pair]("same configuration", lambda pair: f"{pair.same_configurations:,}", 1, "right"),
        ]
        caption = f"Trials shared with {first}: the same configuration and seed"
    else:
        columns = [
            Column[Pair]("compared with", lambda pair: pair.second.label, 3),
            Column[Pair]("configuration", lambda pair: "same" if pair.same_configurations else "different", 2),
            Column[Pair]("seed", lambda pair: "same" if pair.has_same_seed else "different", 1),
        ]
        caption = f"Training compared with {first}"
    lines = [line for pair in comparison.pairs for line in (*shared_lines(pair), *parting_lines(pair))]
    return Table(rows=comparison.pairs, columns=columns, caption=[caption], footnotes=["", *lines])


def _curves_table(comparison: Comparison) -> Table[int]:
    """Return the value after each period of runs that are compared as such, and `=` for the same bits."""
    runs = comparison.runs
    columns = [Column[int]("period", str, len(runs) + 1, "right")]
    for place, run in enumerate(runs):
        columns.append(_run_column(run, runs[0], len(runs) - place, of_nets=comparison.sides[0].is_of_nets))
    longest = max((len(run.reports) for run in runs), default=0)
    return Table(rows=range(1, longest + 1), columns=columns, caption=["Value after each period; = if identical"])


def _run_column(run: Run, first: Run, importance: int, *, of_nets: bool) -> Column[int]:
    def text(period: int) -> str:
        if period > len(run.reports):
            return "–"
        report = run.reports[period - 1]
        same = run is not first and period <= len(first.reports) and first.reports[period - 1] == report
        return "=" if same else cells.percent(report.value) if of_nets else cells.value(report.value)

    return Column(run.label, text, importance, "right")
