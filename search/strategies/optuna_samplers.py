"""Optuna's samplers, changed so that a restart or another number of cores does not change their proposals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, GPSampler, QMCSampler
from optuna.trial import FrozenTrial


class FixedSpaceQmcSampler(QMCSampler):
    """A scrambled Sobol sequence over given ranges.

    Optuna's own sampler infers the ranges from earlier trials, so its first proposal is not a point of the sequence.
    The place in the sequence is a system attribute of the study, which `optuna_study` saves and restores.
    """

    def __init__(self, ranges: Mapping[str, BaseDistribution], *, seed: int) -> None:
        super().__init__(qmc_type="sobol", scramble=True, seed=seed, warn_independent_sampling=False)
        # As in Optuna, a range of a single value takes up no dimension of the sequence.
        self._ranges = {path: span for path, span in ranges.items() if not span.single()}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return all ranges with more than one value."""
        return self._ranges


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


class OneThreadGpSampler(GPSampler):
    """A Gaussian process whose linear algebra runs on one thread.

    With several threads, sums are added in another order: from about 50 trials on, the proposals differ, and they take
    longer, too. Optuna limits the threads itself, but only in a part of its computation.
    """

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the proposal; empty during the startup trials, which are drawn at random."""
        with _one_thread():
            return super().sample_relative(study, trial, search_space)


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch  # nowhere else in `search`: Optuna's gp computes with it in this process

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
