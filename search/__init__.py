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
from typing import Any

import lazy_loader

# Optuna imports tqdm, which warns in a notebook without ipywidgets; no progress bar of tqdm's is used here.
warnings.filterwarnings("ignore", message="IProgress not found")

_of_stub, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name in __all__:
        return _of_stub(name)
    from search.messages import no_attribute

    raise no_attribute(f"module {__name__}", name, () if name.startswith("_") else __all__)
