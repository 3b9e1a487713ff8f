"""Log trials to MLflow, one run per trial: as a callback of a search, or those of a study that has ended.

python examples/log_to_mlflow.py conv-0        # needs mlflow-skinny; MLFLOW_TRACKING_URI says where
"""

import sys

import mlflow

import mnist_bench
from search import TrialRecord


def log(trial: TrialRecord) -> None:
    """Log a trial that has ended. A search calls it: `search.run(objective, space, callbacks=[log])`."""
    with mlflow.start_run(run_name=f"#{trial.number}"):
        mlflow.log_params(dict(trial.params))
        mlflow.set_tags({"reason": trial.reason, "seed": trial.seed})
        for step, report in enumerate(trial.reports, start=1):
            figures = {"value": report.value, **report.metrics, **report.measured}
            numbers = {name: float(figure) for name, figure in figures.items() if figure is not None}
            mlflow.log_metrics(numbers, step=step)


if __name__ == "__main__":
    study = mnist_bench.open_study(sys.argv[1])
    mlflow.set_experiment(study.name)
    for ended in study.finished():
        log(ended)
    print(f"{len(study.finished())} trials of {study.name} are in the experiment of this name.")
