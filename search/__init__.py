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

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
