"""`mnist-bench` with a trainer that takes no time, to be disturbed: `python search_cli.py DELAY search smoke ...`.

DELAY are the seconds that a period takes, times one to five by its trial's seed. What the trainer does wrong stands in
FAKE_BEHAVIOUR in the environment. All else is as it is for the user.
"""

from __future__ import annotations

import os
import signal
import sys

from mnist_bench.cli.app import main
from mnist_bench.data.mnist import TrainingSet
from mnist_bench.searches import running
from mnist_bench.searches.setup import SearchSetup
from search.driver.run import keep_nothing
from search.executors.local import LocalExecutor
from search.executors.protocol import Executor
from search.trainer_api import TrainerSpec


def _executor(setup: SearchSetup, data: TrainingSet) -> Executor:
    trainer = TrainerSpec(factory="support.fake_trainer:Trainer", options={"delay": DELAY, "behaviour": BEHAVIOUR})
    return LocalExecutor(trainer, setup.config.processes, setup.files.path / "workers.log")


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
    DELAY = float(sys.argv.pop(1))
    BEHAVIOUR = os.environ.get("FAKE_BEHAVIOUR", "")
    vars(running)["executor_of"] = _executor
    vars(running)["BestCheckpoints"] = lambda folder, cost: keep_nothing
    main()
