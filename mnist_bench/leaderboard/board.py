"""A leaderboard as a table: each figure of a trial and of a study, declared once, and all the words around them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from operator import attrgetter
from typing import Any

from mnist_bench import cells
from mnist_bench.cells import unit
from mnist_bench.config.values import all_settings, from_json
from mnist_bench.nets.summary import shown
from mnist_bench.next_commands import NextCommands
from mnist_bench.published import ComparedDigest, is_same_everywhere
from mnist_bench.result_table import Figure, ShownAsTable, Table, key_figure, ungrouped
from mnist_bench.statistics import LEVEL, corrected
from mnist_bench.value_kind import ValueKind, errors_of
from search.event_log.records import StudyRecord, TrialRecord
from search.hashed import repeats
from search.messages import command_line, first_few

HASH_DIGITS = 8  # of a hash that a sentence shows
CURVE_COLUMNS = ("study", "number", "period", "value", "seconds")  # next to those that the trainer measured
NAMED = 5  # trials that a sentence names at most


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaderboardRow:
    """One trial on the leaderboard; `figures_of` explains its figures."""

    study: str
    trial: TrialRecord
    rank: int | None
    p_value: float | None  # of the paired test against the first; None without a test, as of other trainers
    cost: float | None
    on_front: bool | None
    first_then: float | None
    ahead: bool
    settings: Mapping[str, str]  # of nets, those in which the rows differ, as compact cells by heading

    @property
    def tied(self) -> bool:
        """Whether the trial is a net that the paired test cannot distinguish from the first."""
        return self.p_value is not None and self.p_value > LEVEL

    @property
    def excess(self) -> dict[str, float]:
        """By how much the trial is over each limit that it exceeds; empty unless it is infeasible."""
        return excess_of(self.trial)

    @property
    def metrics(self) -> Mapping[str, float | None]:
        """What the trainer measured in the last report, by name."""
        return self.trial.reports[-1].metrics if self.trial.reports else {}


@dataclass(frozen=True, kw_only=True, slots=True)
class RankedStudy:
    """A study on a leaderboard, and what its trials say together; `study_figures` explains its figures."""

    record: StudyRecord
    kind: ValueKind
    counts: Mapping[str, int]
    ended: int  # trained trials that have ended
    external: int
    saved: float
    budget: float
    front: tuple[int, ...]
    ahead: tuple[int, ...]
    tied: int
    test_evaluations: int
    published: ComparedDigest | None
    parameters: Sequence[str]  # dotted names
    metrics: Sequence[str]  # names of what another trainer reports, without that of the value; empty for nets
    limits: Sequence[str]  # names: `macs`, `parameters`, or a constraint

    @property
    def trial_budget(self) -> int:
        """The current trial budget, in trained trials."""
        return self.record.totals[-1]


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Leaderboard(ShownAsTable):
    """The trials of a study or of several, best first."""

    studies: tuple[RankedStudy, ...]  # several have one objective
    rows: tuple[LeaderboardRow, ...]
    hidden: int  # rows that were cut
    has_curves: bool  # whether the learning curves are wanted
    has_infeasible: bool  # whether infeasible trials have rows

    @property
    def kind(self) -> ValueKind:
        """The kind of the values."""
        return self.studies[0].kind

    @property
    def cost(self) -> str | None:
        """The second objective; None with one."""
        return self.studies[0].record.cost

    @property
    def only(self) -> RankedStudy | None:
        """The study; None if there are several."""
        return self.studies[0] if len(self.studies) == 1 else None

    def table(self) -> Table[LeaderboardRow]:
        return table_of(self)

    def _finding(self) -> str:
        return f"digest {self.only.record.digest}" if self.only else ""


def cut(board: Leaderboard, top: int) -> Leaderboard:
    """Return a board with its first `top` rows."""
    return replace(board, rows=board.rows[:top], hidden=board.hidden + max(0, len(board.rows) - top))


def excess_of(trial: TrialRecord) -> dict[str, float]:
    """Return by how much a trial is over each limit that it exceeds."""
    return {name: excess for name, excess in trial.constraints.items() if excess > 0}


def curve_of(trial: TrialRecord) -> list[dict[str, Any]]:
    """Return plain figures of each period: its number from 1 on, its metrics, its value, and all that was measured.

    A metric with the name of a column of curves is `metrics.NAME`, and something measured with that of a metric
    `measured.NAME`.
    """
    return [
        {
            "period": number,
            **{f"metrics.{name}" if name in CURVE_COLUMNS else name: value for name, value in report.metrics.items()},
            "value": report.value,
            "seconds": report.seconds,
            **{
                f"measured.{name}" if name in {*CURVE_COLUMNS, *report.metrics} else name: value
                for name, value in report.measured.items()
                if name != "seconds"
            },
        }
        for number, report in enumerate(trial.reports, start=1)
    ]


def figures_of(kind: ValueKind) -> list[Figure[LeaderboardRow]]:
    """Return the figures of a trial in the order of columns and keys.

    A table leaves out the columns of studies, fronts, costs and limits if there are none. Metrics, settings, parameters
    and the excess over each limit are added by their names.
    """
    spent, is_net = f"{kind.unit}s", kind.of_nets
    return [
        Figure(
            "study", lambda row: row.study, key="study",
            about="Name of the study; a column with several studies.",
        ),
        Figure(
            "rank", lambda row: row.rank, align="right", key="rank",
            reads=lambda row: f"{row.rank or '–'}{(' =' if row.tied else '  ') if is_net else ''}",
            about="Rank by value among the complete trials; – or null if the trial is not complete. `=` marks a tie.",
        ),
        Figure(
            "trial", lambda row: row.trial.number, align="right", cell=cells.numbered, key="number",
            about="Number of the trial, from 0. Commands take it as `conv-0/37`.",
        ),
        Figure(
            "front", lambda row: row.on_front, cell=lambda on_front: "yes" if on_front else "", key="on_front",
            about="Whether the trial is on the Pareto front; null and no column with one objective.",
        ),
        *(_of_nets(kind) if is_net else _of_values(kind)),
        Figure(
            "state", lambda row: row.trial.state, key="state",
            reads=lambda row: cells.ending(row.trial.state, row.trial.reason) + (", ahead" if row.ahead else ""),
            about="`COMPLETE`, `PRUNED`, `FAIL`, `RUNNING` or `PAUSED` (continues with the search), with the reason in "
            "brackets if it adds something, `PRUNED (infeasible)`, and with `ahead`. The key has Optuna's state alone; "
            "a paused trial is `RUNNING`.",
        ),
        Figure(
            "", lambda row: row.trial.reason, key="reason",
            about="How the trial ended: complete, pruned, infeasible, diverged, crashed, out_of_memory or timed_out; "
            "else running or paused.",
        ),
        Figure(
            spent, lambda row: kind.done(row.trial), align="right", key=spent,
            reads=lambda row: cells.epochs(kind.done(row.trial), kind.total(row.trial)),
            about=f"Number of {spent} that were trained; `1/6` if the trial ended before its full budget of 6.",
        ),
        Figure("", lambda row: kind.total(row.trial), key=f"total_{spent}", about=f"Full budget in {spent}."),
        Figure(
            "over its limit by", lambda row: _excess(row.excess),
            about="With `--all`: by how much an infeasible trial exceeds each limit.",
        ),
        *([_size("params", "parameters", "Number of weights, the running statistics of batch normalization included."),
           _size("MACs", "macs", "Multiply-accumulates for one image, forward.")] if is_net else []),
        Figure(
            "time", lambda row: row.trial.seconds, align="right", cell=cells.duration, key="seconds",
            about="Training time without waiting: `31 s`, `4 min 22 s` or `2 h 4 min`; the key is in seconds.",
        ),
        Figure("", lambda row: row.trial.seed, key="seed", about="Seed of the training."),
        Figure(
            "", lambda row: row.first_then, key="first_then",
            about="Value of the trial of rank 1 after as many reports; null unless this trial stopped early.",
        ),
        Figure(
            "", lambda row: row.ahead, key="ahead",
            about="Whether the trial stopped early with a better value than `first_then`.",
        ),
    ]  # fmt: skip


def _of_nets(kind: ValueKind) -> list[Figure[LeaderboardRow]]:
    def end(row: LeaderboardRow, place: int) -> float | None:
        ends = kind.interval(row.trial)
        return None if ends is None else ends[place]

    return [
        Figure(
            "", lambda row: row.tied, key="tied",
            about="Whether the trial is not significantly different from the first.",
        ),
        Figure(
            "", lambda row: row.p_value, key="p_value",
            about="Corrected p-value of the paired test against the first; null if the trial was not tested.",
        ),
        Figure(
            "validation", lambda row: row.trial.value, key="accuracy",
            reads=lambda row: f"{kind.text(row.trial.value)} {cells.interval(end(row, 0), end(row, 1))}",
            about="Accuracy on the validation images after the last report, with Wilson's 95% interval in brackets; "
            "the key is 0 to 1.",
        ),
        Figure("", lambda row: end(row, 0), key="low", about="Lower end of the interval."),
        Figure("", lambda row: end(row, 1), key="high", about="Upper end of the interval."),
        Figure(
            "errors", lambda row: errors_of(row.trial), align="right", key="errors",
            about="Number of misclassified validation images.",
        ),
        _cost(""),
    ]  # fmt: skip


def _of_values(kind: ValueKind) -> list[Figure[LeaderboardRow]]:
    value: Figure[LeaderboardRow] = Figure(
        kind.name, lambda row: row.trial.value, align="right", key="value",
        about="Value after the last report; the heading is the `objective` of the space, if it has one.",
    )  # fmt: skip
    return [value, _cost("cost")]


def _cost(heading: str) -> Figure[LeaderboardRow]:
    about = "Value of the second objective; null with one objective."
    return Figure(heading, lambda row: row.cost, align="right", key="cost", about=about)


def _size(heading: str, key: str, about: str) -> Figure[LeaderboardRow]:
    return Figure(heading, lambda row: row.trial.facts.get(key), align="right", cell=cells.count, key=key, about=about)


GROUPS: Mapping[str, str] = {
    "settings": "The settings of networks in which the rows differ, as compact cells by heading: for display only.",
    "params": "Parameters that the search chose, by dotted name. Inactive ones are absent.",
    "metrics": "Metrics of another trainer's last report, by name.",
    "excess": "By how much the trial is over each limit; empty unless it is infeasible.",
    "curve": "With `--learning-curves`, the figures of each report, see below.",
}
"""The keys of a row in JSON below which are figures by name, and what they are."""


def study_figures(kind: ValueKind) -> list[Figure[RankedStudy]]:
    """Return the figures of a study for programs."""
    unit = f"{kind.unit}s"

    def key(name: str, about: str, value: str | Callable[[RankedStudy], Any] = "") -> Figure[RankedStudy]:
        return Figure("", value if callable(value) else attrgetter(value or name), key=name, about=about)

    of_nets = [
        key("tied", "Number of complete trials that are not significantly different from the first, including it."),
        key("test_evaluations", "Number of test-set evaluations for the study."),
    ]
    return [
        key("study", "Name of the study.", "record.name"),
        key("digest", "64 hexadecimal digits.", "record.digest"),
        key("order", 'The order in which the search handled events: "deterministic", which can be repeated, or '
            '"as-completed".', "record.order"),
        key("objective", "What a value is called: `accuracy`, or the `objective` of the space, else `value`.",
            "kind.name"),
        key("minimized", "Whether smaller values are better.", "kind.minimized"),
        key("cost", 'The second objective, which is minimized, such as "macs"; null with one objective.',
            "record.cost"),
        key("trial_budget", "Trial budget, in trained trials."),
        key("totals", "All trial budgets; several if the budget was raised after it had been reached.",
            lambda study: [*study.record.totals]),
        key("counts", "Number of trials that are complete, pruned, failed, infeasible and running."),
        key("external", "Number of trials that the machine ended, not their configuration: out of memory or time."),
        key(f"saved_{unit}", f"Number of {unit} that pruning saved.", "saved"),
        key(f"budget_{unit}", f"Number of {unit} that all ended trials would have trained without pruning.", "budget"),
        key("live", "Whether a process is searching now.", "record.live"),
        key("front", "Numbers of the trials on the Pareto front, the best first; empty with one objective.",
            lambda study: [*study.front]),
        key("stop", "Why the search ended before its trial budget, if it did.",
            lambda study: study.record.stop and asdict(study.record.stop)),
        key("ahead", "Numbers of all trials that stopped early ahead of the first, in the leaderboard's order.",
            lambda study: [*study.ahead]),
        key("published", "The published digest of this search, its `processors`, a `verdict` on the comparison "
            '("identical", "differs", or "cannot tell" if another digest is expected here), and a `sentence`; or null.',
            lambda study: study.published and asdict(study.published)),
        *(of_nets if kind.of_nets else []),
        key("parameters", "Dotted names of all parameters of the study, whether or not a row has them.",
            lambda study: [*study.parameters]),
    ]  # fmt: skip


def table_of(
    board: Leaderboard, *, retrained: bool = False, commands: NextCommands | None = None
) -> Table[LeaderboardRow]:
    """Return a board's figures, then the settings in which its rows differ; as data, true parameters instead of those.

    Records have one set of columns for a study: the figures, the excess over each limit, then every parameter.

    Args:
        board: the leaderboard of a study or several.
        retrained: whether `confirm` already retrained the tied trials, so that no line proposes it.
        commands: the next commands about the study.
    """
    first, *others = (each.record.name for each in board.studies)
    commands = commands or NextCommands(study=first)
    listed = (*others, "--all") if board.has_infeasible else others  # with which a command lists the same trials
    kind = board.kind
    return Table(
        rows=board.rows,
        figures=_figures(board),
        caption=(
            headline(board),
            *(digest_lines(board.only, commands) if board.only else []),
            *([f"Accuracy of {kind.images:,} validation images, 95% intervals."] if kind.of_nets else []),
        ),
        footnotes=[*_footnotes(board, listed, retrained, commands)],
        whole=f"`{commands.line('leaderboard', *listed, '--wide')}`",
        group=_group(board),
        document=plain(board),
    )


def curve_table(board: Leaderboard) -> Table[Mapping[str, Any]]:
    """Return the learning curves of a board as a table with a row per report, of each trial in the board's order."""
    rows = [
        {"study": row.study, "number": row.trial.number, **period}
        for row in board.rows
        for period in curve_of(row.trial)
    ]
    return Table(rows=rows, figures=[*map(key_figure, dict.fromkeys(key for row in rows for key in row))])


def plain(board: Leaderboard) -> dict[str, Any]:
    """Return the board as JSON has it: the figures of each study, and the rows of all."""
    of_study, of_row = study_figures(board.kind), [figure for figure in figures_of(board.kind) if figure.key]
    studies = [{figure.key: figure.value(each) for figure in of_study} for each in board.studies]
    rows = [
        {
            **{figure.key: figure.value(row) for figure in of_row},
            **({"settings": dict(row.settings)} if board.kind.of_nets else {"metrics": dict(row.metrics)}),
            "params": dict(row.trial.params),
            "excess": row.excess,
            **({"curve": curve_of(row.trial)} if board.has_curves else {}),
        }
        for row in board.rows
    ]
    return {"studies": studies, "hidden": board.hidden, "rows": rows}


def _group(board: Leaderboard) -> Callable[[LeaderboardRow], str]:
    """Return the groups of a board's rows: those that may continue stand above a line, if there are any."""
    if not any(row.trial.state == "RUNNING" for row in board.rows):
        return ungrouped
    ended, done = ("PRUNED", "FAIL"), board.kind.done
    return lambda row: "ended early" if row.trial.state in ended else "" if done(row.trial) else "no report yet"


def _figures(board: Leaderboard) -> list[Figure[LeaderboardRow]]:
    """Return the figures with the headings and signs that the board needs, and those that have names of its own.

    A narrow screen keeps which trial it is and its value, the others from the left to the right, up to how long it
    trained; then the most telling setting, the next figure, the next setting and so on; and metrics last.
    """
    kind, trials = board.kind, [row.trial for row in board.rows]
    batchnorm = all_settings()["model.batchnorm_momentum"]
    has_batchnorm = kind.of_nets and any(batchnorm.counts_in(from_json(trial.config)) for trial in trials)
    headings = {
        "study": "" if board.only else "study",
        "on_front": "front" if board.cost is not None else "",
        "cost": "" if kind.of_nets else board.cost or "",
    }
    legends = {
        "rank": "rank –: not complete" if any(row.rank is None for row in board.rows) else "",
        "state": "PAUSED: continues when the search does" if any(each.reason == "paused" for each in trials) else "",
        "parameters": "params: running statistics of batchnorm included" if has_batchnorm else "",
    }
    exceeds = any(row.excess for row in board.rows)
    figures = [
        replace(
            figure, heading=headings.get(figure.key, figure.heading), legend=[*filter(None, [legends.get(figure.key)])]
        )
        for figure in figures_of(kind)
        if figure.key or exceeds
    ]
    keys = [figure.key for figure in figures]
    reported, named, limits = (
        union(attrgetter(names)(study) for study in board.studies) for names in ("metrics", "parameters", "limits")
    )
    metrics = [_metric(name, f"metrics.{name}" if name in keys else name) for name in reported]
    first = trials[0].params if trials else {}
    parameters = []
    for name in named:
        differs = any(trial.params.get(name) != first.get(name) for trial in trials)
        is_shown = not kind.of_nets and (differs or (len(trials) == 1 and name in first))
        parameters.append(_parameter(name, f"params.{name}" if name in keys else name, name if is_shown else ""))
    settings = [*parameters, *(_setting(name, board.rows) for name in _telling(board.rows))]
    spent, cost = keys.index(f"{kind.unit}s") + 1, keys.index("cost") + 1
    turns = zip_longest(*([each for each in some if each.heading] for some in (settings, figures[spent:])))
    head = sorted(figures[:spent], key=lambda figure: figure.key not in ("study", "number", kind.key))
    kept = [*head, *(each for turn in turns for each in turn if each), *metrics]
    places = {figure.heading: place for place, figure in enumerate(reversed(kept))}
    every = [*figures[:cost], *metrics, *figures[cost:], *map(_limit, limits), *settings]
    return [replace(figure, importance=places.get(figure.heading, 0)) for figure in every]


def union(names: Iterable[Iterable[str]]) -> Sequence[str]:
    """Return the names that are in any of these, each once, in the order in which they appear."""
    return [*dict.fromkeys(name for some in names for name in some)]


def _metric(name: str, key: str) -> Figure[LeaderboardRow]:
    return Figure(name, lambda row: row.metrics.get(name), align="right", key=key)


def _limit(name: str) -> Figure[LeaderboardRow]:
    return Figure("", lambda row: row.excess.get(name), key=f"excess.{name}")


def _parameter(name: str, key: str, heading: str) -> Figure[LeaderboardRow]:
    return Figure(heading, lambda row: row.trial.params.get(name), key=key, is_setting=True)


def _excess(excess: Mapping[str, float]) -> str:
    return ", ".join(
        # A limit has a word for a name, a constraint its text.
        f"{cells.count(over) if over >= 100 else f'{over:.3g}'} {unit(name)}"
        if name.isidentifier()
        else f"{over:.3g} ({name})"
        for name, over in excess.items()
    )


def _telling(rows: Sequence[LeaderboardRow]) -> list[str]:
    """Return the settings in which the rows differ, those first that differ most among the tied trials.

    A board whose rows were cut may have settings in which the others differed; those are left out. If no trials are
    tied, the complete ones are compared; if none is complete, all.
    """
    headings = [*rows[0].settings] if rows else []
    if len(rows) > 1:
        headings = [name for name in headings if len({row.settings[name] for row in rows}) > 1]
    complete = [row for row in rows if row.rank is not None]
    tied = [row for row in complete if row.rank == 1 or row.tied]
    compared = next((some for some in (tied, complete) if len(some) > 1), rows)
    return sorted(headings, key=lambda heading: -len({row.settings[heading] for row in compared}))


def _setting(heading: str, rows: Sequence[LeaderboardRow]) -> Figure[LeaderboardRow]:
    texts, signs = shown(heading, [row.settings[heading] for row in rows])
    by_trial = {(row.study, row.trial.number): text for row, text in zip(rows, texts, strict=True)}
    return Figure(heading, lambda row: by_trial[row.study, row.trial.number], is_setting=True, legend=signs)


def headline(board: Leaderboard) -> str:
    """Return one line: the studies, their counts, why one ended early if it did, and the savings by pruning."""
    studies, one = board.studies, board.only
    live = any(each.record.live for each in studies)
    counts = {name: sum(each.counts[name] for each in studies) for name in studies[0].counts}
    order = "" if all(repeats(each.record.order) for each in studies) else ", in completion order"
    stopped = f" {board.kind.stop_line(one.record.stop)}" if one and one.record.stop else ""
    saved, budget = sum(each.saved for each in studies), sum(each.budget for each in studies)
    saving = f" Pruning saved {saved:g} of {budget:g} {board.kind.unit}s." if saved else ""
    names, trials = ", ".join(each.record.name for each in studies), sum(each.trial_budget for each in studies)
    running = ", running now" if live else ""
    return f"{names}: {cells.counted(counts, live=live)} of {trials} trials{order}{running}.{stopped}{saving}"


def digest_lines(study: RankedStudy, commands: NextCommands) -> list[str]:
    """Return the digest, the promise that goes with it, and the comparison with a published digest if there is one."""
    record, stop = study.record, study.record.stop
    if study.ended < study.trial_budget and not (stop and stop.on_time):
        promise = f"of {study.ended} of {study.trial_budget} trials so far"
    elif not repeats(record.order):
        promise = (
            "decided in completion order: another run of this search may give a different digest; "
            f"`{commands.line('doctor', '--replay')}` checks this one"
        )
    else:
        stopped = "" if stop is None else f" with {study.kind.stop_option(stop)}"
        way = f" by way of {', then '.join(map(str, record.totals))} trials" if len(record.totals) > 1 else ""
        where = "" if is_same_everywhere(record.spec) else " on this kind of processor"
        promise = f"any run of this search{way}{stopped}, at any number of workers{where}, gives this"
    if external := study.external:
        ended = "1 trial was" if external == 1 else f"{external} trials were"
        promise += f"; {ended} ended by the machine (out of memory or time), which may not happen in another run"
    compared = [] if study.published is None else [f"       {study.published.sentence}"]
    return [f"digest {grouped(record.digest)}", f"       ({promise})", *compared]


def _footnotes(board: Leaderboard, listed: Sequence[str], retrained: bool, commands: NextCommands) -> Iterator[str]:
    """Yield the lines below the table: rows left out, trials ahead, the meaning of the tie mark, the test set."""
    kind, one = board.kind, board.only
    if board.hidden:
        every = commands.line("leaderboard", *listed, "--top", str(len(board.rows) + board.hidden))
        yield f"{board.hidden} more; `{every}` shows all."
    if one is None:
        first, second = (each.record.name for each in board.studies[:2])
        compare = command_line(["mnist-bench", "compare", first, second, *commands.place])
        yield (
            "Ranks, `=` and `ahead` are those within each study: no test was made across studies. "
            f"`{compare}` tests two studies."
            if kind.of_nets
            else f"Ranks and `ahead` are those within each study. `{compare}` compares two studies."
        )
    if one and one.ahead:
        yield f"ahead: {ahead_words(one)}"
    if one and board.cost is not None:
        as_good, value = f"as accurate on as few {unit(board.cost)}", "accuracy, the best means rank 1"
        if not kind.of_nets:
            as_good, value = f"as good in both {kind.name} and {board.cost}", kind.name
        yield (
            f"front: {len(one.front)} of {one.counts['complete']} complete trials; no other is {as_good}, and better "
            f"in one of the two. They come first; ranks are by {value}."
        )
    if not kind.of_nets:
        better = "smaller" if kind.minimized else "larger"
        yield f"Values are in the unit of the study's own trainer or objective; {better} is better."
        return
    if one and one.tied > 1:
        tied = f"{one.tied} of {one.counts['complete']} complete trials are tied{'.' if retrained else ':'}"
        yield f"= not significantly different from the first ({corrected('paired test')}). {tied}"
        if not retrained:
            yield f"  `{commands.line('confirm')}` retrains them with fresh seeds."
    yield test_set_line(sum(study.test_evaluations for study in board.studies))


def ahead_words(study: RankedStudy) -> str:
    """Return which trials stopped early though they were ahead of the first complete one after the same training."""
    named = first_few([f"#{number}" for number in study.ahead], NAMED)
    first = study.record.best.number if study.record.best else None
    which = "it" if len(study.ahead) == 1 else "one of them"
    ahead = f"stopped early, ahead of #{first} at the same {study.kind.unit}: {named}"
    return f"{ahead}. With more training, {which} might lead."


def test_set_line(evaluations: int) -> str:
    """Return how often the test set was evaluated, in words."""
    times = {1: "once", 2: "twice"}.get(evaluations, f"{evaluations} times")
    return f"The test set has been evaluated {times}." if evaluations else "The test set has not been evaluated."


def grouped(digest: str) -> str:
    """Return a digest in groups of four digits."""
    return " ".join(digest[start : start + 4] for start in range(0, len(digest), 4))
