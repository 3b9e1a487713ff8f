"""Log trials to TensorBoard, one run per trial: as a callback of a search, or those of a study that has ended.

python examples/log_to_tensorboard.py conv-0   # needs tensorboard
tensorboard --logdir runs
"""

import sys

from torch.utils.tensorboard import SummaryWriter

import mnist_bench
from search import TrialRecord


def log(trial: TrialRecord, folder: str = "runs") -> None:
    """Log a trial that has ended. A search calls it: `search.run(objective, space, callbacks=[log])`."""
    with SummaryWriter(f"{folder}/{trial.number}") as writer:
        for step, report in enumerate(trial.reports, start=1):
            for name, figure in {"value": report.value, **report.metrics, **report.measured}.items():
                if figure is not None:
                    writer.add_scalar(name, figure, step)
        settings = {name: str(value) if isinstance(value, list) else value for name, value in trial.params.items()}
        last = {} if trial.value is None else {"last value": trial.value}
        writer.add_hparams({**settings, "reason": trial.reason}, last, run_name="settings")


if __name__ == "__main__":
    study = mnist_bench.open_study(sys.argv[1])
    for ended in study.finished():
        log(ended, f"runs/{study.name}")
    print(f"{len(study.finished())} trials of {study.name} are in the folder runs/{study.name}.")
