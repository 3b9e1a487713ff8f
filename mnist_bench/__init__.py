"""Hyperparameter search on MNIST whose results can be trusted. From Python:

    import mnist_bench

    study = mnist_bench.search("conv", trials=50, workers=2)   # the command's study; a dict is a space, too
    study = mnist_bench.open_study("conv-0")
    trials = mnist_bench.to_dataframe(study)                   # trials["optim.lr"]; needs pandas
    board = mnist_bench.leaderboard(study)                     # board.rows[0].rank
    parted = mnist_bench.compare("conv-0", "conv-1")           # parted.pairs[0].test.p_value
    again = mnist_bench.reproduce(study)                       # again.identical
    found = mnist_bench.confirm(study, workers=2)              # found.test(found.winner).interval
    path = mnist_bench.ablate(study, seeds=3)                  # path.steps[0].fewer
    audit = mnist_bench.audit_study(study, 0.05)               # audit.wrong of len(audit.trials)
    files = mnist_bench.export(study, "winner")                # weights, net.py, model.onnx, draw.html, a card
    model = mnist_bench.load_model(study)                      # model(["seven.png"])[0].label; or load_model("winner")
    said = mnist_bench.predict(study, ["seven.png"])           # said[0].label, by the study's best trial
    fitted = mnist_bench.train("recipe.yaml", seed=0)          # fitted.reports[-1].value
    plots = mnist_bench.plot(study, ["history"])               # plots[0].files
    report = mnist_bench.report(study)                         # report.file
    speed = mnist_bench.measure_speed()                        # speed.nets[0].images_per_second.median
    table = mnist_bench.tables.load("conv-5k")                 # table.curve(table.points[0], seed=0).errors

Functions have the names of the commands; the longer names of earlier versions stay. docs/reference/python.md describes
all of them. Importing the package is fast: each name loads its modules at first use.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

import lazy_loader

COMMANDS = frozenset({"doctor", "export", "leaderboard", "report", "studies"})
"""Packages with the name of a command."""


class _Command(ModuleType):
    """A package with the name of a command: called, it does what the command does."""

    @property
    def __wrapped__(self) -> Any:
        return getattr(import_module("mnist_bench.api"), self.__name__.rpartition(".")[2])

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
_of_stub, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name in COMMANDS:
        return import_module(f"{__name__}.{name}")
    if name in __all__:
        return _of_stub(name)
    from search.messages import no_attribute

    raise no_attribute(f"module {__name__}", name, () if name.startswith("_") else __all__)
