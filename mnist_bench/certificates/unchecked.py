"""What a check takes from the log: choices of the author, and ends that only the author's machine knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mnist_bench import start_lists
from mnist_bench.certificates.certificate import Certificate
from mnist_bench.searches import study_context
from mnist_bench.start_lists import UNPRUNED
from mnist_bench.tables import SHA256
from search import canonical_json
from search.errors import SearchError
from search.event_log import GoalSet, Resumed, Stopped
from search.hashed import Reason
from search.messages import first_few, number_of, show
from search.study import StudySpec

ENDS: tuple[tuple[Reason, str], ...] = (
    ("crashed", "crashed"),
    ("timed_out", "ran out of time"),
    ("out_of_memory", "ran out of memory"),
    ("paused", "did not end"),
)
"""The ends of trials that the author's machine decided, in words."""


def sentences(certificate: Certificate) -> Iterator[str]:
    """Yield what cannot be checked, a sentence each; nothing if all can."""
    study, spec = certificate.study, certificate.spec
    if certificate.receiver is None:
        yield f"The author chose the seed, {spec.seed}: the search was not made for a receiver (`search --for NAME`)."
    if spec.enqueued:
        yield f"The author chose {number_of(len(spec.enqueued), 'first configuration')} (`search --enqueue`)."
    if spec.start.configurations and not _is_of_tables(spec):
        yield (
            f"The author chose a warm start of {number_of(len(spec.start.configurations), 'configuration')}, made of "
            f"{first_few([*map(show, spec.start.made_of)], 5)}."
        )
    if (continued := study.spec.get("continues")) is not None:
        count = number_of(len(continued["trials"]), "first trial")
        yield f"The author chose {count} and their seeds, those of study {show(continued['study'])}."
    for reason, words in ENDS:
        if ended := [f"#{trial.number}" for trial in study.trials if trial.reason == reason]:
            count = number_of(len(ended), "trial")
            yield f"{count} {words}, as only the author's machine knows: {first_few(ended, 8)}."
    yield from _budgets(certificate)


def _is_of_tables(spec: StudySpec) -> bool:
    """Return whether a start list is what this version makes of bundled tables, whether or not asha may stop all."""
    if not all(name in SHA256 for name in spec.start.made_of):
        return False
    try:
        sources = [start_lists.source(name, Path(), None, spec.space.elementary) for name in spec.start.made_of]
        planner = study_context.planner(spec.space, spec.context)
        made = start_lists.make(spec.space, planner, sources, unpruned=UNPRUNED)
    except SearchError:
        return False
    known = (made, replace(made, unpruned=0))
    return canonical_json.dumps(spec.start.to_json()) in [canonical_json.dumps(each.to_json()) for each in known]


def _budgets(certificate: Certificate) -> Iterator[str]:
    """Yield when the search ended otherwise than at its first trial budget, which stands at the log's beginning."""
    goals = [event.goal for event in certificate.events if isinstance(event, GoalSet)]
    if len(goals) > 1:
        yield f"The author raised the trial budget during the search: {' → '.join(map(str, goals))} trials."
    for event in certificate.events:
        if isinstance(event, Stopped):
            yield f"A rule of the author's ended the search before its trial budget ({event.rule} {event.limit:g})."
        if isinstance(event, Resumed):
            yield "The author continued the search after it had ended by a rule."
