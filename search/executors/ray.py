"""Workers on the machines of a Ray cluster: Ray places them and carries periods there and back; the driver decides.

Each is an actor with a worker process of `search.executors.local`, so that threads, memory settings, crashes, hangs and
replacements are the same everywhere. Plain values and bytes alone pass between driver and actor.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from search.errors import SearchError, UsageError, WorkerError
from search.executors.fleet import MAX_START, Fleet, Message, Worker
from search.executors.local import LocalExecutor
from search.executors.protocol import Cause, Done, Failed, Job, Outcome
from search.files import atomic_write, make_folder
from search.messages import lacks
from search.system import needs_posix
from search.trainer_api import TrainerSpec

needs_posix()

GRACE = 30.0
"""Seconds past a period's stall limit, which its own machine enforces, after which that machine counts as lost."""
HEAD_CHECK = 10.0
"""Seconds between looks at the cluster's head; Ray ends the process of a driver that has lost it for a minute."""
OBJECT_STORE = 256 * 2**20
"""Bytes of shared memory if Ray is started here: messages between driver and workers have a few MB each."""
MAX_CONNECT = 10.0
"""Seconds after which a cluster that does not answer counts as dead; Ray itself would try for minutes."""
_POLL = 1.0
_ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",  # else everyone who reaches a port of the cluster can run code there
    "RAY_USAGE_STATS_ENABLED": "0",
}
_QUIET = {"log_to_driver": False, "logging_level": "ERROR"}


@dataclass(frozen=True, kw_only=True, slots=True)
class StagedFiles:
    """Files by name, and the trainer's options that are to lead to them on the workers' machines."""

    options: Mapping[str, str]
    """Of each option, the part after the folder of the files: `net.py:build`, or nothing for the folder itself."""
    files: Mapping[str, bytes]


def folder_of(files: Mapping[str, bytes]) -> Path:
    """Return where a machine keeps these files: named by their content, in its temporary folder, for later searches."""
    hashed = hashlib.sha256()
    for name, content in sorted(files.items()):
        hashed.update(f"{name} {len(content)} ".encode() + content)
    return Path(tempfile.gettempdir()) / f"mnist-bench-{os.getuid()}" / hashed.hexdigest()[:16]


def unpack(files: Mapping[str, bytes]) -> Path:
    """Return the folder of this machine that holds the files; files that an earlier worker has written there stay.

    They may contain code that runs here, so files and folders of other users are not trusted: UsageError.
    """
    folder = folder_of(files)
    make_folder(folder)
    for each in (folder.parent, folder):
        if each.lstat().st_uid != os.getuid():
            raise UsageError(f"{each}: belongs to another user, who could change the files in it; remove it.")
    for name, content in files.items():
        path = folder / name
        if path.is_symlink():
            path.unlink()
        if not path.is_file() or path.read_bytes() != content:
            atomic_write(path, content)
    return folder


class Actor:
    """The process of Ray's that carries periods to a worker process on the machine where Ray has placed it."""

    def __init__(
        self, factory: str, options: Mapping[str, Any], environment: Mapping[str, str], staged: Mapping[str, str],
        files: Mapping[str, bytes],
    ) -> None:  # fmt: skip
        """Start the worker process, its trainer's `staged` options leading to the `files`; see `StagedFiles`."""
        found = {option: str(unpack(files) / rest) for option, rest in staged.items()}
        spec = TrainerSpec(factory=factory, options={**options, **found}, environment=environment)
        # Ray keeps an actor's standard error in a file: the worker process writes there too.
        stderr = Path("/dev/stderr")
        file = stderr.resolve()
        self._executor = LocalExecutor(spec, 1, file if file.exists() else stderr)

    def greet(self) -> tuple[dict[str, Any], bytes]:
        """Answer when the worker process can be given a period: with its numerics, or with why it cannot start."""
        import ray

        node = ray.get_runtime_context().get_node_id()
        try:
            numerics = self._executor.start()
            while not self._executor.idle():
                self._executor.wait(_POLL)
        except SearchError as error:
            return {"node": node, "refused" if isinstance(error, UsageError) else "failed": str(error)}, b""
        return {"node": node, "numerics": dict(numerics)}, b""

    def advance(self, head: Mapping[str, Any], state: bytes | None) -> tuple[dict[str, Any], bytes]:
        """Have the worker process train the job of these fields, `state` aside; it may need to `greet` afterwards."""
        self._executor.submit(Job(state=state, **head))
        while not (outcomes := self._executor.wait(_POLL)):
            continue
        (outcome,) = outcomes
        if isinstance(outcome, Done):
            return {"report": outcome.report.to_json()}, outcome.state
        return {"cause": outcome.cause, "reason": outcome.reason}, b""


class _ActorWorker(Worker):
    """One actor, from its start to its end."""

    def __init__(self, index: int, actor: Any, ray: Any) -> None:
        super().__init__(index)
        self._actor = actor
        self._ray = ray
        self.end: tuple[str, Cause] = ("", "killed")  # why it is gone, if it is
        self.greet()

    def greet(self) -> None:
        """Let it greet when its next process is ready."""
        self.is_ready = False
        self.answer = self._actor.greet.remote()  # the pending one, of this or of a job

    def give(self, job: Job) -> None:
        head = {name: getattr(job, name) for name in ("trial", "period", "config", "seed", "stall_seconds")}
        self.answer = self._actor.advance.remote(head, job.state)

    def kill(self) -> None:
        self._ray.kill(self._actor)


class RayExecutor(Fleet[_ActorWorker]):
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
        self._staged = staged or StagedFiles(options={}, files={})
        self._ray: Any = None
        self._new_actor: Callable[[], Any]
        self._next_check = 0.0

    def start(self) -> Mapping[str, Any]:
        """Connect, and return as soon as the first worker greets; the others join when they are ready.

        Raises:
            UsageError: Ray is not installed, or this machine has too few GPUs.
            WorkerError: there is no such cluster, or no worker comes up.
        """
        self._ray = ray = connect(self._address, self.workers)
        if self._address is None and self.workers * self._gpus > self._total("GPU"):  # a cluster may grow, or be busy
            raise UsageError(f"{self.workers} workers do not fit. {self._room()}")
        plain = self._spec.factory, dict(self._spec.options), dict(self._spec.environment), dict(self._staged.options)
        # `put` once: each node fetches the files from its store a single time, however many workers it runs.
        given = *plain, ray.put(dict(self._staged.files))
        made = ray.remote(Actor).options(
            num_cpus=1,
            num_gpus=self._gpus,
            max_restarts=0,  # a restart on another machine has to greet first
            scheduling_strategy="SPREAD",
        )
        self._new_actor = lambda: made.remote(*given)
        deadline = time.monotonic() + MAX_START
        while self._numerics is None:
            self.wait(_POLL)
            if time.monotonic() > deadline:
                raise WorkerError(f"No worker started within {MAX_START:.0f} s. {self._room()}")
        return self._numerics

    def stop(self) -> None:
        """See `Executor.stop`; Ray ends a driver's actors when it leaves."""
        self._workers.clear()
        if self._ray is not None:
            self._ray.shutdown()
            self._ray = None

    def _room(self) -> str:
        needs = f"1 CPU and {self._gpus:g} GPU" if self._gpus else "1 CPU"
        has = f"{self._total('CPU'):g} CPUs and {self._total('GPU'):g} GPUs"
        return f"Each worker needs {needs}; Ray has {has} in all."

    def _total(self, resource: str) -> float:
        return float(self._ray.cluster_resources().get(resource, 0))

    def _new_worker(self, index: int) -> _ActorWorker:
        return _ActorWorker(index, self._new_actor(), self._ray)

    def _received(self, timeout: float) -> Iterator[tuple[_ActorWorker, Message]]:
        waiting = {worker.answer: worker for worker in self._workers if not worker.is_idle}
        if not waiting:
            time.sleep(timeout)
            return
        ready, _ = self._ray.wait([*waiting], timeout=timeout)
        if ready:  # the first wait returns one; here are those that came with it
            ready, _ = self._ray.wait([*waiting], num_returns=len(waiting), timeout=0)
        for answer in ready:
            worker = waiting[answer]
            try:
                head, state = self._ray.get(answer)
            except self._ray.exceptions.RayError as error:
                is_oom = isinstance(error, self._ray.exceptions.OutOfMemoryError)
                worker.end = str(error), "out_of_memory" if is_oom else "killed"
                yield worker, None
                continue
            if "node" in head:
                worker.name = self._name(head["node"])  # that of its machine
            for reason in {"refused", "failed"} & head.keys():
                head[reason] = f"{worker.name}: {head[reason]}"  # something of that machine is to be mended
            yield worker, (head, state)

    def _end_stalled(self) -> list[Outcome]:
        if (now := time.monotonic()) > self._next_check:
            self._check_head()
        stalled = [
            worker
            for worker in self._workers
            if worker.running is not None and now - worker.running.since > worker.running.job.stall_seconds + GRACE
        ]
        for worker in stalled:
            worker.end = "no answer", "stalled"
        return [outcome for worker in stalled for outcome in self._bury(worker)]

    def _check_head(self) -> None:
        try:
            check_answers(self._ray.get_runtime_context().gcs_address)
        except WorkerError as error:
            raise WorkerError(f"The search has lost its cluster. {error} Then run the same command again.") from error
        self._next_check = time.monotonic() + HEAD_CHECK

    def _renew(self, worker: _ActorWorker) -> None:
        worker.greet()

    def _name(self, node_id: str) -> str:
        """Return how messages call a machine: by its name in the cluster, or its hostname, and its address."""
        node = next(node for node in self._ray.nodes() if node["NodeID"] == node_id)
        address = node["NodeManagerAddress"]
        given = node.get("NodeName") or address
        return f"{node['NodeManagerHostname'] if given == address else given} ({address})"

    def _bury(self, worker: _ActorWorker) -> list[Outcome]:
        self._check_head()  # without which the next calls would not return
        self._let_go(worker)
        text, cause = worker.end
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if worker.running is not None:
            return [Failed(job=worker.running.job, cause=cause, reason=f"{worker.name}: {lines[0]}")]
        self._start_failed(
            "Workers end before they are ready, as they do if a machine lacks mnist-bench or has joined the cluster "
            f"without RAY_AUTH_MODE=token: {lines[-1]}"
        )
        return []


def connect(address: str | None, workers: int) -> Any:
    """Join the cluster at `address` (host:port, or auto for that of this machine) and return the module `ray`.

    Without an address, Ray is started on this machine, for this number of workers, with a secret token.

    UsageError if Ray is not installed, or the address is not one of a cluster; WorkerError if there is no such cluster,
    its token is another one, or its versions are.
    """
    os.environ.update(_ENVIRONMENT)  # before the import, which reads it
    try:
        ray: Any = import_module("ray")
    except ImportError as error:
        raise UsageError(f"{lacks('--executor ray', 'Ray', 'ray')}.") from error
    # Else Ray prints the loss of a worker to standard output, where the results of a command belong.
    ray._private.worker.print_to_stdstream = lambda *_, **__: None
    if address not in (None, "auto"):
        check_answers(str(address))
    with _connecting(ray, address):
        if address is None:
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
            ray.init("local", num_cpus=workers, include_dashboard=False, object_store_memory=OBJECT_STORE, **_QUIET)
        else:
            ray.init(address, **_QUIET)
    return ray


def check_answers(address: str) -> None:
    """Check that something listens at host:port; UsageError if it is not one, WorkerError if nothing does."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        raise UsageError(f"RAY_ADDRESS={address}: not the address of a Ray cluster; write host:port, or auto.")
    try:
        socket.create_connection((host, int(port)), timeout=MAX_CONNECT).close()
    except (OSError, OverflowError) as error:
        raise WorkerError(
            f"No Ray cluster answers at {address} ({error}); `ray start --head` starts a cluster."
        ) from error


@contextmanager
def _connecting(ray: Any, address: str | None) -> Iterator[None]:
    """Turn Ray's errors into a sentence, keep off the screen the lines that its lower half writes past Python to
    standard error, and keep this process's handler of SIGTERM, which Ray replaces by one that ends it at once."""
    is_main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM) if is_main else None
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        ray.shutdown()  # which may have come halfway
        text = str(error.__cause__ or error)
        what = "be started on this machine" if address is None else f"join the cluster at {address}"
        sentence = f"Ray cannot {what}: {' '.join(text.partition('Traceback')[0].split())}"
        if address is not None and "token" in text:
            sentence = (
                f"The Ray cluster at {address} can only be joined with its token: copy its ~/.ray/auth_token to this "
                "machine, or set RAY_AUTH_TOKEN."
            )
        raise WorkerError(sentence) from error
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
        if handler is not None:  # one that was not set from Python cannot be set again
            signal.signal(signal.SIGTERM, handler)
