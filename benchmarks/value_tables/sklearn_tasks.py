"""Searches of scikit-learn models as objectives: networks reported by epochs, and gradient boosting reported by trees.

Each objective is a generator that a search calls, as docs/guides/search_anything.md describes:

    mnist-bench search space.yaml --objective benchmarks/value_tables/sklearn_tasks.py:mlp_wine --periods 12

The data are scikit-learn's own, or made by its generators. The seed of a trial splits them and starts the model. A
report is the loss on the third that does not train: the log loss of classes, or the squared error of a target that was
scaled to variance 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from search.objectives import Configuration

REPORTS = 12
TREES = 4
"""Added between two reports; a network trains an epoch."""
LEAST_SHARE = 2.0**-52
"""A smaller probability counts as this one."""
DATA_SEED = 0
"""Of the data that a generator makes."""
Array = NDArray[Any]
Reports = Iterator[float]


@dataclass(frozen=True, kw_only=True)
class Data:
    """One split of some data, scaled by the part that trains."""

    inputs: Array
    targets: Array
    other_inputs: Array
    other_targets: Array
    classes: Array | None
    """None if the target is a number."""


def split(inputs: Array, targets: Array, seed: int, *, classes: bool) -> Data:
    """Return the data with a third set aside; classes are split evenly."""
    first, other, wanted, other_wanted = train_test_split(
        inputs, targets, test_size=1 / 3, random_state=seed, stratify=targets if classes else None
    )
    scaler = StandardScaler().fit(first)
    if not classes:
        mean, deviation = wanted.mean(), wanted.std()
        wanted, other_wanted = (wanted - mean) / deviation, (other_wanted - mean) / deviation
    return Data(
        inputs=scaler.transform(first), targets=wanted, other_inputs=scaler.transform(other),
        other_targets=other_wanted, classes=np.unique(targets) if classes else None,
    )  # fmt: skip


def loss(model: Any, data: Data) -> float:
    """Return the loss on the part that does not train; NaN if a prediction is not finite."""
    if data.classes is None:
        predicted = model.predict(data.other_inputs)
        return float(((predicted - data.other_targets) ** 2).mean())
    shares = model.predict_proba(data.other_inputs)
    wanted = np.searchsorted(data.classes, data.other_targets)
    return float(-np.log(np.clip(shares[np.arange(len(wanted)), wanted], LEAST_SHARE, 1.0)).mean())


def network(config: Configuration, data: Data) -> Reports:
    """Train a network, and yield its loss after every epoch."""
    kind = MLPRegressor if data.classes is None else MLPClassifier
    model = kind(
        hidden_layer_sizes=(config.width,) * config.depth, activation=config.activation, alpha=config.alpha,
        batch_size=config.batch_size, learning_rate_init=config.learning_rate, random_state=config.seed,
    )  # fmt: skip
    known = {} if data.classes is None else {"classes": data.classes}
    for _report in range(REPORTS):
        try:
            model.partial_fit(data.inputs, data.targets, **known)
        except ValueError:  # scikit-learn's, if a weight is not finite
            yield np.nan
            return
        yield loss(model, data)


def boosting(config: Configuration, data: Data) -> Reports:
    """Add trees, and yield the loss after every four."""
    kind = GradientBoostingRegressor if data.classes is None else GradientBoostingClassifier
    model = kind(
        learning_rate=config.learning_rate, max_depth=config.max_depth, max_leaf_nodes=config.max_leaf_nodes,
        max_features=config.max_features, min_samples_leaf=config.min_samples_leaf, subsample=config.subsample,
        random_state=config.seed, warm_start=True,
    )  # fmt: skip
    for report in range(1, REPORTS + 1):
        model.set_params(n_estimators=report * TREES).fit(data.inputs, data.targets)
        yield loss(model, data)


@cache
def breast_cancer() -> tuple[Array, Array]:
    """Return 569 rows of 30 measures, in two classes."""
    inputs, targets = datasets.load_breast_cancer(return_X_y=True)
    return inputs, targets


@cache
def wine() -> tuple[Array, Array]:
    """Return 178 rows of 13 measures, in three classes."""
    inputs, targets = datasets.load_wine(return_X_y=True)
    return inputs, targets


@cache
def diabetes() -> tuple[Array, Array]:
    """Return 442 rows of 10 measures, and a number."""
    inputs, targets = datasets.load_diabetes(return_X_y=True)
    return inputs, targets


@cache
def clusters() -> tuple[Array, Array]:
    """Return 600 rows of 20 made columns, 6 of them informative, in three classes, 5% of them wrong."""
    inputs, targets = datasets.make_classification(
        n_samples=600, n_features=20, n_informative=6, n_classes=3, flip_y=0.05, random_state=DATA_SEED
    )
    return inputs, targets


@cache
def hastie() -> tuple[Array, Array]:
    """Return 600 rows of 10 made columns, in two classes: inside and outside a sphere (Hastie et al. 2009)."""
    inputs, targets = datasets.make_hastie_10_2(n_samples=600, random_state=DATA_SEED)
    return inputs, targets


@cache
def friedman() -> tuple[Array, Array]:
    """Return 450 rows of 10 made columns, and a number that depends on five of them (Friedman 1991)."""
    inputs, targets = datasets.make_friedman1(n_samples=450, noise=1.0, random_state=DATA_SEED)
    return inputs, targets


def mlp_breast_cancer(config: Configuration) -> Reports:
    """Train a network on the data of breast cancer."""
    return network(config, split(*breast_cancer(), config.seed, classes=True))


def mlp_wine(config: Configuration) -> Reports:
    """Train a network on the data of wine."""
    return network(config, split(*wine(), config.seed, classes=True))


def mlp_diabetes(config: Configuration) -> Reports:
    """Train a network on the data of diabetes."""
    return network(config, split(*diabetes(), config.seed, classes=False))


def mlp_clusters(config: Configuration) -> Reports:
    """Train a network on made classes."""
    return network(config, split(*clusters(), config.seed, classes=True))


def boosting_breast_cancer(config: Configuration) -> Reports:
    """Boost trees on the data of breast cancer."""
    return boosting(config, split(*breast_cancer(), config.seed, classes=True))


def boosting_diabetes(config: Configuration) -> Reports:
    """Boost trees on the data of diabetes."""
    return boosting(config, split(*diabetes(), config.seed, classes=False))


def boosting_hastie(config: Configuration) -> Reports:
    """Boost trees on made classes."""
    return boosting(config, split(*hastie(), config.seed, classes=True))


def boosting_friedman(config: Configuration) -> Reports:
    """Boost trees on a made number."""
    return boosting(config, split(*friedman(), config.seed, classes=False))


NETWORKS: Mapping[str, Mapping[str, Any]] = {
    "learning_rate": {"levels": [0.001, 0.003, 0.01, 0.03, 0.1], "log": True},
    "width": {"levels": [8, 24, 72], "log": True},
    "depth": {"int": [1, 2]},
    "batch_size": {"levels": [20, 45, 100], "log": True},
    "activation": {"choice": ["relu", "tanh"]},
    "alpha": {"levels": [0.0001, 1.0], "log": True},
}
TREE_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "learning_rate": {"levels": [0.01, 0.03, 0.1, 0.3, 1.0], "log": True},
    "max_depth": {"levels": [1, 2, 3, 5]},
    "max_leaf_nodes": {"levels": [4, 16], "log": True},
    "max_features": {"levels": [0.3, 1.0]},
    "min_samples_leaf": {"levels": [1, 10], "log": True},
    "subsample": {"levels": [0.5, 1.0]},
}
"""Ranges of both kinds of model: 360 and 320 configurations."""

TASKS: Mapping[str, tuple[Callable[[Configuration], Reports], Mapping[str, Mapping[str, Any]]]] = {
    "mlp-diabetes": (mlp_diabetes, NETWORKS),
    "boosting-diabetes": (boosting_diabetes, TREE_SETTINGS),
    "mlp-wine": (mlp_wine, NETWORKS),
    "boosting-friedman": (boosting_friedman, TREE_SETTINGS),
    "mlp-breast-cancer": (mlp_breast_cancer, NETWORKS),
    "boosting-hastie": (boosting_hastie, TREE_SETTINGS),
    "mlp-clusters": (mlp_clusters, NETWORKS),
    "boosting-breast-cancer": (boosting_breast_cancer, TREE_SETTINGS),
}
"""Objective and ranges of each task."""
