"""A certificate: the log of a search that has ended, without what differs from run to run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mnist_bench.certificates import hash_tree
from mnist_bench.studies import Receiver, believed, check_nets, net_code, receiver_of
from search import canonical_json
from search.errors import StorageError, StudyNotFoundError, UsageError
from search.event_log import Event, History, Reported, StudyRecord, Told, TrialRecord, codec, repeats
from search.messages import command_line, quoted
from search.plugins import is_code
from search.study import StudyLocation, StudySpec, no_such_study, read_events, stored_history
from search.trainer_api import Report


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Certificate:
    """The log of a search with the hashes of its periods; `certificate_of` makes it, and checks all parts."""

    events: tuple[Event, ...]
    study: StudyRecord
    """What the events say."""
    spec: StudySpec
    best: TrialRecord
    receiver: Receiver | None
    """For whom the search was made; None if its author chose the seed."""
    leaves: tuple[str, ...]
    """A SHA-256 per period, by trial and period; see `hash_tree`."""
    log: str
    """SHA-256 of the events."""
    root: str
    """SHA-256 of all of it, which names the certificate."""

    def __repr__(self) -> str:
        made_for = "" if self.receiver is None else f" for {quoted(self.receiver.name)}"
        return f"certificate {self.root[:8]} of study {self.study.name}{made_for}: {len(self.leaves)} periods"


def certify(location: StudyLocation, receiver: str | None = None) -> Certificate:
    """Return the certificate of a study.

    Args:
        location: the study.
        receiver: for whom its search has to have been made; None for any search.

    Raises:
        StudyNotFoundError: there is no such study, or it has no complete trial.
        ForeignStudyError: another trainer's search made it.
        UsageError: others could not check its search, or the search has not ended, or was made for another receiver.
        NewerVersionError, StorageError: its log cannot be read.
    """
    events = read_events(location)
    if not events:
        raise no_such_study(location)
    made = certificate_of([*map(_bare, events)])
    if receiver is not None and (made.receiver is None or made.receiver.name != receiver):
        made_for = "without a receiver" if made.receiver is None else f"for {quoted(made.receiver.name)}"
        search = command_line(["mnist-bench", "search", made.study.spec["space"]["name"], "--for", receiver])
        raise UsageError(
            f"Study {made.study.name} was searched {made_for}, and its seed cannot be changed any more; "
            f"`{search}` makes a search for {quoted(receiver)}."
        )
    return made


def certificate_of(events: Sequence[Event]) -> Certificate:
    """Return the certificate with this log, which may come from anybody.

    Raises:
        StudyNotFoundError: no trial is complete.
        ForeignStudyError: another trainer's search wrote the log.
        UsageError: others could not check the search, or it has not ended.
        NewerVersionError: a newer version wrote the log.
        StorageError: no search wrote it.
    """
    history = stored_history(events)
    study = history.record()
    check_nets(study, "a certificate")
    believed(study)
    _check_checkable(study)
    _check_ended(study, history)
    try:
        spec, receiver = StudySpec.from_json(study.spec), receiver_of(study.spec)
    except (KeyError, TypeError, ValueError) as error:  # ValidationError is one
        raise StorageError(f"Study {study.name}: its specification is not one that a search writes.") from error
    leaves, log = hash_tree.leaves(study), canonical_json.sha256([*rows(events)])
    best = study.best
    if best is None:
        raise StudyNotFoundError(f"Study {study.name} has no complete trial, so there is nothing to certify.")
    return Certificate(
        events=tuple(events), study=study, spec=spec, best=best, receiver=receiver, leaves=leaves, log=log,
        root=hash_tree.root(log, leaves),
    )  # fmt: skip


def rows(events: Sequence[Event]) -> Iterator[list[object]]:
    """Yield each event as plain values: kind, logical time, trial, whether the machine caused it, and the rest."""
    for row in map(codec.to_row, events):
        yield [row.kind, row.time, row.trial, row.external, dict(row.payload)]


def _bare(event: Event) -> Event:
    """Return an event without what differs from run to run, and without text of the author's machine."""
    match event:
        case Reported(report=report):
            # What the study's digest covers, and nothing else.
            bare = Report(
                value=report.value, metrics=report.metrics, weights=report.weights, seconds=0.0, end=report.end
            )
            return replace(event, report=bare)
        case Told(error=str()):  # a traceback names the author's folders
            return replace(event, error="")
        case _:
            return event


def _check_checkable(study: StudyRecord) -> None:
    """Check that others can repeat the search without running code of its author's."""
    own = {kind: str(study.spec[kind]["name"]) for kind in ("sampler", "pruner") if is_code(study.spec[kind]["name"])}
    if (net := net_code(study)) is not None:
        own["network"] = net
    for kind, name in own.items():
        raise UsageError(
            f"Study {study.name} used your own {kind}, {name}. It cannot be certified, because `verify` runs no code "
            "of the author's."
        )
    if not repeats(study.order):
        raise UsageError(
            f"Study {study.name} took events in the order of their completion, which cannot be repeated; a certificate "
            "needs the deterministic order."
        )


def _check_ended(study: StudyRecord, history: History) -> None:
    if history.stop is None and history.next_slot() is not None:
        raise UsageError(
            f"Study {study.name} has not ended ({len(study.finished())} of {study.totals[-1]} trials); "
            "continue it first, because a certificate is of a whole search."
        )
