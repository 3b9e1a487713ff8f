"""The lines that `--dry-run` prints about a search of your own function or program."""

from __future__ import annotations

from mnist_bench.cells import short
from mnist_bench.leaderboard.early_stop_lines import rules_words
from mnist_bench.searches.objective_search import ObjectiveConfig, search_of_objective
from mnist_bench.space_files.drawn import samples
from search.driver.run import Search
from search.event_log.timeline import repeats
from search.messages import number_of
from search.objectives.configuration import FLAT
from search.repeatability import check
from search.space.space import Space
from search.study.spec import StudySpec

NUMERICS = {"check": "objective"}


def preview_objective(config: ObjectiveConfig) -> list[str]:
    """Describe a search; nothing of the user's work is loaded or run.

    A search that would be refused before it starts workers is refused here too.

    Raises:
        SpaceError, UsageError: as `search_of_objective` and `repeatability.require_repeatable`.
        FingerprintError, UsageError, StorageError: as `search.driver.run.Search.trials_left`.
        StudyNotFoundError: there is no study of a name that is enqueued.
    """
    search = search_of_objective(config)
    check.require_repeatable(search)
    spec, left = search.spec_for(NUMERICS), search.trials_left()
    study = f"Study {search.location.name} in {config.shared.results}/"
    if not left:
        return [_what(config, search, spec), f"{study} has ended; nothing is left to run."]
    rest = "" if left == search.goal else f" {number_of(left, 'trial')} still to end."
    how_long = f"The time cannot be estimated for your own function or program.{rest}"
    return [_what(config, search, spec), *search.notices, how_long, f"{study}.{_drawn(spec.space, spec.seed)}"]


def _what(config: ObjectiveConfig, search: Search, spec: StudySpec) -> str:
    reports = f" of at most {number_of(spec.periods, 'report')}" if spec.periods > 1 else ""
    order = "" if repeats(spec.order) else ", in completion order"
    rules = "".join(f", {words}" for words in rules_words(search.stop_rules, foreign=True))
    return (
        f"{spec.space.name}: {config.objective.name}, {number_of(len(spec.space.ranges), 'range')}, "
        f"{number_of(search.goal, 'trial')}{reports}, {spec.sampler.describe(spec.periods)} + "
        f"{spec.pruner.describe(spec.periods)}, seed {spec.seed}, "
        f"{number_of(spec.concurrent_trials, 'concurrent trial')} "
        f"on {number_of(search.executor.workers, 'worker')}{order}{rules}."
    )


def _drawn(space: Space, seed: int) -> str:
    """Return a sentence with a configuration drawn at random; nothing if the space has none."""
    (params,) = samples(space, 1, seed)
    settings = ", ".join(f"{path.removeprefix(f'{FLAT}.')} {short(value)}" for path, value in params.items())
    return f" A configuration drawn at random: {settings}." if settings else ""
