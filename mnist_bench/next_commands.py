"""Commands to copy about a study: each names the study and every option without which it would do something else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from search.messages import command_line

Command = Literal[
    "ablate", "confirm", "doctor", "export", "leaderboard", "plot", "report", "reproduce", "show", "train"
]
_SEES_DATA = ("--data", "--net")
_TRAINS = (*_SEES_DATA, "--device")
NEEDS: Mapping[Command, tuple[str, ...]] = MappingProxyType(
    {
        "doctor": (),
        "leaderboard": (),
        "show": (),
        "plot": _SEES_DATA,
        "report": _SEES_DATA,
        "ablate": _TRAINS,
        "confirm": _TRAINS,
        "export": _SEES_DATA,
        "reproduce": _TRAINS,
        "train": _TRAINS,
    }
)
"""The options that each command needs in addition to the study's place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NextCommands:
    """The commands about one study, as they can be typed next."""

    study: str
    place: tuple[str, ...] = ()  # the words with which a command finds the study, see `search.study.folder.place_words`
    data: str | None = None  # the data set, if it is not the packaged one
    net: str | None = None  # the name by which your own network is loaded; None if the study has none
    device: str | None = None  # the device, if the default is not wanted
    own_code: tuple[str, ...] = ()
    """The option, with its value, that names your own trainer or objective, if it made the study."""
    no_test: bool = False  # whether `confirm` is to leave the test set closed

    def line(self, command: Command, *words: str, trial: int | None = None) -> str:
        """Return a command about the study, or about one of its trials, with further words of its own.

        >>> NextCommands(study="conv-0", place=("--results", "mine"), no_test=True).line("confirm", "--top", "3")
        'mnist-bench confirm conv-0 --top 3 --no-test --results mine'
        """
        target = self.study if trial is None else f"{self.study}/{trial}"
        closed = ("--no-test",) if command == "confirm" and self.no_test and "--front" not in words else ()
        options = (*words, *closed, *self.place, *self.needed_by(command))
        return command_line(["mnist-bench", command, target, *options])

    def of_record(self, file: str) -> str:
        """Return the command that reproduces a trial from its record, wherever the study is."""
        return command_line(["mnist-bench", "reproduce", file, *self.needed_by("reproduce")])

    def needed_by(self, command: Command) -> Iterator[str]:
        """Yield the options, with their values, that a command needs wherever the study is."""
        values = {"--data": self.data, "--net": self.net, "--device": self.device}
        for option in NEEDS[command]:
            if (value := values[option]) is not None:
                yield from (option, value)
        if command in ("confirm", "reproduce"):
            yield from self.own_code
