"""What a study of nets is specified by, and the planner of one that is there."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from mnist_bench import own_nets
from mnist_bench.config import TrainConfig, to_json
from mnist_bench.data import TrainingSet
from mnist_bench.nets import COEFFICIENTS
from mnist_bench.own_nets import OwnNet
from mnist_bench.searches.config import SearchConfig
from mnist_bench.searches.first_trials import Start, enqueued
from mnist_bench.space_files import planner_on
from mnist_bench.studies import Data, data_of, record
from search.space import Space
from search.stored_fields import stored
from search.strategies import Pruner, Sampler
from search.study import StudySpec
from search.trainer_api import Planner


def spec_of(
    config: SearchConfig,
    space: Space,
    data: TrainingSet,
    chosen: tuple[Sampler, Pruner],
    numerics: Mapping[str, Any],
    start: Start,
) -> StudySpec:
    """Return the specification of a search's study; errors as in `enqueued` and `start_list`.

    `chosen` is what `chosen_strategies` returns, and `numerics` what the workers say of themselves.
    """
    trained_on = Data(
        dataset=data.options.dataset, subset=data.options.subset,
        data_hash=data.data_hash, split_hash=data.split.digest, form=data.options.form,
    )  # fmt: skip
    context = {
        "data": stored(trained_on, record.FIRST),
        "images": {"train": len(data.split.train), "validation": len(data.split.validation)},
        **context_here(numerics),
    }
    if config.net is not None:
        context["net"] = _net_in_context(own_nets.use(config.net))
    sampler, pruner = chosen
    plan = planner(space, context)
    return StudySpec(
        space=space, seed=config.seed, slots=config.slots, order=config.order, sampler=sampler, pruner=pruner,
        periods=len(period_ends(space)), context=context, numerics=numerics, versions=versions(),
        enqueued=enqueued(config, space, plan),
        start=start(plan),
    )  # fmt: skip


def _net_in_context(net: OwnNet) -> dict[str, Any]:
    """Return what a study holds of a net of the user's own, beside its code in the space: for people, who may have lost
    the file."""
    return {**stored(net.loaded.code, {}), "text": net.text}


def planner(space: Space, context: Mapping[str, Any]) -> Planner[TrainConfig]:
    """Return the planner of a study, which turns parameters into a configuration with its costs and limits."""
    images, form = context["images"], data_of(context).form
    return planner_on(
        space, context["costs"], train_images=images["train"], validation_images=images["validation"], form=form
    )


def context_here(numerics: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a study's context that depends on this installation and on the machine's numerics."""
    return {
        "costs": stored(COEFFICIENTS[numerics["kind"]], {}),
        "defaults": to_json(TrainConfig()),
        "trainer_revision": numerics["trainer_revision"],
        "canary": numerics["canary"],
    }


def versions() -> dict[str, str]:
    """Return the versions of the trainer's packages, as a study stores them."""
    return {"torch": version("torch")}


def period_ends(space: Space) -> list[float]:
    """Return the epochs at whose end a trial reports."""
    epochs = space.settings.get("epochs", TrainConfig().epochs)
    return list(space.settings.get("periods") or range(1, epochs + 1))
