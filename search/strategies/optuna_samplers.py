"""Ranges as Optuna has them, and samplers of its interface whose proposals a restart does not change.

Those that can be portable give the same proposals on every processor, too.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial

from search.proposals.prospects import Prospects
from search.space.ranges import Distribution
from search.space.space import Space

MODEL_DRAWS = 20
"""Infeasible draws of a model after which draws at random follow. In conv.yaml's space it rarely needs a second draw. A
model that has seen feasible trials alone can come to prefer what none of them has, and draws it every time."""
RANDOM_DRAWS = 200
"""Draws at random of which the last is proposed in any case. A quarter of them is feasible in conv.yaml's space."""

logging.getLogger("optuna").setLevel(logging.ERROR)  # what a user has to know is said here, in sentences


class OptunaRanges:
    """All ranges of a space by path, with Optuna's distribution for each."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.optunas: dict[str, BaseDistribution] = {
            path: span.to_optuna() for path, span in space.distributions.items()
        }
        self.order = tuple(field.path for field in space.order if field.distribution)
        """The paths as they are sampled: each after those in its condition."""

    def encode(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return a trial's parameters as Optuna takes them, in the same order."""
        return {path: self.space.distributions[path].encode(value) for path, value in params.items()}

    def stored(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return a trial's parameters as Optuna gives them back, in the order of a sampled trial.

        A 1 that was given for a real number is 1.0.
        """
        spans, values = self.optunas, self.encode(params)
        return {
            path: spans[path].to_external_repr(spans[path].to_internal_repr(values[path]))
            for path in self.order
            if path in values
        }


class PortableRandomSampler(RandomSampler):
    """Optuna's random sampler with the same bits on every processor.

    It proposes what Optuna would, except for the last bits of the ranges of which Optuna samples logarithms.
    """

    def __init__(self, space: Space, *, seed: int) -> None:
        super().__init__(seed=seed)
        self._spans = space.distributions

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return a value at random."""
        if getattr(param_distribution, "log", False):
            return self._spans[param_name].at(self._rng.rng.random_sample())
        return super().sample_independent(study, trial, param_name, param_distribution)


class ProposingSampler(BaseSampler):
    """Proposes one configuration that was chosen as a whole, to whatever asks through Optuna's interface."""

    def __init__(self, ranges: OptunaRanges, params: Mapping[str, Any]) -> None:
        self._ranges = ranges
        self._params = params

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the ranges of the configuration."""
        return {path: self._ranges.optunas[path] for path in self._params}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the configuration."""
        return self._ranges.encode(self._params)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Refuse: every range that applies has its value already."""
        raise LookupError(f"{param_name} applies, and was not proposed")


class OnlyFeasibleSampler(ProposingSampler):
    """Proposes the first feasible configuration that a model draws; after `MODEL_DRAWS`, one that is drawn at random.

    The last one of `RANDOM_DRAWS` is proposed even if it is infeasible.
    """

    def __init__(
        self, model: BaseSampler | None, random: BaseSampler, ranges: OptunaRanges, prospects: Prospects
    ) -> None:
        """Take the sampler with the model, if there is one yet, one that draws at random, and what is feasible."""
        super().__init__(ranges, {})
        self._samplers = [*([] if model is None else [(model, MODEL_DRAWS)]), (random, RANDOM_DRAWS)]
        self._prospects = prospects

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Draw configurations, and return the ranges of the one to propose."""
        for params in self._draws(study, trial):
            self._params = params
            if self._prospects.within_limits(params):
                break
        return super().infer_relative_search_space(study, trial)

    def _draws(self, study: Study, trial: FrozenTrial) -> Iterator[dict[str, Any]]:
        for sampler, most in self._samplers:
            spans = sampler.infer_relative_search_space(study, trial)
            for _ in range(most):
                yield self._drawn(sampler, study, trial, spans)

    def _drawn(
        self, sampler: BaseSampler, study: Study, trial: FrozenTrial, spans: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        # As Optuna's trial asks a sampler: for its ranges together, then for each of the others that applies.
        together = sampler.sample_relative(study, trial, spans)

        def suggest(path: str, span: Distribution) -> Any:
            if path in together:
                return span.decode(together[path])
            return span.decode(sampler.sample_independent(study, trial, path, self._ranges.optunas[path]))

        return self._ranges.space.sample(suggest)
