"""Where periods run: in this process, in processes of this machine or of a cluster; one small protocol for all."""

from search.executors.in_process import InProcessExecutor
from search.executors.local import LocalExecutor
from search.executors.parcel import Parcel
from search.executors.protocol import Done, Executor, Job, Lost, Outcome, Raised
from search.executors.ray import RayExecutor

__all__ = [
    "Done",
    "Executor",
    "InProcessExecutor",
    "Job",
    "LocalExecutor",
    "Lost",
    "Outcome",
    "Parcel",
    "Raised",
    "RayExecutor",
]
