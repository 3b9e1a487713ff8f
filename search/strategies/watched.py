"""Custom samplers and pruners, watched: an exception, or a proposal outside a range, becomes one sentence."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from optuna import Study
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    check_distribution_compatibility,
)
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from search import hashed
from search.errors import PluginError
from search.loading import Loaded
from search.messages import did_you_mean, listing, show


class WatchedSampler(BaseSampler):
    """Hands every call on to a custom sampler."""

    def __init__(self, own: BaseSampler, loaded: Loaded, ranges: Mapping[str, BaseDistribution]) -> None:
        """Watch a sampler over the ranges of a space, as they are in Optuna."""
        self._own = own
        self._loaded = loaded
        self._ranges = ranges

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the ranges that are drawn together."""
        with self._loaded.blamed():
            return self._own.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return values of these ranges, which the sampler has inferred.

        PluginError: one is outside its range in the space (Optuna would silently draw it again), has no range there,
        none that was inferred, or one of another kind.
        """
        with self._loaded.blamed(), _one_thread():
            params = self._own.sample_relative(study, trial, search_space)
            return {path: self._of_space(path, value, search_space) for path, value in params.items()}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return a value of this range; PluginError if it is outside, which Optuna would accept."""
        with self._loaded.blamed():
            value = self._own.sample_independent(study, trial, param_name, param_distribution)
        return self._checked(param_name, value, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """A trial is about to be drawn."""
        with self._loaded.blamed():
            self._own.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """A trial is about to end. That a sampler calls `study.stop`, as Optuna's grids do when they have been through,
        ends nothing: how many trials there are is the trial budget's to say, in logical order too."""
        with self._loaded.blamed():
            try:
                self._own.after_trial(study, trial, state, values)
            except RuntimeError as error:
                if "Study.stop" not in str(error):  # which Optuna has for its own loop alone
                    raise

    def _of_space(self, path: str, value: Any, inferred: Mapping[str, BaseDistribution]) -> Any:
        """Return a value that was drawn with others, as `_checked` does with the space's own range."""
        if (span := self._ranges.get(path)) is None:
            raise PluginError(
                f"Sampler {self._loaded.name} proposed {show(value)} for {path}, and the space has no such range"
                f"{did_you_mean(path, self._ranges) or '.'}"
            )
        try:
            check_distribution_compatibility(inferred[path], span)
        except (KeyError, ValueError) as error:
            # Optuna would raise it later, when the trial takes the value, without naming the sampler.
            raise PluginError(
                f"Sampler {self._loaded.name} proposed {show(value)} for {path} in sample_relative; its "
                f"infer_relative_search_space has to name the range, as the space has it: {span}."
            ) from error
        return self._checked(path, value, span)

    def _checked(self, path: str, value: Any, span: BaseDistribution) -> Any:
        """Return a value of a range as a number or option of Python's own, which NumPy's are not."""
        if not _holds(span, value):
            raise PluginError(
                f"Sampler {self._loaded.name} proposed {show(value)} for {path}, which is outside its range: "
                f"{_in_words(span)}."
            )
        return span.to_external_repr(span.to_internal_repr(value))


class WatchedPruner(BasePruner):
    """Asks a custom pruner: a new instance for every decision, or one instance for all."""

    def __init__(self, loaded: Loaded, options: Mapping[str, Any], *, lasting: bool) -> None:
        self._loaded = loaded
        self._options = options
        self._lasting = lasting
        self._own: BasePruner | None = None

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Return whether to stop the trial. Its seed, if it takes one, comes from the study's."""
        if self._own is None or not self._lasting:
            # The study is named by its seed, by which Optuna's hyperband assigns brackets, too.
            seed = hashed.derived_seed(hashed.Name(study.study_name), "pruner", trial.number, trial.last_step or 0)
            self._own = self._loaded.construct(self._options, seed)
        with self._loaded.blamed():
            return bool(self._own.prune(study, trial))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let PyTorch compute on one thread, if it is loaded: with several, sums are added in another order.

    Optuna limits the threads of its Gaussian process in a part of its computation alone. From about 50 trials on, its
    proposals differed, and took longer, too.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _holds(span: BaseDistribution, value: Any) -> bool:
    with suppress(ValueError, TypeError, OverflowError):  # no number, one beyond all floats, or no such option
        return bool(span._contains(span.to_internal_repr(value)))
    return False


def _in_words(span: Any) -> str:
    if isinstance(span, CategoricalDistribution):
        return listing(span.choices)
    step = "" if span.step in (None, 1) else f", step {show(span.step)}"
    return f"{show(span.low)} to {show(span.high)}{step}"
