"""What digests and seeds are made of. Nothing here is ever renamed or reordered: every published digest would change.

A new text or field is added at the end. Also hashed, and declared elsewhere: the paths and values of parameters, by the
spaces; the names of metrics, by each trainer (of nets: `NET_METRICS`); the names, types and shapes of weights, by the
nets; the order of fields and choices in a space, from which samplers draw; the integer costs of periods, with the
order of their additions, which decide the order of events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, NewType

from search import canonical_json

State = Literal["RUNNING", "COMPLETE", "PRUNED", "FAIL"]  # how a trial ended, in Optuna's words
Reason = Literal[
    "complete", "pruned", "infeasible", "diverged", "out_of_memory", "timed_out", "crashed", "running",
    "paused",
]  # fmt: skip
"""Why a trial ended so; "paused" is shown and never hashed."""
EndReason = Literal["diverged", "out_of_memory", "finished"]
"""Why a trial makes no further report. `finished`: it was complete before this period, in which nothing was trained."""
Order = Literal["deterministic", "as-completed"]
"""How the workers' results are taken up: by logical time, so that every run decides the same, or as they arrive."""
NET_METRICS = ("epoch", "train_loss", "val_loss", "errors")  # metrics in each report of a net


def repeats(order: Order) -> bool:
    """Return whether a search that takes up periods in this order decides the same in every run."""
    match order:
        case "deterministic":
            return True
        case "as-completed":
            return False


class Point(NamedTuple):
    """A report as a digest has it."""

    value: float | None
    metrics: Mapping[str, float | int | None]
    weights: str
    end: EndReason | None


class Row(NamedTuple):
    """A trial as a digest has it."""

    number: int
    params: Mapping[str, object]
    seed: int
    curve: tuple[Point, ...]
    state: State
    reason: Reason
    external: bool


def digest(rows: Iterable[Row]) -> str:
    """Return one SHA-256 over every trial's parameters, curve, state and weights; no times, no hosts.

    Two searches whose digests agree asked for the same trials, saw the same figures and ended each in the same way.
    """
    return canonical_json.sha256(sorted(rows, key=lambda row: row.number))


Purpose = Literal[
    "trial", "sampler", "sequence", "covering", "pruner",
    "init", "order", "augment", "dropout", "draws", "made-up pictures",
    "confirm", "confirm-all", "ablation", "ladder", "split", "training",
]  # fmt: skip
"""What seeds are drawn for: those of searches, of trainings, of experiments. Two with one text would draw the same."""
Name = NewType("Name", str)  # A text in a seed that is not a purpose: the name or the hash of what the seed belongs to


def derived_seed(*parts: int | Purpose | Name) -> int:
    """Return a seed of 32 bits that depends on all parts and on nothing else."""
    return int(canonical_json.sha256(parts)[:8], 16)
