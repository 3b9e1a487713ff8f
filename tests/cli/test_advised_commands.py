"""Whatever a command advises to type next acts on the same study, data and device, and keeps a test set closed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from mnist_bench.cli import ending
from mnist_bench.experiments import confirmed_table
from mnist_bench.export.winner import kept_net, load_winner
from mnist_bench.leaderboard.board import table_of
from mnist_bench.leaderboard.ranking import leaderboard_of
from mnist_bench.report.commands import commands
from mnist_bench.report.findings import findings, sections_of
from mnist_bench.searches.config import SearchConfig
from mnist_bench.studies.checked import commands_of
from search.driver.run import Run
from search.errors import StudyNotFoundError
from search.study.invocation_log import Invocation, keep_invocation
from search.study.studies import StoredStudy
from support import experiments, handmade
from support.commands import COMMANDS, command_of
from support.dose import dose

AT_THE_START = r"(?:^|next:)\s+(mnist-bench .*?)(?:   |$)"
"""A line to paste, with what it does behind three spaces."""
WORD = st.text("ab é'$-", min_size=1, max_size=6).filter(lambda text: "   " not in text).map(lambda text: f"x{text}x")


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What somebody asked for."""

    results: Path
    data: str | None
    device: str
    no_test: bool

    @property
    def study(self) -> StoredStudy:
        """A study that is kept there."""
        return handmade.kept_in(self.results, handmade.mixed())

    @property
    def data_dir(self) -> Path | None:
        return None if self.data is None else Path(self.data)

    @property
    def typed(self) -> dict[str, Any]:
        """The options with their values, as a parser returns those that were given."""
        results = None if self.results == Path("results") else str(self.results)
        return {"results": results, "data_dir": self.data, "device": None if self.device == "auto" else self.device}


SITUATIONS = st.builds(
    Situation,
    results=st.one_of(st.just(Path("results")), WORD.map(Path)),
    data=st.one_of(st.none(), WORD.map(lambda name: f"/{name}.npz")),
    device=st.sampled_from(["auto", "cpu"]),
    no_test=st.booleans(),
)


def at_the_end_of_a_search(asked: Situation) -> Iterator[str]:
    config = SearchConfig(space="conv", results=asked.results, data=asked.data_dir, device=asked.device)
    for study in (asked.study, handmade.kept_in(asked.results, handmade.two_objectives())):
        yield from ending.advice(Run(study=study, reached=True, order_cost=0.0), config)


def below_a_leaderboard(asked: Situation) -> Iterator[str]:
    study, known = asked.study, commands_of(asked.study)
    for order in ("deterministic", "as-completed"):
        board = leaderboard_of(handmade.changed(study, order=order), top=2)
        table = table_of(board, commands=known)
        yield from (*table.caption, *table.footnotes, table.whole)


def of_a_confirmation(asked: Situation) -> Iterator[str]:
    known = commands_of(asked.study, data_dir=asked.data_dir, device=asked.device, no_test=asked.no_test)
    for found in (experiments.found(finals=(), top=top) for top in (8, 3)):
        yield from confirmed_table.table_of(found, known).footnotes
        if not asked.no_test:
            yield f"`{confirmed_table.command(found, known)}` evaluates once on the test set"
            yield confirmed_table.finding(found, known)


def of_a_report(asked: Situation) -> Iterator[str]:
    study, sections = asked.study, sections_of(asked.study)
    yield from findings(leaderboard_of(study).studies[0], sections)
    yield from (f"`{line}`" for line in commands(study, study.best, sections.commands) if " reproduce conv" in line)


def of_refusals(asked: Situation) -> Iterator[str]:
    with pytest.raises(StudyNotFoundError) as refused:
        kept_net(asked.study, data_dir=asked.data_dir)
    yield str(refused.value)
    with pytest.raises(StudyNotFoundError) as refused:
        load_winner(asked.study, None, on_all=True, data_dir=asked.data_dir)
    yield str(refused.value)


def advised(texts: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Yield each command in the texts, with its whole text."""
    for text in texts:
        lines = re.findall(r"`(mnist-bench [^`]*)`", text) or re.findall(AT_THE_START, text)
        yield from ((line, text) for line in lines)


def parsed(line: str) -> tuple[str, list[str], Mapping[str, Any]]:
    """Return a command's name, what it is about, and the options that it was given."""
    words = shlex.split(line)[1:]
    name = " ".join(command_of(words))
    command = COMMANDS[name]
    context = command.make_context(name, [], resilient_parsing=True)
    given, rest, _ = command.make_parser(context).parse_args(words[len(name.split()) :])
    arguments = {parameter.name for parameter in command.params if parameter.param_type_name == "argument"}
    values = [value for key, value in given.items() if key in arguments and value is not None]
    about = [word for value in values for word in ([value] if isinstance(value, str) else value)]
    return name, [*about, *rest], {key: value for key, value in given.items() if key not in arguments}


PRODUCERS = (at_the_end_of_a_search, below_a_leaderboard, of_a_confirmation, of_a_report, of_refusals)


@settings(max_examples=dose(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=SITUATIONS)
def test_what_is_advised_does_it_to_the_same_study_as_asked(
    asked: Situation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    searched = Invocation(command="typed", data_dir=asked.data)
    files = asked.study.files
    files.path.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        files.commands.unlink()
    keep_invocation(files, asked.study.space, searched)
    for produce in PRODUCERS:
        found, closed = list(advised(produce(asked))), produce is of_a_confirmation and asked.no_test
        assert bool(found) != closed, produce.__name__
        for line, text in found:
            name, about, options = parsed(line)
            assert about[0].split("/")[0] in ("conv-0", "two"), line
            knows = {parameter.name for parameter in COMMANDS[name].params}
            wanted = {key: value for key, value in asked.typed.items() if key in knows}
            if produce not in (at_the_end_of_a_search, of_a_confirmation):
                wanted.pop("device", None)  # commands that only read were given none
            assert {key: options.get(key) for key in wanted} == wanted, line
            if name == "confirm" and "front" not in options:
                assert "test set" in text or "fresh seeds" in text, "it says that it evaluates"
