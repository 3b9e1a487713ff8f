"""What `confirm` and `ablate` say while they train: a line on stderr for each thing that happens."""

from __future__ import annotations

import time
from collections.abc import Sequence

from mnist_bench import cells
from mnist_bench.cli import output
from mnist_bench.experiments.ablation import Listener, Step, sentence
from mnist_bench.experiments.confirm import Observer, Round, Run
from search.trainer_api import Report


class _Clock:
    """Tells the time since it was made."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def gone(self) -> str:
        """Return the time that has gone, seven cells wide."""
        return f"{cells.duration(time.monotonic() - self._started):>7}"


class ConfirmLines(Observer):
    """A line for each round that begins and each run that has ended."""

    def __init__(self) -> None:
        self._clock = _Clock()

    def on_round(self, begins: Round) -> None:
        """Say what is trained next."""
        names = ", ".join(f"#{number}" for number in begins.numbers)
        what = "on all training images" if begins.part == "final" else "racing"
        seeds = "1 seed" if begins.seeds == 1 else f"{begins.seeds} seeds"
        output.note(f"{self._clock.gone()}  {names} {what}, to {seeds}; about {cells.duration(begins.estimate)}")

    def on_run(self, run: Run) -> None:
        """Say how a run ended. Of a net that has seen the validation images their share says nothing."""
        value, end = run.reports[-1].value, run.reports[-1].end
        trained = cells.duration(sum(report.seconds for report in run.reports))
        ended = end.replace("_", " ") if end else "trained" if run.part == "final" else cells.percent(value)
        output.note(f"{self._clock.gone()}  #{run.number}, seed {run.seed + 1}: {ended}, in {trained}")


class AblateLines(Listener):
    """A line for how much there is to train, each run that has ended, each step."""

    def __init__(self) -> None:
        self._clock = _Clock()

    def on_start(self, runs: int, seconds: float) -> None:
        """Say how much there is to train."""
        output.note(f"About {runs} runs, {cells.duration(seconds)} where groups help in their order; none runs twice.")

    def on_run(self, name: str, reports: Sequence[Report]) -> None:
        """Say how a run ended."""
        last = reports[-1]
        ended = last.end.replace("_", " ") if last.end else f"{last.metrics['errors']:g} errors"
        trained = cells.duration(sum(report.seconds for report in reports))
        output.note(f"{self._clock.gone()}  {name}: {ended}, in {trained}")

    def on_step(self, step: Step, images: int) -> None:
        """Say what a step brings."""
        output.note(f"{self._clock.gone()}  = {sentence(step, images)}")
