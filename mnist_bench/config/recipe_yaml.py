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
    """Return YAML with the settings that differ from their defaults.

    Args:
        config: a TrainConfig as plain JSON values.
        name: the recipe's name.
        subset: the number of training images; None for all.
        dataset: the data set that it is trained on; the file names it unless it is MNIST.
        is_portable: whether the file asks for portable precision; no other precision is named.
    """
    about = {
        "name": name,
        **({} if dataset == "mnist" else {"dataset": dataset}),
        **({} if subset is None else {"subset": subset}),
        **({"precision": "portable"} if is_portable else {}),
    }
    return yaml_writer.text({**about, **config})
