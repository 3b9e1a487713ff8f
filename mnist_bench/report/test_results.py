"""The results on the test images, in a sentence and in a short table: the first screen of a report."""

from __future__ import annotations

from collections.abc import Sequence

from mnist_bench import cells
from mnist_bench.cells import spelled, unit
from mnist_bench.experiments.confirmed import Confirmed, Final, Front, FrontMember
from mnist_bench.experiments.confirmed_table import accuracy, role
from mnist_bench.result_table import Figure, Table
from search.messages import joined, number_of


def sentence_of_selected(found: Confirmed) -> str:
    """Return the selected configuration and its test accuracy, the configurations tied with it and the cheapest one.

    It is called the winner only if a significant test separates it from each other configuration. Its test accuracy
    is known.
    """
    tied = [row.number for row in found.candidates if row.number in found.tied and row.number != found.winner]
    figure = _figure(found, found.winner)
    if tied:
        return f"Selected: {figure}, statistically tied with {trials(tied)}. {_cheapest(found)}"
    others = len(found.candidates) - 1
    if not others:
        return f"Selected: {figure}. No other configuration was retrained."
    if found.has_winner:
        worse = "the other configuration" if others == 1 else f"each of the {spelled(others)} other configurations"
        return f"Winner: {figure}. With fresh seeds, {worse} is significantly worse."
    return f"Selected: {figure}. Not every other configuration could be tested, because runs did not finish."


def _figure(found: Confirmed, number: int) -> str:
    """Return a trial with its test accuracy: `trial 48, 99.63% test accuracy (mean of 8 seeds, 95% CI ...)`."""
    test = found.test(number)
    if test is None:
        return f"trial {number}, of which no training on all images finished"
    if test.interval is None:
        return f"trial {number}, {cells.percent(test.mean)} test accuracy ({number_of(test.seeds, 'seed')})"
    median = f", median {cells.percent(test.median)}" if test.not_learned else ""
    figure = f"mean of {number_of(test.seeds, 'seed')}{median}, 95% CI {cells.interval(*test.interval)}"
    return f"trial {number}, {cells.percent(test.mean)} test accuracy ({figure})"


def _cheapest(found: Confirmed) -> str:
    """Return which of the tied configurations, of which there are several, is the cheapest."""
    number = found.cheapest
    row, among = found.candidate(number), f"of the {spelled(len(found.tied))}"
    size = f"{cells.count(row.macs)} MACs and {cells.count(row.parameters)} parameters"
    if number == found.winner:
        return f"It is also the cheapest {among}: {size}."
    test = found.test(number)
    right = "" if test is None else f", {cells.percent(test.mean)}"
    return f"Cheapest {among}: trial {number}, {size}{right}."


def trials(numbers: Sequence[int]) -> str:
    """Return trials in a sentence: `trial 5`, `trials 5 and 13`."""
    return f"trial{'' if len(numbers) == 1 else 's'} {joined([str(number) for number in numbers])}"


def table_of_selected(found: Confirmed) -> Table[Final]:
    """Return a row for each configuration that was evaluated on the test images."""
    row = found.candidate

    return Table(
        rows=found.finals,
        figures=[
            Figure("trial", lambda final: final.number, 9, "right", cells.numbered),
            Figure("test accuracy", lambda final: accuracy(found.test(final.number)), 8),
            Figure("role", lambda final: role(found, final.number), 7),
            Figure("params", lambda final: row(final.number).parameters, 6, "right", cells.count),
            Figure("MACs", lambda final: row(final.number).macs, 6, "right", cells.count),
            Figure("validation", lambda final: accuracy(found.fresh(final.number)), 4),
        ],
        footnotes=[
            f"{_about_accuracies(found.test_images)} "
            "Validation: the accuracy with fresh seeds on the validation images, by which the trial was selected."
        ],
    )


def _about_accuracies(images: int) -> str:
    return f"Test accuracy: on {images:,} images, evaluated once; brackets: 95% interval of the mean over seeds."


def sentence_of_front(front: Front) -> str:
    """Return the test accuracies at both ends of a front, of the configurations of which a training finished."""
    found = [member for member in front.members if front.test(member.number)]
    if not found:
        return "Of the front, no training on all images finished."
    told = [
        f"{accuracy(front.test(end.number))} with {cells.count(end.cost)} {unit(front.cost)} (trial {end.number})"
        for end in (found[0], *found[1:][-1:])
    ]
    return f"Test accuracy{' from' if len(told) > 1 else ''} {' to '.join(told)}."


def table_of_front(front: Front) -> Table[FrontMember]:
    """Return a row for each configuration of a front, the cheapest first."""
    return Table(
        rows=front.members,
        figures=[
            Figure("trial", lambda row: row.number, 9, "right", cells.numbered),
            Figure("test accuracy", lambda row: accuracy(front.test(row.number)), 8),
            Figure(unit(front.cost), lambda row: row.cost, 6, "right", cells.count),
            Figure("on the front", lambda row: front.standing(row) or "–", 7),
        ],
        footnotes=[_about_accuracies(front.test_images)],
    )
