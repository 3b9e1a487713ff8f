"""What `search --dry-run` prints: what would run, and about how long it takes. Nothing is trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from mnist_bench.cells import roughly, short
from mnist_bench.nets.planner import COEFFICIENTS
from mnist_bench.numerics.device import kind_of
from mnist_bench.numerics.kinds import DeviceKind
from mnist_bench.searches import running
from mnist_bench.searches.config import SearchConfig
from mnist_bench.searches.setup import SearchSetup, enqueued
from mnist_bench.space_files.drawn import ROUGHLY, planner, samples, search_seconds
from mnist_bench.value_kind import NETS, ValueKind
from search import repeatability
from search.errors import UsageError
from search.hashed import repeats
from search.messages import number_of
from search.objectives.objective import FLAT
from search.space.space import Space
from search.strategies import registry

NUMERICS = {"check": "objective"}


def preview(setup: SearchSetup) -> list[str]:
    """Describe a search of networks, and estimate how long it takes.

    A search that would be refused before it starts workers is refused here too.
    """
    running.check_own_code(setup)
    ends = setup.period_ends
    strategies = registry.in_words(setup.sampler, setup.pruner, ends)
    what = _what(setup.config, setup.space, NETS, ends[-1], strategies)
    notices: list[str] = []
    first = enqueued(setup, notices.append)
    left = running.trials_left(setup, first)
    study = f"Study {setup.files.name} in {setup.config.folder}/"
    if not left:
        return [what, f"{study} has ended; nothing is left to train."]
    kind = kind_of(setup.config.device, setup.precision)
    plan = planner(setup.space, asdict(COEFFICIENTS[kind]), images=setup.images, form=setup.form)
    first(plan)
    return [
        what,
        *notices,
        *_how_long(setup, kind, left),
        f"{study}.{_sample(setup.space, setup.config.seed)}",
    ]


def preview_own_work(config: SearchConfig) -> list[str]:
    """Describe a search of your own function or program, of which nothing is loaded or run.

    A search that would be refused before it starts workers is refused here too.
    """
    if config.space is None:
        raise UsageError("--dry-run runs nothing, and without a space the first trial finds it; give a space.")
    search = running.search_of_own_work(config)
    repeatability.require_repeatable(search)
    spec, left = search.spec_for(NUMERICS), search.trials_left()
    strategies = registry.in_words(spec.sampler, spec.pruner, spec.ends)
    what = _what(config, spec.space, ValueKind(), spec.periods, strategies, running.objective_of(config).name)
    study = f"Study {search.files.name} in {config.folder}/"
    if not left:
        return [what, f"{study} has ended; nothing is left to run."]
    rest = "" if left == search.budget else f" {number_of(left, 'trial')} still to end."
    how_long = f"The time cannot be estimated for your own function or program.{rest}"
    return [what, *search.notices, how_long, f"{study}.{_sample(spec.space, spec.seed)}"]


def _what(
    config: SearchConfig, space: Space, kind: ValueKind, longest: float, strategies: str, objective: str = ""
) -> str:
    """Return what would run in one sentence; the `longest` trial has that number of epochs or reports."""
    at_most = f" of at most {kind.spent(longest)}" if kind.of_nets or longest > 1 else ""
    parts = [
        *([objective] if objective else []),
        number_of(len(space.ranges), "range"),
        number_of(config.trials, "trial") + at_most,
        *([kind.aim(space.aim.cost)] if space.aim.cost else []),
        strategies,
        f"seed {config.seed}",
        f"{number_of(config.concurrent_trials, 'concurrent trial')} on {number_of(config.processes, 'worker')}",
        *([] if repeats(config.order) else ["in completion order"]),
        *kind.rules(config.stop_rules),
    ]
    return f"{space.name}: {', '.join(parts)}."


def _how_long(setup: SearchSetup, kind: DeviceKind, left: int) -> Iterator[str]:
    workers = setup.config.processes
    rest = "" if left == setup.config.trials else f" for the {number_of(left, 'trial')} still to end"
    if kind == "cuda":
        yield f"The time{rest} cannot be estimated on a GPU: none was measured."
    else:
        seconds = search_seconds(setup.drawn, kind, setup.pruner, trials=left, workers=workers)
        yield f"Takes about {roughly(seconds)} with {number_of(workers, 'worker')}{rest}: {ROUGHLY}."
    if words := str(setup.drawn.shares):
        yield f"{words}; they are not trained and do not count as trials."


def _sample(space: Space, seed: int) -> str:
    """Return a sentence with a configuration drawn at random; nothing if the space has no range."""
    (params,) = samples(space, 1, seed)
    settings = ", ".join(f"{path.removeprefix(f'{FLAT}.')} {short(value)}" for path, value in params.items())
    return f" A configuration drawn at random: {settings}." if settings else ""
