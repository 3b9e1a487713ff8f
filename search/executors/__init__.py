"""Where periods run: in this process, or in worker processes of this machine; one small protocol for all."""

from search.executors.in_process import InProcessExecutor
from search.executors.local import LocalExecutor
from search.executors.protocol import Done, Executor, Job, Lost, Outcome, Raised

__all__ = ["Done", "Executor", "InProcessExecutor", "Job", "LocalExecutor", "Lost", "Outcome", "Raised"]
