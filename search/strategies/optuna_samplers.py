"""Optuna's samplers, changed so that a restart or another number of cores does not change their proposals.

Those that can be portable give the same proposals on every processor, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial

from search.proposals.prospects import Prospects
from search.space.ranges import Distribution, FloatRange, IntRange
from search.strategies.distributions import OptunaRanges, decode

MODEL_DRAWS = 20
"""Infeasible draws of a model after which draws at random follow. In conv.yaml's space it rarely needs a second draw. A
model that has seen feasible trials alone can come to prefer what none of them has, and draws it every time."""
RANDOM_DRAWS = 200
"""Draws at random of which the last is proposed in any case. A quarter of them is feasible in conv.yaml's space."""


class PortableRandomSampler(RandomSampler):
    """Optuna's random sampler with the same bits on every processor.

    It proposes what Optuna would, except for the last bits of the ranges of which Optuna samples logarithms.
    """

    def __init__(self, logarithmic: Mapping[str, IntRange | FloatRange], *, seed: int) -> None:
        """Take the ranges of which Optuna would sample logarithms."""
        super().__init__(seed=seed)
        self._logarithmic = logarithmic

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return a value at random."""
        if (span := self._logarithmic.get(param_name)) is not None:
            return span.at(self._rng.rng.random_sample())
        return super().sample_independent(study, trial, param_name, param_distribution)


class ProposingSampler(BaseSampler):
    """Proposes one configuration that was chosen as a whole, to whatever asks through Optuna's interface."""

    def __init__(self, spans: Mapping[str, BaseDistribution], params: Mapping[str, Any]) -> None:
        """Take the ranges that apply to the configuration, and its values as Optuna stores them."""
        self._spans = spans
        self._params = params

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the ranges of the configuration."""
        return dict(self._spans)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the configuration."""
        return dict(self._params)

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
        super().__init__({}, {})
        self._samplers = [*([] if model is None else [(model, MODEL_DRAWS)]), (random, RANDOM_DRAWS)]
        self._ranges = ranges
        self._prospects = prospects

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Draw configurations, and return the ranges of the one to propose."""
        for params in self._draws(study, trial):
            self._params = self._ranges.encode(params)
            self._spans = {path: self._ranges.optunas[path] for path in params}
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
                return decode(span, together[path])
            return decode(span, sampler.sample_independent(study, trial, path, self._ranges.optunas[path]))

        return self._prospects.sampled(suggest)
