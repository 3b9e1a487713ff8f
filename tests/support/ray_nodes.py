"""A real Ray cluster of several nodes on this machine, each with processes of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

TOKEN = "0123456789abcdef" * 2
ENVIRONMENT = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN, "RAY_USAGE_STATS_ENABLED": "0"}


class Nodes:
    """A head, to which drivers connect, and further nodes; none has a dashboard."""

    def __init__(self, *cpus: int) -> None:
        """Start a head and further nodes with so many places for workers each."""
        from ray.cluster_utils import Cluster

        self._cluster: Any = Cluster()
        for number, places in enumerate(cpus):
            self.add(f"node-{number}", places)

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def add(self, name: str, cpus: int, environment: Mapping[str, str] | None = None) -> Any:
        with variables(environment or {}):
            return self._cluster.add_node(
                node_name=name, num_cpus=cpus, num_gpus=0, include_dashboard=False, object_store_memory=100 * 2**20
            )

    def kill(self, node: Any) -> None:
        self._cluster.remove_node(node, allow_graceful=False)

    def remove(self, node: Any) -> None:
        self._cluster.remove_node(node)

    def kill_head(self) -> None:
        """End the first node's processes by SIGKILL, though a driver may be connected."""
        self._cluster.head_node.kill_all_processes(check_alive=False, allow_graceful=False, wait=True)

    def shutdown(self) -> None:
        self._cluster.shutdown()


@contextmanager
def variables(values: Mapping[str, str]) -> Iterator[None]:
    """Let this process and those that it starts have these environment variables within the block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
