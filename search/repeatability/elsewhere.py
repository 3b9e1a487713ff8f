"""Let custom strategies decide again in another process, in which sets have another order; see `decided_elsewhere`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from search.errors import PluginError, SearchError
from search.event_log.events import Created, Event, from_row, to_row
from search.messages import in_a_sentence
from search.repeatability.rehearsal import Decision, decided_anew
from search.strategies import pruners, registry, samplers
from search.strategies.strategy import Foreign
from search.study.spec import StudySpec

PATIENCE = 120
"""Seconds after which the other process counts as hung."""


def decided_elsewhere(spec: StudySpec, events: Sequence[Event]) -> dict[str, Decision]:
    """Return the result of `decided_anew` in a fresh interpreter with other hashes of texts.

    Raises:
        PluginError: it fails there.
    """
    task = {"rows": [to_row(event) for event in events], "sampler": _named(spec.sampler),
            "pruner": _named(spec.pruner)}  # fmt: skip
    found: dict[str, Decision] = answer_elsewhere(__name__, task)["decisions"]
    return found


def answer_elsewhere(module: str, task: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a module's answer to a task in a fresh interpreter with other hashes of texts.

    Run as a program, the module calls `answer`.

    Raises:
        PluginError: it fails, does not answer, or answers with an `error`.
    """
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    path = os.pathsep.join(folder or os.getcwd() for folder in sys.path)
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
    try:
        done = subprocess.run(  # noqa: S603 (a module of ours)
            [sys.executable, "-P", "-m", module],
            input=json.dumps(task), env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise PluginError(f"Another process had not answered after {PATIENCE} s.") from error
    if done.returncode or not done.stdout:
        last = (done.stderr.strip().splitlines() or ["it reported nothing"])[-1]
        raise PluginError(f"Another process failed: {in_a_sentence(last)}.")
    found: dict[str, Any] = json.loads(done.stdout)
    if "error" in found:
        raise PluginError(found["error"])
    return found


def answer(work: Callable[[Any], Mapping[str, Any]]) -> None:
    """Answer the task on standard input with the result of `work`, or with its error, as JSON on standard output.

    The output of the user's code, until the process has ended, goes to standard error.
    """
    with os.fdopen(os.dup(1), "w") as output:
        os.dup2(2, 1)
        try:
            found = work(json.load(sys.stdin))
        except SearchError as error:
            found = {"error": str(error)}
        json.dump(found, output)


def _decided(task: Mapping[str, Any]) -> Mapping[str, Any]:
    events = [from_row(*row) for row in task["rows"]]
    return {"decisions": decided_anew(_spec(events[0], task), events)}


def _named(way: samplers.Sampler | pruners.Pruner) -> dict[str, Any] | None:
    """Return the name and options with which another process loads a strategy; None if it is built in."""
    if isinstance(way, Foreign) and way.loaded is not None:
        return {"name": way.loaded.whole_name, "options": dict(way.options)}
    return None


def _spec(created: Event, task: Mapping[str, Any]) -> StudySpec:
    """Return the specification with the strategies loaded here."""
    if not isinstance(created, Created):
        raise TypeError("the first event creates the study")
    spec = StudySpec.from_json(created.spec)
    sampler, pruner = task["sampler"], task["pruner"]
    return replace(
        spec,
        sampler=spec.sampler if sampler is None else registry.named_sampler(**sampler),
        pruner=spec.pruner if pruner is None else registry.named_pruner(**pruner),
    )


if __name__ == "__main__":
    answer(_decided)
