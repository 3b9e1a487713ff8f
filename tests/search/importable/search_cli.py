"""`mnist-bench` with a trainer that takes no time, to be disturbed: `python search_cli.py DELAY search smoke ...`.

DELAY are the seconds that a period takes, times one to five by its trial's seed. All else is as it is for the user.
"""

from __future__ import annotations

import sys

from mnist_bench import searching
from mnist_bench.cli.app import main
from mnist_bench.data.mnist import TrainingSet
from search.executors import Executor, LocalExecutor
from search.study import Place
from search.trainer import TrainerSpec
from search_fake import Kept


def _executor(asked: searching.SearchOptions, data: TrainingSet, place: Place) -> Executor:
    trainer = TrainerSpec(factory="search_fake:Trainer", options={"delay": DELAY})
    return LocalExecutor(trainer, asked.workers, place.folder / "workers.log")


if __name__ == "__main__":
    DELAY = float(sys.argv.pop(1))
    searching._executor = _executor
    searching.WeightKeeper = lambda folder, cost: Kept()  # type: ignore[assignment,misc]
    main()
