"""How the views of a search write its trials: networks and accuracies, or any other work and its values."""

from __future__ import annotations

from mnist_bench import cells
from mnist_bench.value_kind import ValueKind
from search.driver.progress import Progress
from search.event_log.records import TrialRecord


def best(kind: ValueKind, trial: TrialRecord) -> str:
    """Return the number, value and settings of a complete trial; an accuracy has its interval."""
    interval = f"  {cells.interval(*(kind.interval(trial) or (None, None)))}" if kind.of_nets else ""
    return f"#{trial.number}  {kind.text(trial.value)}{interval}   {kind.settings(trial)}"


def ended(kind: ValueKind, trial: TrialRecord) -> str:
    """Return one line about an ended trial; of other work that crashed, it ends with the error."""
    parts = [f"#{trial.number}", cells.ending(trial.state, trial.reason), kind.text(trial.value)]
    if kind.of_nets or len(trial.costs) > 1:
        parts.append(f"{kind.unit} {cells.epochs(kind.done(trial), kind.total(trial))}")
    parts += [cells.duration(trial.seconds), kind.settings(trial)]
    if trial.cause and not kind.of_nets:
        parts.append(f"({trial.cause})")
    return "  ".join(parts)


def running(kind: ValueKind, trial: TrialRecord, waits_for: str) -> str:
    """Return how far a running trial is, without its settings, in columns; it may wait for something."""
    done, waiting = kind.done(trial), f"waits for {waits_for}" if waits_for else ""
    trained, value = f"{kind.unit} {done:g}/{kind.total(trial):g}", kind.text(trial.value) if done else ""
    if kind.of_nets:
        size = f"{cells.count(trial.facts.get('parameters')):>6} parameters"
        speed = f"{trial.seconds / done:.1f} s/epoch" if done else ""
        return f"{trained:<11} {value:>7}  {waiting:<18}{size}  {speed:<13}"
    speed = f"{cells.duration(trial.seconds / done)}/report" if done else ""
    return f"{f'{trained:<14}' if len(trial.costs) > 1 else ''}{value:>10}  {waiting:<18}{speed:<14}"


def unfinished(kind: ValueKind, trial: TrialRecord) -> str:
    """Return the number, value, progress and settings of a running trial."""
    trained = f"after {kind.unit} {kind.done(trial):g} of {kind.total(trial):g}"
    return f"#{trial.number}  {kind.text(trial.value)}  {trained}   {kind.settings(trial)}"


def saved_unit(kind: ValueKind, progress: Progress) -> str:
    """Return the word for what pruning saves: reports, or epochs of nets if each period of the known trials is one."""
    known = progress.running or (() if progress.best is None else (progress.best,))
    ends = {kind.ends(trial) for trial in known}
    if not kind.of_nets or (ends and all(each == tuple(range(1, len(each) + 1)) for each in ends)):
        return f"{kind.unit}s"
    return "periods"
