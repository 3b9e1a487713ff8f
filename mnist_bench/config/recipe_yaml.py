"""Writes a configuration as YAML: the text of a recipe that `mnist-bench train` accepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mnist_bench.config.settings import DatasetName
from search import yaml_writer


def text(
    config: Mapping[str, Any], *, name: str, subset: int | None = None, dataset: DatasetName = "mnist",
    is_portable: bool = False,
) -> str:  # fmt: skip
    """Return YAML with every field that stands in files (see `search.stored_fields`), so that older versions read it.

    Args:
        config: a TrainConfig as plain JSON values.
        name: the recipe's name.
        subset: the number of training images; None for all.
        dataset: the data set that it is trained on; the file names it unless it is MNIST.
        is_portable: whether the file asks for portable precision; no other precision is named.
    """
    data = {
        "dataset": None if dataset == "mnist" else dataset,
        "subset": subset,
        "precision": "portable" if is_portable else None,
    }
    # With your own network the settings of built-in nets do nothing, and a file that holds them is refused.
    kept = {key: value for key, value in config.items() if key != "model" or "net_code" not in config}
    # Built-in settings are null or empty only by default; your own network may have other defaults.
    net = {"net": config["net"]} if "net" in config else {}
    return yaml_writer.text(_without_gaps({"name": name, **data, **kept}) | net)


def _without_gaps(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values without null and lists of nothing."""
    plain = {key: _without_gaps(value) if isinstance(value, Mapping) else value for key, value in values.items()}
    return {key: value for key, value in plain.items() if value not in (None, [])}
