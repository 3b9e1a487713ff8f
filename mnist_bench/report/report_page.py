"""The report of a study: its findings in words and the figures behind them; `html` writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from mnist_bench.config.values import flattened, from_json
from mnist_bench.leaderboard.board import Leaderboard
from mnist_bench.leaderboard.ranking import leaderboard_of
from mnist_bench.nets import own_net
from mnist_bench.nets.summary import line
from mnist_bench.next_commands import NextCommands
from mnist_bench.plots.kinds import Picture
from mnist_bench.report import about
from mnist_bench.report.findings import findings
from mnist_bench.report.ranges_table import Range, table_of as ranges_table
from mnist_bench.report.sections import Sections
from mnist_bench.result_table import Table
from mnist_bench.space_files import space_sources
from mnist_bench.studies import checked
from mnist_bench.studies.checked import net_code
from mnist_bench.studies.record import data_of, recipe_text
from mnist_bench.value_kind import NETS, kind_of
from search import canonical_json
from search.event_log.records import StudyRecord, TrialRecord
from search.hashed import repeats
from search.messages import command_line, quoted
from search.study.invocation_log import Invocation, latest_data
from search.study.spec import fingerprint, own_code_options

LISTED = 200
"""Largest number of trials on the report's leaderboard."""
SPACE_FILE = "space.yaml"
ENQUEUED_FILE = "enqueued-{}.yaml"
"""Files that the commands write before they search again."""
ELSEWHERE = "elsewhere"
"""The folder of the repeated searches, which must not resume the study itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The trial that `confirm` chose, or else the first complete one."""

    number: int
    name: str  # name of the trial: STUDY/17
    summary: str  # its settings in one line
    recipe: str | None  # its recipe in YAML, for `mnist-bench train`; None for a trial of another trainer
    seed: int
    weights: str  # SHA-256 of its final weights


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportPage:
    """The content of a study's report."""

    study: str
    date: str | None
    """Day on which the last period was handled (UTC, ISO 8601); None if an early version did not record it."""
    title: str  # the number of trials and the data: `50 trials on MNIST`
    about: str  # the hyperparameters, the time, the machine and the place of the weights, in one line
    finding: tuple[str, ...]  # sentences, the most important first; text between backticks is code
    board: Leaderboard
    sections: Sections
    pictures: tuple[Picture, ...]  # one per kind; those that could not be drawn have an error
    chosen: Chosen | None
    ranges: Table[Range] | None
    """The ranges that were searched, with the values of the chosen trial; None if there are no ranges or no trial."""
    space: str  # YAML for `mnist-bench search`
    typed: tuple[str, ...]  # the commands that searched, as they were typed, each once; empty if they were not kept
    commands: Mapping[str, str]  # commands that reproduce the study, and the purpose of each
    facts: Mapping[str, Mapping[str, str]]  # groups of facts by name: search, data or trainer, numerics, versions
    failures: Mapping[int, str]  # errors of failed trials by number


def gather(
    study: StudyRecord,
    *,
    sections: Sections,
    pictures: Sequence[Picture],
    invocations: Sequence[Invocation] = (),
    weights: Path | None = None,
) -> ReportPage:
    """Return the report of a study; the same study always gives the same report.

    Args:
        study: the study.
        sections: the results of its experiments.
        pictures: its pictures, with the errors of those that could not be drawn.
        invocations: the commands, and calls from Python, that searched it.
        weights: the folder with the weights of its best trials; None if none are kept.
    """
    kind, board = kind_of(study.spec), leaderboard_of(study, top=LISTED)
    handled = [report.handled for trial in study.trials for report in trial.reports if report.handled is not None]
    space = study.space
    chosen = next((trial for trial in study.trials if trial.number == sections.winner), study.best)
    ranges = ranges_table(space, chosen, kind) if chosen else None
    return ReportPage(
        study=study.name,
        date=f"{datetime.fromtimestamp(max(handled), UTC):%Y-%m-%d}" if handled else None,
        title=about.title(study),
        about=about.line(study, space, weights),
        finding=tuple(findings(study, board, sections)),
        board=board,
        sections=sections,
        pictures=tuple(pictures),
        chosen=_chosen(study, chosen) if chosen else None,
        ranges=ranges if ranges and ranges.rows else None,
        space=space.to_yaml(),
        typed=tuple(dict.fromkeys(made.command for made in invocations if made.command is not None)),
        commands=(
            commands(study, chosen, sections.commands, invocations)
            if kind.of_nets
            else commands_for_values(sections.commands, chosen)
        ),
        facts=_facts(study),
        failures={trial.number: trial.error for trial in study.trials if trial.error},
    )


def commands(
    study: StudyRecord, chosen: TrialRecord | None, next_commands: NextCommands, invocations: Sequence[Invocation] = ()
) -> dict[str, str]:
    """Return the commands that repeat the search and a trial of it, each with its purpose; they run unchanged."""
    code = net_code(study)
    # The file of your own network is the one that the first of these commands writes, not the one on this machine.
    known = replace(next_commands, net=None if code is None else own_net.split_code(code)[0])
    again = dict([*_files(study, known), *_searches(study, latest_data(invocations))])
    if chosen is None:
        return again
    number = chosen.number
    return again | {
        known.line("reproduce", trial=number): f"trains #{number} again and compares it bit for bit",
        f"{known.line('show', '--json', trial=number)} > RECORD.json": "its record, complete for anybody else",
        known.of_record("RECORD.json"): "the same, on any machine",
    }


def commands_for_values(known: NextCommands, chosen: TrialRecord | None) -> dict[str, str]:
    """Return the commands about the study and a trial of it, each with its purpose; its own program searches again."""
    space = {f"{known.line('show', '--space')} > {SPACE_FILE}": "the space that was searched, as a file"}
    if chosen is None:
        return space
    number, folder = chosen.number, ", in the folder of its file" if ".py:" in "".join(known.own_code) else ""
    again = f"trains #{number} again with your own trainer{folder}, and compares it bit for bit"
    return space | {known.line("reproduce", trial=number): again}


def missing(pictures: Sequence[Picture]) -> dict[str, str]:
    """Return why pictures could not be drawn, by their kinds."""
    return {picture.kind: picture.reason for picture in pictures if picture.reason is not None}


def _files(study: StudyRecord, known: NextCommands) -> Iterator[tuple[str, str]]:
    """Yield the commands that write the files that the search needs, and the purpose of each."""
    file = (known.net or "").rpartition(":")[0]
    if file.endswith(".py"):
        yield f"{known.line('show', '--code')} > {quoted(file)}", "the network that was searched, as a file"
    if _shipped(study.spec["space"]) is None:
        yield f"{known.line('show', '--space')} > {SPACE_FILE}", "the space that was searched, as a file"
    for number in _enqueued(study):
        yield (
            f"{known.line('show', '--recipe', trial=number)} > {ENQUEUED_FILE.format(number)}",
            "a recipe that was trained before the search's own trials",
        )


def _enqueued(study: StudyRecord) -> range:
    """Return the numbers of the enqueued trials that were begun; only they have a recipe."""
    return range(min(len(study.spec.get("enqueued", ())), len(study.trials)))


def _searches(study: StudyRecord, data_dir: str | None) -> Iterator[tuple[str, str]]:
    """Yield the command that searches again to each of the study's goals, and its purpose."""
    what = f"the same search again{_where(study.spec)}"
    *earlier, last = study.totals
    for total in earlier:
        yield f"{_search(study, total, data_dir)} --results {ELSEWHERE}", f"{what}, first to its goal of that time"
    stopped = f" {NETS.stop_option(study.stop)}" if study.stop else ""
    yield f"{_search(study, last, data_dir)}{stopped} --results {ELSEWHERE}", f"{what}; {_digest(study)}"


def _digest(study: StudyRecord) -> str:
    """Return a remark on the digest of the repeated search."""
    if waiting := len(study.spec.get("enqueued", ())) - len(_enqueued(study)):
        recipes = "1 recipe that was" if waiting == 1 else f"{waiting} recipes that were"
        return f"its digest is the one above with the {recipes} enqueued and not begun named with --enqueue, too"
    if study.stop is not None and not study.stop.on_time:
        return "it stops sooner than this search, which noticed the stopping rule later"
    if not repeats(study.order):
        return "in completion order, so its digest may differ"
    by_machine = sum(trial.external for trial in study.trials)
    if by_machine:
        again = "that trial again" if by_machine == 1 else "those trials again"
        timed = any(trial.reason == "timed_out" for trial in study.trials)
        limit = ", with the --trial-timeout of then," if timed else ""
        return f"its digest is the one above if the machine{limit} ends {again}"
    return "its digest has to be the one above"


def _search(study: StudyRecord, trials: int, data_dir: str | None) -> str:
    spec = study.spec
    dataset, named = data_of(spec["context"]).dataset, space_sources.dataset_of(study.space)
    words = ["mnist-bench", "search", _shipped(spec["space"]) or SPACE_FILE]
    words += [
        "--trials",
        str(trials),
        "--seed",
        str(spec["seed"]),
        "--concurrent-trials",
        str(spec["concurrent_trials"]),
    ]
    words += [] if repeats(study.order) else ["--order", "as-completed"]
    words += own_code_options(spec)
    words += [] if dataset == named else ["--dataset", dataset]
    words += [] if data_dir is None else ["--data", data_dir]
    # The default is a GPU on a machine that has one, and the list that the space names.
    words += ["--device", "cpu"] if checked.device_like(spec["numerics"], "auto") == "cpu" else []
    listed = spec["space"]["settings"].get("search", {}).get("start")
    words += ["--no-warm-start"] if listed and "start" not in spec else []
    for number in _enqueued(study):
        words += ["--enqueue", ENQUEUED_FILE.format(number)]
    code = net_code(study)
    words += [] if code is None else ["--net", own_net.split_code(code)[0]]
    return command_line([*words, "--study-name", study.name])


def _where(spec: Mapping[str, Any]) -> str:
    """Return where a search with your own sampler or pruner finds its files, which no study keeps."""
    names = [str(spec[kind]["name"]) for kind in ("sampler", "pruner")]
    files = dict.fromkeys(name.rpartition(":")[0] for name in names if ".py:" in name)
    return f", in the folder of {' and '.join(files)}" if files else ""


def _shipped(spec: Mapping[str, Any]) -> str | None:
    """Return the name of the shipped space that was searched; None if it was another space."""
    name = str(spec["name"])
    return name if name in space_sources.shipped() and _shipped_spec(name) == canonical_json.dumps(spec) else None


@cache
def _shipped_spec(name: str) -> str:
    """Return the stored form of a shipped space; to read and check one takes a tenth of a second."""
    return canonical_json.dumps(space_sources.load(name).to_spec())


def _chosen(study: StudyRecord, trial: TrialRecord) -> Chosen:
    of_nets = kind_of(study.spec).of_nets
    return Chosen(
        number=trial.number,
        name=f"{study.name}/{trial.number}",
        summary=line(from_json(trial.config)) if of_nets else "",
        recipe=recipe_text(study, trial) if of_nets else None,
        seed=trial.seed,
        weights=trial.reports[-1].weights,
    )


def _facts(study: StudyRecord) -> dict[str, dict[str, str]]:
    spec = study.spec
    numerics = {name: value for name, value in spec["numerics"].items() if value not in (None, {}, [])}
    options = {name: spec[name] for name in ("seed", "concurrent_trials", "sampler", "pruner") if name in spec}
    begins = about.begins_with(study)
    options |= {} if begins is None else {"trials": begins}
    groups = {
        "search": {"fingerprint": fingerprint(spec), **options},
        **_facts_of_training(spec["context"], of_nets=kind_of(spec).of_nets),
        "numerics": numerics,
        "versions": spec["versions"],
    }
    return {group: {name: _text(value) for name, value in flattened(values)} for group, values in groups.items()}


def _facts_of_training(context: Mapping[str, Any], *, of_nets: bool) -> dict[str, Mapping[str, Any]]:
    if not of_nets:
        trainer = context.get("trainer")
        return {"trainer": trainer} if isinstance(trainer, Mapping) else {}
    data = context["data"]
    return {"data": {**data, "dataset": "your own"} if data_of(context).is_own else data}


def _text(value: object) -> str:
    if value is None:
        return "–"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
