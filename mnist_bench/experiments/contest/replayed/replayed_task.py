"""The interface between replayed searches and the task that they search on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mnist_bench.experiments.contest.baselines import Ended, Params
from mnist_bench.experiments.contest.contest_record import Measure
from search.executors.protocol import Job
from search.proposals.prospects import Prospects
from search.space.space import Space
from search.study.spec import StudySpec
from search.trainer_api import Planner, Trainer


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """How the choices of searches are scored; see the fields of `Contest`."""

    measure: Measure
    training_seconds: float
    seen_images: int = 0
    unseen_images: int = 0
    develops: bool = False
    reference: tuple[float, float] | None = None


class Replayed(Protocol):
    """A task on which a training is looked up at once, as far as a search over it needs to know."""

    unit: float  # logical cost of a training of an average configuration

    @property
    def name(self) -> str:
        """The task's name."""
        ...

    @property
    def space(self) -> Space:
        """The space to search."""
        ...

    @property
    def periods(self) -> int:
        """Reports of a whole training."""
        ...

    @property
    def epochs(self) -> Sequence[float]:
        """Epochs, or other steps, at whose end a training reports."""
        ...

    @property
    def seeds(self) -> Sequence[int]:
        """The training seeds; a search sees one of them."""
        ...

    @property
    def planner(self) -> Planner[Any]:
        """Plans the configurations that there are, and those that exceed a limit."""
        ...

    @property
    def space_planner(self) -> Planner[Any]:
        """Plans every configuration of the space."""
        ...

    @property
    def scored(self) -> Scored:
        """How choices are scored."""
        ...

    @property
    def configurations(self) -> int:
        """The number of configurations that there are."""
        ...

    def trainer(self, seen: int) -> Trainer[Any]:
        """Return the trainer that a search gets, with one of the training seeds."""
        ...

    def moved(self, params: Params, taken: set[int]) -> Params:
        """Return the configuration that a proposal is moved to; `taken` gets its number if there are others nearby."""
        ...

    def prospects(self, spec: StudySpec) -> Prospects:
        """Return the configurations among which samplers that know the limits choose."""
        ...

    def ended(self, params: Params, seen: int, spent: float, trial: int) -> Ended:
        """Return a configuration that was trained to its end, when the logical cost `spent` had been spent."""
        ...

    def seconds(self, job: Job) -> float:
        """Return how long a worker takes for a job."""
        ...
