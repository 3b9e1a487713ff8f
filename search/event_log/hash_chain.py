"""What a decision of a search by arrival saw: every event holds the hash of the one before it; none can be changed."""

from __future__ import annotations

from dataclasses import replace

from search import canonical_json
from search.event_log import codec
from search.event_log.events import Event
from search.event_log.history import History
from search.event_log.timeline import repeats


def linked(event: Event, history: History) -> Event:
    """Return an event that follows a history: of a search by arrival with the hash of what it saw, else as it is.

    The driver decides on all events before, and each of them holds the hash of the one before it; so the newest one's
    hash stands for them all.
    """
    # In logical order it need not be said: what is earlier follows from the costs, and a replay checks it.
    if repeats(history.order) or history.newest is None:
        return event
    return replace(event, saw=link(history.newest))


def link(event: Event) -> str:
    """Return the SHA-256 of an event, of its own link to the one before it, too."""
    row = codec.to_row(codec.as_begun(event))
    return canonical_json.sha256([row.kind, row.time, row.trial, row.external, row.payload])
