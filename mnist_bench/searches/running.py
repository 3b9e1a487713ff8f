"""Run a search, or resume one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from mnist_bench import own_nets, space_files
from mnist_bench.data import close_test_set, load_training_set
from mnist_bench.searches.asked_space import chosen_strategies, data_options, form_of, location, to_search
from mnist_bench.searches.config import SearchConfig
from mnist_bench.searches.executor import executor_of
from mnist_bench.searches.first_trials import Start, start_list
from mnist_bench.searches.own_code import check_own_code
from mnist_bench.searches.study_spec import planner, spec_of
from mnist_bench.studies import BestCheckpoints, validated
from search.driver import Observer, Run, Search
from search.files import make_folder
from search.space import Space, cost_of
from search.study import Invocation, specification


def run(asked: SearchConfig, observer: Observer, stopping: Callable[[], bool]) -> Run:
    """Run a search, or resume one that was stopped.

    Args:
        asked: the options.
        observer: is told what happens.
        stopping: is asked regularly whether to stop.

    Raises:
        SearchError: see `search.driver.run.Search.run`, and `space_files.load` for faults in the space file.
    """
    space = to_search(asked, observer.on_notice)
    for warning in space_files.warnings(space, form_of(asked, space)):
        observer.on_warning(space_files.warning_line(warning))
    check_own_code(asked, space)
    close_test_set()
    where = location(asked, space)
    start = start_list(asked, space, where, observer.on_notice)  # before data are loaded: a name may be mistyped
    search = _search(asked, space, start, observer, stopping)
    make_folder(where.folder)
    return search.run()


def trials_left(asked: SearchConfig, space: Space, start: Start) -> int:
    """Return how many trained trials a search has to end, and check what can be checked without workers.

    `space` is what `to_search` returns for `asked`, and `start` what `start_list` does. Nothing is changed.

    Raises:
        FingerprintError, UsageError, StorageError: see `search.driver.run.Search.trials_left`.
        DataError: of a study that is there the data set cannot be loaded.
    """
    if specification(location(asked, space)) is None:
        return asked.trials
    return _search(asked, space, start, Observer(), lambda: False).trials_left()


def _search(
    asked: SearchConfig, space: Space, start: Start, observer: Observer, stopping: Callable[[], bool]
) -> Search:
    where, chosen = location(asked, space), chosen_strategies(asked, space)
    data = load_training_set(data_options(asked, space))
    deadline = None if asked.timeout is None else time.monotonic() + asked.timeout
    return Search(
        location=where,
        goal=asked.trials,
        spec_for=lambda numerics: spec_of(asked, space, data, chosen, numerics, start),
        planner_for=lambda spec: planner(spec.space, spec.context),
        executor=executor_of(asked, data, where),
        observer=observer,
        on_trial_end=BestCheckpoints(where.files, cost_of(space.settings)),
        stop_rules=asked.stop_rules,
        stopping=lambda: stopping() or (deadline is not None and time.monotonic() >= deadline),
        trial_timeout=math.inf if asked.trial_timeout is None else asked.trial_timeout,
        check=validated.believed,
        max_outage=asked.max_outage,
        invocation=_invocation(asked),
    )


def _invocation(asked: SearchConfig) -> Invocation | None:
    """Return what is kept of how a search was asked for; None of a call from Python that names nothing of one's own."""
    made = Invocation(
        command=asked.command,
        data_dir=None if asked.data_dir is None else str(asked.data_dir.resolve()),
        net=None if asked.net is None else own_nets.use(asked.net).loaded.whole_name,
    )
    return None if made == Invocation() else made
