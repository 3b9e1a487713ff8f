"""Workers on the machines of a Ray cluster: Ray places them and carries periods there and back; the driver decides."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from search.differences import differences
from search.errors import SearchError, UsageError, WorkerError
from search.executors.fleet import MAX_START, Fleet
from search.executors.protocol import Cause, Done, Job, Lost, Outcome, Raised
from search.executors.ray.actor import Actor
from search.executors.ray.cluster import check_answers, connect
from search.executors.ray.file_staging import StagedFiles
from search.trainer_api import Report, TrainerSpec

GRACE = 30.0
"""Seconds past a period's stall limit, which its own machine enforces, after which that machine counts as lost."""
HEAD_CHECK = 10.0
"""Seconds between looks at the cluster's head; Ray ends the process of a driver that has lost it for a minute."""


class _Worker:
    """One actor, from its start to its end."""

    def __init__(self, index: int, actor: Any) -> None:
        self.index = index
        """Its place among the executor's workers; a replacement takes over that of the one it replaces."""
        self.actor = actor
        self.node = "?"
        """The machine that it runs on, once it has greeted."""
        self.job: Job | None = None
        self.since = 0.0
        """When the job began: a time to measure from."""
        self.started = 0.0
        """When the job began, in seconds since 1970: a time to show."""
        self.answer: Any = actor.greet.remote()
        """The pending answer: a greeting or, if there is a job, its outcome."""

    @property
    def is_idle(self) -> bool:
        return self.answer is None

    def give(self, job: Job) -> None:
        self.job, self.since, self.started = job, time.monotonic(), time.time()
        head = {name: getattr(job, name) for name in ("trial", "period", "config", "seed", "stall_seconds")}
        self.answer = self.actor.advance.remote(head, job.state)

    def is_stalled(self) -> bool:
        return self.job is not None and time.monotonic() - self.since > self.job.stall_seconds + GRACE


class RayExecutor(Fleet[_Worker]):
    """A fixed number of actors; one that is lost is replaced, with back-off, wherever the cluster has room."""

    def __init__(
        self,
        spec: TrainerSpec,
        workers: int,
        *,
        address: str | None = None,
        gpus_per_worker: float = 0.0,
        staged: StagedFiles | None = None,
    ) -> None:
        """Prepare for the cluster at `address`; None starts Ray on this machine.

        The staged files are sent to each machine once, for all of its workers.

        Raises:
            UsageError: there is to be no worker.
        """
        super().__init__(workers)
        self._spec = spec
        self._address = address
        self._gpus = gpus_per_worker
        self._staged = staged
        self._ray: Any = None
        self._new_actor: Callable[[], Any]
        self._first_node = ""
        self._next_check = 0.0

    def start(self) -> Mapping[str, Any]:
        """Connect, and return as soon as the first worker greets; the others join when they are ready.

        Raises:
            UsageError: Ray is not installed, or this machine has too few GPUs.
            WorkerError: there is no such cluster, or no worker comes up.
        """
        self._ray = connect(self._address, self.workers)
        if self._address is None and self.workers * self._gpus > self._total("GPU"):  # a cluster may grow, or be busy
            raise UsageError(f"{self.workers} workers do not fit. {self._room()}")
        self._prepare_actors()
        deadline = time.monotonic() + MAX_START
        while self._numerics is None:
            self._replenish()
            self._receive(1.0)
            if time.monotonic() > deadline:
                raise WorkerError(f"No worker started within {MAX_START:.0f} s. {self._room()}")
        return self._numerics

    def idle(self) -> int:
        return sum(worker.is_idle for worker in self._workers)

    def submit(self, job: Job) -> None:
        next(worker for worker in self._workers if worker.is_idle).give(job)

    def wait(self, timeout: float) -> list[Outcome]:
        """See `Executor.wait`.

        Raises:
            WorkerError: the cluster's head is gone as well, or a worker's numerics differ from the others'.
        """
        if self._failure is not None:
            raise self._failure
        if time.monotonic() > self._next_check:
            self._check_head()
        self._replenish()
        stalled = [worker for worker in self._workers if worker.is_stalled()]
        lost = [outcome for worker in stalled for outcome in self._bury(worker, "no answer", "stalled")]
        return lost or self._receive(timeout)

    def stop(self) -> None:
        """See `Executor.stop`; Ray ends a driver's actors when it leaves."""
        self._workers.clear()
        if self._ray is not None:
            self._ray.shutdown()
            self._ray = None

    def _check_head(self) -> None:
        try:
            check_answers(self._ray.get_runtime_context().gcs_address)
        except WorkerError as error:
            raise WorkerError(f"The search has lost its cluster. {error} Then run the same command again.") from error
        self._next_check = time.monotonic() + HEAD_CHECK

    def _room(self) -> str:
        needs = f"1 CPU and {self._gpus:g} GPU" if self._gpus else "1 CPU"
        has = f"{self._total('CPU'):g} CPUs and {self._total('GPU'):g} GPUs"
        return f"Each worker needs {needs}; Ray has {has} in all."

    def _total(self, resource: str) -> float:
        return float(self._ray.cluster_resources().get(resource, 0))

    def _prepare_actors(self) -> None:
        """Put the staged files into Ray's store, from which each machine gets them once, and prepare new actors."""
        staged = self._staged or StagedFiles(options={}, files={})
        # `put` once: each node fetches the files from its store a single time, however many workers it runs.
        plain = self._spec.factory, dict(self._spec.options), dict(self._spec.environment), dict(staged.options)
        given = *plain, self._ray.put(dict(staged.files))
        made = self._ray.remote(Actor).options(
            num_cpus=1,
            num_gpus=self._gpus,
            max_restarts=0,  # a restart on another machine has to greet first
            scheduling_strategy="SPREAD",
        )
        self._new_actor = lambda: made.remote(*given)

    def _new_worker(self, index: int) -> _Worker:
        return _Worker(index, self._new_actor())

    def _receive(self, timeout: float) -> list[Outcome]:
        waiting = {worker.answer: worker for worker in self._workers if worker.answer is not None}
        if not waiting:
            time.sleep(timeout)
            return []
        ready, _ = self._ray.wait(list(waiting), timeout=timeout)
        if ready:  # the first wait returns one; here are those that came with it
            ready, _ = self._ray.wait(list(waiting), num_returns=len(waiting), timeout=0)
        outcomes: list[Outcome] = []
        for answer in ready:
            try:
                outcomes += self._take(waiting[answer])
            except SearchError as error:
                self._failure = self._failure or error
        if self._failure is not None and not outcomes:
            raise self._failure
        return outcomes  # before the failure is reported: a period that is done is not trained again

    def _take(self, worker: _Worker) -> list[Outcome]:
        try:
            head, state = self._ray.get(worker.answer)
        except self._ray.exceptions.OutOfMemoryError as error:
            return self._bury(worker, str(error), "out_of_memory")
        except self._ray.exceptions.RayError as error:
            return self._bury(worker, str(error))
        job, worker.job, worker.answer = worker.job, None, None
        if job is None:
            self._greet(worker, head)
            return []
        if "report" not in head or head["report"].get("end") == "out_of_memory":
            worker.answer = worker.actor.greet.remote()  # when its next process is ready
        if "report" in head:
            report = replace(Report.from_json(head["report"]), worker=worker.index, started=worker.started)
            return [Done(job=job, report=report, state=state)]
        if "raised" in head:
            return [Raised(job=job, error=head["raised"])]
        return [Lost(job=job, reason=head["lost"], cause=head["cause"])]

    def _greet(self, worker: _Worker, head: Mapping[str, Any]) -> None:
        worker.node = self._name(head["node"])
        if "refused" in head:
            raise UsageError(f"{worker.node}: {head['refused']}")
        if "failed" in head:
            self._cannot_start(worker, f"{worker.node}: {head['failed']}")
            return
        if self._numerics is None:
            self._first_node = worker.node
        self._greeted(head["numerics"], lambda first: self._other_bits(first, worker.node, head["numerics"]))

    def _let_go(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        self._ray.kill(worker.actor)

    def _name(self, node_id: str) -> str:
        """Return how messages call a machine: by its name in the cluster, or its hostname, and its address."""
        node = next(node for node in self._ray.nodes() if node["NodeID"] == node_id)
        address = node["NodeManagerAddress"]
        given = node.get("NodeName") or address
        return f"{node['NodeManagerHostname'] if given == address else given} ({address})"

    def _other_bits(self, numerics: Mapping[str, Any], node: str, others: Mapping[str, Any]) -> str:
        rows = differences(numerics, others)
        listed = "; ".join(f"{name} {here} on {self._first_node}, {there} on {node}" for name, here, there in rows)
        return (
            f"{node} computes different floating-point results from {self._first_node}, so it cannot take part: "
            f"{listed}."
        )

    def _bury(self, worker: _Worker, reason: str, cause: Cause = "killed") -> list[Outcome]:
        """Give up a worker that may be dead, and let another take its place."""
        self._workers.remove(worker)
        self._check_head()  # without which the next calls would not return
        self._ray.kill(worker.actor)
        lines = [line.strip() for line in reason.splitlines() if line.strip()]
        if worker.job is not None:
            return [Lost(job=worker.job, reason=f"{worker.node}: {lines[0]}", cause=cause)]
        self._start_failed(
            "Workers end before they are ready, as they do if a machine lacks mnist-bench or has joined the cluster "
            f"without RAY_AUTH_MODE=token: {lines[-1]}"
        )
        return []
