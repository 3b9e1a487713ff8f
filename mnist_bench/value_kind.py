"""What the values of a study's trials are: accuracies of networks, or values of another trainer in their own unit.

A study has one kind, which `kind_of` reads from its specification. It knows how values and amounts of training are
written, compared and drawn, and which option names the code that made the study.

A scale says which values are shown, where each is, and which are written, in pictures and pages. Accuracies are drawn
by the logarithms of their errors: on a linear scale 99.2 and 99.5% would all but coincide, though one makes 1.6 times
as many errors as the other.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal, assert_never

import numpy as np
from numpy.typing import NDArray

from mnist_bench import cells
from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import all_settings, from_json
from mnist_bench.errors import ForeignStudyError
from mnist_bench.nets.summary import line
from mnist_bench.statistics import wilson
from search.errors import StorageError
from search.event_log.history import StopRules
from search.event_log.records import EarlyStop, StudyRecord, TrialRecord
from search.loading import is_code
from search.messages import number_of, show
from search.objectives.objective import FLAT
from search.space.space import Aim

UNNAMED = "value"
OWN = ("costs", "data", "images", "trainer_revision")
"""Names that a search of nets writes into its context; see `mnist_bench.searches.setup`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ValueKind:
    """The kind of a study's values."""

    of_nets: bool = False  # whether values are accuracies of networks, 0..1, on validation images
    name: str = UNNAMED  # what a value is called: of nets the accuracy, else the `objective` of the space, or "value"
    minimized: bool = False  # whether smaller values are better
    images: int = 0  # number of validation images of nets
    trainer: str | None = None  # the name of another trainer, objective or program; None if the study does not name it
    of_objective: bool = False  # whether that is an objective or a program, not a trainer

    @property
    def key(self) -> Literal["accuracy", "value"]:
        """The name of the value in JSON and CSV."""
        return "accuracy" if self.of_nets else "value"

    @property
    def unit(self) -> Literal["epoch", "report"]:
        """In what training is counted."""
        return "epoch" if self.of_nets else "report"

    @property
    def option(self) -> tuple[str, ...]:
        """The option, with its value, that names the code of the study; nothing if none is needed or known.

        Of an objective only a command has spaces, or no colon.
        """
        if self.trainer is None:
            return ()
        if not self.of_objective:
            return "--trainer", self.trainer
        return "--objective" if is_code(self.trainer) and " " not in self.trainer else "--command", self.trainer

    def text(self, value: float | None) -> str:
        """Return a value in words: `99.41%`, `0.0433`; a dash if there is none."""
        return cells.percent(value) if self.of_nets else cells.value(value)

    def named(self, value: float | None) -> str:
        """Return a value as a line names it: `99.41%`, or `val_loss 0.031` of another trainer whose space names it."""
        return self.text(value) if self.of_nets or self.name == UNNAMED else f"{self.name} {self.text(value)}"

    def score(self, value: float) -> float:
        """Return a number that is larger for a better value."""
        return -value if self.minimized else value

    def worst(self, values: Sequence[float]) -> float:
        """Return a value worse than all of `values`, which stands for that of a diverged trial."""
        if self.of_nets:
            return 0.0
        low, high = min(values), max(values)
        beyond = high - low or 1.0
        return high + beyond if self.minimized else low - beyond

    def scale(self, values: Sequence[float]) -> Scale:
        """Return the scale of one or more values."""
        return Scale.of(values, name=self.name, of_nets=self.of_nets, minimized=self.minimized)

    def interval(self, trial: TrialRecord) -> tuple[float, float] | None:
        """Return Wilson's 95% interval of a net's accuracy; None of other values, and of a trial without accuracy."""
        return self.interval_of(trial.value, errors_of(trial))

    def interval_of(self, value: float | None, errors: int | None) -> tuple[float, float] | None:
        """Return Wilson's 95% interval of an accuracy; None if the errors are not possible, as in a forged file."""
        if not self.images or value is None or errors is None or not 0 <= errors <= self.images:
            return None
        return wilson(self.images - errors, self.images)

    def ends(self, trial: TrialRecord) -> tuple[float, ...]:
        """Return the epochs, or numbers of reports, after which a trial reports; the last one is its full budget."""
        whole = int(self.total(trial)) if self.of_nets else len(trial.costs)
        named = trial.config.get("periods") if self.of_nets else None
        return tuple(float(end) for end in named or range(1, whole + 1))

    def done(self, trial: TrialRecord) -> float:
        """Return the epochs, or reports, that a trial trained."""
        if not self.of_nets:
            return len(trial.reports)
        epoch = trial.reports[-1].metrics.get("epoch") if trial.reports else None
        return float(epoch) if epoch is not None else 0.0

    def total(self, trial: TrialRecord) -> float:
        """Return the epochs, or reports, of a trial's full budget."""
        return float(trial.config.get("epochs", TrainConfig().epochs)) if self.of_nets else len(trial.costs)

    def spent(self, done: float) -> str:
        """Return an amount of training in words: `1 epoch`, `0.5 epochs`, `3 reports`."""
        return f"{done:g} {self.unit}{'' if done == 1 else 's'}" if self.of_nets else number_of(round(done), "report")

    def settings(self, trial: TrialRecord) -> str:
        """Return the settings of a trial in a line; parameters at the top level of a space have no section."""
        if self.of_nets:
            return line(from_json(trial.config))
        return "  ".join(
            f"{name.removeprefix(f'{FLAT}.')} {cells.short(value)}" for name, value in trial.params.items()
        )

    def aim(self, cost: str) -> str:
        """Return the aim of a search with a second objective."""
        return cells.objectives(cost) if self.of_nets else f"also minimizes {cost}"

    def stop_line(self, stop: EarlyStop) -> str:
        """Return why a search ended before its trial budget."""
        by, value = f"Stopped early by {self.stop_option(stop)}", self.text(stop.value)
        match stop.rule:
            case "target":
                return f"{by}: #{stop.best} reached {value}."
            case "patience":
                better = "came to the front" if stop.two_objectives else "was better"
                return f"{by}: {number_of(stop.since, 'trial')} ended since #{stop.best} ({value}), and none {better}."
            case _:
                assert_never(stop.rule)

    def stop_option(self, stop: EarlyStop) -> str:
        """Return the option with which a search stops as this one did: `--patience 12`, `--target 99.4%`."""
        return f"--{stop.rule} {self._limit(stop.limit) if stop.rule == 'target' else f'{stop.limit:.9g}'}"

    def rules(self, rules: StopRules) -> list[str]:
        """Return the rules that may end a search before its trial budget, a few words each."""
        patience = [] if rules.patience is None else [f"patience {rules.patience}"]
        return patience if rules.target is None else [*patience, f"target {self._limit(rules.target)}"]

    def _limit(self, value: float) -> str:
        return f"{100 * value:.9g}%" if self.of_nets else f"{value:.9g}"


NETS = ValueKind(of_nets=True, name="accuracy")
"""Accuracies on an unknown number of images."""


def kind_of(spec: Mapping[str, Any]) -> ValueKind:
    """Return the kind of values of a study with this specification.

    Another trainer's search made it if the context names a trainer, as `search.Search.of` does, or if neither the
    context nor the space is that of nets. A study of nets in which only one of the two is wrong is damaged, not
    another's. An empty specification is that of a study of nets that cannot be read.
    """
    if not spec:
        return NETS
    context, settings = spec["context"], spec["space"]["settings"]
    if "trainer" not in context:
        fits = all(path in all_settings() for path, _ in spec["space"]["fields"])
        if fits or any(name in context for name in OWN):
            images = context.get("images")
            count = images.get("validation") if isinstance(images, Mapping) else None
            return ValueKind(of_nets=True, name="accuracy", images=count if isinstance(count, int) else 0)
    aim, trainer = Aim.of(settings), context.get("trainer")
    return ValueKind(
        name=aim.metric or UNNAMED,
        minimized=aim.direction == "minimize",
        trainer=show(trainer["factory"]) if isinstance(trainer, Mapping) and "factory" in trainer else None,
        of_objective="objective" in context,
    )


def errors_of(trial: TrialRecord) -> int | None:
    """Return the number of validation images that a net misclassifies after its last report; None if unknown."""
    errors = trial.reports[-1].metrics.get("errors") if trial.reports else None
    return None if errors is None else int(errors)


def correct_bits(text: str) -> NDArray[np.bool_]:
    """Return the bits of base64-encoded `numpy.packbits`: shape (images,), padded with False to a multiple of 8."""
    try:
        packed = np.frombuffer(base64.b64decode(text, validate=True), dtype=np.uint8)
    except (binascii.Error, ValueError) as error:
        raise StorageError(f"The stored correctness of the validation images is damaged ({error}).") from error
    return np.unpackbits(packed).astype(np.bool_)


def correctness(trial: TrialRecord) -> NDArray[np.bool_] | None:
    """Return the `correct_bits` of the trial's last period; None if they were not stored."""
    text = trial.reports[-1].details.get("correct") if trial.reports else None
    return correct_bits(text) if isinstance(text, str) else None


def check_nets(study: StudyRecord, what: str = "this command") -> None:
    """Check that a study is one of nets, which `what` needs."""
    kind = kind_of(study.spec)
    if not kind.of_nets:
        way = "`mnist-bench search` with its --objective or --command" if kind.of_objective else "only its own program"
        raise ForeignStudyError(
            f"{made_by_another(study)}, and {what} needs networks; `mnist-bench leaderboard`, `show`, `plot`, "
            f"`report`, `reproduce`, `confirm` and `doctor` accept it, and {way} can resume it."
        )


def made_by_another(study: StudyRecord) -> str:
    """Return the beginning of a sentence: "Study NAME was made by another trainer (TRAINER)"."""
    kind = kind_of(study.spec)
    what = "your own objective" if kind.of_objective else "another trainer"
    return f"Study {study.name} was made by {what}" + (f" ({kind.trainer})" if kind.trainer else "")


MIN_ERROR = 0.005  # smallest error that is drawn, in percent: half an image of 10,000, because 0 has no logarithm
SPREAD, LOG_SPREAD = 10, 4
"""Values that are this many times further from the best than the median value are beyond the edge: by differences, and
by logarithms. Of accuracies, those with more than SPREAD times the median error, which have not learnt anything."""
DECADES, MANY = 20, 1000
"""Ratios of the largest to the smallest value from which on positive values may be drawn by their logarithms, and from
which on only powers of ten are written."""
ROOM = 0.07  # share of the scale that is left free above and below
MIN_SPAN = {"accuracy": math.log(1.5), "linear": 0.0, "log": 0.0}  # so that equal accuracies have a scale, too
MANTISSAS = ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7), (1, 1.2, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8, 9))
"""Errors written in each decade; the first entry is used that gives at least four, one of them near the best."""
TOP, APART = 0.2, 0.07
"""The share of the scale, from the best, in which there has to be a written value; the smallest distance of two."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """A written value."""

    height: float
    place: float  # 0 at the bottom, 1 at the top
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """A scale; its ends are the worst value that is shown, and the best one."""

    name: str = "validation accuracy"
    kind: Literal["accuracy", "linear", "log"] = "accuracy"
    worst: float
    best: float
    minimized: bool = False  # whether smaller values are better

    @classmethod
    def of(cls, values: Sequence[float], *, name: str = "", of_nets: bool = True, minimized: bool = False) -> Scale:
        """Return the scale of one or more values; of accuracies, 0..1, if they are of nets."""
        if of_nets:
            return cls(worst=lowest_shown(values), best=max(values))
        shown, is_log = _without_outliers(values, SPREAD, minimized), False
        if min(values) > 0:
            ratios = [math.exp(value) for value in _without_outliers([*map(math.log, values)], LOG_SPREAD, minimized)]
            shown, is_log = (ratios, True) if _suits_log(ratios) else (shown, False)
        worst, best = (max(shown), min(shown)) if minimized else (min(shown), max(shown))
        return cls(name=name, kind="log" if is_log else "linear", worst=worst, best=best, minimized=minimized)

    @property
    def note(self) -> str:
        """How to read the scale."""
        if self.kind == "accuracy":
            return "%, log of the error"
        return f"{'lower' if self.minimized else 'higher'} is better{', log' if self.kind == 'log' else ''}"

    def label(self, after: str = "") -> str:
        """Return the label: the name, then `after` (such as " after 3 epochs"), then the note."""
        return f"{self.name}{after} ({self.note})"

    def short_label(self, after: str) -> str:
        """Return the same in two short lines."""
        return f"{self.name.removeprefix('validation ')}{after}\n({self.note.removeprefix('%, ')})"

    def text(self, value: float) -> str:
        """Return a value as pictures write it."""
        return cells.percent(value) if self.kind == "accuracy" else cells.significant(value, 4)

    def height(self, value: float | None, *, beyond: bool = False) -> float:
        """Return where a value is in a picture's own coordinates.

        None is on the worst edge, and so are worse values, unless they may be `beyond` it.
        """
        if value is None or (self.is_beyond(value) and not beyond):
            return self.edges()[1 if self.minimized else 0]
        return error(value) if self.kind == "accuracy" else value

    def is_beyond(self, value: float) -> bool:
        """Return whether a value is worse than all that are shown."""
        return value > self.worst if self.minimized else value < self.worst

    def share(self, value: float | None) -> float:
        """Return where a value is between the ends: 0 for the worst, for those beyond and None; 1 for the best."""
        if value is None or self.is_beyond(value):
            return 0.0
        worst, best, here = map(self._up, (self.worst, self.best, value))
        return 1.0 if worst == best else min(1.0, max(0.0, (here - worst) / (best - worst)))

    def outside(self, drawn: Iterable[float], where: str = "") -> str:
        """Return a remark on the number of `drawn` values beyond the worst end; "" if none is."""
        count = sum(map(self.is_beyond, drawn))
        edge, side = ("upper", "above") if self.minimized else ("lower", "below")
        return f"{where or f'on the {edge} edge'}: {count} {side} {self.text(self.worst)}" if count else ""

    def _span(self) -> tuple[float, float]:
        """Return the bottom and the top, in the coordinate in which the scale is linear."""
        low, high = sorted((self._up(self.worst), self._up(self.best)))
        least = max(high - low, MIN_SPAN[self.kind])
        pad = (least - high + low) / 2 + (ROOM * least or abs(high) * ROOM or 1.0)
        return max(low - pad, -math.log(100)) if self.kind == "accuracy" else low - pad, high + pad

    def edges(self) -> tuple[float, float]:
        """Return the heights of the bottom and the top."""
        low, high = map(self._height, self._span())
        return low, high

    def ticks(self) -> list[Tick]:
        """Return the written values, from the bottom up; the best are written if there is no room for all."""
        kept: list[Tick] = []
        for heights in self._rounds():
            places = {self._place_of(height): height for height in heights}
            kept = []
            for place in sorted(places, reverse=not self.minimized):
                if 0 <= place <= 1 and (not kept or abs(place - kept[-1].place) >= APART):
                    kept.append(Tick(height=places[place], place=place, label=self._written(places[place])))
            if self.kind != "accuracy" or (len(kept) >= 4 and kept[0].place >= 1 - TOP):
                break
        return sorted(kept, key=lambda tick: tick.place)

    def _up(self, value: float) -> float:
        if self.kind == "accuracy":
            return -math.log(error(value))
        return math.log(value) if self.kind == "log" else value

    def _height(self, up: float) -> float:
        return math.exp(-up) if self.kind == "accuracy" else math.exp(up) if self.kind == "log" else up

    def _place_of(self, height: float) -> float:
        low, high = self._span()
        up = height if self.kind == "linear" else math.log(height) * (-1 if self.kind == "accuracy" else 1)
        return (up - low) / (high - low)

    def _written(self, height: float) -> str:
        if self.kind == "accuracy":
            return "100" if height < 1.01 * MIN_ERROR else f"{round(100 - height, 4):g}"
        return f"{height:.6g}"

    def _rounds(self) -> list[list[float]]:
        """Return the heights that may be written, the fewest first."""
        low, high = sorted(self.edges())
        if self.kind == "linear":
            return [_round(low, high)]
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        choices: tuple[tuple[float, ...], ...] = ((1,),) if high >= MANY * low else ((1, 2, 5),)
        if self.kind == "accuracy":
            low, choices = max(low, 0.99 * MIN_ERROR), MANTISSAS
        found = [[step * 10.0**power for power in powers for step in steps] for steps in choices]
        rounds = [[height for height in heights if low <= height <= high] for heights in found]
        return [*rounds, _round(low, high)] if self.kind == "accuracy" else rounds


def error(accuracy: float) -> float:
    """Return the error in percent at which an accuracy (0..1) is drawn."""
    return max(MIN_ERROR, 100 * (1 - accuracy))


def lowest_shown(accuracies: Iterable[float]) -> float:
    """Return the lowest of the accuracies (0..1) that are shown; at least half of them are above it."""
    accuracies = list(accuracies)
    limit = SPREAD * median(map(error, accuracies))
    return min(accuracy for accuracy in accuracies if error(accuracy) <= limit)


def _round(low: float, high: float) -> list[float]:
    """Return about five round values, three at least."""
    size = 10.0 ** math.floor(math.log10((high - low) / 5))
    step = next(factor * size for factor in (1.0, 2.0, 5.0, 10.0) if factor * size >= (high - low) / 5)
    steps = range(math.ceil(low / step), math.floor(high / step) + 1)
    if len(steps) < 3:
        step /= 2
        steps = range(math.ceil(low / step), math.floor(high / step) + 1)
    return [count * step for count in steps]


def _suits_log(values: Sequence[float]) -> bool:
    """Return whether positive values span more than a decade, and their median is nearer to the middle of it.

    The second condition tells losses, most of which are near 0, from shares, most of which are near 1.
    """
    low, middle, high = min(values), median(values), max(values)
    if high < DECADES * low:
        return False
    return abs(math.log(middle / low) / math.log(high / low) - 0.5) < abs((middle - low) / (high - low) - 0.5)


def _without_outliers(values: Sequence[float], spread: float, minimized: bool) -> list[float]:
    """Return the values that are not `spread` times further from the best than half of them."""
    best = min(values) if minimized else max(values)
    limit = spread * median(abs(value - best) for value in values)
    return [value for value in values if not limit or abs(value - best) <= limit]
