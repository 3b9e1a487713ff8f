"""Run a search, or resume one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from mnist_bench import own_nets, space_files
from mnist_bench.data import close_test_set, load_training_set
from mnist_bench.searches.config import SearchConfig
from mnist_bench.searches.executor import executor_of
from mnist_bench.searches.first_trials import Start, start_list
from mnist_bench.searches.own_code import check_own_code
from mnist_bench.searches.search_space import chosen_strategies, data_options, form_of, location, to_search
from mnist_bench.searches.study_spec import planner, spec_of
from mnist_bench.studies import BestCheckpoints, validated
from search.driver import Observer, Run, Search
from search.files import make_folder
from search.space import Space, cost_of
from search.study import Invocation, specification


def run(config: SearchConfig, observer: Observer, stopping: Callable[[], bool]) -> Run:
    """Run a search, or resume one that was stopped.

    Args:
        config: the options of the search.
        observer: is told what happens.
        stopping: is asked regularly whether to stop.

    Raises:
        SearchError: see `search.driver.run.Search.run`, and `space_files.load` for faults in the space file.
    """
    space = to_search(config, observer.on_notice)
    for warning in space_files.warnings(space, form_of(config, space)):
        observer.on_warning(space_files.warning_line(warning))
    check_own_code(config, space)
    close_test_set()
    where = location(config, space)
    start = start_list(config, space, where, observer.on_notice)  # before data are loaded: a name may be mistyped
    search = _search(config, space, start, observer, stopping)
    make_folder(where.folder)
    return search.run()


def trials_left(config: SearchConfig, space: Space, start: Start) -> int:
    """Return how many trained trials a search has to end, and check what can be checked without workers.

    `space` is what `to_search` returns for `config`, and `start` what `start_list` does. Nothing is changed.

    Raises:
        FingerprintError, UsageError, StorageError: see `search.driver.run.Search.trials_left`.
        DataError: of a study that is there the data set cannot be loaded.
    """
    if specification(location(config, space)) is None:
        return config.trials
    return _search(config, space, start, Observer(), lambda: False).trials_left()


def _search(
    config: SearchConfig, space: Space, start: Start, observer: Observer, stopping: Callable[[], bool]
) -> Search:
    where, chosen = location(config, space), chosen_strategies(config, space)
    data = load_training_set(data_options(config, space))
    deadline = None if config.timeout is None else time.monotonic() + config.timeout
    return Search(
        location=where,
        goal=config.trials,
        spec_for=lambda numerics: spec_of(config, space, data, chosen, numerics, start),
        planner_for=lambda spec: planner(spec.space, spec.context),
        executor=executor_of(config, data, where),
        observer=observer,
        on_trial_end=BestCheckpoints(where.files, cost_of(space.settings)),
        stop_rules=config.stop_rules,
        stopping=lambda: stopping() or (deadline is not None and time.monotonic() >= deadline),
        trial_timeout=math.inf if config.trial_timeout is None else config.trial_timeout,
        check=validated.believed,
        max_outage=config.max_outage,
        invocation=_invocation(config),
    )


def _invocation(config: SearchConfig) -> Invocation | None:
    """Return what is kept of how a search was asked for; None of a call from Python that names nothing of one's own."""
    made = Invocation(
        command=config.command,
        data_dir=None if config.data_dir is None else str(config.data_dir.resolve()),
        net=None if config.net is None else own_nets.use(config.net).loaded.whole_name,
    )
    return None if made == Invocation() else made
