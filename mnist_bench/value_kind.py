"""What the values of a study's trials are: accuracies of networks, or values of another trainer in their own unit.

A study has one kind, which `kind_of` reads from its specification. It knows how values and amounts of training are
written, compared and drawn, and which option names the code that made the study.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, assert_never

from mnist_bench import cells
from mnist_bench.config.json import every_setting, flattened, from_json
from mnist_bench.config.settings import TrainConfig
from mnist_bench.errors import ForeignStudyError
from mnist_bench.nets.summary import line
from mnist_bench.statistics.inference import wilson
from mnist_bench.value_scale import Scale
from search.event_log.history import StopRules
from search.event_log.records import EarlyStop, StudyRecord, TrialRecord
from search.loading import is_code
from search.messages import number_of, show
from search.objectives.objective import FLAT
from search.space.space import Aim

UNNAMED = "value"
OWN = ("costs", "data", "images", "trainer_revision")
"""Names that a search of nets writes into its context; see `mnist_bench.searches.study_context`."""


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
        errors = errors_of(trial) if self.images else None
        if trial.value is None or errors is None or errors > self.images:
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
        """Return why a search ended before its goal."""
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
        """Return the rules that may end a search before its goal, a few words each."""
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
        fits = all(path in _settings() for path, _ in spec["space"]["fields"])
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


@cache
def _settings() -> frozenset[str]:
    return frozenset(path for path, _ in flattened(every_setting(TrainConfig())))


def errors_of(trial: TrialRecord) -> int | None:
    """Return the number of validation images that a net misclassifies after its last report; None if unknown."""
    errors = trial.reports[-1].metrics.get("errors") if trial.reports else None
    return None if errors is None else int(errors)


def check_nets(study: StudyRecord, what: str = "this command") -> None:
    """Check that a study is one of nets, which `what` needs.

    Raises:
        ForeignStudyError: another trainer's search made the study.
    """
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
