"""Check-ups, and that of a study: its event log, its decisions, Optuna's tables, and whether a search can continue.

A repair writes Optuna's tables again from the event log, and changes nothing else. A cut loses the events after the
damage, and is made only if it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from mnist_bench.errors import UnnamedCodeError
from mnist_bench.searches import setup
from mnist_bench.studies import checked
from mnist_bench.studies.checked import believed
from mnist_bench.studies.record import data_of
from mnist_bench.value_kind import kind_of, made_by_another
from search import file_lock
from search.database import damage, open_for_reading, open_for_writing, storage_errors
from search.differences import differences
from search.driver.replay import RecordedPlanner, replay as decide_again
from search.errors import OtherVersionError, SearchError, StorageError
from search.event_log.events import Event, Reported
from search.event_log.history import History
from search.event_log.records import StudyRecord
from search.messages import first_few, first_line, html_table, number_of
from search.strategies import registry
from search.study.cutting import Cut, cut as cut_log
from search.study.folder import StudyFolder
from search.study.invocation_log import invocations
from search.study.optuna_tables import OptunaTables, rebuild
from search.study.spec import DRIVER_REVISION, NOT_INSTALLED, StudySpec, stored_history
from search.study.studies import advice_on_damage, alone_with, driver_of, no_such_study, read_events
from search.trainer_api import Planner

Severity = Literal["ok", "note", "problem"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """The finding about one thing."""

    severity: Severity
    about: str  # the thing in a word or two: "memory", "checkpoints"
    text: str
    advice: str = ""  # what to do; empty if there is nothing to do


ok = partial(Diagnostic, "ok")  # something is as it should be
note = partial(Diagnostic, "note")  # worth knowing, but needs no action
problem = partial(Diagnostic, "problem")


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Checkup:
    """The findings of a check-up."""

    findings: tuple[Diagnostic, ...]  # the state after any repair
    repaired: tuple[Diagnostic, ...] = ()  # what was repaired and cut; the advice describes what was done

    @property
    def problems(self) -> int:
        """Number of findings that are problems."""
        return sum(finding.severity == "problem" for finding in self.findings)

    @property
    def words(self) -> str:
        """The number of problems: `No problem.`, `1 problem.`, `2 problems.`"""
        return f"{number_of(self.problems, 'problem')}." if self.problems else "No problem."

    def __repr__(self) -> str:
        worth_reading = [finding for finding in (*self.repaired, *self.findings) if finding.severity != "ok"]
        return "\n".join([self.words, *(f"{each.severity}: {each.about}: {each.text}" for each in worth_reading)])

    def _repr_html_(self) -> str:
        rows = [("repaired", each.about, each.text, each.advice) for each in self.repaired]
        rows += [(each.severity, each.about, each.text, each.advice) for each in self.findings]
        return html_table(self.words, ("", "about", "finding", "what to do"), rows)


def check_study(
    files: StudyFolder,
    *,
    repair: bool = False,
    cut: bool = False,
    replay: bool = False,
    device: str = "auto",
    data_dir: Path | None = None,
) -> Checkup:
    """Examine a study, and with `repair` write Optuna's tables again if they differ from the event log.

    Args:
        files: the study.
        repair: whether to repair it; if not, it is only read, even while a search works on it.
        cut: whether to cut its event log, which is damaged, after the last good event before all else.
        replay: whether to replay every decision in the event log, which takes as long as the search's proposals did.
        device: the device on which a search would continue.
        data_dir: the folder of the data set, if it is not the packaged one.
    """
    findings = partial(examine, files, replay=replay, device=device, data_dir=data_dir)
    if not (repair or cut):
        return Checkup(findings=tuple(findings(busy=_busy(files))))
    with alone_with(files):
        done = [_told(cut_log(files))] if cut else []
        if repair:
            done += repaired_tables(files)
        return Checkup(findings=tuple(findings(busy=None)), repaired=tuple(done))


def _told(cut: Cut) -> Diagnostic:
    lost, reports = len(cut.lost) + cut.unread, sum(isinstance(event, Reported) for event in cut.lost)
    text = f"cut after event {cut.history.seq - 1}, which loses {number_of(lost, 'event')}"
    again = f"{number_of(reports, 'report')} will be trained again"
    ends = "the same search then ends with the digest of an undisturbed one"
    if cut.unread:
        text += f", {cut.unread} of which cannot be read"
        again += f", and up to {cut.unread:,} more"
        ends += ", unless one that cannot be read was an end by the machine or a larger trial budget"
    if cut.otherwise is not None:
        ends = f"the same search may end with another digest than an undisturbed one: {cut.otherwise}"
    return problem("event log", f"{text}.", f"{again}; {ends}. The damaged database is kept as {cut.aside}.")


def _busy(files: StudyFolder) -> str | None:
    """Return which process works on a study, as the beginning of a sentence; None if no process does."""
    lock = next((path for path in files.inner_locks if file_lock.is_held(path)), None)
    if lock is not None:
        return f"{file_lock.holder(lock)} works in {lock.parent}"
    driver = driver_of(files)
    return None if driver is None else f"{driver} works on the study"


def examine(
    files: StudyFolder, *, busy: str | None, replay: bool = False, device: str, data_dir: Path | None
) -> Iterator[Diagnostic]:
    """Yield the findings about a study; arguments as in `check_study`.

    `busy` is the process that works on the study, as the beginning of a sentence; then Optuna's tables, which may be
    changing, are not examined.
    """
    try:
        events, history, study = _believed(files)
    except OtherVersionError as error:
        yield problem("event log", str(error), "Examine it with that version; this one does not change it.")
        return
    except StorageError as error:
        advice = "Restore a copy of the database if there is one; the files next to it are not changed."
        yield problem("event log", str(error), advice)
        return
    foreign = not kind_of(study.spec).of_nets
    yield ok("event log", f"{len(events)} events, {len(study.trials)} trials.")
    if foreign:
        text = f"{made_by_another(study)}; only its own program can examine its configurations and data."
        typed = [made.command for made in invocations(files) if made.command]  # nothing if it was begun from Python
        yield note("trainer", text, f"`{typed[-1]}` continues its search." if typed else "")
    if replay:
        yield decided_again(events, history.spec)
    if busy is not None:
        yield note("driver", f"{busy}; Optuna's tables, which it changes, are not examined.")
    else:
        yield left(study, history)
        yield tables(files, history, events)
    if not foreign:
        yield from installation(study, history.next_turn() is None, device=device, data_dir=data_dir)


def repaired_tables(files: StudyFolder) -> list[Diagnostic]:
    """Write Optuna's tables of a study again from its event log if they differ, and return what was done.

    Nothing is written if the log cannot be believed, which `examine` reports.
    """
    try:
        events, history, _ = _believed(files)
    except (OtherVersionError, StorageError):
        return []
    found = tables(files, history, events)
    if found.severity != "problem":
        return []
    with closing(open_for_writing(files.database)) as connection, storage_errors():
        rebuild(connection, history)
    return [replace(found, advice="They were written again from the event log.")]


def _believed(files: StudyFolder) -> tuple[list[Event], History, StudyRecord]:
    database = files.database
    if database.exists() and (fault := damage(database)):
        raise StorageError(f"The database {database} is damaged ({fault}); {advice_on_damage(files)}.")
    events = read_events(files)
    if not events:
        raise no_such_study(files)
    history = stored_history(events)
    study = replace(history.record(), name=files.name)
    if kind_of(study.spec).of_nets:
        believed(study)
    return events, history, study


def decided_again(events: Sequence[Event], stored: Mapping[str, Any]) -> Diagnostic:
    """Replay the decisions in an event log, made under a specification, and return whether they come out the same.

    The plans of another trainer's trials are taken from the log. If its own planner ruled configurations out, the
    proposals of a sampler that asks for them are taken from the log, too.
    """
    foreign = not kind_of(stored).of_nets
    if stored["driver_revision"] != DRIVER_REVISION:
        return note(
            "replay", f"not done: driver revision {stored['driver_revision']} decided differently from this version."
        )

    def planner_for(spec: StudySpec) -> Planner[Any]:
        return RecordedPlanner(events) if foreign else setup.planner(spec.space, spec.context)

    try:
        replayed = decide_again(events, planner_for)
        # What is feasible to an objective, its space says.
        if replayed.difference is not None and foreign and "objective" not in stored["context"]:
            sampler, _ = registry.of_spec(stored)
            replayed = decide_again(events, planner_for, proposes=False) if sampler.asks_planner else replayed
    except UnnamedCodeError as error:
        return note("replay", f"not done. {error}")
    except (SearchError, KeyError, TypeError, ValueError) as error:
        return problem("replay", f"this installation cannot make such a search: {first_line(error)}.")
    if replayed.difference is None:
        taken = f"; decisions of {' and '.join(replayed.believed)} are taken from the log" if replayed.believed else ""
        return ok("replay", f"{replayed.events} events decided again, each as in the log{taken}.")
    return problem(
        "replay", f"{replayed.difference}; the {replayed.events} events before it agree.",
        "If the installation differs (see below), replay with the one that the study needs; else restore a copy.",
    )  # fmt: skip


def left(study: StudyRecord, history: History) -> Diagnostic:
    """Return the state of a study on which no process is working."""
    if study.stop is not None:
        kind = kind_of(study.spec)
        without = f"without {kind.stop_option(study.stop)} the same search continues"
        return ok("driver", f"no process works on the study. {kind.stop_line(study.stop)[:-1]}; {without}.")
    paused = [f"#{trial.number}" for trial in study.trials if trial.state == "RUNNING"]
    if paused:
        are, them = ("is", "it") if len(paused) == 1 else ("are", "them")
        text = f"no process works on the study; {', '.join(paused)} {are} paused, and the same search continues {them}."
        return ok("driver", text)
    if history.next_turn() is not None:
        return ok("driver", "no process works on the study; it is unfinished, and the same search continues it.")
    return ok("driver", f"the study is finished: {history.finished} of {history.budget} trials.")


def tables(files: StudyFolder, history: History, events: Sequence[Event]) -> Diagnostic:
    """Return whether the tables of a study agree with the history of its events, from which they can be rebuilt."""
    about = "Optuna's tables"
    advice = "--repair writes them again from the event log, which is authoritative; no result is lost."
    try:
        with closing(open_for_reading(files.database)) as connection, storage_errors():
            found = OptunaTables(connection, history).compare(events)
    except StorageError as error:
        return problem(about, str(error), advice)
    parts = [
        f"lack {_some(found.missing)}" if found.missing else "",
        f"differ in {_some(found.otherwise)}" if found.otherwise else "",
        f"have {_some(found.unknown)}, which the log does not contain" if found.unknown else "",
    ]
    if found:
        return problem(about, f"they {'; '.join(filter(None, parts))}.", advice)
    if found.pending:
        return note(about, f"they lack the newest events, of {_some(found.pending)}; the next run adds them.")
    return ok(about, "they agree with the event log.")


def _some(numbers: Sequence[int], most: int = 8) -> str:
    return first_few([f"#{number}" for number in numbers], most)


def installation(study: StudyRecord, finished: bool, *, device: str, data_dir: Path | None) -> Iterator[Diagnostic]:
    """Yield whether a search of the study can continue here, and if not, its requirements."""
    from mnist_bench.training.trainer import numerics_here

    try:
        loaded = checked.training_set(data_of(study.spec["context"]), data_dir, f"Study {study.name}")
    except SearchError as error:
        yield note("data", str(error))
    else:
        yield ok("data", f"the data that the study was trained on (data hash {loaded.data_hash[:8]}).")
    stored, severity = study.spec, note if finished else problem
    now = numerics_here(checked.device_like(stored["numerics"], device), str(stored["numerics"]["precision"]))
    try:
        here = replace(
            StudySpec.from_json(stored),
            versions=setup.versions(now),
            context={**stored["context"], **setup.context_here(now)},
            numerics=now,
        )
        differing = differences(stored, here.to_json())
    except (SearchError, KeyError, TypeError, ValueError) as error:
        yield severity("installation", f"this installation cannot make such a search: {error}.")
        return
    if not differing:
        yield ok("installation", f"as the study needs it, numerics check {now['check'][:8]} then and now.")
        return
    listed = "; ".join(f"{path}: {old} then, {new} now" for path, old, new in differing)
    way_back = _way_back({path for path, _, _ in differing}, stored)
    yield severity("installation", f"the study was made under other conditions: {listed}.", way_back)


def _way_back(changed: Set[str], stored: Mapping[str, Any]) -> str:
    """Return how to get an installation in which the search can continue, given the paths that differ."""
    # Versions first: they are the easiest to change, and often explain the other differences.
    names = {path.removeprefix("versions.") for path in changed if path.startswith("versions.")}
    wanted = {name: str(stored["versions"][name]) for name in sorted(names & stored["versions"].keys())}
    if wanted:
        return _installed(wanted)
    ours = ("context.costs", "context.trainer_revision", "driver_revision")
    if any(path.startswith(ours) for path in changed):
        revisions = f"trainer {stored['context']['trainer_revision']}, driver {stored['driver_revision']}"
        return f"Continue with the mnist-bench that began the study (revisions: {revisions})."
    then = [str(stored["numerics"].get(name, "?")) for name in ("device", "precision", "cpu")]
    return f"Continue on a machine where the same training is bit-identical: {', '.join(then)}."


def _installed(wanted: Mapping[str, str]) -> str:
    """Return the commands that install these versions of packages, and remove those that were not installed."""
    absent = [name for name, version in wanted.items() if version == NOT_INSTALLED]
    pins = [f"{name}=={version}" for name, version in wanted.items() if version != NOT_INSTALLED]
    # PyPI has no versions with a label, such as 2.12.0+cpu: PyTorch's own index of that name has them.
    label = wanted.get("torch", "").partition("+")[2]
    index = f" --extra-index-url https://download.pytorch.org/whl/{label}" if label else ""
    uninstall = f"pip uninstall {' '.join(absent)}" if absent else ""
    install = f"pip install {' '.join(pins)}{index}" if pins else ""
    return " && ".join(filter(None, [uninstall, install]))
