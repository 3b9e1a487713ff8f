"""Studies of other trainers: how they differ from damaged ones, and the error of commands that need nets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mnist_bench.config.json import every_setting, flattened
from mnist_bench.config.settings import TrainConfig
from mnist_bench.errors import ForeignStudyError
from search.event_log.records import StudyRecord
from search.loading import is_code
from search.messages import show

OWN = ("costs", "data", "images", "trainer_revision")
"""Names that a search of nets writes into its context; see `mnist_bench.searches.study_context`."""


def is_foreign(spec: Mapping[str, Any]) -> bool:
    """Return whether a study with this specification was made by another trainer's search.

    This is so if the context names a trainer, as `search.Search.of` does, or if neither the context nor the space is
    that of nets. A study of nets in which only one of the two is wrong is damaged, not foreign.
    """
    if not spec or "trainer" in spec["context"]:
        return bool(spec)
    settings = dict(flattened(every_setting(TrainConfig())))
    of_nets = all(path in settings for path, _ in spec["space"]["fields"])
    return not of_nets and not any(name in spec["context"] for name in OWN)


def trainer_of(spec: Mapping[str, Any]) -> str | None:
    """Return the name of a foreign study's trainer; None if the study does not name it."""
    trainer = spec["context"].get("trainer")
    return show(trainer["factory"]) if isinstance(trainer, Mapping) and "factory" in trainer else None


def option_of(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the option, with its value, that names the code of a foreign study; nothing if the study does not name it.

    Of an objective only a command has spaces, or no colon.
    """
    name = trainer_of(spec)
    if name is None:
        return ()
    if "objective" not in spec["context"]:
        return "--trainer", name
    return "--objective" if is_code(name) and " " not in name else "--command", name


def check_nets(study: StudyRecord, what: str = "this command") -> None:
    """Check that a study is one of nets, which `what` needs.

    Raises:
        ForeignStudyError: another trainer's search made the study.
    """
    if is_foreign(study.spec):
        is_of_objective = "objective" in study.spec["context"]
        way = "`mnist-bench search` with its --objective or --command" if is_of_objective else "only its own program"
        raise ForeignStudyError(
            f"{made_by_another(study)}, and {what} needs networks; `mnist-bench leaderboard`, `show`, `plot`, "
            f"`report`, `reproduce`, `confirm` and `doctor` accept it, and {way} can resume it."
        )


def made_by_another(study: StudyRecord) -> str:
    """Return the beginning of a sentence: "Study NAME was made by another trainer (TRAINER)"."""
    name, what = (
        trainer_of(study.spec),
        "your own objective" if "objective" in study.spec["context"] else "another trainer",
    )
    return f"Study {study.name} was made by {what}" + (f" ({name})" if name else "")
