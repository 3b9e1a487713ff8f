"""A study in a title and in one line: trials and data; hyperparameters, time, machine, and the place of the weights."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from mnist_bench.leaderboard.worker_time import worker_time_of
from mnist_bench.studies.record import data_of
from mnist_bench.value_kind import kind_of
from search.errors import StudyNotFoundError
from search.event_log.records import StudyRecord
from search.messages import duration, joined, number_of, show
from search.space.space import Space


def title(study: StudyRecord) -> str:
    """Return the number of trained trials and the data: `50 trials on MNIST`, `6 of 7 trials on MNIST`.

    Of another trainer, its name if the study has it: `20 trials of ridge.py:Trainer`.
    """
    ended, goal = len(study.finished()), study.totals[-1]
    counted = number_of(ended, "trial") if ended >= goal else f"{ended:,} of {number_of(goal, 'trial')}"
    kind = kind_of(study.spec)
    if not kind.of_nets:
        return counted if kind.trainer is None else f"{counted} of {kind.trainer}"
    data = data_of(study.spec["context"])
    name = "your own data" if data.is_own else "MNIST" if data.dataset == "mnist" else data.dataset
    images = "" if data.subset is None else f"{data.subset:,} images of "
    return f"{counted} on {images}{name}"


def line(study: StudyRecord, space: Space, weights: Path | None) -> str:
    """Return the line; without the time if an early version did not record it.

    Of another trainer, neither the machine nor the weights are known.
    """
    searched = number_of(len(space.ranges), "hyperparameter")
    kept = f"Weights of the best trials: `{weights}`." if weights else "No weights are kept here."
    time = time_of(study)
    spent = "" if time is None else f" in {time},"
    found = f"{searched} of the search space {space.name}, searched{spent}"
    if not kind_of(study.spec).of_nets:
        return f"{found.removesuffix(',')}."
    numerics = study.spec["numerics"]
    machine = numerics.get("gpu") or numerics.get("cpu") or "a processor without a name"
    return f"{found} on {machine} ({numerics['precision']}). {kept}"


def time_of(study: StudyRecord) -> str | None:
    """Return how long a search took: `4 min 40 s, 8 trainings at a time`; None if that was not recorded."""
    try:
        time = worker_time_of(study)
    except StudyNotFoundError:
        return None
    return f"{duration(time.span)}, {number_of(len(time.workers), 'training')} at a time"


def begins_with(study: StudyRecord) -> str | None:
    """Return with how many trials of which studies a search began; None if with none."""
    counts = Counter(trial.rpartition("/")[0] for trial in study.spec.get("enqueued_from", ()) if trial)
    taken = [f"{number_of(count, 'trial')} of {show(name)}" for name, count in counts.items()]
    return f"begins with {joined(taken)}" if taken else None
