"""Fit the stand-ins of a table, and write their files: mnist_bench/stand_ins/shipped.

    python benchmarks/make_stand_ins.py              all of them: a minute
    python benchmarks/make_stand_ins.py --dry-run    print how well they fit, and write nothing

The logarithms of each configuration's errors, one per period and one on unseen images, are means over its seeds. Their
principal components are independent targets of a model. The covariance from seed to seed is that of the configurations
that were trained with several seeds and belong to the better half: searches compare such ones, and bad ones vary more.

What a model does not explain is left out. With an independent deviation for each configuration as large as that, the
best of 171 random configurations has an error of 1.55% on either stand-in, and of 1.69% in the table.
"""

from __future__ import annotations

import argparse
import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize  # type: ignore[import-untyped]
from sklearn.ensemble import GradientBoostingRegressor

from mnist_bench import tables
from mnist_bench.stand_ins import LEAF, SHA256, BoostedTrees, Kind, Spread, log_errors_of, matern, path_of
from search.proposals import Coordinates

Array = NDArray[np.float64]
LENGTH, LENGTH_SPREAD = 3.0, 1.5
"""Median of a length's prior, in widths of its range, and the standard deviation of its logarithm."""
TREES, DEPTH, RATE, SHARE = 150, 3, 0.08, 0.7
"""Boosted trees of each component: number, depth, learning rate, share of the configurations that each one sees."""
FOLDS = 10
GOOD = 0.5


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A table's configurations, as the models are fitted to them."""

    points: Array
    """Shape (P, columns)."""
    apart: NDArray[np.float32]
    """Shape (R, P, P): distances in each range."""
    seeds: Array
    """Shape (P,): number of seeds."""
    mean: Array
    """Shape (E,)."""
    axes: Array
    """Shape (E, E): principal components of the deviations from the mean, one per row."""
    targets: Array
    """Shape (P, E): components of each configuration."""
    by_seed: Array
    """Shape (E, E): covariance from seed to seed."""

    @property
    def errors(self) -> Array:
        """Logarithms of the errors, shape (P, E)."""
        return self.mean + self.targets @ self.axes


def rows_of(table: tables.RecordedBenchmark) -> Rows:
    """Return a table's configurations."""
    errors, point = log_errors_of(table.arrays, table.about.images), table.arrays.point
    means = np.array([errors[point == number].mean(axis=0) for number in range(len(table))])
    seeds = np.bincount(point).astype(float)
    chosen = (seeds[point] > 1) & _good(means)[point]
    within = (errors - means[point])[chosen]
    freedom = (1 - 1 / seeds[point][chosen]).sum()
    _, _, axes = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    coordinates = Coordinates(table.space.distributions)
    points = np.array([coordinates.of(params) for params in table.points])
    return Rows(
        points=points, apart=np.sqrt(coordinates.squares(points, points)).astype(np.float32), seeds=seeds,
        mean=means.mean(axis=0), axes=axes, targets=(means - means.mean(axis=0)) @ axes.T,
        by_seed=within.T @ within / freedom,
    )  # fmt: skip


def _good(errors: Array) -> NDArray[np.bool_]:
    """Return which of some configurations have a low error on unseen images."""
    return np.asarray(errors[:, -1] <= np.quantile(errors[:, -1], GOOD))


def gaussian_process(rows: Rows) -> tuple[dict[str, Array], Array]:
    """Return the arrays of the processes, and what they predict of configurations that they left out, shape (P, E)."""
    noise = np.diag(rows.axes @ rows.by_seed @ rows.axes.T)
    fitted = [_process(rows, target, seed) for target, seed in zip(rows.targets.T, noise, strict=True)]
    lengths, weights, left_out = (np.array(each) for each in zip(*fitted, strict=True))
    return {"lengths": lengths, "weights": weights}, left_out.T


def _process(rows: Rows, target: Array, by_seed: float) -> tuple[Array, Array, Array]:
    """Return lengths, weights and predictions left out, of one component, whose variance from seed to seed is given."""
    ranges, scale = len(rows.apart), float(target.var())
    upper = np.triu_indices(len(target), 1)
    apart = np.ascontiguousarray(rows.apart[:, upper[0], upper[1]])
    known = target / scale**0.5
    from_seeds = by_seed / scale / rows.seeds

    def covariance(logs: Array) -> tuple[Array, Array]:
        kernel = np.eye(len(target))
        kernel[upper] = kernel.T[upper] = matern(apart, np.exp(logs[:ranges]).astype(np.float32))
        return kernel, np.exp(logs[ranges]) * kernel + np.diag(np.exp(logs[-1]) + from_seeds)

    def loss(logs: Array) -> tuple[float, Array]:
        kernel, whole = covariance(logs)
        factor = linalg.cho_factor(whole, lower=True)
        weights = linalg.cho_solve(factor, known)
        inverse = linalg.cho_solve(factor, np.eye(len(known)))
        outer = inverse - np.outer(weights, weights)  # twice the loss's derivative by the covariance
        weighted = (np.exp(logs[ranges]) * kernel * outer)[upper].astype(np.float32)
        scaled = np.float32(5**0.5) * apart / np.exp(logs[:ranges]).astype(np.float32)[:, None]
        slopes = (scaled**2 * (1 + scaled) / (3 + 3 * scaled + scaled**2)) @ weighted
        by_scale, by_noise = float((kernel * outer).sum()) / 2, float(np.trace(outer)) / 2
        gradient = np.array([*slopes, by_scale * np.exp(logs[ranges]), by_noise * np.exp(logs[-1])])
        off = np.append((logs[:ranges] - np.log(LENGTH)) / LENGTH_SPREAD, [0.0, (logs[-1] - np.log(0.1)) / 2])
        gradient += off / np.append(np.full(ranges, LENGTH_SPREAD), [1.0, 2.0])
        value = known @ weights / 2 + np.log(np.diag(factor[0])).sum() + (off**2).sum() / 2
        return float(value), gradient

    start = np.array([*np.full(ranges, np.log(LENGTH)), 0.0, np.log(0.1)])
    logs = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 80}).x
    _, whole = covariance(logs)
    inverse = np.linalg.inv(whole)
    weights = inverse @ known
    return (
        np.exp(logs[:ranges]),
        scale**0.5 * np.exp(logs[ranges]) * weights,
        target - scale**0.5 * weights / np.diag(inverse),
    )


def boosted_trees(rows: Rows) -> tuple[dict[str, Array], Array]:
    """Return the arrays of the trees, and what they predict of configurations that they left out, shape (P, E)."""
    fold = np.random.default_rng(0).permutation(len(rows.points)) % FOLDS
    left_out = np.empty_like(rows.targets)
    for number in range(FOLDS):
        of_fold = fold == number
        for column, target in enumerate(rows.targets.T):
            fitted = _regressor(rows.points[~of_fold], target[~of_fold], rows.seeds[~of_fold])
            left_out[of_fold, column] = fitted.predict(rows.points[of_fold])
    sums = [_arrays(_regressor(rows.points, target, rows.seeds)) for target in rows.targets.T]
    return {item.name: np.array([each[item.name] for each in sums]) for item in fields(BoostedTrees)}, left_out


def _regressor(points: Array, target: Array, seeds: Array) -> GradientBoostingRegressor:
    trees = GradientBoostingRegressor(
        n_estimators=TREES, max_depth=DEPTH, learning_rate=RATE, subsample=SHARE, random_state=0, init="zero"
    )
    return trees.fit(points, target, sample_weight=seeds / (seeds + 1))


def _arrays(trees: GradientBoostingRegressor) -> dict[str, NDArray[Any]]:
    """Return the fields of `BoostedTrees` of one sum, without their first axis."""
    shape = (TREES, 2 ** (DEPTH + 1) - 1)
    found = {
        "columns": np.full(shape, LEAF, np.int16), "thresholds": np.zeros(shape, np.float32),
        "left": np.zeros(shape, np.int16), "right": np.zeros(shape, np.int16), "values": np.zeros(shape, np.float32),
    }  # fmt: skip
    for number, one in enumerate(trees.estimators_[:, 0]):
        tree = one.tree_
        inner, nodes = tree.children_left >= 0, np.arange(tree.node_count)
        found["columns"][number, nodes[inner]] = tree.feature[inner]
        found["thresholds"][number, nodes[inner]] = tree.threshold[inner]
        found["left"][number, nodes[inner]] = tree.children_left[inner]
        found["right"][number, nodes[inner]] = tree.children_right[inner]
        found["values"][number, nodes[~inner]] = RATE * tree.value[~inner, 0, 0]
    return found


FITS: dict[Kind, Callable[[Rows], tuple[dict[str, Array], Array]]] = {"gp": gaussian_process, "trees": boosted_trees}


def words(rows: Rows, left_out: Array) -> Iterator[str]:
    """Yield how well a model predicts configurations that it was not fitted to, by period and on unseen images."""
    missed = (rows.targets - left_out) @ rows.axes
    explained = 1 - missed.var(axis=0) / rows.errors.var(axis=0)
    yield f"explained of what it was not fitted to: {', '.join(f'{each:.2f}' for each in explained)}"
    deviations = np.sqrt(np.diag(rows.by_seed))
    yield f"deviation by seed: {', '.join(f'{each:.3f}' for each in deviations)}"


def pack(arrays: dict[str, NDArray[Any]]) -> bytes:
    """Return the content of a file; the same arrays always give the same bytes with one version of zlib."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def main() -> None:
    """Fit the stand-ins, and write their files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dry-run", action="store_true")
    dry = parser.parse_args().dry_run
    for name in dict.fromkeys(table for table, _ in SHA256):
        rows = rows_of(tables.load(name))
        spread = Spread(mean=rows.mean, axes=rows.axes, by_seed=np.asarray(np.linalg.cholesky(rows.by_seed), float))
        for kind, fit in FITS.items():
            arrays, left_out = fit(rows)
            print(f"{name}/{kind}", *words(rows, left_out), sep="\n  ")
            content = pack({**arrays, **{item.name: getattr(spread, item.name) for item in fields(Spread)}})
            print(f"  {hashlib.sha256(content).hexdigest()}, {len(content):,} bytes")
            if not dry:
                path_of(name, kind).write_bytes(content)


if __name__ == "__main__":
    main()
