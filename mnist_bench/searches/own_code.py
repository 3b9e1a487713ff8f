"""Whether a sampler, a pruner and a net of the user's own repeat, so far as a search is to be repeated."""

from __future__ import annotations

from dataclasses import replace

from mnist_bench import net_checks, own_nets
from mnist_bench.nets import COEFFICIENTS
from mnist_bench.picture_form import PictureForm
from mnist_bench.searches.config import SearchConfig
from mnist_bench.searches.search_space import check_words, chosen_strategies, form_of
from mnist_bench.searches.study_spec import period_ends
from mnist_bench.space_files import overview
from search import repeatability
from search.event_log import repeats
from search.repeatability import TriedOn
from search.space import Space
from search.stored_fields import stored


def tried_on(space: Space, seed: int, form: PictureForm) -> TriedOn:
    """Return what a sampler or pruner of the user's own is tried out on: the nets of a space for pictures of this form.

    None of them trains.
    """
    plan = overview.planner(space, stored(COEFFICIENTS["cpu-fp32"], {}), form=form)
    return TriedOn(space=space, planner=plan, periods=len(period_ends(space)), seed=seed)


def check_own_code(config: SearchConfig, space: Space) -> None:
    """Check that a sampler, a pruner and a net of the user's own repeat, so far as the search is to be repeated.

    `space` is what `to_search` returns for `config`.

    Raises:
        UsageError: one does not, or cannot be loaded; see `repeatability.require` and `net_checks.require`.
    """
    chosen = chosen_strategies(config, space)
    if repeats(config.order):
        on = tried_on(space, config.seed, form_of(config, space))
        repeatability.require(*chosen, replace(on, words=check_words(config)))
    _require_net(config, space)


def _require_net(config: SearchConfig, space: Space) -> None:
    """Check that a net of the user's own, with settings drawn at random, repeats; errors as in `net_checks.require`."""
    if config.net is not None:
        form = form_of(config, space)
        drawn = overview.feasible_plans(space, stored(COEFFICIENTS["cpu-fp32"], {}), form=form)[0]
        net_checks.require(
            own_nets.use(config.net), drawn.config.net, form, repeats=repeats(config.order), words=check_words(config)
        )
