"""Train two runs again, up to the period in which they differ and then step by step, and find the first tensor."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_bench import own_nets
from mnist_bench.comparison.sides import Run
from mnist_bench.comparison.tracing.trace_worker import FACTORY
from mnist_bench.comparison.tracing.watch import Kind, Seen
from mnist_bench.config import Schedule, from_json
from mnist_bench.data import close_test_set
from mnist_bench.numerics import VARIABLES, environment_of
from mnist_bench.studies import Record, compatibility
from mnist_bench.training import trainer_spec
from search.differences import changed_canaries
from search.errors import UsageError
from search.executors import RemoteTrainer
from search.messages import number_of
from search.trainer_api import PLAIN, Report, TrainerSpec

EVERY = 10**9
"""More steps than any period has."""
_VALUE = re.compile(r"[A-Za-z0-9_.:,=-]{1,40}")
"""The values of environment variables that are taken from a study or a record, which others may have written."""
ABSENT = "–"


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorDifference:
    """The first tensor that differs."""

    period: int
    step: int
    """Within the period, both from 1."""
    kind: Kind
    place: str
    """The layer, and the name of the weight; see `Seen`."""
    agree: int
    """Number of tensors before it in the step, which agree."""
    dtypes: tuple[str, str]
    """In which each side computed it; a dash for a side without such a tensor."""
    numbers: int
    """How many numbers it has; 0 if only one side has it, or in another shape."""
    differing: int
    """How many of them differ."""
    largest: float | None
    """The largest difference; None if it is not finite or there is nothing to subtract."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """Two runs that were trained again."""

    first: str
    second: str
    """The labels of the runs."""
    period: int
    """That was watched: the first one that differs here, or else the first one that differs in the reports."""
    as_recorded: tuple[bool, bool]
    """Whether the periods that were trained whole came out as reported, for each run."""
    other_numerics: tuple[bool, bool]
    """Whether this machine computes otherwise than the one of the run, by the numerics checks."""
    difference: TensorDifference | None
    """None if both train to the same bits here."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was found."""
        return tuple(filter(None, [self._found(), *self._remarks()]))

    def _found(self) -> str:
        begins = f"Trained again here, {self.first} and {self.second}"
        found = self.difference
        if found is None:
            return f"{begins} have the same bits up to the end of period {self.period}."
        agree = (
            f"first differ in period {found.period}, step {found.step}, after {number_of(found.agree, 'equal tensor')}"
        )
        what = _WORDS[found.kind].format(place=found.place)
        if not found.numbers:
            return f"{begins} {agree}: {what} ({' and '.join(found.dtypes)})."
        largest = "" if found.largest is None else f", by at most {found.largest:.3g}"
        dtypes = "" if found.dtypes[0] == found.dtypes[1] else f" ({found.dtypes[0]} and {found.dtypes[1]})"
        return f"{begins} {agree}: {what}. {found.differing:,} of {found.numbers:,} numbers differ{largest}{dtypes}."

    def _remarks(self) -> list[str]:
        remarks = []
        for label, same, other in zip((self.first, self.second), self.as_recorded, self.other_numerics, strict=True):
            if not same:
                cause = "this machine has other numerics" if other else "a package or the trainer is another version"
                remarks.append(f"{label} did not train as recorded here: {cause}.")
        return remarks


_WORDS: Mapping[Kind, str] = {
    "images": "the images of the batch",
    "output": "the output of {place}",
    "gradient of output": "the gradient of the output of {place}",
    "gradient": "the gradient of {place}",
    "weight": "{place} after the step",
    "average": "the average of {place} after the step",
    "slow average": "the slow average of {place} after the step",
}


def trace(
    first: Run, second: Run, period: int, *, device: str = "auto", data_dir: Path | None = None, net: str | None = None
) -> Trace:
    """Train two runs again, and return the first tensor that differs.

    Each run trains in a worker process with the environment variables of its precision.

    Args:
        first: a run of nets that has reported.
        second: another one.
        period: the first period, from 1, in which their reports differ.
        device: to train on; auto for the device of each run.
        data_dir: the data set, if it is not the packaged one.
        net: the name of your own network, if one of them has it.

    Raises:
        UsageError: a run is not one of nets, or the data set or the network is not that of a run.
        DataError, DeviceError: the data set cannot be loaded, or there is no such device.
        WorkerError: a worker process fails.
    """
    close_test_set()
    with ExitStack() as open_workers:
        sides = [_Side(run, device, data_dir, net) for run in (first, second)]
        if sides[0].spec == sides[1].spec:
            sides[1].worker = sides[0].worker
        for side in sides:
            open_workers.enter_context(closing(side))
        return _trace(sides, period)


class _Side:
    """A run in its worker process."""

    def __init__(self, run: Run, device: str, data_dir: Path | None, net: str | None) -> None:
        if run.record is None:
            raise UsageError(f"{run.label} is not a network, and only the training of networks can be traced.")
        self.run, self.record = run, run.record
        self.spec = _spec(run.label, run.record, device, data_dir, net)
        self.worker = RemoteTrainer(self.spec, PLAIN)
        self.state: bytes | None = None
        self.as_recorded = True

    def close(self) -> None:
        """End the process."""
        self.worker.close()

    @property
    def has_other_numerics(self) -> bool:
        return bool(changed_canaries(self.record.numerics, self.worker.numerics))

    def train(self, period: int) -> tuple[bytes, Report]:
        """Train a period from the state before it, and compare it with its report."""
        state, report = self._advance(period, steps=0)
        if period <= len(self.record.curve) and report.weights != self.record.curve[period - 1].weights:
            self.as_recorded = False
        return state, report

    def watch(self, period: int, steps: int) -> list[list[Seen]]:
        """Return the tensors of the first steps of a period."""
        answer, _ = self._advance(period, steps=steps)
        return [[Seen(**{**seen, "shape": tuple(seen["shape"])}) for seen in step] for step in json.loads(answer)]

    def numbers(self, period: int, step: int, seen: Seen) -> NDArray[Any]:
        """Return the numbers of a tensor in a step, from 0."""
        answer, _ = self._advance(period, steps=step + 1, wanted=(step, seen.key))
        wide = seen.dtype if seen.dtype in ("float64", "int64") else "float32"
        return np.frombuffer(answer, wide)

    def _advance(self, period: int, *, steps: int, wanted: tuple[int, str] | None = None) -> tuple[bytes, Report]:
        config = {"recipe": dict(self.record.recipe), "steps": steps, "wanted": wanted and list(wanted)}
        return self.worker.advance(config, self.record.seed, period, self.state)


def _spec(label: str, record: Record, device: str, data_dir: Path | None, net: str | None) -> TrainerSpec:
    """Return how the worker of a run is built, with the environment in which the run was trained."""
    code = record.recipe.get("net_code")
    compatibility.require_net(code, net)
    precision = str(record.numerics.get("precision", "auto"))
    loaded = compatibility.training_set(record.data, data_dir if record.data.is_own else None, label)
    device = compatibility.device_like(record.numerics, device)
    spec = trainer_spec(loaded, device=device, precision=precision, net=own_nets.whole_name(code))
    recorded = record.numerics.get("environment")
    named = recorded if isinstance(recorded, Mapping) else {}
    known = {name: str(value) for name, value in named.items() if name in VARIABLES and _VALUE.fullmatch(str(value))}
    return replace(spec, factory=FACTORY, environment={**known, **environment_of(precision)})


def _trace(sides: Sequence[_Side], period: int) -> Trace:
    number, last = 1, min(period, *(_periods(side.record) for side in sides))
    while number < last:
        trained = [side.train(number) for side in sides]
        if trained[0][1].weights != trained[1][1].weights:
            break
        for side, (state, _) in zip(sides, trained, strict=True):
            side.state = state
        number += 1
    found = _first_difference(sides, number)
    if found is None:
        for side in sides:
            side.train(number)
    return Trace(
        first=sides[0].run.label, second=sides[1].run.label, period=number,
        as_recorded=(sides[0].as_recorded, sides[1].as_recorded),
        other_numerics=(sides[0].has_other_numerics, sides[1].has_other_numerics), difference=found,
    )  # fmt: skip


def _periods(record: Record) -> int:
    return len(Schedule(config=from_json(record.recipe), images=1).period_ends)


def _first_difference(sides: Sequence[_Side], period: int) -> TensorDifference | None:
    # Mostly they differ in the first step; a whole period is watched only if they do not.
    for steps in (1, EVERY):
        one, other = (side.watch(period, steps) for side in sides)
        for step, (seen, theirs) in enumerate(zip(one, other, strict=False)):
            known = {tensor.key: tensor for tensor in theirs}
            for place, tensor in enumerate(seen):
                rival = known.get(tensor.key)
                # Of a view that the next layer overwrites, as portable linear layers return, PyTorch calls no hook.
                if rival is None and tensor.kind == "gradient of output":
                    continue
                if rival is None or rival.digest != tensor.digest:
                    return _measured(sides, period, step, place, tensor, rival)
    return None


def _measured(
    sides: Sequence[_Side], period: int, step: int, agree: int, seen: Seen, rival: Seen | None
) -> TensorDifference:
    """Return the difference of two tensors, whose numbers are computed again."""
    found = TensorDifference(
        period=period, step=step + 1, kind=seen.kind, place=seen.place, agree=agree,
        dtypes=(seen.dtype, ABSENT if rival is None else rival.dtype), numbers=0, differing=0, largest=None,
    )  # fmt: skip
    if rival is None or rival.shape != seen.shape:
        return found
    one, other = sides[0].numbers(period, step, seen), sides[1].numbers(period, step, rival)
    with np.errstate(invalid="ignore"):
        apart = np.abs(one.astype(np.float64) - other.astype(np.float64))
    largest = float(apart.max()) if len(apart) else 0.0
    return replace(
        found, numbers=len(one), differing=int(np.count_nonzero(one != other)),
        largest=largest if np.isfinite(largest) else None,
    )  # fmt: skip
