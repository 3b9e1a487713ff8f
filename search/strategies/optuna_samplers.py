"""Optuna's samplers, helped where they would propose otherwise after a restart or on another number of cores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import GPSampler, QMCSampler
from optuna.trial import FrozenTrial


class FixedSpaceQmcSampler(QMCSampler):
    """A scrambled Sobol sequence over given ranges.

    Optuna's own takes the ranges from trials that are there, so that its first proposal is no point of the sequence.
    How far the sequence has come stands among the study's system attributes (`optuna_study` keeps them).
    """

    def __init__(self, ranges: Mapping[str, BaseDistribution], *, seed: int) -> None:
        super().__init__(qmc_type="sobol", scramble=True, seed=seed, warn_independent_sampling=False)
        self._ranges = {path: span for path, span in ranges.items() if not span.single()}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return all ranges with more than one value."""
        return self._ranges


class OneThreadGpSampler(GPSampler):
    """A Gaussian process whose linear algebra runs on one thread.

    On more threads it adds numbers in another order and proposes something else from about 50 trials on; it is slower,
    too (Optuna limits the threads in part of its computation only).
    """

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the proposal; empty during the first trials."""
        with _one_thread():
            return super().sample_relative(study, trial, search_space)


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch  # the one place: Optuna computes with it in this process

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
