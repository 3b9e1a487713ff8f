"""Confirmations as tables, with all their words: candidates, decision, results on the test images; a front."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mnist_bench import cells
from mnist_bench.cells import count, interval, numbered, percent, points, spelled, unit
from mnist_bench.experiments.confirmed import (
    AccuracyOverSeeds,
    Candidate,
    Confirmed,
    Front,
    FrontMember,
    OverSeeds,
    Result,
    names,
    tested,
)
from mnist_bench.next_commands import NextCommands
from mnist_bench.options import TOP
from mnist_bench.result_table import Figure, Table
from mnist_bench.statistics import LEVEL, corrected
from mnist_bench.value_kind import NETS
from search.messages import joined, number_of


def table_of(found: Result, commands: NextCommands) -> Table[Any]:
    """Return a confirmation with its consequences in words; `commands` are the next commands about the study."""
    match found:
        case Front():
            return _table_of_front(found)
        case Confirmed():
            return _table_of_candidates(found, commands)
    raise TypeError(f"{type(found).__name__} is not a confirmation")


def _table_of_candidates(found: Confirmed, commands: NextCommands) -> Table[Candidate]:
    of_nets = [
        Figure[Candidate]("params", lambda row: row.parameters, 5, "right", count),
        Figure[Candidate]("MACs", lambda row: row.macs, 5, "right", count),
    ]
    errors = Figure[Candidate]("errors", lambda row: "–" if row.mean is None else f"{row.mean:.1f}", 7, "right")
    tests = Figure[Candidate]("test", lambda row: accuracy(found.test(row.number)), 8)
    return Table(
        rows=ordered(found),
        figures=[
            Figure("trial", lambda row: row.number, 11, "right", numbered),
            Figure(found.name, lambda row: accuracy(found.fresh(row.number)), 9),
            *([tests] if found.finals else []),
            *([errors] if found.of_nets else []),
            Figure("verdict", lambda row: verdict(found, row), 10),
            Figure("in the search", lambda row: _in_the_search(found, row), 4),
            *(of_nets if found.of_nets else []),
        ],
        caption=[
            f"{found.study}: {number_of(len(found.candidates), 'configuration')} with {found.seeds} fresh seeds each."
        ],
        footnotes=[*_notes(found, commands)],
        document=found.plain(),
    )


def ordered(found: Confirmed) -> list[Candidate]:
    """Return the candidates: the selected one, the tied ones, then the others, each by their means."""
    sign, tied = 1 if found.minimized else -1, found.tied

    def key(row: Candidate) -> tuple[object, ...]:
        mean = math.inf if row.mean is None else sign * row.mean
        return row.number != found.winner, row.number not in tied, mean, row.number

    return sorted(found.candidates, key=key)


def _in_the_search(found: Confirmed, row: Candidate) -> str:
    if found.of_nets:
        return f"{percent(row.searched)}{'' if row.complete else f' at {row.reach:g}, pruned'}"
    pruned = "" if row.complete else f" (pruned after {number_of(int(row.reach), 'report')})"
    return f"{cells.value(row.searched)}{pruned}"


def accuracy(found: OverSeeds | None) -> str:
    """Return a mean with its interval, an accuracy in percent; the median follows if a seed did not learn."""
    if found is None:
        return "–"
    if not isinstance(found, AccuracyOverSeeds):
        ends = ", ".join(cells.significant(end, 4) for end in found.interval or ())
        return f"{cells.value(found.mean)} [{ends}]" if ends else cells.value(found.mean)
    mean = f"{percent(found.mean)} {interval(*(found.interval or (None, None)))}".rstrip()
    return f"{mean}, median {percent(found.median)}" if found.not_learned else mean


def verdict(found: Confirmed, row: Candidate) -> str:
    """Return what the test says of a candidate: only a significant one makes a winner."""
    if row.number == found.winner:
        return "winner" if found.has_winner else "selected (tied)" if len(found.tied) > 1 else "selected"
    if row.p_value is None:
        return "a run did not finish"
    if row.p_value <= LEVEL:
        return f"worse ({cells.p_value(row.p_value)})"
    return "= cheapest" if found.of_nets and row.number == found.cheapest else "="


def _notes(found: Confirmed, commands: NextCommands) -> Iterator[str]:
    """Yield the meaning of the figures, what the tests say, the test figures by seed, and the search's luck."""
    if found.validation_images is None:
        better = f"{'smaller' if found.minimized else 'larger'} values are better."
        yield f"{found.name}: mean of fresh seeds and its 95% interval; {better}"
    else:
        mean = f"mean of fresh seeds and its 95% interval, on {found.validation_images:,} images"
        yield f"{found.name}: {mean}; it covers other seeds, not other images."
    if found.others:
        unlike = "; its test accuracy is not" if found.finals else ""
        yield f"#{found.winner} was selected by this figure, so it is slightly too good there{unlike}."
    for row in ordered(found):
        yield from _failures(f"#{row.number}", found.fresh(row.number))
    first, *tied = [row.number for row in ordered(found) if row.number in found.tied]
    broken = [row.number for row in found.others if row.p_value is None]  # a run that did not finish is not a test
    unfinished = f" Of {names(broken)} a run did not finish." if broken else ""
    test = corrected(f"paired t-tests over {found.seeds} seeds", " over all pairs")
    if tied:
        yield f"= not significantly worse than #{first} ({test}): {names(tied)}.{unfinished}"
    elif len(broken) < len(found.others):
        others = "All others whose runs finished" if broken else "All others"
        yield f"{others} are significantly worse than #{first} ({test}).{unfinished}"
    elif broken:
        yield f"No test was made.{unfinished}"
    if found.of_nets:
        yield ""
        yield from _test_notes(found, commands)


def _test_notes(found: Confirmed, commands: NextCommands) -> Iterator[str]:
    images = (found.train_images or 0) + (found.validation_images or 0)
    if found.finals:
        yield f"Then trained on all {images:,} images and evaluated once on {found.test_images:,} test images:"
    else:
        rest = "trains the selected configuration on all images and evaluates it once on the test set."
        again = (
            f". Without --no-test, `confirm` {rest}" if commands.no_test else f"; `{command(found, commands)}` {rest}"
        )
        yield f"Nothing was trained on all images, and the test set was not used{again}"
    for final in found.finals:
        test, fresh = found.test(final.number), found.fresh(final.number)
        each = "  ".join("–" if n is None else f"{100 * (1 - n / found.test_images):.2f}" for n in final.errors)
        gap = 0.0 if test is None or fresh is None else test.mean - fresh.mean
        than = f"{_apart(gap)} {'above' if gap > 0 else 'below'} validation" if round(gap, 4) else "as in validation"
        yield f"  #{final.number} by seed: {each}; {than}" if test else f"  #{final.number}: no run finished."
        yield from _failures(f"  #{final.number} on the test images", test)
    first, fresh = found.candidate(found.winner), found.fresh(found.winner)
    then, had = percent(first.searched), f"In the search #{first.number}"
    if fresh is None or first.searched is None:
        return
    if not first.complete:
        yield f"{had} was pruned after {NETS.spent(first.reach)} at {then}."
        return
    luck, seemed = first.searched - fresh.mean, "the same to 0.01 percentage points"
    if round(luck, 4):
        seemed = f"the search's figure was {_apart(luck)} too {'high' if luck > 0 else 'low'}"
    yield f"{had} had {then}, with fresh seeds {percent(fresh.mean)}: {seemed}."


def _apart(difference: float) -> str:
    return f"{points(abs(difference))} percentage points"


def _failures(name: str, found: OverSeeds | None) -> Iterator[str]:
    """Yield how many seeds did not learn, if there are any, and their accuracies."""
    if isinstance(found, AccuracyOverSeeds) and found.not_learned:
        seeds, lost = number_of(found.seeds, "seed"), ", ".join(map(percent, found.not_learned))
        yield f"{name}: {len(found.not_learned)} of {seeds} did not learn ({lost})."


# In a sentence, and the next commands


def finding(found: Confirmed | Front, commands: NextCommands) -> str:
    """Return in a sentence or two which configuration was selected, and which are tied; of a front, its ends.

    It is called the winner only if a significant test separates it from each other configuration.
    """
    if isinstance(found, Front):
        return _finding_of_front(found)
    first, tied = found.winner, [number for number in found.tied if number != found.winner]
    with_seeds = "" if found.finals else " with fresh seeds"
    if found.of_nets and not found.finals:
        again = f"`{command(found, commands)}` evaluates it once."
        return f"Selected{with_seeds}: {_trials([first])}, not evaluated on the test set yet. {again}"
    selected = f"Selected{with_seeds}: {_figure(found, first)}"
    if tied:
        return f"{selected}, statistically tied with {_trials(sorted(tied))}.{_cheapest(found)}"
    if not found.others:
        return f"{selected}. No other configuration was retrained."
    if found.has_winner:
        return f"Winner{selected.removeprefix('Selected')}. Every other configuration is significantly worse."
    return f"{selected}. Not every other configuration could be tested, because runs did not finish."


def _figure(found: Confirmed, number: int) -> str:
    """Return a trial with its test accuracy, or its value with fresh seeds."""
    known = found.test(number) if found.finals else found.fresh(number)
    if known is None:
        return f"trial {number}, of which no training{' on all images' if found.finals else ''} finished"
    words = f"{found.name} {accuracy(known)}" if not found.finals else f"{accuracy(known)} on the test images"
    return f"trial {number}, {words} (mean of {number_of(known.seeds, 'seed')})"


def _cheapest(found: Confirmed) -> str:
    """Return which of the tied networks, of which there are several, is the cheapest."""
    if not found.of_nets:
        return ""
    row, among = found.candidate(found.cheapest), f"of the {spelled(len(found.tied))}"
    size = f"{count(row.macs)} MACs and {count(row.parameters)} parameters"
    if row.number == found.winner:
        return f" It is also the cheapest {among}: {size}."
    test = found.test(row.number)
    return f" Cheapest {among}: trial {row.number}, {size}{'' if test is None else f', {percent(test.mean)}'}."


def _trials(numbers: Sequence[int]) -> str:
    return f"trial{'' if len(numbers) == 1 else 's'} {joined([str(number) for number in numbers])}"


def _finding_of_front(front: Front) -> str:
    tested = [member for member in front.members if front.test(member.number)]
    if not tested:
        return "Of the front, no training on all images finished."
    ends = [tested[0], *tested[1:][-1:]]
    told = [f"{accuracy(front.test(e.number))} with {count(e.cost)} {unit(front.cost)} (#{e.number})" for e in ends]
    return f"The front on the test images: {' to '.join(told)}."


def command(found: Confirmed | Front, commands: NextCommands) -> str:
    """Return the same command again: it trains what is missing, evaluates what is not known, and shows all."""
    if isinstance(found, Front):
        whole = not found.left_out and len(found.members) <= TOP
        return commands.line("confirm", "--front", *([] if whole else ["--top", str(len(found.members))]))
    return commands.line("confirm", *(() if found.top == TOP else ("--top", str(found.top))))


def command_for_nets(folder: Path, number: int, commands: NextCommands) -> str:
    """Return the command that trains the networks of trial `number` again that are gone from a study's folder."""
    found = next((one for one in tested(folder) if number in one.numbers), None)
    return commands.line("confirm") if found is None else command(found, commands)


# A front


def _table_of_front(front: Front) -> Table[FrontMember]:
    number = number_of(len(front.members), "configuration")
    seeds = number_of(len(front.finals[0].errors), "fresh seed")
    return Table(
        rows=front.members,
        figures=[
            Figure("trial", lambda row: row.number, 11, "right", numbered),
            Figure(unit(front.cost), lambda row: row.cost, 10, "right", count),
            Figure("test", lambda row: accuracy(front.test(row.number)), 9),
            Figure("on the front", lambda row: front.standing(row) or "–", 8),
            Figure("gain over a cheaper trial", lambda row: _ahead(front, row), 6),
            Figure("in the search", lambda row: percent(row.search_accuracy), 4),
        ],
        caption=[
            _finding_of_front(front),
            f"{front.study}: {number} of the front of accuracy and {unit(front.cost)}, {seeds} each, trained on all "
            f"{front.train_images:,} images.",
        ],
        footnotes=["", *_front_notes(front)],
        document=front.plain(),
    )


def _ahead(front: Front, row: FrontMember) -> str:
    found = front.ahead(row)
    if found is None:
        return "–"
    mean, low, high = (f"{100 * share:+z.2f}" for share in (found.mean, found.low, found.high))
    return f"{mean} [{low}, {high}] of #{found.of}"


def _front_notes(front: Front) -> Iterator[str]:
    yield (
        f"test: mean of fresh seeds and its 95% interval, on {front.test_images:,} test images, evaluated once; it "
        "covers other seeds, not other images."
    )
    yield (
        "on the front: yes if it is significantly more accurate than each configuration that costs no more; no if one "
        "of those is significantly more accurate (paired by seed, each comparison alone)."
    )
    for final in front.finals:
        if final.ended < len(final.errors):
            yield f"#{final.number}: {final.ended} of {len(final.errors)} runs finished; it is not compared."
    for member in front.members:
        yield from _failures(f"#{member.number}", front.test(member.number))
    if front.left_out:
        yield f"{front.left_out} more are on the front of the search; --top takes more."
