"""Studies made by hand whose trials have learning curves and searched parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from search.event_log.records import EarlyStop, TrialRecord
from search.space.space import Space
from search.space.yaml_reader import Document
from search.study.studies import StoredStudy
from support import handmade

SECTIONS: dict[str, Any] = {
    "model": {
        "batchnorm": {"choice": ["none", "before_activation", "after_activation"]},
        "hidden_layers": {"int": [0, 2]},
        "hidden_units": {"int": [10, 1000], "log": True, "when": {"hidden_layers": [1, 2]}},
    },
    "optim": {"lr": {"float": [1e-4, 1e-2], "log": True}, "momentum": {"float": [0.5, 1.0]}},
}


def trial(number: int, accuracies: Sequence[float | None], **more: Any) -> TrialRecord:
    """Return a trial with these accuracies after each epoch; complete after six, pruned before, unless told otherwise.

    None stands for the period in which the trial diverged.
    """
    given = {"state": "COMPLETE" if len(accuracies) == 6 else "PRUNED", **more}
    if accuracies and accuracies[-1] is None:
        given = {"state": "PRUNED", "reason": "diverged", **more}
    made = handmade.trial(number, periods=len(accuracies), **given)
    reports = [replace(report, value=value) for report, value in zip(made.reports, accuracies, strict=True)]
    return replace(made, reports=tuple(reports))


def study(trials: Sequence[TrialRecord], sections: Mapping[str, Any] = SECTIONS, **more: Any) -> StoredStudy:
    """Return a study of these trials over a space of these sections."""
    space = Space.from_document(Document("conv.yaml", "", {"name": "conv", "epochs": 6, **sections}))
    made = handmade.study(trials, **more)
    return replace(made, spec={**made.spec, "space": space.to_spec()})


def halved() -> StoredStudy:
    """Return a study of successive halving: three of nine trials go on after epoch 1, one of them after epoch 3.

    Trial n has accuracy 0.9 + n / 100 after its first epoch and gains a half of the rest of the way in each further
    one; only the best, #8, is complete.
    """
    lengths = {6: 3, 7: 3, 8: 6}
    return study(
        [trial(n, curve(0.9 + n / 100, lengths.get(n, 1)), params=params(n)) for n in range(9)],
    )


def ended_early() -> StoredStudy:
    """Return a study that patience ended at 4 of 9 trials.

    #1, pruned, and #2, paused, were ahead of the best, #0, at the same epoch; #3 and #4 were not.
    """
    trials = [
        trial(0, [0.9, 0.95, 0.96, 0.97, 0.98, 0.99], params=params(0)),
        trial(1, [0.92], params=params(1)),
        trial(2, [0.9, 0.951], params=params(2), state="RUNNING", reason="paused"),
        trial(3, [0.9], params=params(3)),
        trial(4, [0.91, None], params=params(4)),
    ]
    stop = EarlyStop(rule="patience", limit=3, best=0, value=0.99, since=3)
    return replace(study(trials, goal=9), stop=stop)


def curve(first: float, epochs: int) -> list[float]:
    """Return accuracies of which the error halves in each epoch."""
    return [1 - (1 - first) / 2**epoch for epoch in range(epochs)]


def params(number: int) -> dict[str, Any]:
    """Return parameters in which even trials have no hidden layer."""
    hidden = {"model.hidden_units": 100} if number % 2 else {}
    return {
        "model.batchnorm": ("none", "before_activation", "after_activation")[number % 3],
        "model.hidden_layers": number % 2,
        **hidden,
        "optim.lr": 10.0 ** (-4 + 2 * (number % 9) / 8),
        "optim.momentum": 0.9,
    }
