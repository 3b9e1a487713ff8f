"""Hyperparameter search: spaces, samplers, pruners, and the driver that decides. It uses Optuna and does not depend on
nets.

The same search gives the same trials, pruned at the same reports, with one worker or many, interrupted or not. A trial
trains your own code: a planner and a trainer, see `examples/own_trainer.py`. To search:

    import own_trainer
    import search

    space = search.Space.of({"ridge": {"rate": {"float": [0.001, 1.0], "log": True}, "decay": {"float": [0.0, 0.1]}}})
    trainer = search.TrainerSpec(factory=f"{own_trainer.__file__}:Trainer")
    planned = search.Search.of(
        space, own_trainer.Planner(), trainer, trials=12, periods=8, seed=1, workers=2, direction="minimize"
    )
    study = planned.run().study
    for trial in study.complete():
        print(f"#{trial.number}  {trial.value:.4f}  {dict(trial.params)}")
    print(study.digest)
"""

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and mypy; Python loads a name's module at first use, by `_MODULES`
    from search.driver.progress import Header as Header, Observer as Observer, Progress as Progress
    from search.driver.run import Run as Run, Search as Search
    from search.errors import (
        FingerprintError as FingerprintError,
        Interrupted as Interrupted,
        OtherVersionError as OtherVersionError,
        PluginError as PluginError,
        Problem as Problem,
        SearchError as SearchError,
        SpaceError as SpaceError,
        StorageError as StorageError,
        StudyLockedError as StudyLockedError,
        StudyNotFoundError as StudyNotFoundError,
        TooManyFailuresError as TooManyFailuresError,
        UsageError as UsageError,
        WorkerError as WorkerError,
    )
    from search.event_log.history import StopRules as StopRules
    from search.event_log.records import EarlyStop as EarlyStop, StudyRecord as StudyRecord, TrialRecord as TrialRecord
    from search.executors.in_process import InProcessExecutor as InProcessExecutor
    from search.executors.local import LocalExecutor as LocalExecutor
    from search.executors.protocol import Executor as Executor
    from search.executors.ray import RayExecutor as RayExecutor
    from search.objectives.objective import Configuration as Configuration, Objective as Objective
    from search.objectives.search import planned as planned, run as run
    from search.repeatability import require_repeatable as require_repeatable
    from search.space.space import Space as Space
    from search.strategies.pruners import Asha as Asha, Median as Median, NoPruner as NoPruner, Pruner as Pruner
    from search.strategies.registry import named_pruner as named_pruner, named_sampler as named_sampler
    from search.strategies.samplers import Curves as Curves, Random as Random, Sampler as Sampler, Tpe as Tpe
    from search.study.folder import StudyFolder as StudyFolder
    from search.study.spec import StudySpec as StudySpec
    from search.study.studies import open_study as open_study
    from search.trainer_api import (
        PLAIN as PLAIN,
        Codec as Codec,
        Plan as Plan,
        Planner as Planner,
        Report as Report,
        Trainer as Trainer,
        TrainerSpec as TrainerSpec,
    )


# Optuna imports tqdm, which warns in a notebook without ipywidgets; no progress bar of tqdm's is used here.
warnings.filterwarnings("ignore", message="IProgress not found")

_MODULES = {
    "search.driver.progress": ("Header", "Observer", "Progress"),
    "search.driver.run": ("Run", "Search"),
    "search.errors": (
        "FingerprintError",
        "Interrupted",
        "OtherVersionError",
        "PluginError",
        "Problem",
        "SearchError",
        "SpaceError",
        "StorageError",
        "StudyLockedError",
        "StudyNotFoundError",
        "TooManyFailuresError",
        "UsageError",
        "WorkerError",
    ),
    "search.event_log.history": ("StopRules",),
    "search.event_log.records": ("EarlyStop", "StudyRecord", "TrialRecord"),
    "search.executors.in_process": ("InProcessExecutor",),
    "search.executors.local": ("LocalExecutor",),
    "search.executors.protocol": ("Executor",),
    "search.executors.ray": ("RayExecutor",),
    "search.objectives.objective": ("Configuration", "Objective"),
    "search.objectives.search": ("planned", "run"),
    "search.repeatability": ("require_repeatable",),
    "search.space.space": ("Space",),
    "search.strategies.pruners": ("Asha", "Median", "NoPruner", "Pruner"),
    "search.strategies.registry": ("named_pruner", "named_sampler"),
    "search.strategies.samplers": ("Curves", "Random", "Sampler", "Tpe"),
    "search.study.folder": ("StudyFolder",),
    "search.study.spec": ("StudySpec",),
    "search.study.studies": ("open_study",),
    "search.trainer_api": ("Codec", "PLAIN", "Plan", "Planner", "Report", "Trainer", "TrainerSpec"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}
__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(import_module(_MODULE_OF[name]), name)
    from search.messages import no_attribute

    raise no_attribute(f"module {__name__}", name, () if name.startswith("_") else __all__)
