"""Hyperparameter search on MNIST whose results can be trusted. From Python:

    import mnist_bench

    study = mnist_bench.search("conv", trials=50, workers=2)   # the command's study; a dict is a space, too
    study = mnist_bench.open_study("conv-0")
    trials = mnist_bench.to_dataframe(study)                   # trials["optim.lr"]; needs pandas
    board = mnist_bench.leaderboard(study)                     # board.rows[0].rank
    parted = mnist_bench.compare("conv-0", "conv-1")           # parted.test.p_value
    again = mnist_bench.reproduce(study)                       # again.identical
    found = mnist_bench.confirm(study, workers=2)              # found.test(found.winner).interval
    path = mnist_bench.ablate(study, seeds=3)                  # path.steps[0].fewer
    files = mnist_bench.export(study, "winner")                # weights, net.py, model.onnx, draw.html, a card
    model = mnist_bench.load_model(study)                      # model(["seven.png"])[0].label; or load_model("winner")
    said = mnist_bench.predict(study, ["seven.png"])           # said[0].label, by the study's best trial
    fitted = mnist_bench.train("recipe.yaml", seed=0)          # fitted.reports[-1].value
    plots = mnist_bench.plot(study, ["history"])               # plots[0].files
    report = mnist_bench.report(study)                         # report.file
    speed = mnist_bench.measure_speed()                        # speed.nets[0].median, images/s
    table = mnist_bench.tables.load("conv-5k")                 # table.curve(table.points[0], seed=0).errors

Functions have the names of the commands. docs/reference/python.md describes all of them. Importing the package is fast:
each name loads its modules at first use.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and mypy; Python loads a name's module at first use, by `_MODULES`
    from mnist_bench import tables as tables
    from mnist_bench.api.judging import (
        ablate as ablate,
        compare_methods as compare_methods,
        confirm as confirm,
        confirm_front as confirm_front,
        measure_speed as measure_speed,
        reproduce as reproduce,
        reproduce_record as reproduce_record,
        train_ladder as train_ladder,
        train_notebook as train_notebook,
    )
    from mnist_bench.api.reading import (
        compare as compare,
        doctor as doctor,
        leaderboard as leaderboard,
        plot as plot,
        plot_data as plot_data,
        report as report,
        show as show,
        studies as studies,
    )
    from mnist_bench.api.searches import (
        open_study as open_study,
        search as search,
        to_dataframe as to_dataframe,
        train as train,
        train_seeds as train_seeds,
        train_trial as train_trial,
    )
    from mnist_bench.api.using import export as export, load_model as load_model, predict as predict


COMMANDS = frozenset({"doctor", "export", "leaderboard", "report", "studies"})
"""Packages with the name of a command."""


class _Command(ModuleType):
    """A package with the name of a command: called, it does what the command does."""

    @property
    def __wrapped__(self) -> Any:
        return _public(self.__name__.rpartition(".")[2])

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        return self.__wrapped__.__doc__  # type: ignore[no-any-return]

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self.__wrapped__(*given, **named)


class _Package(ModuleType):
    """This package. When Python has imported a module of it, it sets the module as an attribute here."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in COMMANDS and type(value) is ModuleType:
            value.__class__ = _Command
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
_MODULES = {
    "mnist_bench.api.judging": (
        "ablate",
        "compare_methods",
        "confirm",
        "confirm_front",
        "measure_speed",
        "reproduce",
        "reproduce_record",
        "train_ladder",
        "train_notebook",
    ),
    "mnist_bench.api.reading": (
        "compare",
        "doctor",
        "leaderboard",
        "plot",
        "plot_data",
        "report",
        "show",
        "studies",
    ),
    "mnist_bench.api.searches": ("open_study", "search", "to_dataframe", "train", "train_seeds", "train_trial"),
    "mnist_bench.api.using": ("export", "load_model", "predict"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}
__all__ = sorted([*_MODULE_OF, "tables"])


def _public(name: str) -> Any:
    return getattr(import_module(_MODULE_OF[name]), name)


def __getattr__(name: str) -> Any:
    if name in COMMANDS or name == "tables":
        return import_module(f"{__name__}.{name}")
    if name in _MODULE_OF:
        return _public(name)
    from search.messages import no_attribute

    raise no_attribute(f"module {__name__}", name, () if name.startswith("_") else __all__)
