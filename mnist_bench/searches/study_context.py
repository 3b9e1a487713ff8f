"""The context of a study of nets, on which results depend in addition to the space, and the planner made from it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from mnist_bench.config.settings import TrainConfig
from mnist_bench.nets.planner import COEFFICIENTS
from mnist_bench.space_files.drawn import planner_on
from mnist_bench.studies.record import data_of, is_portable
from search.space.space import Space
from search.stored_fields import stored
from search.trainer_api import Planner


def planner(space: Space, context: Mapping[str, Any]) -> Planner[TrainConfig]:
    """Return the planner of a study with this context: it turns parameters into a configuration with its costs."""
    images, form = context["images"], data_of(context).form
    return planner_on(
        space, context["costs"], train_images=images["train"], validation_images=images["validation"], form=form
    )


def context_here(numerics: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a study's context that depends on this installation and on the machine's numerics."""
    return {
        "costs": stored(COEFFICIENTS[numerics["kind"]]),
        "trainer_revision": numerics["trainer_revision"],
    }


def versions(numerics: Mapping[str, Any]) -> dict[str, str]:
    """Return the versions of the trainer's packages, as a study stores them.

    Of a portable study it is the release of PyTorch without the name of its build: 2.13.0+cpu and 2.13.0 compute the
    same bits, as far as the checks agree.
    """
    installed = version("torch")
    return {"torch": installed.partition("+")[0] if is_portable(numerics) else installed}


def period_ends(space: Space) -> list[float]:
    """Return the epochs at whose end a trial reports."""
    epochs = space.settings.get("epochs", TrainConfig().epochs)
    return list(space.settings.get("periods") or range(1, epochs + 1))
