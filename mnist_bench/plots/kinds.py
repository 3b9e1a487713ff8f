"""The kinds of pictures by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, cast

from search.errors import UsageError
from search.messages import did_you_mean, show

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mnist_bench.plots.subject import Subject

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "history": "validation accuracy of each trial in turn, and the best so far",
        "curves": "learning curves, the pruned ones pale, with the rungs",
        "importances": "how much each parameter decides, compared with chance",
        "slices": "accuracy over each parameter",
        "parallel": "all parameters of all trials side by side",
        "pareto": "accuracy against parameters and against multiply-accumulates",
        "timeline": "what ran where and when; what pruning saved and the order cost",
        "confusion": "which classes the best net takes for which",
        "mistakes": "the images that it gets wrong, with its confidences",
        "layers": "the best net, layer by layer",
        "distortions": "pictures as the best trial's seed distorts them in training",
        "ablation": "what each group of settings brings, once `ablate` has measured it",
    }
)
"""What each kind of picture of a study shows; the module of the same name draws it."""
DATA_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "digits": "the first ten digits, their labels one-hot, mean and standard deviation",
        "augmented": "the same under augmentation: the notebook's, or as --set says",
        "colour": "digits in three channels, and three digits merged into one picture",
    }
)
"""What each kind shows that needs no study; the module of the same name in `plots.data` draws it."""
ALL_KINDS: Mapping[str, str] = MappingProxyType({**KINDS, **DATA_KINDS})
HALVES = frozenset({"history", "curves", "importances", "pareto", "confusion", "mistakes"})
"""Kinds whose `picture` takes a `width`, in inches, down to `style.NARROW`."""
_FOLDERS = {
    "study": ("history", "curves", "importances", "slices", "parallel", "pareto", "timeline"),
    "net": ("confusion", "mistakes", "layers"),
    "data": ("distortions",),
    "experiments": ("ablation",),
}
"""The package of each kind's module."""


def check_kind(kind: str) -> None:
    """Look whether there is such a kind of picture, of a study or of the data.

    Raises:
        UsageError: there is not; names the nearest, and all that there are.
    """
    if kind not in ALL_KINDS:
        hint = did_you_mean(kind, ALL_KINDS) or "."
        raise UsageError(f"{show(kind)}: no such kind of picture{hint} Kinds: {', '.join(ALL_KINDS)}.")


def picture(kind: str, subject: Subject, *, narrow: bool = False) -> Figure:
    """Draw a picture of this kind, `narrow` for half the width of a page if it is one of `HALVES`.

    Raises:
        StudyNotFoundError: the study lacks what the picture shows; the message says what is missing.
        KeyError: there is no such kind.
    """
    make = cast("Callable[..., Figure]", module_of(kind).picture)
    if not narrow or kind not in HALVES:
        return make(subject)
    from mnist_bench.plots import style

    return make(subject, width=style.NARROW)


def module_of(kind: str) -> ModuleType:
    """Return the module that draws a kind.

    Raises:
        KeyError: there is no such kind.
    """
    folder = next((folder for folder, kinds in _FOLDERS.items() if kind in kinds), None)
    if folder is None:
        raise KeyError(kind)
    return import_module(f"mnist_bench.plots.{folder}.{kind}")
