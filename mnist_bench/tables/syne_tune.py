"""A table as Syne Tune keeps a blackbox: a folder for its `deserialize` and its simulated backend.

`blackbox_tabular.serialize` of Syne Tune 0.16 writes the same files; they are written here without it.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from mnist_bench.errors import NotInTableError
from mnist_bench.tables.table import Table
from search import canonical_json
from search.errors import UsageError
from search.files import atomic_write, make_folder
from search.space import Choice, Distribution, FloatRange, IntRange, Levels

FIDELITY = "period"
"""Periods are counted from 1: Syne Tune's schedulers want whole numbers, and the first period may be half an epoch."""
OBJECTIVES = ("metric_error", "metric_val_loss", "metric_elapsed_time")
"""Error (0 to 1) and mean cross-entropy (nats) on the images that a search sees; seconds as estimated, up to then."""
LOSS_OF_A_GUESS = math.log(10)
"""Stands for the loss of a training that diverged, as 90 % stand for its error."""


def write(table: Table, folder: Path, seed: int | None = None) -> None:
    """Write a table into a folder, which is made where it is missing; files there of these names are replaced.

    With a seed only what was trained with it, so that nothing is missing: Syne Tune's surrogates drop a configuration
    that lacks a seed.

    Raises:
        NotInTableError: no point was trained with this seed.
        UsageError: pandas or pyarrow is not installed; or the folder cannot be made.
    """
    seeds = sorted({each for trained in table.seeds.values() for each in trained}) if seed is None else [seed]
    points = [point for point, trained in sorted(table.seeds.items()) if not {*seeds}.isdisjoint(trained)]
    if not points:
        raise NotInTableError(f"No point of table {table.name} was trained with seed {seed}.")
    spans, periods = table.space.distributions, len(table.about.epochs)
    columns = {
        path: [_plain(table.params(point).get(path, inactive_value(span))) for point in points]
        for path, span in spans.items()
    }
    files = {
        "hyperparameters.parquet": _parquet(columns),
        "configspace.json": _json({path: _domain(span) for path, span in spans.items()}),
        "fidelityspace.json": _json({FIDELITY: _number("Integer", 1, periods, log=False)}),
        "objectives_evaluations.npy": _npy(_evaluations(table, points, seeds)),
        "fidelities_values.npy": _npy(np.arange(1, periods + 1)),
        "metadata.json": _json(_metadata(table, seeds)),
    }
    make_folder(folder)
    for name, content in files.items():
        atomic_write(folder / name, content)


def _evaluations(table: Table, points: Sequence[int], seeds: Sequence[int]) -> NDArray[np.float32]:
    """Return the objectives, shape (1 task, points, seeds, periods, objectives); NaN where a seed is missing."""
    found = np.full((1, len(points), len(seeds), len(table.about.epochs), len(OBJECTIVES)), np.nan, np.float32)
    for number, point in enumerate(points):
        for seed in {*seeds} & {*table.seeds[point]}:
            curve = table.curve(point, seed)
            errors = np.array(curve.errors) / curve.images
            losses = np.nan_to_num(curve.val_loss, nan=LOSS_OF_A_GUESS)
            found[0, number, seeds.index(seed)] = np.transpose([errors, losses, np.cumsum(curve.costs) / 1e6])
    return found


def inactive_value(span: Distribution) -> Any:
    """Return what stands for a range where it does not apply: its lower end, or its first option."""
    match span:
        case IntRange() | FloatRange() | Levels():
            return span.low
        case Choice(options=options):
            return options[0]
        case _:
            assert_never(span)


def _metadata(table: Table, seeds: Sequence[int]) -> dict[str, Any]:
    about, spans = table.about, table.space.distributions
    conditional = {field.path: inactive_value(spans[field.path]) for field in table.space.ranges if field.when}
    return {
        "objectives_names": list(OBJECTIVES),
        "task_names": [table.name],
        "metric_elapsed_time": "metric_elapsed_time",
        "default_metric": "metric_error",
        "metric_mode": "min",
        "resource_attr": FIDELITY,
        "epochs_of_periods": list(about.epochs),
        "seeds": list(seeds),
        "inactive": {path: _plain(value) for path, value in conditional.items()},
        "about_inactive": "Where a conditional hyperparameter does not apply, its column has the value under inactive.",
        "about_missing": "A seed that a configuration was not trained with is NaN.",
        "about_time": "metric_elapsed_time is estimated from the work of a training, in seconds of one worker.",
        "source": {
            "data_hash": about.data_hash, "split_hash": about.split_hash, "trainer_revision": about.trainer_revision,
            "task": about.task, "images": dict(about.images), "canaries": list(about.canaries),
        },
    }  # fmt: skip


def _domain(span: Distribution) -> dict[str, Any]:
    """Return a range as Syne Tune's `config_space.to_dict` writes it."""
    match span:
        case IntRange(low=low, high=high, step=1, log=log):
            return _number("Integer", low, high, log=log)
        case IntRange(low=low, high=high, step=step):
            return _ordinal(list(range(low, high + 1, step)))
        case FloatRange(low=low, high=high, step=float(step)):
            # The bits of the points, low + step * i: Syne Tune's own grid has others.
            return _ordinal([min(low + step * i, high) for i in range(round((high - low) / step) + 1)])
        case FloatRange(low=low, high=high, log=log):
            return _number("Float", low, high, log=log)
        case Levels(levels):
            return _ordinal(list(levels))
        case Choice(options=options):
            categories = [_plain(option) for option in options]
            return {"domain_cls": "Categorical", "domain_kwargs": {"categories": categories}, **_sampler(log=False)}
        case _:
            assert_never(span)


def _number(kind: str, low: float, high: float, *, log: bool) -> dict[str, Any]:
    return {"domain_cls": kind, "domain_kwargs": {"lower": low, "upper": high}, **_sampler(log=log)}


def _ordinal(values: list[float]) -> dict[str, Any]:
    return {"domain_cls": "Ordinal", "domain_kwargs": {"categories": values}, **_sampler(log=False)}


def _sampler(*, log: bool) -> dict[str, Any]:
    if log:
        return {"sampler_cls": "LogUniform", "sampler_kwargs": {"base": math.e}}
    return {"sampler_cls": "Uniform", "sampler_kwargs": {}}


def _plain(value: Any) -> Any:
    """Return an option as a table of numbers and texts can hold it: a list as its JSON text."""
    return canonical_json.dumps(value) if isinstance(value, list) else value


def _parquet(columns: Mapping[str, list[Any]]) -> bytes:
    lack = (
        "table export needs pandas and pyarrow, which this installation lacks; `pip install pandas pyarrow` adds them."
    )
    try:
        from pandas import DataFrame

        buffer = io.BytesIO()
        DataFrame(columns).to_parquet(buffer, index=False, compression="gzip", engine="pyarrow")
    except ImportError as error:
        raise UsageError(lack) from error
    return buffer.getvalue()


def _npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1) + "\n").encode()
