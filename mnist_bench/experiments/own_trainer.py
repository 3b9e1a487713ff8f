"""The trainer of a study that your own code made, which only you can name again: no study runs code by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist_bench.errors import UnnamedCodeError
from mnist_bench.value_kind import kind_of, made_by_another
from search.errors import UsageError
from search.event_log.records import StudyRecord
from search.executors.jobs import RemoteTrainer
from search.executors.local import LocalExecutor
from search.executors.protocol import Executor
from search.hashed import repeats
from search.messages import command_line, show
from search.objectives.executor import ObjectiveExecutor
from search.objectives.objective import Objective
from search.trainer_api import PLAIN, TrainerSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnCode:
    """Your own code, by the option that names it: one of the three at most."""

    trainer: str | None = None  # `file.py:Trainer` or `package.module:Trainer`
    objective: Callable[..., Any] | str | None = None
    """A function, or its name: `file.py:function` or `package.module:function`."""
    command: str | None = None  # a program with its arguments

    @property
    def words(self) -> tuple[str, ...]:
        """The option as it is typed, with its value; nothing if no code is named."""
        named = {"--trainer": self.trainer, "--objective": self.objective, "--command": self.command}
        return next(((option, value) for option, value in named.items() if isinstance(value, str)), ())


def trainer_for(study: StudyRecord, code: OwnCode) -> RemoteTrainer[Mapping[str, Any]]:
    """Return the trainer of a study, in a worker process of its own; errors as in `executor_for`."""
    executor_for(study, code, 1, Path())  # errors now, before anything is printed
    return RemoteTrainer(lambda log: executor_for(study, code, 1, log), PLAIN)


def executor_for(study: StudyRecord, code: OwnCode, workers: int, log: Path) -> Executor:
    """Return workers that train what the trainer, or the objective, of a study trains; none is started yet."""
    if not is_objective(study):
        return LocalExecutor(spec_of(study, code.trainer), workers, log)
    return ObjectiveExecutor(
        objective_of(study, code), workers, log, periods=study.spec["periods"], space=study.space,
        metric=kind_of(study.spec).name, checked=False, repeats=repeats(study.order),
    )  # fmt: skip


def is_objective(study: StudyRecord) -> bool:
    """Return whether a study is that of an objective: a function or a program."""
    return "objective" in study.spec["context"]


def spec_of(study: StudyRecord, named: str | None) -> TrainerSpec:
    """Return how workers build a study's trainer, whose name is now `named`; only its file's folder may differ."""
    if named is None:
        raise _unnamed(study)
    spec = TrainerSpec(factory=named, options=study.spec["context"].get("trainer", {}).get("options", {}))
    _check_name(study, spec.to_json()["factory"])
    return spec


def objective_of(study: StudyRecord, code: OwnCode) -> Objective:
    """Return the objective of a study, by the name under which it is now; errors as in `executor_for`."""
    if code.objective is None and code.command is None:
        raise _unnamed(study)
    found = Objective.of(code.objective) if code.objective is not None else Objective.of_command(code.command or "")
    _check_name(study, found.name)
    if found.sha256 != (then := study.spec["context"]["objective"]):
        raise UsageError(
            f"{show(found.name)} has changed since the search of study {study.name} (its hash {then[:8]} then, "
            f"{found.sha256[:8]} now); name the code as it was."
        )
    return found


def _unnamed(study: StudyRecord) -> UnnamedCodeError:
    option = command_line(kind_of(study.spec).option or ("--trainer", "file.py:Trainer"))
    where = " (a file with the folder that it lies in)" if ".py:" in option else ""
    return UnnamedCodeError(f"{made_by_another(study)}, which only you can name again: add {option}{where}.")


def _check_name(study: StudyRecord, name: str) -> None:
    known = study.spec["context"].get("trainer", {}).get("factory")
    if known is not None and name != known:
        raise UsageError(f"{made_by_another(study)}, not by {show(name)}.")
