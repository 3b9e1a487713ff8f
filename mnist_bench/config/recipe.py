"""A configuration as the text of a recipe that `mnist-bench train` accepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mnist_bench.config.settings import DatasetName
from search import yaml_writer


def text(config: Mapping[str, Any], *, name: str, subset: int | None = None, dataset: DatasetName = "mnist") -> str:
    """Return YAML with every field that stands in files (see `search.stored_fields`), so that older versions read it.

    Args:
        config: a TrainConfig as plain JSON values.
        name: of the recipe.
        subset: the number of training images, where it is not all.
        dataset: that it is trained on; the file names any but MNIST.
    """
    data = {"dataset": None if dataset == "mnist" else dataset, "subset": subset}
    # Beside a net of the user's own our nets' settings do nothing, and a file that holds them is refused.
    told = {key: value for key, value in config.items() if key != "model" or "net_code" not in config}
    # Our settings are null or empty only by default; a net of the user's own may have other defaults.
    net = {"net": config["net"]} if "net" in config else {}
    return yaml_writer.text(_without_gaps({"name": name, **data, **told}) | net)


def _without_gaps(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values without null and lists of nothing."""
    plain = {key: _without_gaps(value) if isinstance(value, Mapping) else value for key, value in values.items()}
    return {key: value for key, value in plain.items() if value not in (None, [])}
