"""The result of a check in words, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, assert_never

from mnist_bench import cells
from mnist_bench.certificates.verification import Verification
from search.messages import number_of, quoted


def lines(found: Verification) -> Iterator[str]:
    """Yield what was checked, what was not, and the share of forgeries that such a check finds."""
    whose = "a seed that its author chose" if found.receiver is None else f"the seed for {quoted(found.receiver)}"
    yield (
        f"Certificate {found.root[:16]} of study {found.study}: space {found.space}, "
        f"{number_of(found.trials, 'trial')}, {whose}; best #{found.best}, {cells.percent(found.value)}."
    )
    yield f"Decisions: {found.decisions} events decided again, each as in the log."
    if found.checked:
        trained = number_of(found.trained, "reporting interval")
        yield (
            f"Training: {number_of(len(found.checked), 'trial')} with {trained} trained again from their seeds: "
            f"the best one, and those of {found.drawn} drawn of {found.among} intervals (--draw {found.seed})."
        )
    for sentence in found.unchecked:
        yield f"Not checked: {sentence}"
    for condition in found.conditions:
        yield f"Other conditions: {condition}."
    yield from _verdict(found)


def _verdict(found: Verification) -> Iterator[str]:
    match found.verdict:
        case "holds":
            yield "Holds: all that was repeated is identical, bit for bit."
            yield from _shares(found)
            yield "Not shown: other searches of the author's that were not published."
        case "refuted":
            yield f"Refuted: {found.difference}."
        case "cannot tell":
            yield f"This machine cannot tell: the certificate is neither confirmed nor refuted. {_why(found)}"
        case _:
            assert_never(found.verdict)


def _why(found: Verification) -> str:
    return found.impossible or f"Under other conditions, the first difference is not an accusation: {found.difference}."


def _shares(found: Verification) -> Iterator[str]:
    if found.drawn == found.among:
        yield "Every reporting interval was trained again, so a forged one would have been found."
        return
    few = found.few
    yield (
        f"Such a check finds {cells.percent(found.share_found(few), 1)} of certificates with 5% forged intervals "
        f"({few} of {found.among}), and {cells.percent(found.share_found(1), 1)} of those with one."
    )


def document(found: Verification) -> dict[str, Any]:
    """Return plain values for JSON."""
    shares = {"forged_5_percent": found.share_found(found.few), "forged_one": found.share_found(min(1, found.among))}
    return {"verdict": found.verdict, **asdict(found), "share_found": shares}
